"""Search against brute force on whatever tiles and conditions chance proposes."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import mapping

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.geometry import BBox, TimeRange
from eoagent.contracts.index import Surroundings
from eoagent.contracts.tilesearch import TileFilter, TileQuery
from eoagent.io.origin import OriginGuard
from eoagent_indexes.exact import best_of, widened
from eoagent_indexes.schema import TILE_SCHEMA
from eoagent_indexes.segment_write import write_segment
from eoagent_indexes.tile_index import TileIndex
from eoagent_indexes.writer import IndexWriter

D = 8
ENCODER = EncoderFingerprint(card="made-up", dimensions=D)
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

# Round numbers, so that edges often touch, and a few that single precision cannot hold.
lons = st.sampled_from([-180.0, -179.9, -120.5, -30.0, 0.0, 0.1, 10.3, 30.0, 179.7, 180.0])
lats = st.sampled_from([-90.0, -45.1, -10.0, 0.0, 0.2, 10.7, 45.0, 89.9, 90.0])
days = st.integers(0, 6)


@st.composite
def boxes(draw):
    south, north = sorted((draw(lats), draw(lats)))
    return BBox(west=draw(lons), south=south, east=draw(lons), north=north)


@st.composite
def times(draw):
    ends = sorted((draw(days), draw(days)))
    return TimeRange(start=EPOCH + timedelta(ends[0]), end=EPOCH + timedelta(ends[1]))


@st.composite
def open_times(draw):
    span = draw(times())
    which = draw(st.sampled_from(["both", "start", "end"]))
    return TimeRange(
        start=None if which == "start" else span.start, end=None if which == "end" else span.end
    )


tiles_of = st.lists(
    st.tuples(
        st.none() | boxes(),
        st.none() | times(),
        st.none() | st.sampled_from([0.0, 0.1, 20.0, 99.9]),
        st.sampled_from(["s1", "s2"]),
        st.sampled_from(["one", "two", "three"]),
    ),
    min_size=1,
    max_size=30,
)


@st.composite
def filters(draw):
    return TileFilter(
        bbox=draw(st.none() | boxes()),
        time=draw(st.none() | open_times()),
        max_cloud_pct=draw(st.none() | st.sampled_from([0.0, 0.1, 20.0, 100.0])),
        collections=draw(st.sampled_from([(), ("s1",), ("s2", "s3")])),
        items=draw(st.sampled_from([(), ("one",), ("two", "three")])),
    )


def shape_of(box):
    spans = [(box.west, box.east)]
    if box.west > box.east:
        spans = [(box.west, 180.0), (-180.0, box.east)]
    return shapely.GeometryCollection([piece(w, box.south, e, box.north) for w, e in spans])


def piece(west, south, east, north):
    if (west, south) == (east, north):
        return shapely.Point(west, south)
    if west == east or south == north:
        return shapely.LineString([(west, south), (east, north)])
    return shapely.box(west, south, east, north)


def table_of(tiles):
    rows = []
    for number, (box, time, cloud, collection, item) in enumerate(tiles):
        row = dict.fromkeys(TILE_SCHEMA.names, "")
        row |= {"tile_id": f"{number:032x}", "collection": collection, "item_id": item}
        row |= {"col": number, "row": 0, "width": 1, "height": 1, "chip_px": 1}
        row |= {"geometry": None if box is None else shapely.to_wkb(shape_of(box))}
        edges = None if box is None else (box.west, box.south, box.east, box.north)
        names = ("xmin", "ymin", "xmax", "ymax")
        row |= {"bbox": None if edges is None else dict(zip(names, edges, strict=True))}
        row |= {"start": time and time.start, "end": time and time.end, "gsd_m": 10.0}
        row |= {"cloud_pct": cloud, "nodata_pct": 0.0}
        rows.append(row)
    return pa.Table.from_pylist(rows, TILE_SCHEMA)


def met(tile, where):
    """The conditions of a filter in order, each true, false, or None where it cannot be told."""
    box, time, cloud, collection, item = tile
    found = [not where.collections or collection in where.collections]
    found.append(not where.items or item in where.items)
    found.append(where.bbox is None or (None if box is None else box.intersects(where.bbox)))
    found.append(where.time is None or (None if time is None else time.overlaps(where.time)))
    is_clear = None if cloud is None else cloud <= (where.max_cloud_pct or 0.0)
    found.append(where.max_cloud_pct is None or is_clear)
    return found


def search(tiles, vectors, query):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "any"
        with IndexWriter(root, encoder=ENCODER) as writer:
            table = table_of(tiles)
            writer.commit(add=[write_segment(root, table, vectors, encoder=ENCODER)])
        index = TileIndex.open(root, Surroundings(origins=OriginGuard()))
        try:
            return index.search(query)
        finally:
            index.close()


@given(tiles=tiles_of, where=filters(), k=st.integers(1, 40), seed=st.integers(0, 9))
@FEW
def test_a_search_is_the_brute_force_over_what_the_contracts_own_tests_let_through(
    tiles, where, k, seed
):
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((len(tiles), D))
    vectors[::2] = vectors[0]  # ties
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    query = random.standard_normal(D).astype(np.float32)
    result = search(tiles, vectors, TileQuery(vectors=query[None], where=where, k=k))
    judged = [met(tile, where) for tile in tiles]
    rows = [n for n, found in enumerate(judged) if all(found)]
    wide = vectors.astype(np.float16).astype(np.float64)
    scores = wide @ query / np.linalg.norm(wide, axis=1) / np.linalg.norm(query)
    expected = sorted(rows, key=lambda n: (-round(scores[n], 9), n))[:k]
    assert [int(hit.tile_id, 16) for hit in result.hits] == expected
    assert result.matched == len(rows)
    loose = [f for f in judged if not all(f) and all(value is not False for value in f)]
    counted = [sum(f[at] is None for f in loose) for at in (2, 3, 4)]
    assert [result.without_place, result.without_time, result.without_cloud] == counted


@given(tiles=tiles_of, box=boxes())
@FEW
def test_an_area_in_the_form_of_a_box_lets_through_what_the_box_does(tiles, box):
    parts = [part for part in shape_of(box).geoms if part.geom_type == "Polygon"]
    if len(parts) < len(shape_of(box).geoms):
        return
    area = mapping(shapely.MultiPolygon(parts))
    vectors = np.zeros((len(tiles), D), np.float32)
    vectors[:, 0] = 1
    found = [
        {
            h.tile_id
            for h in search(tiles, vectors, TileQuery(vectors=vectors[:1], where=w, k=50)).hits
        }
        for w in (TileFilter(bbox=box), TileFilter(area=area))
    ]
    assert found[0] == found[1]


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=60), st.integers(1, 70))
def test_the_best_hold_every_true_best(scores, k):
    given_ = np.array(scores, np.float32)
    kept = best_of(given_, k)
    assert len(kept) >= min(k, len(given_))
    rest = np.delete(given_, kept)
    assert not len(rest) or rest.max() < given_[kept].min()


@given(st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=64))
def test_widening_is_exact(bits):
    halves = np.array(bits, np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)][None]
    assert (widened(halves).astype(np.float64) * 2.0**112 == halves.astype(np.float64)).all()
