"""Rows as hits, against shapely's own GeoJSON."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely.geometry import mapping

from eoagent_indexes.hits import hits_of
from eoagent_indexes.snapshot import Snapshot

RING = [(0.1, 50.0), (1.0, 50.0), (1.0, 51.25), (0.1, 51.0), (0.1, 50.0)]
HOLE = [(0.3, 50.2), (0.5, 50.2), (0.5, 50.4), (0.3, 50.2)]


@pytest.mark.parametrize(
    "shape",
    [
        shapely.Polygon(RING),
        shapely.Polygon(RING, [HOLE]),
        shapely.MultiPolygon([shapely.Polygon(RING), shapely.box(5, 50, 6, 51)]),
        shapely.Polygon([(x, y, 7.0) for x, y in RING]),
        shapely.Point(0.1, 50),
    ],
)
def test_a_footprint_is_what_shapely_makes_of_it(made, shape):
    tile = made.a_tile(0, np.random.default_rng(0), geometry=shapely.to_wkb(shape))
    vectors = made.unit(np.ones((1, made.DIMENSIONS)))
    (hit,) = hits_of(made.Made([tile], vectors).table(), [0.5], [None])
    assert hit.footprint == mapping(shape)


def test_a_tile_without_a_place_has_no_footprint(made):
    tile = made.a_tile(0, np.random.default_rng(0), bbox=None)
    vectors = made.unit(np.ones((1, made.DIMENSIONS)))
    (hit,) = hits_of(made.Made([tile], vectors).table(), [0.5], [None])
    assert hit.footprint is None


def test_vectors_of_rows_that_a_segment_has_not_are_refused(made, tmp_path):
    folder = made.write_index(tmp_path / "few", made.some_tiles(20))
    segment = Snapshot.open(folder).segments[0]
    for row in (-1, 20):
        with pytest.raises(IndexError, match="20 rows do not have all of those asked for"):
            segment.vectors(np.array([0, row]))
    out = np.empty((3, made.DIMENSIONS), np.float16)
    assert segment.vectors(np.array([2, 19, 2]), out) is out
    assert (out == segment.vector_range(0, 20)[[2, 19, 2]]).all()
    assert segment.vectors(np.array([], np.int64)).shape == (0, made.DIMENSIONS)
