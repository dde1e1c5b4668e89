"""What a chat model's failure amounts to: to be asked again, or one typed error."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from eoagent.contracts.errors import EoAgentError, ModelError, SourceError

__all__ = ["explained", "wait_after"]

_FIRST_WAIT_S: Final = 0.5
_MAX_WAIT_S: Final = 20.0
_PASSING: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""HTTP status codes after which the same request may succeed."""
_PASSING_NAMES: Final = re.compile(
    r"timeout|connect|ratelimit|overloaded|protocolerror|readerror|networkerror|transporterror"
)
_PASSING_WORDS: Final = re.compile(r"server_error|overloaded|rate_limit|try again", re.IGNORECASE)
_TOO_LONG: Final = re.compile(
    r"context.{0,12}(?:length|size|window)|maximum context|too many tokens|prompt is too long|"
    r"maximum number of tokens|reduce the length|contextoverflow",
    re.IGNORECASE,
)
_MAX_TOLD: Final = 200


def wait_after(error: Exception, attempt: int, jitter: Callable[[], float]) -> float | None:
    """Return how many seconds to wait before asking again, or None where that would not help.

    Args:
        error: what the provider's library raised.
        attempt: which attempt it ended, from 1.
        jitter: gives a number from 0 to 1.
    """
    if not _is_passing(error):
        return None
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    said = str(headers.get("retry-after", ""))
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", said):
        return float(said) if float(said) <= _MAX_WAIT_S else None
    longest: float = min(_FIRST_WAIT_S * 2 ** (attempt - 1), _MAX_WAIT_S)
    return longest * (0.5 + jitter() / 2)


def _is_passing(error: Exception) -> bool:
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return status in _PASSING
    if _PASSING_NAMES.search(_lineage(error)):
        return True
    # An error that came inside a stream, which had begun with status 200.
    told = f"{getattr(error, 'type', '')} {getattr(error, 'code', '')} {error}"
    return type(error).__name__ == "APIError" and bool(_PASSING_WORDS.search(told))


def _lineage(error: Exception) -> str:
    return " ".join(cls.__name__.lower() for cls in type(error).__mro__[:-2])


def explained(error: Exception, attempts: int, redact: Callable[[str], str]) -> EoAgentError:
    """Return the one typed error for what a provider's library raised, without any key.

    Args:
        error: what was raised.
        attempts: how many attempts were made.
        redact: takes keys out of a text.
    """
    status = getattr(error, "status_code", None)
    whole = " ".join(str(error).split())
    told = redact(whole)[:_MAX_TOLD]
    if _TOO_LONG.search(f"{_lineage(error)} {whole}"):
        return ModelError(
            "the conversation is longer than the language model can read",
            hint="start a new thread, or use a model with a longer context",
        )
    tried = f" after {attempts} attempts" if attempts > 1 else ""
    if isinstance(status, int):
        text = f"the language model's server answered {status}{tried}: {told}"
        hints = {
            401: "check the key of this provider (its environment variable)",
            403: "check the key of this provider and what it may use",
            404: "check the model's name and --base-url",
        }
        if 400 <= status < 500 and status not in _PASSING:
            return ModelError(text, hint=hints.get(status, "see what the server says"))
        return SourceError(text, href="", hint="ask again later")
    what = f"{type(error).__name__}: {told}" if told else type(error).__name__
    if _is_passing(error):
        return SourceError(
            f"the language model cannot be reached{tried}: {what}",
            href="",
            hint="check --base-url and the network, or use --planner offline",
        )
    if isinstance(error, NotImplementedError):
        return ModelError(
            "this chat model cannot call tools", hint="use one that can, or --planner offline"
        )
    return ModelError(
        f"nothing that can be read came from the language model: {what}",
        hint="check that --base-url is the address of a chat API and the model can call tools",
    )
