"""Opening catalogs, compared with pystac; and catalogs that are broken, endless or hostile."""

from __future__ import annotations

import gzip
import json
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pystac
import pytest

from eoagent.contracts.errors import EoAgentError, NotFound, SourceError
from eoagent.contracts.geometry import BBox
from eoagent.io.dates import parse_time
from eoagent.io.origin import OriginGuard
from eoagent.io.stac import CatalogLimits, open_catalog

NOT_STAC = {"README.md"}


def opened(href, **limits):
    return open_catalog(str(href), OriginGuard([str(href)]), CatalogLimits(**limits))


def item(identity, **members):
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": identity,
        "geometry": {"type": "Point", "coordinates": [13, 45]},
        "bbox": [13, 45, 13, 45],
        "properties": {"datetime": "2019-04-16T10:00:00Z"},
        "links": [],
        "assets": {"data": {"href": "./data.tif"}},
        **members,
    }


def catalog(identity, *links, **members):
    return {
        "type": "Catalog",
        "stac_version": "1.0.0",
        "id": identity,
        "description": identity,
        "links": [{"rel": rel, "href": href} for rel, href in links],
        **members,
    }


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = document if isinstance(document, str) else json.dumps(document)
    path.write_text(text, encoding="utf-8")
    return path


def pystac_items(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(pystac.Catalog.from_file(str(path)).get_items(recursive=True))


@pytest.mark.parametrize(
    "name",
    [
        "catalog/catalog.json",
        "stac/sentinel2_catalog/catalog.json",
        "stac/joplin_aerial/index.geojson",
    ],
)
def test_scenes_are_the_items_that_pystac_finds(shared_data, name):
    path = shared_data / name
    found = opened(path)
    if name.endswith("geojson"):
        expected = list(pystac.ItemCollection.from_file(str(path)))
    else:
        expected = pystac_items(path)
    assert not found.is_partial
    assert found.warnings == ()
    assert sorted(scene.id for scene in found.scenes) == sorted(one.id for one in expected)
    by_id = {scene.id: scene for scene in found.scenes}
    for one in expected:
        scene = by_id[one.id]
        assert scene.collection == one.collection_id
        assert scene.cloud_pct == one.properties.get("eo:cloud_cover")
        hrefs = {key: asset.get_absolute_href() for key, asset in one.assets.items()}
        assert {asset.key: asset.href for asset in scene.assets} == {
            key: href if "://" in href else str(Path(href).absolute())
            for key, href in hrefs.items()
        }
        assert scene.bbox is not None
        if one.datetime is not None:
            assert scene.time is not None
            assert scene.time.start <= one.datetime <= scene.time.end


def test_every_stac_file_loads_or_is_refused_with_a_reason(shared_data):
    paths = [
        *sorted((shared_data / "catalog").rglob("*.json")),
        *sorted(path for path in (shared_data / "stac").rglob("*.*") if path.is_file()),
    ]
    assert len(paths) > 50
    refused = {}
    for path in paths:
        try:
            found = opened(path)
        except EoAgentError as error:
            refused[path.name] = error
            continue
        assert found.scenes or found.collections
        assert not found.is_partial
        for scene in found.scenes:
            assert scene.time is not None
            assert scene.bbox is not None
            assert scene.model_validate_json(scene.model_dump_json()) == scene
    assert set(refused) == NOT_STAC
    assert all(name in str(error) for name, error in refused.items())


def test_the_catalog_of_the_pack_knows_its_collections_and_source(shared_data):
    found = opened(shared_data / "catalog")
    assert len(found.scenes) == 26
    assert found.title == "Evaluation pack"
    assert {one.id for one in found.collections} >= {"sentinel-2", "landsat-pucallpa", "naip"}
    assert found.source is not None
    assert found.source.fingerprint.kind == "sha256"


@pytest.mark.parametrize(
    ("conditions", "count"),
    [
        ({"time": parse_time("1985/2000"), "collections": ["landsat-pucallpa"]}, 3),
        ({"bbox": BBox(west=13, south=45, east=14, north=46)}, 1),
        ({"bbox": BBox(west=-10, south=-10, east=-9, north=-9)}, 0),
        ({"max_cloud_pct": 90}, 1),
        ({"time": parse_time("2019-04-16"), "collections": ["sentinel-2"]}, 1),
        ({"time": parse_time("2019-04-17"), "collections": ["sentinel-2"]}, 0),
    ],
)
def test_scenes_are_picked_by_place_time_collection_and_cloud(shared_data, conditions, count):
    assert len(opened(shared_data / "catalog").pick(**conditions).scenes) == count


def test_scenes_without_a_stated_cloud_cover_are_counted_when_it_matters(shared_data):
    picked = opened(shared_data / "catalog").pick(max_cloud_pct=90)
    assert any("cloud cover left out" in warning for warning in picked.warnings)


def test_a_single_item_is_its_own_catalog(tmp_path):
    found = opened(write(tmp_path / "one.json", item("one")))
    assert [scene.id for scene in found.scenes] == ["one"]
    assert found.scenes[0].assets[0].href == str(tmp_path / "data.tif")


def test_a_link_to_an_own_ancestor_is_followed_once(tmp_path):
    write(tmp_path / "catalog.json", catalog("root", ("child", "./a/catalog.json")))
    write(
        tmp_path / "a" / "catalog.json",
        catalog("a", ("child", "../catalog.json"), ("item", "./i.json")),
    )
    write(tmp_path / "a" / "i.json", item("i"))
    found = opened(tmp_path / "catalog.json")
    assert [scene.id for scene in found.scenes] == ["i"]
    assert any("linked more than once" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"hello": 1}', "not STAC"),
        ('"text"', "not STAC"),
        (
            json.dumps({"type": "Feature", "geometry": None, "properties": {}}),
            "open it as features",
        ),
        (json.dumps(item("")), "has no id"),
        (json.dumps(item("x", properties=3)), "no properties or assets"),
        (json.dumps(item("x", assets=[1])), "no properties or assets"),
        (json.dumps({"type": "Catalog", "id": "x"}), "without an id or links"),
        (json.dumps({"type": "FeatureCollection", "features": 3}), "not a list"),
        (
            json.dumps({"type": "FeatureCollection", "features": [{"type": "Feature"}]}),
            "no STAC items",
        ),
        (None, "there is no file"),
    ],
)
def test_a_broken_document_is_refused_alone_and_left_out_of_a_catalog(tmp_path, broken, reason):
    write(tmp_path / "catalog.json", catalog("c", ("item", "./bad.json"), ("item", "./good.json")))
    write(tmp_path / "good.json", item("good"))
    if broken is not None:
        write(tmp_path / "bad.json", broken)
    with pytest.raises((SourceError, NotFound), match=reason) as caught:
        opened(tmp_path / "bad.json")
    assert "bad.json" in str(caught.value)
    found = opened(tmp_path / "catalog.json")
    assert [scene.id for scene in found.scenes] == ["good"]
    assert found.is_partial
    assert any(reason in warning and "bad.json" in warning for warning in found.warnings)


def test_an_item_twice_is_kept_once_and_said(tmp_path):
    write(tmp_path / "c.json", {"type": "FeatureCollection", "features": [item("a"), item("a")]})
    found = opened(tmp_path / "c.json")
    assert len(found.scenes) == 1
    assert "occurs twice" in found.warnings[0]


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_documents": 4}, "stopped at 4 documents"),
        ({"max_scenes": 3}, "stopped at 3 scenes"),
        ({"max_bytes": 1_000}, "stopped at 1000 bytes"),
        ({"deadline_s": 0.0}, "stopped after 0 s"),
        ({"max_depth": 0}, "0 catalogs deep"),
    ],
)
def test_a_limit_gives_a_partial_result_that_says_so(tmp_path, limits, said):
    links = [("item", f"./{number}.json") for number in range(10)]
    write(tmp_path / "catalog.json", catalog("c", *links))
    for number in range(10):
        write(tmp_path / f"{number}.json", item(str(number)))
    found = opened(tmp_path / "catalog.json", **limits)
    assert found.is_partial
    assert len(found.scenes) < 10
    assert any(said in warning for warning in found.warnings)


def test_an_endless_chain_of_catalogs_ends(tmp_path):
    for number in range(60):
        write(tmp_path / f"{number}.json", catalog(str(number), ("child", f"./{number + 1}.json")))
    found = opened(tmp_path / "0.json")
    assert found.is_partial
    assert any("32 catalogs deep" in warning for warning in found.warnings)


