"""What a model's process and its parent send each other, as bytes: JSON, and arrays behind it.

A message is 20 bytes (`EOA1`, then the lengths of the two parts, little-endian, 8 bytes each),
a JSON document, and the buffers of its arrays, each at a multiple of 64 bytes. In the document an
array is `{"array": n}`, described in a list beside it; a tuple is `{"tuple": [...]}`, a mapping
`{"dict": {...}}`. Nothing is unpickled, and every length is checked before memory is taken.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["HEAD_BYTES", "MOST_BYTES", "BadFrameError", "decode", "encode", "lengths"]

MOST_BYTES: Final = 1 << 30
"""Longest message that is sent or taken by default, bytes."""
_MAGIC: Final = b"EOA1"
_HEAD: Final = struct.Struct("<4sQQ")
HEAD_BYTES: Final = _HEAD.size
"""Bytes before the two parts of a message."""
_MOST_DOCUMENT: Final = 64 << 20
_ALIGN: Final = 64
_DTYPES: Final = frozenset(
    np.dtype(kind).name
    for kind in "? u1 i1 u2 i2 u4 i4 u8 i8 f2 f4 f8".split()  # noqa: SIM905  a row to be read
)
_MOST_AXES: Final = 8
_MOST_DEPTH: Final = 16


class BadFrameError(ValueError):
    """Bytes that are no message, or something that no message can hold."""


def encode(value: Any, *, most_bytes: int = MOST_BYTES) -> bytes:
    """Return a message that holds a value.

    Args:
        value: None, numbers, texts, arrays of numbers, PIL pictures (which arrive as arrays), and
            lists, tuples and mappings of those; an array that comes twice is sent once.
        most_bytes: longest message.

    Raises:
        BadFrameError: if it holds anything else, or is too long.
    """
    arrays: dict[int, tuple[int, NDArray[Any]]] = {}
    pictures: list[Any] = []  # kept, so that no two arrays have one id
    told = _told(value, arrays, pictures, 0)
    about, buffers, at = [], [], 0
    for _, array in arrays.values():
        about.append({"dtype": str(array.dtype), "shape": array.shape, "at": at})
        buffers += [array.tobytes(), bytes(-array.nbytes % _ALIGN)]
        at += array.nbytes + -array.nbytes % _ALIGN
        if at > most_bytes:
            raise BadFrameError(f"{at} bytes are more than the {most_bytes} of a message")
    document = json.dumps({"value": told, "arrays": about}).encode()
    if len(document) > min(_MOST_DOCUMENT, most_bytes):
        raise BadFrameError(f"a document of {len(document)} bytes is too long for a message")
    return b"".join([_HEAD.pack(_MAGIC, len(document), at), document, *buffers])


def lengths(head: bytes, *, most_bytes: int = MOST_BYTES) -> tuple[int, int]:
    """Return the lengths of the two parts that follow the head of a message.

    Raises:
        BadFrameError: if it is no head, or the message is too long.
    """
    magic, document, body = _HEAD.unpack(head)
    if magic != _MAGIC:
        raise BadFrameError(f"{head[:8]!r} begins no message")
    if document > min(_MOST_DOCUMENT, most_bytes) or body > most_bytes:
        raise BadFrameError(f"{document + body} bytes are more than the {most_bytes} of a message")
    return document, body


def decode(document: bytes, body: bytearray) -> Any:
    """Return the value of a message; its arrays are views of `body`.

    Raises:
        BadFrameError: if the parts are not those of a message.
    """
    try:
        told = json.loads(document)
        arrays = [_array(about, body) for about in told["arrays"]]
        return _value(told["value"], arrays, 0)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise BadFrameError(f"a message cannot be read: {type(error).__name__}: {error}") from error


def _told(
    value: Any, arrays: dict[int, tuple[int, NDArray[Any]]], kept: list[Any], deep: int
) -> Any:
    if deep > _MOST_DEPTH:
        raise BadFrameError("a message cannot hold what is nested so deep")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Image.Image | np.ndarray):
        if id(value) not in arrays:
            kept.append(value)
            arrays[id(value)] = (len(arrays), _plain(value))
        return {"array": arrays[id(value)][0]}
    if isinstance(value, Mapping):
        return {"dict": {str(k): _told(v, arrays, kept, deep + 1) for k, v in value.items()}}
    if isinstance(value, list | tuple):
        parts = [_told(one, arrays, kept, deep + 1) for one in value]
        return {"tuple": parts} if isinstance(value, tuple) else parts
    raise BadFrameError(f"a message cannot hold a {type(value).__name__}")


def _plain(value: Any) -> NDArray[Any]:
    array = np.asarray(value.convert("RGB")) if isinstance(value, Image.Image) else value
    if str(array.dtype) not in _DTYPES or array.ndim > _MOST_AXES:
        raise BadFrameError(f"a message cannot hold an array of {array.dtype}, {array.ndim} axes")
    return np.ascontiguousarray(array).reshape(array.shape)


def _array(about: Mapping[str, Any], body: bytearray) -> NDArray[Any]:
    dtype, shape, at = about["dtype"], about["shape"], about["at"]
    if dtype not in _DTYPES or len(shape) > _MOST_AXES:
        raise BadFrameError(f"{dtype} with {len(shape)} axes is no array of a message")
    if any(type(size) is not int or size < 0 for size in [*shape, at]):
        raise BadFrameError(f"{shape} at {at} is no array of a message")
    count = math.prod(shape)
    if at + count * np.dtype(dtype).itemsize > len(body):
        raise BadFrameError(f"an array of {shape} goes beyond the {len(body)} bytes of a message")
    return np.frombuffer(body, dtype, count, at).reshape(shape) if count else np.empty(shape, dtype)


def _value(told: Any, arrays: list[NDArray[Any]], deep: int) -> Any:
    if deep > _MOST_DEPTH:
        raise BadFrameError("a message is nested too deep")
    if isinstance(told, list):
        return [_value(one, arrays, deep + 1) for one in told]
    if not isinstance(told, dict):
        return told
    ((form, held),) = told.items()
    if form == "array":
        if type(held) is not int or held < 0:
            raise BadFrameError(f"there is no array {held!r}")
        return arrays[held]
    if form == "tuple":
        return tuple(_value(one, arrays, deep + 1) for one in held)
    if form == "dict":
        return {key: _value(one, arrays, deep + 1) for key, one in held.items()}
    raise BadFrameError(f"{form!r} is no part of a message")
