"""A snapshot is one committed version; what is damaged or foreign is refused by name."""

from __future__ import annotations

import hashlib
import json
import os
import shutil

import numpy as np
import pytest

from eoagent.contracts.errors import NotFound, SourceError
from eoagent_indexes.pins import pinned_versions
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.writer import IndexWriter


def test_tiles_are_found_with_their_vectors_and_deleted_ones_are_not(index, made):
    with Snapshot.open(index) as snapshot:
        first = snapshot.find(made.ids_of(1, 60))
        np.testing.assert_array_equal(first.is_there, np.arange(60) >= 7)
        assert (first.rows[:7] == -1).all()
        second = snapshot.find([*made.ids_of(2, 40), "0" * 32])
        assert second.segments.tolist() == [1] * 40 + [-1]
        stored = snapshot.segments[1].vectors(second.rows[:40])
        np.testing.assert_array_equal(stored, made.unit_vectors(2, 40).astype(np.float16))
        assert snapshot.find(made.ids_of(1, 60), deleted=True).is_there.all()
        assert snapshot.manifest.live == 93
        assert [segment.live_rows for segment in snapshot.segments] == [53, 40]
        assert [segment.live.sum() for segment in snapshot.segments] == [53, 40]


def test_ledger_and_quarantine_are_those_of_the_version(index):
    with Snapshot.open(index) as snapshot:
        assert sorted(snapshot.units_done()) == ["one", "two"]
        assert [record.unit for record in snapshot.quarantine()] == ["bad"]


def test_a_unit_that_was_done_since_leaves_the_quarantine(index, made):
    from eoagent_indexes.parts import UnitRecord

    with IndexWriter(index) as writer:
        writer.commit(ledger=[UnitRecord(unit="bad", state="failed")])
        assert [record.unit for record in writer.snapshot.quarantine()] == ["bad"]
        writer.commit(ledger=[UnitRecord(unit="bad", state="done")])
        assert writer.snapshot.quarantine() == ()


def test_a_later_version_changes_nothing_in_an_open_one(index, made):
    with Snapshot.open(index) as old:
        with IndexWriter(index) as writer:
            writer.commit(drop_tiles=made.ids_of(2, 40))
        assert old.find(made.ids_of(2, 40)).is_there.all()
        assert old.manifest.live == 93
        with Snapshot.open(index) as new:
            assert new.version == old.version + 1
            assert not new.find(made.ids_of(2, 40)).is_there.any()
            assert len(new.segments) == 1


def test_segments_of_all_versions_that_a_writer_makes_share_what_stays_decoded(index, made):
    with IndexWriter(index) as writer:
        first = {id(segment.files.groups) for segment in writer.snapshot.segments}
        writer.commit(drop_tiles=made.ids_of(1, 1))
        then = {id(segment.files.groups) for segment in writer.snapshot.segments}
    assert len(first) == 1
    assert then == first


def test_an_open_version_is_pinned_until_it_is_closed(index):
    snapshot = Snapshot.open(index)
    assert pinned_versions(snapshot.layout) == {2}
    snapshot.close()
    assert pinned_versions(snapshot.layout) == frozenset()
    assert list((index / "readers").iterdir()) == []
    snapshot.close()
    with Snapshot.open(index, pin=False):
        assert pinned_versions(snapshot.layout) == frozenset()


def test_an_index_that_cannot_be_written_can_be_read(index, made, monkeypatch):
    real = os.access
    monkeypatch.setattr(os, "access", lambda p, mode: mode != os.W_OK and real(p, mode))
    with Snapshot.open(index) as snapshot:
        assert snapshot.find(made.ids_of(2, 1)).is_there.all()
    assert not (index / "readers").exists()


def test_a_folder_without_a_version_is_no_index(tmp_path):
    with pytest.raises(NotFound, match="there is no index 'nothing'") as caught:
        Snapshot.open(tmp_path / "nothing")
    assert "eoagent index build nothing" in caught.value.hint
    (tmp_path / "a file").write_text("x")
    for name in (".", "a file"):
        with pytest.raises(NotFound, match="holds no committed version"):
            Snapshot.open(tmp_path / name)


@pytest.mark.parametrize(
    "text", ["", "MANIFEST-000001\n", "00000002\n", "2 abc\n", f"00000002 {'A' * 64}\n", "x" * 9999]
)
def test_a_pointer_that_is_none_is_refused(index, text):
    (index / "CURRENT").write_text(text)
    with pytest.raises(SourceError, match="CURRENT of index 'coast' does not name a version"):
        Snapshot.open(index)


def pointed_at(index, change):
    """Change the manifest, and let CURRENT name it with its new hash."""

    path = index / "manifests" / "00000002.json"
    data = change(json.loads(path.read_bytes()))
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    path.write_bytes(text)
    (index / "CURRENT").write_text(f"00000002 {hashlib.sha256(text).hexdigest()}\n")


FOREIGN = {
    "another program": (lambda m: {"format": "lance", "version": 2}, "is not of the format"),
    "a list": (lambda m: [1, 2], "is not of the format eoagent-tiles"),
    "no format": (lambda m: {k: v for k, v in m.items() if k != "format"}, "not of the format"),
    "no number of the format": (
        lambda m: {k: v for k, v in m.items() if k != "format_version"},
        "has format version None; 1 is known",
    ),
    "a later format": (lambda m: {**m, "format_version": 2}, "has format version 2; 1 is known"),
    "no JSON": (lambda m: b"\x80\x04pickled", "is not JSON"),
    "deep JSON": (lambda m: b"[" * 100_000, "is not JSON"),
    "another version": (lambda m: {**m, "version": 7}, "is of version 7"),
    "an unknown field": (lambda m: {**m, "extra": 1}, "contradicts itself at extra"),
    "a path that leads out": (
        lambda m: json.loads(json.dumps(m).replace("segments/", "../segments/")),
        "contradicts itself at segments.0.files.0.path",
    ),
    "a hidden path": (
        lambda m: json.loads(json.dumps(m).replace("segments/", "segments/../")),
        "contradicts itself at segments.0.files.0.path",
    ),
    "a segment twice": (
        lambda m: {**m, "segments": m["segments"] * 2},
        "a segment is listed twice",
    ),
    "tombstones of nothing": (lambda m: {**m, "segments": m["segments"][1:]}, "name no segment"),
    "other dimensions": (
        lambda m: {**m, "encoder": {**m["encoder"], "dimensions": 8}},
        "a segment has not the 8 dimensions of the encoder",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_manifest_that_is_foreign_or_contradicts_itself_is_refused(index, name):
    change, message = FOREIGN[name]
    pointed_at(index, change)
    with pytest.raises(SourceError, match=message) as caught:
        Snapshot.open(index)
    assert str(index) in str(caught.value)
    assert caught.value.hint


def test_a_damaged_manifest_names_itself_and_the_command_that_helps(index):
    path = index / "manifests" / "00000002.json"
    path.write_bytes(path.read_bytes().replace(b"catalog", b"katalog"))
    with pytest.raises(SourceError, match="has other bytes than were written") as caught:
        Snapshot.open(index)
    assert caught.value.href == str(path)
    assert caught.value.hint.startswith("eoagent index verify coast lists all damage")


def test_a_missing_manifest_or_file_is_told_by_name(index):
    with Snapshot.open(index) as snapshot:
        paths = [index / file.path for file in snapshot.manifest.files()]
    for path in [index / "manifests" / "00000002.json", *paths]:
        aside = path.with_suffix(".aside")
        path.rename(aside)
        with pytest.raises(SourceError, match=f"{path} of index 'coast' is missing"):
            Snapshot.open(index)
        aside.rename(path)
    Snapshot.open(index).close()


def test_a_file_that_may_not_be_read_is_told_by_name(index, monkeypatch):
    real = os.open

    def refuse(path, *arguments, **options):
        if str(path).endswith("columns.bin"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    with (
        Snapshot.open(index) as snapshot,
        pytest.raises(SourceError, match="columns.bin cannot be read: Permission denied") as caught,
    ):
        _ = snapshot.segments[0].columns
    assert caught.value.hint == "check the disk, and who may read the index folder"


@pytest.mark.parametrize("folder", ["segments/*/columns.bin", "deletes/*"])
def test_what_was_damaged_is_refused_before_it_is_used_and_an_open_does_not_read_it(index, folder):
    for path in index.glob(folder):
        path.write_bytes(path.read_bytes()[:-1] + b"\7")
    with Snapshot.open(index) as snapshot:
        for _ in range(2):  # the second time too
            with pytest.raises(SourceError, match="has other bytes than were written"):
                _ = [(segment.columns, segment.live) for segment in snapshot.segments]


def test_a_file_is_hashed_once_by_an_open_snapshot(index, monkeypatch):
    told = []
    real = hashlib.sha256
    with Snapshot.open(index) as snapshot:
        monkeypatch.setattr(hashlib, "sha256", lambda data: told.append(len(data)) or real(data))
        for _ in range(3):
            assert snapshot.segments[0].columns.west.shape == (60,)
        assert told == [60 * 40]


def test_a_failed_open_leaves_no_pin(index):
    with Snapshot.open(index) as snapshot:
        path = index / snapshot.segments[0].entry.file("columns.bin").path
    path.write_bytes(path.read_bytes()[1:])
    with pytest.raises(SourceError):
        Snapshot.open(index)
    assert pinned_versions(snapshot.layout) == frozenset()


def test_an_index_may_be_moved_and_renamed(index, tmp_path, made):
    shutil.move(index, tmp_path / "other")
    with Snapshot.open(tmp_path / "other") as snapshot:
        assert snapshot.find(made.ids_of(2, 40)).is_there.all()


def test_a_segment_without_a_search_structure_says_so(index):
    with (
        Snapshot.open(index) as snapshot,
        pytest.raises(SourceError, match="has no search structure"),
    ):
        snapshot.segments[0].ann_bytes()
