"""`find_scenes` over the sample world's catalog, against its items read as plain JSON."""

from __future__ import annotations

import json

import pytest

from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.io.sampleworld.world import write_world


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    write_world(folder, size=180)
    return folder


@pytest.fixture
def find(bench, world):
    bench.services.origins.type_in(str(world / "catalog.json"))

    def run(**arguments):
        return bench("find_scenes", catalog=str(world / "catalog.json"), **arguments)

    return run


def _items(world):
    found = []
    for path in world.rglob("*.json"):
        document = json.loads(path.read_text())
        if document.get("type") == "Feature":
            found.append(document)
    return found


def _ids(result):
    return [item["id"] for item in result.artifacts["scenes"].payload["items"]]


def test_without_conditions_every_item_comes_oldest_first(find, world):
    wanted = sorted(_items(world), key=lambda i: (i["properties"]["datetime"], i["id"]))
    assert _ids(find()) == [item["id"] for item in wanted]


def test_time_collection_and_words_narrow_it_down(find, world):
    in_2024 = {i["id"] for i in _items(world) if i["properties"]["datetime"].startswith("2024")}
    assert set(_ids(find(datetime="2024"))) == in_2024
    l8 = [i["id"] for i in _items(world) if i["collection"] == "ostavia-l8"]
    assert _ids(find(collections=["ostavia-l8"])) == l8
    assert _ids(find(words=["OSTAVIA-L8"])) == l8


def test_a_point_outside_finds_nothing_and_says_what_there_is(find, world):
    inside = _items(world)[0]["bbox"]
    lon, lat = (inside[0] + inside[2]) / 2, (inside[1] + inside[3]) / 2
    assert len(_ids(find(point=[lon, lat]))) == len(_items(world))
    with pytest.raises(NotFound, match=r"no scene in .* meets: place") as caught:
        find(point=[-lon, -lat])
    assert "scenes from 2023-07-13 to 2025-07-12" in caught.value.hint


def test_the_cloudiest_comes_first_by_what_the_items_state(find, world):
    stated = {i["id"]: i["properties"].get("eo:cloud_cover") for i in _items(world)}
    known = {k: v for k, v in stated.items() if v is not None}
    result = find(order_by="cloud_cover")
    values = {f.name: f.value for f in result.figures}
    assert values["first"] == max(known, key=known.get)
    assert values["cloud_cover"] == pytest.approx(max(known.values()))
    assert set(_ids(find(max_cloud_pct=0.0))) == {k for k, v in known.items() if v == 0}


def test_each_listed_scene_opens(find, bench):
    item = find(datetime="2024-07-16").artifacts["scenes"].payload["items"][0]
    raster = bench("open_image", hrefs=[item["href"]]).artifacts["raster"]
    assert raster.payload["item_id"] == item["id"]


@pytest.fixture
def api(stac_server):
    items = [
        stac_server.make_item(f"b{n}", properties={"eo:cloud_cover": 10.0 * n}) for n in range(6)
    ]
    with stac_server.StacServer(items) as running:
        yield running


def test_an_api_is_searched_and_the_cloud_limit_stated(bench, api):
    bench.services.origins.type_in(api.url)
    result = bench(
        "find_scenes", catalog=api.url, collections=["s2"], datetime="2024-07", max_cloud_pct=30
    )
    assert _ids(result) == ["b0", "b1", "b2", "b3"]
    assert api.searches[0]["collections"] == ["s2"]
    assert any("cloud limit of 30 percent" in said for said in result.assumptions)
    assert {f.name: f.value for f in result.figures}["count"] == 4
    first = result.artifacts["scenes"].payload["items"][0]
    assert first["href"] == f"{api.url}/collections/s2/items/b0"


def test_a_scene_that_a_page_named_may_be_opened_where_nobody_typed_its_place(bench, api):
    bench.services.origins.type_in(f"{api.url}/search")
    image = f"{api.origin}/data.tif"  # on the host of the page, but not below it
    with pytest.raises(SourceError, match="neither the user nor a document of this run"):
        bench.services.origins.require(image)
    result = bench("find_scenes", catalog=f"{api.url}/search")
    assert result.artifacts["scenes"].payload["items"][0]["href"] == image
    bench.services.origins.require(image)
    assert bench.services.origins.admit(image).url == image


def test_a_partial_list_is_called_partial(bench, api):
    bench.services.origins.type_in(api.url)
    api.spoil = lambda exchange, server: (
        server.page(exchange, server.items[:2], numberMatched=6) or True
    )
    result = bench("find_scenes", catalog=api.url)
    assert len(_ids(result)) == 2
    assert result.warnings == (
        "the list of scenes is partial: the server counts 6 matching items, and 2 came",
    )


