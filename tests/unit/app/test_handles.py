"""Which artifacts a run may name, and what comes with those of its conversation."""

from __future__ import annotations

import json

import pytest

from eoagent.app.handles import MADE, HandleBook, OwnStore, carry_in
from eoagent.contracts.artifact import TableRef
from eoagent.contracts.errors import NotFound, SourceError
from eoagent.contracts.raster import BandRef, Grid, QaRule, RasterRef
from eoagent.io.origin import OriginGuard
from eoagent.io.store import FileStore

PUBLIC = "93.184.216.34"
HANDLE = "mask:0123456789ab"


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "home")


@pytest.fixture
def origins():
    return OriginGuard(["http://10.0.0.5/stac"], resolver=lambda *_: (PUBLIC,))


@pytest.fixture
def carry(store, origins):
    """Carry handles in; return the book."""

    def carry(*handles):
        book = HandleBook()
        carry_in(handles, book=book, store=store, origins=origins)
        return book

    return carry


def _raster(store, *hrefs, **more):
    bands = tuple(BandRef(name=f"b{n}", href=href, index=1) for n, href in enumerate(hrefs))
    ref = RasterRef(grid=Grid(width=4, height=4), bands=bands, title="r", **more)
    return store.put("raster", title="r", payload=ref.to_dict(), preview={}).handle


def _table(store, rows, **more):
    file = store.scratch(".json")
    file.write_text(json.dumps({"columns": ["item"], "rows": rows, **more}))
    ref = TableRef(path="", columns=("item",), rows=len(rows), label="t")
    return store.put("table", title="t", payload=ref.to_dict(), preview={}, file=file).handle


def test_a_handle_that_is_not_in_the_book_is_refused_whether_or_not_it_exists(store):
    there = store.put("mask", title="m", payload={"n": 1}, preview={}).handle
    said = set()
    for handle in (there, HANDLE):
        with pytest.raises(NotFound, match="was not made in this run or conversation") as caught:
            OwnStore(store, HandleBook()).get(handle)
        assert "use the artifacts of this conversation" in caught.value.hint
        said.add(str(caught.value).replace(handle, ""))
    assert len(said) == 1


def test_what_is_put_is_the_runs_own(store):
    book = HandleBook()
    own = OwnStore(store, book)
    made = own.put("mask", title="m", payload={"n": 1}, preview={})
    assert made.handle in book
    assert own.get(made.handle) == store.get(made.handle)


def test_what_is_no_handle_is_not_found_as_ever(store):
    with pytest.raises(NotFound):
        OwnStore(store, HandleBook()).get("nothing")


def test_files_of_the_store_are_had_through_it(store):
    own = OwnStore(store, HandleBook())
    file = own.scratch(".json")
    file.write_text("{}")
    made = own.put("table", title="t", payload={"path": ""}, preview={}, file=file)
    assert own.locate(made.path).read_text() == "{}"


def test_artifacts_that_are_carried_in_may_be_named(carry, store):
    handle = _raster(store, "https://public.example/a.tif")
    assert handle in carry(handle)
    assert handle not in carry()


def test_what_has_gone_may_be_named_and_is_then_told_to_be_gone(carry):
    assert HANDLE in carry(HANDLE)


def test_remote_files_behind_a_raster_are_opened_again(carry, store, origins):
    qa = QaRule(href="https://public.example/qa.tif", kind="sentinel2_scl", exclude=("cloud",))
    alpha = ("https://public.example/alpha.tif", 1)
    carry(_raster(store, "https://public.example/a.tif", qa=qa, alpha=alpha))
    for name in ("a", "qa", "alpha"):
        assert origins.admit(f"https://public.example/{name}.tif").addresses == (PUBLIC,)


def test_a_private_host_behind_a_raster_is_opened_again_where_its_origin_was_typed(
    carry, store, origins
):
    carry(_raster(store, "http://10.0.0.5/data/a.tif"), _raster(store, "http://10.0.0.6/a.tif"))
    assert origins.admit("http://10.0.0.5/data/a.tif").addresses == ("10.0.0.5",)
    with pytest.raises(SourceError, match="plain http"):
        origins.admit("http://10.0.0.6/a.tif")


def test_a_local_file_behind_a_raster_is_opened_again_and_no_other(carry, store, origins, tmp_path):
    for name in ("a.tif", "b.tif"):
        (tmp_path / name).write_text(name)
    carry(_raster(store, str(tmp_path / "a.tif")))
    assert origins.admit(str(tmp_path / "a.tif")).href == str(tmp_path / "a.tif")
    with pytest.raises(SourceError, match="did not type"):
        origins.admit(str(tmp_path / "b.tif"))


def test_scenes_may_be_opened_again_and_name_no_local_file(carry, store, origins, tmp_path):
    (tmp_path / "a.tif").write_text("a")
    local = [str(tmp_path / "a.tif"), f"file://{tmp_path}/a.tif"]
    items = [{"id": "x", "href": href} for href in ("https://public.example/i.json", *local)]
    carry(store.put("scenes", title="s", payload={"items": items}, preview={}).handle)
    assert origins.admit("https://public.example/i.json").addresses == (PUBLIC,)
    for href in local:
        with pytest.raises(SourceError, match="did not type"):
            origins.admit(href)


def test_with_a_table_come_the_artifacts_that_its_step_made_and_no_cell_of_it(
    carry, store, origins
):
    made = _raster(store, "https://public.example/a.tif")
    book = carry(_table(store, [[HANDLE]], **{MADE: [made]}))
    assert made in book
    assert HANDLE not in book
    origins.require("https://public.example/a.tif")


def test_tables_that_name_each_other_end(carry, store):
    inner = _table(store, [["a"]], **{MADE: ["table:0123456789ab"]})
    assert inner in carry(_table(store, [["b"]], **{MADE: [inner]}))
