"""Masks kept by what was asked: they come back as they were, and the folder stays bounded."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from eoagent.contracts.errors import BudgetExceeded
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.geo.area import pixel_areas
from eoagent.geo.instances import Instances
from eoagent.io.keptmasks import KeptMask, KeptMasks
from eoagent.io.mask import MaskReader, MaskWriter
from eoagent.io.scenesegment import SceneMask

KEY = "ab" * 32


@pytest.fixture
def kept(tmp_path):
    """A mask of 30 x 20 pixels with two objects."""

    def make(gsd_m=None, name="made"):
        grid = Grid(width=30, height=20, gsd_m=gsd_m)
        yes = np.zeros((20, 30), bool)
        yes[2:6, 3:9] = yes[10:12, 20:29] = True
        whole = Window(row=0, col=0, height=20, width=30)
        with MaskWriter(tmp_path / f"{name}.tif", grid) as writer:
            writer.add(whole, yes, np.ones_like(yes))
            path = writer.finish()
        found = Instances(None if gsd_m is None else pixel_areas(grid))
        found.add(whole, yes, np.ones_like(yes), np.where(yes, 0.75, 0).astype(np.float32))
        mask = SceneMask(
            phrase="ship", path=path, instances=found.finish(), presence=0.5, yes_pixels=42,
            valid_pixels=600,
        )  # fmt: skip
        return KeptMask(mask=mask, tiles=4, empty_tiles=1, assumptions=("a", "ü"))

    return make


@pytest.mark.parametrize("gsd_m", [None, 0.5])
def test_what_is_kept_comes_back_as_it_was(kept, tmp_path, gsd_m):
    held = KeptMasks(tmp_path / "kept")
    first = kept(gsd_m)
    held.put(KEY, first)
    back = held.get(KEY, tmp_path / "back.tif")
    assert replace(back, mask=first.mask) == first
    for name in ("phrase", "presence", "yes_pixels", "valid_pixels"):
        assert getattr(back.mask, name) == getattr(first.mask, name)
    assert (tmp_path / "back.tif").read_bytes() == first.mask.path.read_bytes()
    with MaskReader(tmp_path / "back.tif") as file:
        assert file.read()[0].sum() == 42
    one, other = back.mask.instances, first.mask.instances
    np.testing.assert_array_equal(one.boxes, other.boxes)
    np.testing.assert_array_equal(one.scores, other.scores)
    if gsd_m is None:
        assert one.table.area_m2 is None
    else:
        assert one.table.area_m2.tolist() == other.table.area_m2.tolist() == [6.0, 4.5]


def test_another_key_has_nothing(kept, tmp_path):
    held = KeptMasks(tmp_path / "kept")
    assert held.get(KEY, tmp_path / "back.tif") is None
    held.put(KEY, kept())
    assert held.get("cd" * 32, tmp_path / "back.tif") is None
    assert not (tmp_path / "back.tif").exists()


def test_a_file_that_is_no_such_thing_counts_as_none(kept, tmp_path):
    held = KeptMasks(tmp_path / "kept")
    held.put(KEY, kept())
    (file,) = (tmp_path / "kept").iterdir()
    with np.load(file) as arrays:
        whole = dict(arrays)
    for name in ("scores", "about", "table_pixels"):
        np.savez(file, **{key: value for key, value in whole.items() if key != name})
        assert held.get(KEY, tmp_path / "back.tif") is None
    np.savez(file, **(whole | {"scores": np.array([{"a": 1}], object)}))  # never unpickled
    assert held.get(KEY, tmp_path / "back.tif") is None
    np.savez(file, **(whole | {"scores": np.zeros(7)}))
    assert held.get(KEY, tmp_path / "back.tif") is None


def test_what_was_not_used_for_longest_goes_first(kept, tmp_path):
    folder = tmp_path / "kept"
    KeptMasks(folder).put(KEY, kept())
    size = next(folder.iterdir()).stat().st_size
    held = KeptMasks(folder, most_bytes=3 * size + size // 2)
    keys = [f"{n:064x}" for n in range(5)]
    for n, key in enumerate(keys[:2]):
        held.put(key, kept(name=key[-4:]))
        os.utime(folder / f"{key}.npz", (n + 1, n + 1))
    os.utime(folder / f"{KEY}.npz", (3, 3))
    assert held.get(keys[0], tmp_path / "back.tif") is not None  # now the youngest
    held.put(keys[2], kept(name="last"))
    assert {file.stem for file in folder.glob("*.npz")} == {KEY, keys[0], keys[2]}


def test_a_mask_too_large_for_the_folder_is_not_kept(kept, tmp_path):
    held = KeptMasks(tmp_path / "kept", most_bytes=100)
    held.put(KEY, kept())
    assert held.get(KEY, tmp_path / "back.tif") is None


class Deadline:
    """Ends after some checks."""

    remaining_s = 1.0

    def __init__(self, checks):
        self.left = checks

    def check(self):
        self.left -= 1
        if self.left < 0:
            raise BudgetExceeded("the time is over")


def test_one_at_a_time_asks_and_who_waits_stops_at_its_deadline(tmp_path, monkeypatch):
    monkeypatch.setattr("eoagent.io.keptmasks._WAIT_S", 0.01)
    first, second = (KeptMasks(tmp_path / "kept") for _ in range(2))
    with first.alone(KEY, Deadline(1)):
        with pytest.raises(BudgetExceeded, match="the time is over"):
            second.alone(KEY, Deadline(3)).__enter__()
        with second.alone("0" * 64, Deadline(1)):  # another image
            pass
    with second.alone(KEY, Deadline(1)):
        pass
