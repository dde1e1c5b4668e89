"""Pick features by name: exact, whatever the case, in the columns that hold names."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa

from eoagent.contracts.errors import NotFound
from eoagent.io.featureset import FeatureSet

__all__ = ["name_columns", "select_named"]

_FIRST: Final = (
    *("name", "name_en", "nameascii", "name_long", "glac_name", "admin", "title", "label"),
    *("place", "city", "country", "id"),
)
_MAX_COMPARED: Final = 20_000


def select_named(features: FeatureSet, name: str) -> FeatureSet:
    """Return all features with this name and say in which column it stood.

    Columns are tried one after the other, those that hold names first; the first with a match
    decides.

    Raises:
        NotFound: if no text column holds the name; the hint lists the closest ones.
    """
    wanted = _fold(name)
    columns = name_columns(features)
    for column in columns:
        values = features.values(column)
        rows = np.array([v is not None and _fold(v) == wanted for v in values], dtype=np.bool_)
        if rows.any():
            number = int(rows.sum())
            note = f"'{name[:80]}' was found in the column {column}"
            if number > 1:
                note += f", {number} times; all are taken"
            picked = features.take(rows)
            label = str(values[int(np.argmax(rows))])[:200]
            return replace(picked, label=label, assumptions=(*features.assumptions, note))
    where = f"in the columns {', '.join(columns[:6])}" if columns else "for want of a text column"
    raise NotFound(
        f"no feature of {features.label or 'the features'} is named '{name[:80]}' ({where})",
        hint=_closest(features, columns, wanted),
    )


def name_columns(features: FeatureSet) -> tuple[str, ...]:
    """Return the text columns, those that are likely to hold names first."""
    schema = features.columns.schema
    texts = [
        f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)
    ]

    def rank(column: str) -> tuple[int, int]:
        folded = column.casefold()
        if folded in _FIRST:
            return 0, _FIRST.index(folded)
        return (1 if "name" in folded else 2), texts.index(column)

    return tuple(sorted(texts, key=rank))


def _fold(value: Any) -> str:
    return " ".join(unicodedata.normalize("NFKC", str(value)).casefold().split())


def _closest(features: FeatureSet, columns: tuple[str, ...], wanted: str) -> str:
    known = dict(_names(features, columns))
    found = difflib.get_close_matches(wanted, list(known)[:_MAX_COMPARED], n=5, cutoff=0.6)
    if found:
        return "close names: " + ", ".join(known[match][:60] for match in found)
    some = ", ".join(text[:60] for text in list(known.values())[:5])
    return f"names here are, for example: {some}" if some else "the features have no names"


def _names(features: FeatureSet, columns: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for column in columns[:4]:
        for value in features.values(column):
            if value:
                yield _fold(value), str(value)
