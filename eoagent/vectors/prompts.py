"""Put a text into the sentences of a prompt ensemble; the sentences are data (`ensembles.toml`)."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from pydantic import Field, ValidationError

from eoagent.contracts.errors import InputError, InternalError, NotFound
from eoagent.contracts.record import Record

__all__ = ["NO_ENSEMBLE", "USUAL_ENSEMBLE", "Ensemble", "ensembles", "prompts"]

NO_ENSEMBLE: Final = "none"
"""Name that stands for the text as it is."""
USUAL_ENSEMBLE: Final = "short"
"""Ensemble that words are put into where none is named."""
_SLOT: Final = "{}"


class Ensemble(Record):
    """Sentences that a text is put into."""

    summary: str
    """What the ensemble is for."""
    templates: tuple[str, ...] = Field(min_length=1)
    """Sentences; `{}` stands for the text."""


@cache
def ensembles() -> MappingProxyType[str, Ensemble]:
    """Return the ensembles by name."""
    text = files("eoagent.vectors").joinpath("ensembles.toml").read_text(encoding="utf-8")
    try:
        found = {name: Ensemble.model_validate(one) for name, one in tomllib.loads(text).items()}
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise InternalError(f"ensembles.toml does not hold: {error}") from error
    return MappingProxyType(found)


def prompts(text: str, ensemble: str = "single") -> tuple[str, ...]:
    """Return the sentences of an ensemble with a text in them.

    Args:
        text: what is looked for (`a harbour`); a full stop at its end is dropped where a sentence
            goes on.
        ensemble: name of the ensemble; `none` gives the text alone, as it is.

    Raises:
        InputError: if the text is empty.
        NotFound: if there is no such ensemble; the hint lists those that there are.
    """
    if not text.strip():
        raise InputError("the text to search for is empty", hint="say what to look for")
    if ensemble == NO_ENSEMBLE:
        return (text,)
    known = ensembles()
    if ensemble not in known:
        raise NotFound(
            f"there is no prompt ensemble '{ensemble}'",
            hint=f"there are: {', '.join((NO_ENSEMBLE, *known))}",
        )
    words = text.strip().rstrip(".")
    return tuple(template.replace(_SLOT, words) for template in known[ensemble].templates)
