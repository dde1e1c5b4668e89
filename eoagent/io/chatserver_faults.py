"""Tell what a fault of a chat server amounts to: to be tried again, or one typed error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from eoagent.contracts.errors import EoAgentError, InputError, ModelError
from eoagent.contracts.text import plain_text
from eoagent.io.href import redact, redact_text
from eoagent.io.keys import remove_keys
from eoagent.io.retryafter import retry_after_s

__all__ = ["Clean", "FaultError", "as_error", "cleaner", "judge", "readable_json", "told_in"]

Clean = Callable[[str], str]
"""Takes keys, addresses and length out of a text of the server."""
FaultKind = Literal["passing", "final", "form", "model", "input"]

_PASSING: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""HTTP status codes after which the same request may succeed."""
_REDIRECTS: Final = range(300, 400)
_FORM: Final = frozenset({400, 405, 415, 422, 501})
"""Status codes of servers that do not take a request in the form in which it came."""
_FORM_WORDS: Final = re.compile(
    r"stream|extra|unsupported|unrecogni|unexpected|unknown|not permitted|field|param",
    re.IGNORECASE,
)
_TOO_LONG: Final = re.compile(
    r"context.{0,12}(?:length|size|window)|maximum context|too many tokens|prompt is too long|"
    r"maximum number of tokens|reduce the length|maximum model length|max_model_len|"
    r"input.{0,40}too (?:long|large)",
    re.IGNORECASE,
)
_TOO_MANY_PICTURES: Final = re.compile(
    r"at most [0-9]{1,4} (?:image|multimodal|item)", re.IGNORECASE
)
_NO_MODEL: Final = re.compile(
    r"model.{0,120}(?:does not exist|not found|no such)|pinned to", re.IGNORECASE
)
_MAX_TOLD: Final = 200
_SHORTEST_KEY: Final = 6
"""Letters below which a key is too common a word to be taken out of texts."""
_KEY_HINT: Final = (
    "set reasoner_key (variable EOAGENT_REASONER_KEY); to a server that only the eoagent.toml of "
    "the working directory names, no key but that file's is sent"
)


class FaultError(Exception):
    """What went wrong in one try. Never leaves `eoagent.io`."""

    def __init__(
        self, why: str, *, kind: FaultKind = "passing", wait_s: float = 0.0, hint: str = ""
    ) -> None:
        """Make one.

        Args:
            why: what the server did, to follow its name: `answers 503`.
            kind: whether a further try may mend it (`passing`), the request in another form
                (`form`), another model name (`model`), or a smaller question (`input`).
            wait_s: how long it asks to be left alone, seconds.
            hint: what the user can do.
        """
        super().__init__(why)
        self.why = why
        self.kind: FaultKind = kind
        self.wait_s = wait_s
        self.hint = hint


def cleaner(key: str) -> Clean:
    """Return what makes texts of a server fit for messages: no keys, one short line."""

    def clean(text: str) -> str:
        if len(key) >= _SHORTEST_KEY:
            text = text.replace(key, "[key]")
        return plain_text(" ".join(redact_text(remove_keys(text)).split()), _MAX_TOLD)

    return clean


def readable_json(data: str | bytes) -> Any:
    """Return what a JSON text holds.

    Raises:
        FaultError: if it is none.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FaultError(
            "answers with what is no JSON",
            hint="check that the address is that of a server with the OpenAI protocol",
        ) from error


def told_in(record: object) -> str:
    """Return the message of an error as servers put it into JSON, or an empty text."""
    if isinstance(record, str):
        return record
    if isinstance(record, list):
        return "; ".join(filter(None, map(told_in, record[:3])))
    if isinstance(record, dict):
        for name in ("error", "message", "detail", "msg"):
            if record.get(name):
                return told_in(record[name])
    return ""


def judge(status: int, headers: Mapping[str, str], body: bytes, clean: Clean) -> FaultError:
    """Return the fault that an answer with a status other than 2xx is.

    Args:
        status: HTTP status code.
        headers: by lower-case name.
        body: what there is of its body.
        clean: makes the server's words fit for a message.
    """
    if status in _REDIRECTS:
        place = clean(redact(headers.get("location", ""))) or "nowhere"
        return FaultError(
            f"redirects to {place!r}, which is not followed",
            kind="final",
            hint="if you trust that place, give its address as the reasoner",
        )
    told = _told(body)
    why = f"answers {status}" + (f": {clean(told)}" if told else "")
    if status in _PASSING and not _TOO_LONG.search(told):
        hint = "try again later, or see what the server's log says"
        return FaultError(why, wait_s=retry_after_s(headers), hint=hint)
    if status in (401, 403):
        return FaultError(why, kind="final", hint=_KEY_HINT)
    if status == 413 or _TOO_LONG.search(told):
        return FaultError(
            f"cannot read that much at once ({why})",
            kind="input",
            hint="ask about a smaller part of the picture, or start the server with a longer "
            "context (vLLM: --max-model-len)",
        )
    if _TOO_MANY_PICTURES.search(told):
        return FaultError(
            f"does not take that many pictures ({why})",
            kind="input",
            hint="ask about fewer pictures, or let the server take more (vLLM: "
            "--limit-mm-per-prompt)",
        )
    if status == 404 or (400 <= status < 500 and _NO_MODEL.search(told)):
        return FaultError(why, kind="model", hint="check the address and reasoner_model")
    if status in _FORM and (not told or _FORM_WORDS.search(told)):
        return FaultError(why, kind="form", hint="see what the server says")
    return FaultError(why, kind="final", hint="see what the server says")


def _told(body: bytes) -> str:
    """Return what an error body says; a page for browsers says nothing."""
    try:
        return told_in(json.loads(body))
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace").strip()
        return "" if text.startswith("<") else text


def as_error(fault: FaultError, *, server: str, tries: int) -> EoAgentError:
    """Return the one typed error that a request ends in.

    Args:
        fault: what the last try came to.
        server: the server, as it is shown.
        tries: how many tries were made.
    """
    often = f" (tried {tries} times)" if tries > 1 else ""
    message = f"the reasoner's server {server} {fault.why}{often}"
    kind = InputError if fault.kind == "input" else ModelError
    return kind(message, hint=fault.hint)
