"""Server-sent events come out the same however their bytes were cut on the way."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.io.chatserver_events import TooMuchError, event_data

_STREAM = (
    '\ufeffdata: {"a": 1}\n\n: a comment\n\nevent: x\ndata:no space\r\n\r\n'
    "data: zwei\ndata: Zeilen, größer 🛰\r\rid: 7\n\ndata: [DONE]\n\n"
).encode()
_DATA = ['{"a": 1}', "no space", "zwei\nZeilen, größer 🛰", "[DONE]"]


@given(st.lists(st.integers(1, 12), min_size=1, max_size=40))
def test_events_do_not_depend_on_where_the_bytes_were_cut(sizes):
    chunks, at, turn = [], 0, 0
    while at < len(_STREAM):
        size = sizes[turn % len(sizes)]
        chunks.append(_STREAM[at : at + size])
        at, turn = at + size, turn + 1
    assert list(event_data(chunks, max_bytes=len(_STREAM))) == _DATA


def test_an_event_without_its_end_is_given_for_the_reader_to_judge():
    assert list(event_data([b"data: a\n\ndata: {ha"], max_bytes=99)) == ["a", "{ha"]


def test_bytes_that_are_no_utf8_come_out_as_replacement():
    assert list(event_data([b"data: a\xffb\n\n"], max_bytes=99)) == ["a\ufffdb"]


def test_a_stream_longer_than_allowed_is_given_up():
    def endless():
        while True:
            yield b"data: x\n\n"

    data = event_data(endless(), max_bytes=100)
    assert list(islice(data, 11)) == ["x"] * 11
    with pytest.raises(TooMuchError):
        next(data)