def test_collections_that_state_another_place_are_named(bench, stac_server):
    folder = bench.folder / "catalog"
    folder.mkdir()
    for name, west in (("here", 10), ("there", 60)):
        made = stac_server.make_item(name, collection=name, box=(west, 0, west + 5, 5))
        (folder / f"{name}-item.json").write_text(json.dumps(made))
        extent = {"spatial": {"bbox": [[west, 0, west + 5, 5]]}, "temporal": {"interval": []}}
        links = [{"rel": "item", "href": f"./{name}-item.json"}]
        said = {"type": "Collection", "stac_version": "1.0.0", "id": name, "description": name}
        (folder / f"{name}.json").write_text(json.dumps(said | {"extent": extent, "links": links}))
    links = [{"rel": "child", "href": f"./{name}.json"} for name in ("here", "there")]
    said = {"type": "Catalog", "stac_version": "1.0.0", "id": "two", "description": "two"}
    (folder / "catalog.json").write_text(json.dumps(said | {"links": links}))
    result = bench("find_scenes", catalog=str(folder), point=[11.0, 1.0])
    assert _ids(result) == ["here"]
    assert "not looked into, by the place or time that they state: there" in result.assumptions
    assert result.warnings == ()


def test_the_least_cloudy_comes_first_where_that_is_asked(find, world):
    known = [i["properties"].get("eo:cloud_cover") for i in _items(world)]
    result = find(order_by="least_cloud")
    values = {f.name: f.value for f in result.figures}
    assert values["cloud_cover"] == pytest.approx(min(v for v in known if v is not None))
    assert "left out of the order" in " ".join(result.assumptions)


@pytest.fixture
def folder_of(bench, tmp_path):
    """Write items (id, properties) into one item collection and find scenes in it."""

    def run(*items, **arguments):
        features = [
            {
                "type": "Feature",
                "stac_version": "1.0.0",
                "id": identity,
                "collection": collection,
                "geometry": {"type": "Point", "coordinates": [10, 45]},
                "bbox": [10, 45, 10, 45],
                "properties": {"datetime": None, **properties},
                "links": [],
                "assets": {"data": {"href": "./a.tif", "roles": ["data"]}},
            }
            for identity, collection, properties in items
        ]
        path = tmp_path / "items.json"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        return bench("find_scenes", catalog=str(path), **arguments)

    return run


def test_a_word_is_found_whole_not_inside_another(folder_of):
    day = {"datetime": "2019-04-16T00:00:00Z"}
    items = (
        ("a_1", "sentinel-2", day),
        ("b_2", "sentinel-2-like", day),
        ("c_naip_3", "other", day),
        ("d", "naipes", day),
    )
    assert _ids(folder_of(*items, words=["Sentinel-2"])) == ["a_1"]
    assert _ids(folder_of(*items, words=["naip"])) == ["c_naip_3"]


def test_a_scene_dated_by_a_wider_span_is_named(folder_of):
    items = (
        ("sharp", "x", {"datetime": "2019-04-16T00:00:00Z"}),
        (
            "loose",
            "x",
            {"start_datetime": "2015-01-01T00:00:00Z", "end_datetime": "2022-01-01T00:00:00Z"},
        ),
    )
    result = folder_of(*items, datetime="2019")
    assert set(_ids(result)) == {"sharp", "loose"}
    assert (
        "dated only by a span that reaches beyond the time asked for: loose" in result.assumptions
    )


def test_a_found_scene_is_opened_by_its_id(find, bench, world):
    found = find(collections=["ostavia-s2"]).artifacts["scenes"]
    wanted = found.payload["items"][1]
    raster = bench("open_image", scenes=found.handle, item=wanted["id"]).artifacts["raster"]
    assert raster.payload["item_id"] == wanted["id"]
    bench.services.origins.type_in(wanted["href"])
    assert raster.payload == bench("open_image", hrefs=[wanted["href"]]).artifacts["raster"].payload


def test_the_only_scene_found_needs_no_name(find, bench):
    found = find(collections=["ostavia-l8"]).artifacts["scenes"]
    assert bench("open_image", scenes=found.handle).artifacts["raster"].payload["item_id"]


@pytest.mark.parametrize(
    ("item", "said"),
    [("", "no item was named of the 6 scenes"), ("x", "'x' is not among the 6 scenes")],
)
def test_one_of_several_scenes_must_be_named(find, bench, item, said):
    found = find(collections=["ostavia-s2"]).artifacts["scenes"]
    with pytest.raises(InputError, match=said) as caught:
        bench("open_image", scenes=found.handle, item=item)
    assert found.payload["items"][0]["id"] in caught.value.hint
    assert "run it for each" in caught.value.hint


@pytest.mark.parametrize("given", [{}, {"hrefs": ["a.tif"], "scenes": "scenes:0123456789ab"}])
def test_an_address_or_scenes_are_wanted(bench, given):
    with pytest.raises(InputError, match="takes either hrefs or scenes") as caught:
        bench("open_image", **given)
    assert caught.value.hint == 'give hrefs=["PATH"], scenes="$1" or tiles="$1"'
