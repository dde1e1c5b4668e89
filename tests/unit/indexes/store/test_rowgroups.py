"""Single rows of a Parquet file are the rows that pyarrow reads from the whole of it."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eoagent_indexes.rowgroups import RowGroups

ROWS = 1000


@pytest.fixture(scope="module")
def written():
    table = pa.table({"n": np.arange(ROWS), "text": [f"row {n}" for n in range(ROWS)]})
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=37)
    return table, file.getvalue()


@pytest.mark.parametrize("kept", [1, 3, 100])
@pytest.mark.parametrize("count", [0, 1, 5, 400])
def test_rows_come_in_the_order_asked_for(written, kept, count):
    table, data = written
    groups = RowGroups(data, kept=kept)
    assert groups.rows == ROWS
    for seed in range(3):
        rows = np.random.default_rng(seed).integers(0, ROWS, count)
        assert groups.take(rows).equals(table.take(pa.array(rows)))
        assert groups.take(rows, ["text"]).equals(table.select(["text"]).take(pa.array(rows)))


def test_the_groups_are_told_with_their_rows(written):
    starts = RowGroups(written[1]).group_rows
    assert starts[:2] == ((0, 37), (37, 74))
    assert starts[-1] == (999, 1000)