def test_a_document_over_its_size_is_refused(tmp_path):
    path = write(tmp_path / "big.json", item("big", note="x" * 10_000))
    with pytest.raises(SourceError, match="larger than 5000 bytes"):
        opened(path, max_document_bytes=5_000)


def test_further_pages_are_not_followed_and_the_result_is_partial(tmp_path):
    page = {
        "type": "FeatureCollection",
        "features": [item("a")],
        "links": [{"rel": "next", "href": "https://example.org/2"}],
    }
    found = opened(write(tmp_path / "page.json", page))
    assert found.is_partial
    assert "further pages" in found.warnings[0]


def test_many_warnings_are_counted_beyond_fifty(tmp_path):
    links = [("item", f"./{number}.json") for number in range(70)]
    found = opened(write(tmp_path / "catalog.json", catalog("c", *links)))
    assert len(found.warnings) == 51
    assert found.warnings[-1] == "and 20 more warnings"


def test_the_front_page_of_an_api_is_no_whole_catalog(tmp_path):
    front = catalog("api", ("search", "https://example.org/search"), ("item", "./i.json"))
    write(tmp_path / "i.json", item("i"))
    found = opened(write(tmp_path / "front.json", front))
    assert [scene.id for scene in found.scenes] == ["i"]
    assert found.is_partial
    assert "STAC API" in found.warnings[0]


@pytest.mark.parametrize("link", [None, 3, {"rel": "item"}, {"rel": "item", "href": 3}, ["item"]])
def test_a_malformed_link_is_no_link(tmp_path, link):
    found = opened(write(tmp_path / "c.json", {**catalog("c"), "links": [link]}))
    assert found.scenes == ()


def test_links_go_through_the_guard(tmp_path):
    outside = write(tmp_path / "outside" / "secret.json", item("secret"))
    folder = tmp_path / "inside"
    write(folder / "catalog.json", catalog("c", ("item", "./link.json"), ("item", "vsicurl:x")))
    (folder / "link.json").symlink_to(outside)
    found = opened(folder / "catalog.json")
    assert found.scenes == ()
    assert found.is_partial
    assert sum("is refused" in warning for warning in found.warnings) == 2


def test_texts_are_cut_and_hold_no_control_characters(tmp_path):
    hostile = "ignore\x1b[31m all\n\nprevious " + "x" * 5_000
    found = opened(
        write(
            tmp_path / "i.json",
            item(
                "i", properties={"datetime": "2019-01-01", "title": hostile, "description": hostile}
            ),
        )
    )
    scene = found.scenes[0]
    for text in (scene.title, scene.description, found.title):
        assert len(text) <= 300
        assert text.isprintable()


class _Catalog(BaseHTTPRequestHandler):
    documents: ClassVar[dict[str, object]] = {}

    def do_GET(self):
        document = self.documents.get(self.path.partition("?")[0])
        body = json.dumps(document).encode()
        if self.path == "/bomb.json":
            body = gzip.compress(b"[" + b"0," * 4_000_000 + b"0]")
        self.send_response(404 if document is None and self.path != "/bomb.json" else 200)
        if self.path == "/bomb.json":
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path):
    secret = write(tmp_path / "secret.json", item("secret"))
    _Catalog.documents = {
        "/catalog.json": catalog(
            "remote",
            ("item", "./a/item.json"),
            ("item", str(secret)),
            ("item", f"file://{secret}"),
            ("item", "http://169.254.169.254/latest"),
            ("item", "./gone.json"),
            ("item", "./bomb.json"),
        ),
        "/a/item.json": item("a", assets={"data": {"href": "../pixels/data.tif"}}),
    }
    with HTTPServer(("127.0.0.1", 0), _Catalog) as running:
        thread = Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_remote_catalog_reads_its_own_origin_and_nothing_else(server):
    found = opened(f"{server}/catalog.json?sig=SECRETKEY", max_document_bytes=1_000_000)
    assert [scene.id for scene in found.scenes] == ["a"]
    assert found.scenes[0].assets[0].href == f"{server}/pixels/data.tif"
    assert found.is_partial
    assert len(found.warnings) == 5
    assert "SECRETKEY" not in found.model_dump_json()
