"""What the offline planner says, in the language of the question."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

__all__ = ["has_phrase", "say"]


def say(phrase: str, *, chinese: bool = False, **values: str) -> str:
    """Return a phrase with its names filled in."""
    return _phrases()[phrase]["zh" if chinese else "en"].format(**values)


def has_phrase(phrase: str) -> bool:
    """Return whether there is such a phrase."""
    return phrase in _phrases()


@lru_cache(maxsize=1)
def _phrases() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((files(__package__) / "phrases.toml").read_text(encoding="utf-8"))
