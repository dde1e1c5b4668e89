"""The spool gives back what was written, and nothing of what was damaged."""

from __future__ import annotations

import errno
import os

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.contracts.errors import SourceError
from eoagent.contracts.indexing import BuildRequest
from eoagent_indexes.build.job import Span
from eoagent_indexes.build.spool import Spool, covered
from eoagent_indexes.schema import TILE_SCHEMA
from eoagent_indexes.upkeep import TileUpkeep


def table(units):
    rows = [
        dict.fromkeys(TILE_SCHEMA.names)
        | {"tile_id": f"{n:032x}", "unit": unit, "chip_px": 32, "sensor": "", "recipe": "rgb8"}
        | dict.fromkeys(("collection", "item_id", "item_href", "href", "asset_key"), "")
        | dict.fromkeys(("col", "row", "width", "height"), n)
        for n, unit in enumerate(units)
    ]
    return pa.Table.from_pylist(rows, schema=TILE_SCHEMA)


def vectors(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 6)).astype(np.float16)


def span(unit, start, stop, of=9):
    return Span(unit=unit, start=start, stop=stop, of=of, skipped={"cloud": 1})


def test_a_batch_comes_back_as_it_was_written(tmp_path):
    spool = Spool(tmp_path / "spool")
    first = vectors(3)
    named = spool.write(table(["a", "a", "b"]), first, [span("a", 0, 3), span("b", 0, 1)])
    second = vectors(1, seed=1)
    named += spool.write(table(["b"]), second, [span("b", 1, 9)])
    found = Spool(tmp_path / "spool").scan()
    assert found == {"a": (named[0],), "b": (named[1], named[2])}
    files = [one.file for one in named]
    rows, back = spool.collect(files, frozenset("b"))
    assert rows.column("unit").to_pylist() == ["b", "b"]
    assert np.array_equal(back, np.concatenate([first[2:], second]))
    assert spool.collect(files, frozenset("c")) is None


def test_a_batch_of_windows_that_were_all_left_out_is_kept_too(tmp_path):
    spool = Spool(tmp_path)
    spool.write(TILE_SCHEMA.empty_table(), np.empty((0, 6), np.float16), [span("a", 0, 9)])
    assert covered(spool.scan()["a"]) == 9
    assert spool.collect([p.name for p in tmp_path.iterdir()], frozenset("a")) is None


@pytest.mark.parametrize("at", [0, 20, 60, 400, -1])
def test_a_damaged_batch_is_removed_and_its_windows_are_open_again(tmp_path, at):
    spool = Spool(tmp_path)
    spool.write(table(["a"]), vectors(1), [span("a", 0, 9)])
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)
    assert spool.collect([path.name], frozenset("a")) is None
    assert spool.scan() == {}
    assert not path.exists()


def test_a_cut_batch_is_removed(tmp_path):
    spool = Spool(tmp_path)
    spool.write(table(["a"]), vectors(1), [span("a", 0, 9)])
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-7])
    assert spool.scan() == {}


@given(st.permutations([(0, 3), (3, 5), (4, 7), (7, 9)]), st.sets(st.integers(0, 3)))
def test_windows_are_settled_up_to_the_first_gap(pieces, lost):
    kept = [piece for n, piece in enumerate(sorted(pieces)) if n not in lost]
    settled = set()
    for start, stop in kept:
        settled |= set(range(start, stop))
    expected = next(n for n in range(10) if n not in settled)
    assert covered([span("a", *piece) for piece in kept]) == expected


def test_an_emptied_spool_leaves_no_folder(tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.write(table(["a"]), vectors(1), [span("a", 0, 9)])
    (tmp_path / "spool" / ".0123.part").write_bytes(b"of a writer that was killed")
    spool.clear()
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told(tmp_path):
    (tmp_path / "spool").write_text("no folder")
    with pytest.raises(SourceError, match="cannot be written"):
        Spool(tmp_path / "spool").write(table(["a"]), vectors(1), [span("a", 0, 9)])


@pytest.mark.parametrize("at", [3, 9, 14])
def test_a_full_disk_ends_the_build_and_the_next_goes_on(
    around, pictures, tmp_path, monkeypatch, at
):
    plain, left = os.write, [at]

    def full(descriptor, data):
        left[0] -= 1
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return plain(descriptor, data)

    upkeep = TileUpkeep(tmp_path / "i", around())
    request = BuildRequest(source=str(pictures))
    with monkeypatch.context() as patch:
        patch.setattr("os.write", full)
        with pytest.raises(SourceError, match="no space left") as caught:
            upkeep.build(request)
        assert "free some space" in caught.value.hint
    report = upkeep.build(request)
    assert report.added == 36
    assert upkeep.verify() == ()
