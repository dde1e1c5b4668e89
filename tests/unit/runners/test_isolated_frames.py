"""Messages between processes: what goes in comes out, and bad bytes are refused, never run."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from eoagent.runners.isolated.frames import HEAD_BYTES, BadFrameError, decode, encode, lengths

_DTYPES = st.one_of(
    arrays.boolean_dtypes(),
    arrays.integer_dtypes(endianness="="),
    arrays.unsigned_integer_dtypes(endianness="="),
    arrays.floating_dtypes(endianness="=", sizes=(16, 32, 64)),
)
_ARRAYS = arrays.arrays(
    _DTYPES, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
)
_PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), _ARRAYS
)
_VALUES = st.recursive(
    _PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(), inner, max_size=4),
    ),
    max_leaves=12,
)


def _decoded(data):
    document, body = lengths(data[:HEAD_BYTES])
    assert len(data) == HEAD_BYTES + document + body
    middle = HEAD_BYTES + document
    return decode(data[HEAD_BYTES:middle], bytearray(data[middle:]))


def _same(one, other):
    if isinstance(one, np.ndarray):
        return (
            one.dtype == other.dtype
            and one.shape == other.shape
            and one.tobytes() == other.tobytes()  # a value that is no number equals itself too
        )
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


@settings(max_examples=150, deadline=None)
@given(_VALUES)
def test_what_is_sent_arrives(value):
    assert _same(value, _decoded(encode(value)))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_are_refused_or_read(document, body):
    with pytest.raises(BadFrameError):
        decode(document + b"\xff", bytearray(body))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_message_that_was_changed_is_refused_or_read(data):
    message = encode({"items": [np.arange(6.0).reshape(2, 3), "text"], "n": (1, None)})
    document, _ = lengths(message[:HEAD_BYTES])
    spoilt = bytearray(message)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(HEAD_BYTES, HEAD_BYTES + document - 1))
        spoilt[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadFrameError):  # any other error would end the parent's thread
        _decoded(bytes(spoilt))


def test_an_array_that_comes_twice_is_sent_once_and_stays_one():
    picture = np.zeros((100, 100, 3), np.uint8)
    data = encode([(picture, "ship"), (picture, "car")])
    assert len(data) < 2 * picture.nbytes
    (first, _), (second, _) = _decoded(data)
    assert first is second
    first[0, 0, 0] = 7  # it is the receiver's own


def test_pictures_arrive_as_arrays_and_slices_as_their_values():
    picture = Image.new("L", (4, 3), 9)
    assert np.array_equal(_decoded(encode(picture)), np.full((3, 4, 3), 9, np.uint8))
    whole = np.arange(24).reshape(4, 6)
    assert np.array_equal(_decoded(encode(whole[::2, ::-1])), whole[::2, ::-1])
    assert _decoded(encode(np.float32(0.5))) == 0.5


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, b"bytes", np.array([object()]), np.array(["text"]), 1j]
)
def test_what_no_message_holds_is_refused(value):
    with pytest.raises(BadFrameError, match="a message cannot hold"):
        encode([value])


def test_long_messages_are_refused_on_both_sides():
    with pytest.raises(BadFrameError, match="1000000 bytes are more than the 1000 of a message"):
        encode(np.zeros(1_000_000, np.uint8), most_bytes=1000)
    with pytest.raises(BadFrameError, match="a document of .* bytes is too long"):
        encode("x" * 2000, most_bytes=1000)
    with pytest.raises(BadFrameError, match="are more than the 1000 of a message"):
        lengths(encode(np.zeros(2000, np.uint8))[:HEAD_BYTES], most_bytes=1000)
    with pytest.raises(BadFrameError, match="begins no message"):
        lengths(b"\x80\x04" + bytes(HEAD_BYTES - 2))


@pytest.mark.parametrize(
    "about",
    [
        {"dtype": "object", "shape": [1], "at": 0},
        {"dtype": "float64", "shape": [9], "at": 0},
        {"dtype": "uint8", "shape": [1 << 40, 1 << 40], "at": 0},
        {"dtype": "uint8", "shape": [-1], "at": 0},
        {"dtype": "uint8", "shape": [1], "at": 64},
        {"dtype": "uint8", "shape": [True], "at": 0},
        {"dtype": "uint8", "shape": [1] * 40, "at": 0},
        {"dtype": "uint8"},
    ],
)
def test_an_array_that_its_bytes_cannot_hold_is_refused(about):
    document = json.dumps({"value": {"array": 0}, "arrays": [about]}).encode()
    with pytest.raises(BadFrameError, match="message"):
        decode(document, bytearray(64))


def test_deep_nesting_is_refused_on_both_sides():
    value: list = []
    for _ in range(40):
        value = [value]
    with pytest.raises(BadFrameError, match="nested so deep"):
        encode(value)
    document = b'{"arrays": [], "value": ' + b"[" * 40 + b"]" * 40 + b"}"
    with pytest.raises(BadFrameError, match="nested too deep"):
        decode(document, bytearray())
