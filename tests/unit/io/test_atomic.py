"""Atomic writing: whole or not at all, with the system's reason in the typed error."""

from __future__ import annotations

import errno
import hashlib
import os
import stat

import pytest

from eoagent.contracts.errors import SourceError
from eoagent.io.atomic import disk_error, disk_errors, hash_file, make_folder, write_atomic


def test_written_bytes_are_read_back_and_nothing_else_is_left(tmp_path):
    write_atomic(tmp_path / "a.json", b"one")
    write_atomic(tmp_path / "a.json", b"two")
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_bytes() == b"two"


def test_files_and_folders_are_private(tmp_path):
    write_atomic(tmp_path / "new" / "deep" / "a.json", b"x")
    assert stat.S_IMODE((tmp_path / "new" / "deep" / "a.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_a_short_write_is_continued(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
    data = bytes(range(100))
    write_atomic(tmp_path / "a.bin", data)
    assert (tmp_path / "a.bin").read_bytes() == data


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_reads_no_space_left(tmp_path, code):
    error = disk_error(OSError(code, os.strerror(code)), tmp_path / "a.tif")
    assert str(error) == f"no space left to write {tmp_path}/a.tif: {os.strerror(code)}"
    assert error.href == f"{tmp_path}/a.tif"
    assert "EOAGENT_HOME" in error.hint


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR])
def test_a_place_that_cannot_be_written_names_the_setting(tmp_path, code):
    error = disk_error(OSError(code, os.strerror(code)), tmp_path)
    assert str(error) == f"{tmp_path} cannot be written: {os.strerror(code)}"
    assert error.hint == "set EOAGENT_HOME to a folder that can be written"


def test_another_fault_of_the_disk_is_told_as_it_is(tmp_path):
    told = pytest.raises(SourceError, match="could not be read or written: Input/output error")
    with told, disk_errors(tmp_path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_file_in_the_way_of_a_folder_is_an_error(tmp_path):
    (tmp_path / "home").write_text("a file")
    with pytest.raises(SourceError, match="cannot be written: Not a directory"):
        write_atomic(tmp_path / "home" / "store" / "a.json", b"x")
    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "home")


def test_hash_and_size_agree_with_hashlib(tmp_path):
    data = os.urandom(3_000_001)
    (tmp_path / "a").write_bytes(data)
    assert hash_file(tmp_path / "a") == (hashlib.sha256(data).hexdigest(), len(data))
