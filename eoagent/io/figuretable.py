"""Figures as rows: what each stands for, when it was, and a table artifact of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from eoagent.contracts.artifact import Artifact, TableRef
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import Figure
from eoagent.contracts.store import ArtifactStore
from eoagent.contracts.units import convert, same_kind

__all__ = ["FigureRow", "figure_rows", "store_rows", "year_of"]

_YEAR: Final = timedelta(days=365.2425)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    """One figure among others of its kind."""

    id: str
    """The figure's id."""
    label: str
    """What tells it from the others: its item, date or file."""
    value: float
    """Its value in the unit of the first."""
    error: float | None
    """Its error in that unit."""
    time: datetime | None
    """Middle of the time of its source, UTC; None where it is not known."""
    time_label: str
    """The time as a person writes it, or empty."""


def figure_rows(identities: Sequence[str], figures: Mapping[str, Figure]) -> list[FigureRow]:
    """Return figures as rows in one unit, in the order given.

    Raises:
        InputError: if one is no figure or no number, appears twice, or is of another kind.
    """
    found = [_find(identity, figures) for identity in identities]
    if len({figure.id for figure in found}) != len(found):
        raise InputError("a figure appears twice", hint="give each figure once")
    unit = found[0].unit
    other = next((f for f in found if not same_kind(f.unit, unit)), None)
    if other is not None:
        raise InputError(
            f"{found[0].id} is in {unit} and {other.id} in {other.unit}: they do not compare",
            hint="give figures of one kind",
        )
    names = _names(found)
    return [_row(figure, name, unit) for figure, name in zip(found, names, strict=True)]


def store_rows(
    store: ArtifactStore, rows: Sequence[FigureRow], *, unit: str, label: str
) -> Artifact:
    """Keep rows as a table."""
    columns = ("item", "time", "value", "error", "figure")
    content = {
        "columns": columns,
        "units": {"value": unit, "error": unit},
        "rows": [[r.label, r.time_label, r.value, r.error, r.id] for r in rows],
    }
    file = store.scratch(".json")
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    ref = TableRef(path="", columns=columns, rows=len(rows), label=label)
    preview = {"columns": list(columns), "rows": len(rows)}
    return store.put("table", title=label, payload=ref.to_dict(), preview=preview, file=file)


def year_of(moment: datetime) -> float:
    """Return a moment as a decimal year of 365.2425 days."""
    start = datetime(moment.year, 1, 1, tzinfo=moment.tzinfo)
    return moment.year + (moment - start) / _YEAR


def _find(identity: str, figures: Mapping[str, Figure]) -> Figure:
    figure = figures.get(identity.removeprefix("figure:"))
    if figure is None:
        known = ", ".join(figures) or "none yet"
        raise InputError(f"'{identity}' is no figure of this run", hint=f"figures: {known}")
    if isinstance(figure.value, str):
        raise InputError(
            f"{figure.id} is the choice '{figure.value}', no number", hint="give numbers"
        )
    return figure


def _row(figure: Figure, name: str, unit: str) -> FigureRow:
    time = figure.sources[0].time if figure.sources else None
    middle = None
    if time is not None and time.start is not None and time.end is not None:
        middle = time.start + (time.end - time.start) / 2
    return FigureRow(
        id=figure.id,
        label=name,
        value=convert(figure.number, figure.unit, unit),
        error=None if figure.error is None else convert(figure.error, figure.unit, unit),
        time=middle,
        time_label=time.label if time is not None else "",
    )


def _names(figures: Sequence[Figure]) -> list[str]:
    """Return what tells the figures apart: item ids, else dates, else files, else labels."""
    options = (
        [f.sources[0].item_id if f.sources else "" for f in figures],
        [f.sources[0].time.label if f.sources and f.sources[0].time else "" for f in figures],
        [f.sources[0].href.rsplit("/", 1)[-1] if f.sources else "" for f in figures],
    )
    for names in options:
        if all(names) and len(set(names)) == len(names):
            return names
    return [f"{figure.label} ({figure.id})" for figure in figures]
