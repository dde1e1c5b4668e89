"""Write a dialogue as the OpenAI protocol has it, its pictures without loss."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image
from pydantic import JsonValue

from eoagent.contracts.dialogue import ChatMessage, Part, Picture
from eoagent.contracts.errors import InputError

__all__ = ["as_request"]


def as_request(messages: Sequence[ChatMessage], *, model: str) -> dict[str, JsonValue]:
    """Return what is asked of a server: the model, the messages, and the likeliest words.

    Args:
        messages: what was said.
        model: name that the server knows it by.

    Raises:
        InputError: if there is no message, or a picture is none.
    """
    if not messages:
        raise InputError("a dialogue without a message was to be carried on", hint="say something")
    said: list[JsonValue] = [
        {"role": message.role, "content": _content(message.parts)} for message in messages
    ]
    return {"model": model, "messages": said, "temperature": 0}


def _content(parts: Sequence[Part]) -> JsonValue:
    """Return parts in their order; words alone as one text, which every template can take."""
    words = [part for part in parts if isinstance(part, str)]
    if len(words) == len(parts):
        return _plain("".join(words))
    return [_part(part) for part in parts]


def _part(part: Part) -> JsonValue:
    if isinstance(part, str):
        return {"type": "text", "text": _plain(part)}
    return {"type": "image_url", "image_url": {"url": _data_url(part)}}


def _plain(text: str) -> str:
    """Break what servers take for the marks between messages, so that no text can end one."""
    return text.replace("<|", "< |").replace("|>", "| >")


def _data_url(picture: Picture) -> str:
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        shape = " x ".join(map(str, picture.shape))
        raise InputError(
            f"a picture was expected as (height, width, 3) of uint8, found {shape} of "
            f"{picture.dtype}",
            hint="scale reflectance to 0..255 first, bands red, green, blue last",
        )
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
