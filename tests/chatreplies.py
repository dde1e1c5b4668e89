"""Answers of a server with the OpenAI protocol, good ones and bad ones, and a clock that jumps."""

from __future__ import annotations

import json


def event(delta, finish=None, **more):
    """One event of a stream."""
    whole = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "model": "served",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return b"data: " + json.dumps(whole | more).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
USAGE = event({}, choices=[], usage={"prompt_tokens": 160, "completion_tokens": 73})


def pieces(text, field="content"):
    """A text as events of a few letters each."""
    return [event({field: text[at : at + 5]}) for at in range(0, len(text), 5)]


def words(text, *, think="", field="reasoning_content", finish="stop"):
    """A whole stream: reasoning in a field of its own, the text, how it ended, tokens."""
    return [
        event({"role": "assistant", "content": ""}),
        *pieces(think, field),
        *pieces(text),
        event({}, finish),
        USAGE,
        DONE,
    ]


def stream(exchange, events, *, end=True):
    """Send events in chunks; without an end the connection is closed in the middle."""
    exchange.head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
    for one in events:
        exchange.send(f"{len(one):x}\r\n".encode() + one + b"\r\n")
    if end:
        exchange.send(b"0\r\n\r\n")
    else:
        exchange.drop()


def streamed(*events, end=True):
    return lambda exchange: stream(exchange, events, end=end)


def document(text, *, think="", field="reasoning_content", finish="stop"):
    """A reply in one document."""
    message = {"role": "assistant", "content": text} | ({field: think} if think else {})
    whole = {
        "object": "chat.completion",
        "model": "served",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 160, "completion_tokens": 73},
    }
    return json_of(whole)


def json_of(value, status=200, **headers):
    body = json.dumps(value).encode()
    return lambda exchange: exchange.reply(status, body, Content_Type="application/json", **headers)


def failing(status, told="busy", **headers):
    """An answer with an error in the form of the protocol."""
    return json_of({"error": {"message": told, "type": "t", "code": None}}, status, **headers)


def models(*names):
    return json_of({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})


class Script:
    """Answers as it is told, one answer for each request; the last one for all that follow."""

    def __init__(self, *answers, names=("served",)):
        self.answers = list(answers)
        self.names = names
        self.asked = []

    def __call__(self, exchange):
        if exchange.path.endswith("/models"):
            models(*self.names)(exchange)
            return
        self.asked.append((exchange.path, json.loads(exchange.body), exchange.headers))
        self.answers[min(len(self.asked), len(self.answers)) - 1](exchange)


class JumpingClock:
    """A clock that stands still but for what is slept."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds
