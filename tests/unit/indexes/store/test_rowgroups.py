"""Single rows of a Parquet file are the rows that pyarrow reads from the whole of it."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eoagent_indexes.groupcache import GroupCache
from eoagent_indexes.rowgroups import RowGroups

ROWS = 1000


@pytest.fixture(scope="module")
def written():
    table = pa.table({"n": np.arange(ROWS), "text": [f"row {n}" for n in range(ROWS)]})
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=37)
    return table, file.getvalue()


@pytest.mark.parametrize("kept", [1, 1500, 10**6])
@pytest.mark.parametrize("count", [0, 1, 5, 400])
def test_rows_come_in_the_order_asked_for(written, kept, count):
    table, data = written
    groups = RowGroups(data, GroupCache(kept))
    assert groups.rows == ROWS
    for seed in range(3):
        rows = np.random.default_rng(seed).integers(0, ROWS, count)
        assert groups.take(rows).equals(table.take(pa.array(rows)))
        assert groups.take(rows, ["text"]).equals(table.select(["text"]).take(pa.array(rows)))


def test_the_groups_are_told_with_their_rows(written):
    starts = RowGroups(written[1]).group_rows
    assert starts[:2] == ((0, 37), (37, 74))
    assert starts[-1] == (999, 1000)


def test_groups_of_several_files_are_kept_together_up_to_so_many_bytes(written):
    table, data = written
    group = table.slice(0, 37).nbytes
    kept = GroupCache(5 * group)
    files = [RowGroups(data, kept) for _ in range(2)]
    for number in range(20):
        for file in files:
            rows = np.array([37 * number, 37 * number + 5])
            assert file.take(rows).equals(table.take(pa.array(rows)))
        assert 0 < kept.nbytes <= 5.5 * group
    assert kept.nbytes > 4 * group


def test_what_is_kept_is_not_decoded_again_and_the_oldest_goes_first(written):
    table, _ = written
    one = table.slice(0, 37).nbytes
    kept = GroupCache(2 * one + one // 2)
    kept.keep("a", table.slice(0, 37))
    kept.keep("b", table.slice(37, 37))
    assert kept.get("a").num_rows == 37
    kept.keep("a", table.slice(0, 1))  # is there already
    kept.keep("c", table.slice(74, 37))
    assert kept.get("b") is None
    assert kept.get("a").num_rows == kept.get("c").num_rows == 37
    kept.keep("large", table)
    assert kept.get("large").num_rows == ROWS
    assert kept.get("c") is None
    assert kept.nbytes == table.nbytes
