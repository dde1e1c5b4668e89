"""A partner in dialogues over the queue: what it asks, and what it makes of what comes back."""

from __future__ import annotations

import time

import numpy as np
import pytest

from eoagent.contracts.dialogue import ChatMessage, ChatReply
from eoagent.contracts.errors import BudgetExceeded, ModelError
from eoagent.runners.chatting import PooledChat
from eoagent.runners.isolated.frames import encode
from eoagent.runners.queue import ModelQueue

RESULT = {
    "text": "a quay",
    "is_cut": False,
    "is_late": False,
    "input_tokens": 9,
    "output_tokens": 3,
    "seconds": 0.5,
}


@pytest.fixture
def make(make_card):
    def made(result=RESULT, *, streams=False, deadline_s=30.0, asked=None):
        def ask(item, listen):
            if asked is not None:
                asked.append((item, listen))
            return result

        card = make_card(dimensions=0)
        return PooledChat(
            card, ask, manner={"place": "cpu"}, deadline_s=deadline_s, streams=streams
        )

    return made


def _messages():
    picture = np.zeros((28, 28, 3), np.uint8)
    return [ChatMessage(role="user", parts=("where?", picture))]


def test_a_model_in_another_process_is_sent_what_a_message_can_hold(make):
    asked, told = [], []
    chat = make(asked=asked)
    reply = chat.complete(_messages(), max_tokens=7, on_text=told.append)
    ((item, listen),) = asked
    assert listen is None
    assert encode(item)
    assert set(item) == {"messages", "max_tokens", "ends_at"}
    assert item["max_tokens"] == 7
    assert 25 < item["ends_at"] - time.monotonic() <= 27
    assert told == ["a quay"]
    assert reply == ChatReply(text="a quay", input_tokens=9, output_tokens=3, seconds=0.5)
    assert chat.manner == {"place": "cpu"}


def test_a_model_of_this_process_sees_when_nobody_waits_any_more(make):
    asked = []
    make(asked=asked, streams=True).complete(_messages(), max_tokens=7)
    ((item, listen),) = asked
    assert listen is None
    assert "tell" not in item
    assert item["is_wanted"]() is False


def test_a_reply_that_was_broken_off_is_told_apart_from_one_that_is_too_late(make):
    cut = make({**RESULT, "is_cut": True}).complete(_messages(), max_tokens=3)
    assert cut.is_cut
    late = make({**RESULT, "is_cut": True, "is_late": True})
    with pytest.raises(BudgetExceeded, match="had 30 s for a reply, and wrote 3 tokens") as caught:
        late.complete(_messages(), max_tokens=30)
    assert "name a server" in caught.value.hint


@pytest.mark.parametrize("wrong", ["text", {"text": 3}, {**RESULT, "seconds": float("nan")}])
def test_what_is_no_reply_is_refused(make, wrong):
    with pytest.raises(ModelError, match="tiny gave"):
        make(wrong).complete(_messages(), max_tokens=3)


class Slow:
    """A model that tells two pieces before it is done."""

    memory_mb = 1

    def run(self, task, items):
        for item in items:
            item["tell"]("a ")
            item["tell"]("quay")
        return [RESULT for _ in items]

    def result_form(self, task):
        return None

    def close(self):
        pass


def test_what_was_told_last_is_handed_on_before_the_reply(make_card):
    queue = ModelQueue(Slow, name="slow", max_batch=1)

    def ask(item, listen):
        return queue.wait(queue.submit("chat", [item]), deadline_s=10, listen=listen)[0]

    told = []
    chat = PooledChat(
        make_card(dimensions=0), ask, manner={}, deadline_s=10, streams=True, reason="because"
    )
    assert chat.complete(_messages(), max_tokens=3, on_text=told.append).text == "a quay"
    assert told == ["a ", "quay"]
    assert chat.reason == "because"
    queue.close()
