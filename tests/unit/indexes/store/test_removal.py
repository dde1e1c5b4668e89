"""Deleting an index deletes an index, and nothing that is none."""

from __future__ import annotations

import os
import shutil

import pytest

from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent_indexes.removal import remove_index
from eoagent_indexes.writer import IndexWriter


def test_an_index_is_gone_after_it_was_deleted(index):
    with IndexWriter(index):
        pass
    (index / "spool").mkdir()
    remove_index(index)
    assert list(index.parent.iterdir()) == []


def test_an_index_that_was_never_committed_can_be_deleted(tmp_path, made):
    made.write(tmp_path / "begun", 1, 5)
    remove_index(tmp_path / "begun")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_index_is_not_deleted(tmp_path, index):
    with pytest.raises(NotFound, match="there is no index 'nothing'"):
        remove_index(tmp_path / "nothing")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="it is no index: it holds no file of one"):
        remove_index(empty)
    (index / "thesis.docx").write_text("x")
    with pytest.raises(InputError, match="it is no index: it holds 'thesis.docx'") as caught:
        remove_index(index)
    assert caught.value.hint == "move what is not part of the index out of its folder"
    assert (index / "CURRENT").exists()
    (index / "thesis.docx").unlink()
    link = tmp_path / "link"
    link.symlink_to(index)
    with pytest.raises(InputError, match="is a link"):
        remove_index(link)
    assert (index / "CURRENT").exists()


def test_an_index_that_is_being_written_is_not_deleted(index):
    with IndexWriter(index), pytest.raises(SourceError, match="is being written by process"):
        remove_index(index)
    assert (index / "CURRENT").exists()


def test_an_interrupted_removal_leaves_no_index_and_is_finished_by_the_next(
    index, tmp_path, made, monkeypatch
):
    def stop(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", stop)
        with pytest.raises(KeyboardInterrupt):
            remove_index(index)
    assert not index.exists()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".removed-")
    made.write(index, 1, 5)
    remove_index(index)
    assert list(tmp_path.iterdir()) == []


def test_a_removal_that_the_system_refuses_says_so(index, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(SourceError, match="cannot be written: Permission denied"):
        remove_index(index)
    assert (index / "CURRENT").exists()
