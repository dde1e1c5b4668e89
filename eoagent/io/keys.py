"""Take what looks like a key out of a text that somebody else wrote.

Unlike `href.redact_text`, which leaves every query of an address out, this leaves addresses
readable: only the parameters that hold keys by their name go. A key without any sign of being one
is not found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["key_remover", "remove_keys"]

_SECRET_ENDINGS: Final = ("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")
_SHORTEST: Final = 6
_USER: Final = re.compile(r"(?<=://)[^/?#\s\"'<>]*@")
_PARAMETER: Final = re.compile(
    r"([?&;#][^=&#\s\"'<>]{0,60}?(?:sig|token|key|secret|passw|pwd|credential|auth|session)"
    r"[^=&#\s\"'<>]{0,60}=)[^&#\s\"'<>]+",
    re.IGNORECASE,
)
_HEADER: Final = re.compile(
    r"\b((?:proxy-)?authorization|[a-z-]{0,20}api[-_ ]?key|(?:access|auth|refresh)[-_]token|"
    r"x-[a-z-]{0,20}token|(?:set-)?cookie|password)"
    r"([\"']?[ \t]?[:=][ \t]?[\"']?)(?:(?:bearer|basic|token)[ \t]+)?[^\s\"',;}\]]+",
    re.IGNORECASE,
)
_BEARER: Final = re.compile(r"\b(bearer|basic)[ \t]+[\w.~+/=-]{8,}", re.IGNORECASE)
_PREFIXED: Final = re.compile(r"\b(sk-|ghp_|github_pat_|glpat-|hf_|xox[a-z]-|AKIA|AIza)[\w-]{8,}")


def remove_keys(text: str) -> str:
    """Return a text without credentials of addresses and headers."""
    text = _USER.sub("...@", text)
    text = _PARAMETER.sub(r"\1...", text)
    text = _HEADER.sub(r"\1\2...", text)
    text = _BEARER.sub(r"\1 ...", text)
    return _PREFIXED.sub(r"\1...", text)


def key_remover(environ: Mapping[str, str]) -> Callable[[Any], Any]:
    """Return what takes keys out of the texts in a JSON value, those of variables among them.

    Args:
        environ: the environment variables; those named like a key are looked up when it is used.
    """
    names = [name for name in environ if name.upper().endswith(_SECRET_ENDINGS)]

    def remove(value: Any) -> Any:
        if isinstance(value, str):
            for name in names:
                secret = environ.get(name, "")
                if len(secret) >= _SHORTEST:
                    value = value.replace(secret, f"[{name}]")
            return remove_keys(value)
        if isinstance(value, list):
            return [remove(item) for item in value]
        if isinstance(value, dict):
            return {remove(key): remove(item) for key, item in value.items()}
        return value

    return remove
