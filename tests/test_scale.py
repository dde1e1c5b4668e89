"""The document on very many tiles: its tables are made again, and held against counting by hand."""

from __future__ import annotations

import importlib.util
import math
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eoagent_indexes.conditions import Conditions
from eoagent_indexes.filters import may_match
from eoagent_indexes.manifest import Manifest
from eoagent_indexes.merge_choice import groups_to_merge
from eoagent_indexes.segment import Segment, SegmentFiles

FOLDER = Path(__file__).resolve().parent.parent / "docs"


@pytest.fixture(scope="module")
def scale():
    spec = importlib.util.spec_from_file_location("docs_scale", FOLDER / "scale.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def small(scale):
    return scale.World(tiles=3_000_000, months=6, segment_rows=100_000, sample=6_000, queries=5)


def _part(name):
    text = (FOLDER / "scale.md").read_text(encoding="utf-8")
    return text.partition(f"<!-- {name} -->\n")[2].partition(f"\n<!-- /{name} -->")[0]


def _words_and_numbers(table):
    """Return a table without its numbers, and these: compression differs between versions."""
    numbers = [float(text.replace(",", "")) for text in re.findall(r"[\d,]*\d(?:\.\d+)?", table)]
    return re.sub(r"[\d,.]+", "", table), numbers


@pytest.mark.parametrize("name", ["fan-out", "sizes"])
def test_the_tables_of_the_document_are_those_that_the_script_makes(scale, name):
    world = scale.World()
    is_sizes = name == "sizes"
    made = scale.size_table(scale.worlds_of(world)) if is_sizes else scale.fan_out_table(world)
    words, numbers = _words_and_numbers(made)
    written, told = _words_and_numbers(_part(name))
    assert written == words
    assert told == pytest.approx(numbers, rel=0.05)
    assert len(numbers) > 40


@pytest.mark.parametrize("layout", ["as taken", "by month and place", "by place"])
def test_every_tile_lies_in_one_segment_and_inside_its_ranges(scale, small, layout):
    points = scale.draw(small)
    parts = list(scale.cut(points, layout, small))
    assert sorted(np.concatenate(parts).tolist()) == list(range(small.sample))
    segments = scale.make_segments(points, layout, small, {"tiles.parquet": 1.0})
    assert sum(entry.rows for entry in segments) == pytest.approx(small.tiles, rel=1e-3)
    assert max(entry.rows for entry in segments) <= small.segment_rows * 1.01
    for part, entry in zip(parts, segments, strict=True):
        assert entry.bbox.west == points[0][part].min()
        assert entry.bbox.north == points[1][part].max()


@pytest.mark.parametrize("layout", ["as taken", "by month and place", "by place"])
def test_no_segment_that_holds_a_wanted_tile_is_passed_over(scale, small, layout):
    """Oracle: every sampled tile, held against the box and the month one by one."""
    lon, lat, days = points = scale.draw(small)
    segments = scale.make_segments(points, layout, small, {"tiles.parquet": 1.0})
    opened = [Segment(SegmentFiles(Path(), entry)) for entry in segments]
    for where in scale.draw_filters(points, small, 0.05, 1):
        box = where.bbox
        first, last = (
            (when - scale.START).total_seconds() / 86_400
            for when in (where.time.start, where.time.end)
        )
        met = (lon >= box.west) & (lon <= box.east) & (lat >= box.south) & (lat <= box.north)
        met &= (days >= first) & (days <= last)
        touched = {n for n, one in enumerate(opened) if may_match(one, Conditions.of(where))}
        holding = {
            number
            for number, part in enumerate(scale.cut(points, layout, small))
            if met[part].any()
        }
        assert holding
        assert holding <= touched


def test_boxes_hold_about_the_share_that_is_asked_for(scale, small):
    lon, lat, _ = points = scale.draw(small)
    for where in scale.draw_filters(points, small, 0.1, 0):
        box = where.bbox
        met = (lon >= box.west) & (lon <= box.east) & (lat >= box.south) & (lat <= box.north)
        assert met.mean() == pytest.approx(0.1, abs=0.01)
        assert where.time is None


def test_bytes_a_tile_are_those_of_the_format(scale):
    sizes = scale.bytes_a_tile(64, rows=2_401)
    assert sizes["vectors.npy"] == pytest.approx(128, abs=0.2)
    assert sizes["ids.bin"] == 20
    assert sizes["columns.bin"] == 40
    assert 10 < sizes["tiles.parquet"] < 200


def test_the_layout_that_is_reckoned_with_is_the_one_that_a_compaction_aims_at(scale, small):
    points = scale.draw(small)
    for layout, is_settled in (("as taken", False), ("by month and place", True)):
        segments = scale.make_segments(points, layout, small, {"tiles.parquet": 1.0})
        opened = [Segment(SegmentFiles(Path(), entry)) for entry in segments]
        assert (groups_to_merge(opened, small.segment_rows) == []) == is_settled


def test_a_manifest_of_the_simulation_is_one_that_is_read_back(scale, small):
    points = scale.draw(small)
    segments = scale.make_segments(points, "as taken", small, {"tiles.parquet": 1.0})
    manifest = scale.make_manifest(segments, small)
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest
    assert len(manifest.segments) == math.ceil(small.tiles / small.segment_rows)


def test_twice_the_tiles_take_twice_the_segments(scale, small):
    points = scale.draw(small)
    twice = replace(small, tiles=2 * small.tiles)
    sizes = {"tiles.parquet": 1.0}
    one, two = (len(scale.make_segments(points, "by place", w, sizes)) for w in (small, twice))
    assert two == 2 * one
