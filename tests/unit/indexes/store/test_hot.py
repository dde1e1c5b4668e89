"""Filter columns: no tile falls outside its rounded box, and what is unknown stays unknown."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent_indexes.hot import NO_TIME, ROW_BYTES, HotColumns, boxes_of, hot_from_table, times_of
from eoagent_indexes.schema import BBOX_TYPE, TILE_SCHEMA

EDGE = st.floats(-180, 180)


def with_boxes(made, boxes):
    table = made.tiles(0, len(boxes))
    values = [dict(zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)) for box in boxes]
    return table.set_column(
        TILE_SCHEMA.get_field_index("bbox"), TILE_SCHEMA.field("bbox"), pa.array(values, BBOX_TYPE)
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(EDGE, EDGE, EDGE, EDGE), min_size=1, max_size=5))
def test_rounded_boxes_hold_the_exact_ones_within_a_hundred_thousandth_of_a_degree(made, boxes):
    hot = hot_from_table(with_boxes(made, boxes), ("landsat", "sentinel-2"))
    exact = np.array(boxes)
    rounded = np.stack([hot.west, hot.south, hot.east, hot.north], axis=1).astype(np.float64)
    assert (rounded[:, :2] <= exact[:, :2]).all()
    assert (rounded[:, 2:] >= exact[:, 2:]).all()
    assert np.abs(rounded - exact).max() < 2e-5


def test_what_is_unknown_is_nan_or_no_time(made):
    table = made.tiles(3, 70)
    hot = hot_from_table(table, ("landsat", "sentinel-2"))
    no_place = np.array(table.column("bbox").is_null())
    no_time = np.array(table.column("start").is_null())
    no_cloud = np.array(table.column("cloud_pct").is_null())
    assert no_place.any()
    assert no_time.any()
    for edge in (hot.west, hot.south, hot.east, hot.north):
        np.testing.assert_array_equal(np.isnan(edge), no_place)
    for time in (hot.start, hot.end):
        np.testing.assert_array_equal(time == NO_TIME, no_time)
        np.testing.assert_array_equal(np.isnat(time.view("datetime64[us]")), no_time)
    np.testing.assert_array_equal(np.isnan(hot.cloud_pct), no_cloud)
    assert np.isnan(boxes_of(table)[no_place]).all()


def test_collections_are_counted_by_position(made):
    table = made.tiles(0, 10)
    names = ("another", "landsat", "sentinel-2")
    hot = hot_from_table(table, names)
    assert [names[code] for code in hot.collection] == table.column("collection").to_pylist()


def test_the_file_gives_back_the_columns(made):
    hot = hot_from_table(made.tiles(5, 33), ("landsat", "sentinel-2"))
    data = hot.to_bytes()
    assert len(data) == 33 * ROW_BYTES
    again = HotColumns.over(data, 33)
    for name in HotColumns.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(again, name), getattr(hot, name))


def test_times_are_microseconds_of_utc(made):
    table = made.tiles(2, 9, holes=False)
    expected = [round(moment.timestamp() * 1e6) for moment in table.column("start").to_pylist()]
    assert times_of(table, "start").tolist() == expected


def test_a_table_of_several_chunks_is_read_as_one(made):
    table = pa.concat_tables([made.tiles(1, 5), made.tiles(2, 6)])
    whole = hot_from_table(table, ("landsat", "sentinel-2"))
    parts = [
        hot_from_table(made.tiles(s, n), ("landsat", "sentinel-2")) for s, n in ((1, 5), (2, 6))
    ]
    np.testing.assert_array_equal(whole.west, np.concatenate([p.west for p in parts]))
    np.testing.assert_array_equal(whole.collection, np.concatenate([p.collection for p in parts]))
