"""The depth of well-known binary is told as it was built, and damage is a ValueError."""

from __future__ import annotations

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import GeometryCollection, LineString, MultiPoint, Point, Polygon

from eoagent.geo.wkbdepth import wkb_depth

_LEAVES = st.sampled_from(
    [
        Point(1, 2),
        Point(1, 2, 3),
        Point(),
        LineString([(0, 0, 1), (1, 1, 2)]),
        Polygon([(0, 0), (3, 0), (0, 3)], [[(0.5, 0.5), (1, 0.5), (0.5, 1)]]),
        Polygon(),
        MultiPoint([(1, 2), (3, 4)]),
    ]
)
_SHAPES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3).map(GeometryCollection), max_leaves=8
)


def _depth(shape):
    """Return the depth as shapely tells it; what holds nothing is no level."""
    if not hasattr(shape, "geoms") or not len(shape.geoms):
        return 0
    return 1 + max(map(_depth, shape.geoms))


@given(_SHAPES, st.sampled_from(["extended", "iso"]), st.integers(0, 1), st.booleans())
def test_depth_is_that_of_the_geometry_in_every_flavour(shape, flavor, order, has_srid):
    has_srid = has_srid and flavor == "extended"  # the other has no place for it
    if has_srid:
        shape = shapely.set_srid(shape, 4326)
    blob = shapely.to_wkb(shape, flavor=flavor, byte_order=order, include_srid=has_srid)
    assert wkb_depth(blob, most=99) == _depth(shape)


@pytest.mark.parametrize("blob", [b"", b"\x01", b"\x02" * 40, b"\x01\x09\x00\x00\x00" * 9])
def test_what_is_no_geometry_is_a_value_error(blob):
    with pytest.raises(ValueError, match="geometry"):
        wkb_depth(blob, most=9)


def test_past_the_most_it_is_not_read_on():
    level = bytes.fromhex("010700000001000000")
    assert wkb_depth(level * 50, most=10) == 11
