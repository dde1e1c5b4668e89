"""The ledger and the quarantine give back what was written, the last word of each unit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eoagent.contracts.errors import SourceError
from eoagent_indexes.parts import (
    QuarantineRecord,
    UnitRecord,
    read_ledger,
    read_quarantine,
    write_ledger,
    write_quarantine,
)

WHEN = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)


def test_of_several_records_of_a_unit_the_last_one_holds(tmp_path):
    first = [
        UnitRecord(unit="a", state="failed", error="timeout"),
        UnitRecord(unit="b", state="done"),
    ]
    last = UnitRecord(
        unit="a", state="done", collection="c", item_id="i", asset_key="k", href="h",
        asset_version="v", tiles=7, skipped=2, note='{"x": 1}',
    )  # fmt: skip
    parts = [write_ledger(tmp_path, first), write_ledger(tmp_path, [last])]
    assert read_ledger(tmp_path, parts) == {"a": last, "b": first[1]}


def test_the_quarantine_gives_back_its_records(tmp_path):
    record = QuarantineRecord(unit="a", href="x.tif", reason="not a GeoTIFF", when=WHEN)
    later = record.model_copy(update={"reason": "still not"})
    other = record.model_copy(update={"href": "y.tif"})
    parts = [write_quarantine(tmp_path, [record, other]), write_quarantine(tmp_path, [later])]
    assert read_quarantine(tmp_path, parts) == (later, other)


def test_a_part_that_was_changed_is_refused(tmp_path):
    part = write_ledger(tmp_path, [UnitRecord(unit="a", state="done")])
    path = tmp_path / part.file.path
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(SourceError, match="has other bytes than were written") as caught:
        read_ledger(tmp_path, [part])
    assert caught.value.href == str(path)
    assert "eoagent index verify" in caught.value.hint
