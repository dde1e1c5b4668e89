"""Replies on the disk: the same reply comes back, and what is damaged counts as none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.contracts.dialogue import ChatReply
from eoagent.runners.replies import ReplyCache

REPLY = ChatReply(
    text="a quay", think="hm", is_cut=True, input_tokens=7, output_tokens=3, seconds=1
)


@pytest.fixture
def cache(tmp_path):
    return ReplyCache(tmp_path / "replies")


@given(
    text=st.text(),
    think=st.text(),
    is_cut=st.booleans(),
    tokens=st.integers(0, 10**6),
    seconds=st.floats(0, 1e6),
)
def test_a_reply_comes_back_as_it_was(tmp_path_factory, text, think, is_cut, tokens, seconds):
    cache = ReplyCache(tmp_path_factory.getbasetemp() / "every")
    reply = ChatReply(text=text, think=think, is_cut=is_cut, input_tokens=tokens, seconds=seconds)
    cache.put(f"key {tokens}", reply)
    assert cache.get(f"key {tokens}") == reply


def test_what_was_never_kept_is_not_there(cache, tmp_path):
    assert cache.get("k") is None
    cache.put("k", REPLY)
    assert cache.get("k") == REPLY
    assert cache.get("other") is None
    assert ReplyCache(tmp_path / "replies").get("k") == REPLY


def test_a_key_names_no_path(cache, tmp_path):
    cache.put("../../escaped", REPLY)
    assert cache.get("../../escaped") == REPLY
    assert all(path.is_relative_to(tmp_path / "replies") for path in tmp_path.rglob("*.reply"))


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-3], lambda data: data + b"x", lambda data: b""]
)
def test_a_damaged_entry_counts_as_none(cache, tmp_path, spoil):
    cache.put("k", REPLY)
    (path,) = (tmp_path / "replies").rglob("*.reply")
    path.write_bytes(spoil(path.read_bytes()))
    assert cache.get("k") is None
    cache.put("k", REPLY)
    assert cache.get("k") == REPLY


def test_a_disk_that_refuses_loses_time_only(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = ReplyCache(tmp_path / "file")
    cache.put("k", REPLY)
    assert cache.get("k") is None


def test_the_oldest_go_when_there_are_too_many(tmp_path, monkeypatch):
    from eoagent.runners import replies

    monkeypatch.setattr(replies, "_SWEEP_EVERY", 1)
    few = ReplyCache(tmp_path / "replies", most_entries=3)
    for number in range(6):
        few.put(f"k{number}", REPLY)
    kept = [number for number in range(6) if few.get(f"k{number}") is not None]
    assert len(kept) == 3
    assert 5 in kept
