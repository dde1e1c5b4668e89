"""A STAC server that fails in the middle of a build: what was read is kept, and the next goes on."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from eoagent.contracts.errors import SourceError
from eoagent.contracts.index import Surroundings
from eoagent.contracts.indexing import BuildRequest
from eoagent.io.origin import OriginGuard
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.upkeep import TileUpkeep

COUNT = 6


def _toy():
    name = "eoagent_test_toy_encoder"
    if name not in sys.modules:
        path = Path(__file__).resolve().parent.parent / "toy_encoder.py"
        spec = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="module")
def toy_folder(tmp_path_factory):
    return _toy().install(tmp_path_factory.mktemp("toy"))


def picture(folder, number):
    """Return the bytes of a picture of four tiles."""
    path = folder / f"{number}.tif"
    values = np.random.default_rng(number).integers(1, 255, (3, 64, 64)).astype("uint8")
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        photometric="RGB",
        width=64,
        height=64,
        count=3,
        dtype="uint8",
        crs="EPSG:32633",
        transform=Affine(10, 0, 3e5, 0, -10, 503e4),
    ) as file:
        file.write(values)
    return path.read_bytes()


@pytest.fixture
def api(stac_server, tmp_path):
    """A STAC API of six scenes that serves their files too."""
    items = [stac_server.make_item(f"scene-{n}") for n in range(COUNT)]
    with stac_server.StacServer(items) as server:
        for n, item in enumerate(server.items):
            item["assets"]["data"]["href"] = f"{server.origin}/files/{n}.tif"
            server.files[f"/files/{n}.tif"] = picture(tmp_path, n)
        yield server


@pytest.fixture
def upkeep(api, toy_folder, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(toy_folder))
    around = Surroundings(
        origins=OriginGuard([api.url]), encoder_source=_toy().source(toy_folder, max_batch=4)
    )
    return TileUpkeep(tmp_path / "index", around)


def held(index):
    with Snapshot.open(index) as snapshot:
        return sorted(
            name
            for segment in snapshot.segments
            for name in segment.table(np.flatnonzero(segment.live), ["item_id"])
            .column(0)
            .to_pylist()
        )


def tiles_of(*numbers):
    return sorted(f"scene-{n}" for n in numbers for _ in range(4))


def half(exchange, server):
    """Answer the first page with three items, and fail on the second."""
    if "token" in server.searches[-1]:
        exchange.reply(500, b"{}")
    else:
        links = [server.next_link(exchange, 3)]
        server.page(exchange, server._served()[:3], links=links)
    return True


def test_what_was_listed_before_a_server_failed_is_kept_and_the_next_build_goes_on(
    api, upkeep, tmp_path
):
    request = BuildRequest(source=api.url)
    api.spoil = half
    first = upkeep.build(request)
    assert first.is_partial
    assert (first.items, first.added) == (3, 12)
    assert any("the server answers 500" in text for text in first.warnings)
    assert held(tmp_path / "index") == tiles_of(0, 1, 2)
    api.spoil = lambda _exchange, _server: False
    second = upkeep.build(request)
    assert not second.is_partial
    assert (second.kept, second.added, second.embedded) == (3, 12, 12)
    assert held(tmp_path / "index") == tiles_of(*range(COUNT))


def test_an_update_from_half_a_list_drops_nothing(api, upkeep, tmp_path):
    upkeep.build(BuildRequest(source=api.url))
    api.spoil = half
    report = upkeep.update()
    assert report.is_partial
    assert (report.kept, report.removed) == (3, 0)
    assert held(tmp_path / "index") == tiles_of(*range(COUNT))
    api.spoil = lambda _exchange, _server: False
    del api.items[1]
    assert upkeep.update().removed == 4
    assert held(tmp_path / "index") == tiles_of(0, 2, 3, 4, 5)


def test_a_server_that_is_down_leaves_the_index_as_it_is(api, upkeep, tmp_path):
    upkeep.build(BuildRequest(source=api.url))
    api.spoil = lambda exchange, _server: exchange.reply(500, b"{}") or True
    with pytest.raises(SourceError, match="500"):
        upkeep.update()
    assert held(tmp_path / "index") == tiles_of(*range(COUNT))


def test_a_file_that_cannot_be_had_is_set_aside_and_had_later(api, upkeep, tmp_path):
    lost = api.files.pop("/files/4.tif")
    report = upkeep.build(BuildRequest(source=api.url))
    (reason,) = report.quarantined
    assert reason.startswith("scene-4: ")
    assert "404" in reason
    assert held(tmp_path / "index") == tiles_of(0, 1, 2, 3, 5)
    api.files["/files/4.tif"] = lost
    mended = upkeep.update()
    assert (mended.added, mended.kept, mended.quarantined) == (4, 5, ())


def test_an_item_that_names_a_file_of_this_machine_is_refused(api, upkeep, tmp_path):
    (tmp_path / "secret.tif").write_bytes(api.files["/files/0.tif"])
    api.items[0]["assets"]["data"]["href"] = str(tmp_path / "secret.tif")
    report = upkeep.build(BuildRequest(source=api.url))
    assert [text.split(":")[0] for text in report.quarantined] == ["scene-0"]
    assert held(tmp_path / "index") == tiles_of(1, 2, 3, 4, 5)


def test_remote_tiles_are_embedded_again_for_a_check(api, upkeep):
    upkeep.build(BuildRequest(source=api.url))
    assert upkeep.verify(samples=5) == ()


def test_a_server_whose_files_change_has_them_renewed(api, upkeep, tmp_path, monkeypatch):
    upkeep.build(BuildRequest(source=api.url))
    plain = type(api)._file

    def changed(self, exchange, data):
        reply = exchange.reply

        def other(status, body=b"", **headers):
            mark = '"two"' if exchange.path.endswith("/2.tif") else headers.get("ETag")
            reply(status, body, **(headers | {"ETag": mark}))

        exchange.reply = other
        plain(self, exchange, data)

    monkeypatch.setattr(type(api), "_file", changed)
    report = upkeep.update()
    assert (report.kept, report.added, report.removed) == (5, 4, 4)
