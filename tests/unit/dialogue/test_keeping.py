"""Replies are kept under what decides them, and the oldest goes first."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.dialogue import ChatMessage, ChatReply
from eoagent.dialogue.keeping import RecentReplies, reply_key


def message(*parts, role="user"):
    return ChatMessage(role=role, parts=parts)


def test_the_reply_asked_for_longest_ago_goes_first():
    kept = RecentReplies(2)
    kept.put("a", ChatReply(text="A"))
    kept.put("b", ChatReply(text="B"))
    assert kept.get("a") == ChatReply(text="A")
    kept.put("c", ChatReply(text="C"))
    assert kept.get("b") is None
    assert kept.get("a") == ChatReply(text="A")
    assert kept.get("c") == ChatReply(text="C")
    kept.put("a", ChatReply(text="A2"))
    assert kept.get("a") == ChatReply(text="A2")


@pytest.fixture
def key(scripted, a_picture):
    picture = a_picture(28, 56)

    def make(**changes):
        card = scripted(card=changes.get("card", "one")).card
        if "sha256" in changes:
            weights = card.weights.model_copy(update={"sha256": changes["sha256"]})
            card = card.model_copy(update={"weights": weights})
        messages = changes.get("messages", [message("hello", picture)])
        return reply_key(card, changes.get("manner", {"a": "b"}), messages, changes.get("most", 9))

    make.picture = picture
    return make


def test_equal_questions_have_one_key(key):
    assert key() == key(messages=[message("hello", key.picture.copy())])
    assert key(manner={"a": "b", "c": "d"}) == key(manner={"c": "d", "a": "b"})
    strided = np.ascontiguousarray(key.picture[::-1])[::-1]
    assert key() == key(messages=[message("hello", strided)])


def test_whatever_decides_a_reply_decides_its_key(key):
    picture, other = key.picture, key.picture.copy()
    other[0, 0, 0] ^= 1
    keys = [
        key(),
        key(card="two"),
        key(sha256="0" * 64),
        key(manner={"a": "c"}),
        key(most=10),
        key(messages=[message("hello!", picture)]),
        key(messages=[message(picture, "hello")]),
        key(messages=[message("hello", other)]),
        key(messages=[message("hello", picture.reshape(56, 28, 3))]),
        key(messages=[message("hello", picture, role="system")]),
        key(messages=[message("hello"), message(picture)]),
        key(messages=[message("hel", "lo", picture)]),
    ]
    assert len(set(keys)) == len(keys)
