"""Figures as rows: what each stands for, when it was, and a table artifact of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from eoagent.contracts.artifact import Artifact, TableRef, handle_kind
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import Figure, FigureDraft, Source
from eoagent.contracts.store import ArtifactStore
from eoagent.contracts.units import convert, same_kind

__all__ = [
    "FigureRow",
    "TableContent",
    "figure_rows",
    "read_table",
    "store_rows",
    "table_rows",
    "year_of",
]

_YEAR: Final = timedelta(days=365.2425)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    """One figure among others of its kind."""

    id: str
    """The figure's id; empty for a row of a table."""
    draft: FigureDraft
    """The figure with its label, method and sources."""
    unit: str
    """Unit of value and error."""
    label: str
    """What tells it from the others: its item, date or file."""
    value: float
    """Its value in the unit of the first."""
    error: float | None
    """Its error in that unit."""
    time: datetime | None
    """Middle of the time of its source, UTC; None where it is not known."""
    time_label: str
    """The time as a person writes it, or empty; two times joined for a figure of two images."""
    handles: Mapping[str, str] = field(default_factory=dict)
    """Artifacts that the row stands for or holds, by name."""


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


def table_rows(
    store: ArtifactStore, handle: str, column: str
) -> tuple[list[FigureRow], tuple[str, ...]]:
    """Return a figure per row of a table that a step over a list gave, and the rows without one.

    Raises:
        InputError: if the table has no such figure, or it is no number in any row.
    """
    ref = TableRef.model_validate(store.get(handle).payload)
    content = json.loads(store.locate(ref.path).read_text(encoding="utf-8"))
    drafts = content.get("figures") or [{} for _ in content["rows"]]
    rows: list[FigureRow] = []
    missing: list[str] = []
    for cells, figures in zip(content["rows"], drafts, strict=True):
        named = dict(zip(content["columns"], cells, strict=True))
        label, raw = str(named.get("item", "")), figures.get(column)
        if raw is None or isinstance(raw["value"], str):
            missing.append(label)
            continue
        draft = FigureDraft.model_validate(raw)
        unit = rows[0].unit if rows else draft.unit
        row = _row(draft, label, unit)
        held = {k: v for k, v in named.items() if isinstance(v, str) and handle_kind(v)}
        rows.append(replace(row, handles=held))
    if not rows:
        known = sorted({name for figures in drafts for name in figures})
        raise InputError(
            f"no row of {handle} has a number '{column}'",
            hint=f"its figures: {', '.join(known) or 'none'}",
        )
    return rows, tuple(missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContent:
    """What a stored table holds."""

    columns: tuple[str, ...]
    """Names of the columns."""
    units: dict[str, str]
    """Unit by column, for those that have one."""
    rows: tuple[tuple[Any, ...], ...]
    """Rows of texts, numbers and None."""
    is_series: bool
    """Whether the rows are one figure over time."""


def read_table(store: ArtifactStore, handle: str) -> TableContent:
    """Return the content of a table artifact.

    Raises:
        NotFound: if it has gone.
    """
    ref = TableRef.model_validate(store.get(handle).payload)
    content = json.loads(store.locate(ref.path).read_text(encoding="utf-8"))
    return TableContent(
        columns=tuple(content["columns"]),
        units=dict(content.get("units", {})),
        rows=tuple(tuple(row) for row in content["rows"]),
        is_series=bool(content.get("is_series", False)),
    )


def store_rows(
    store: ArtifactStore,
    rows: Sequence[FigureRow],
    *,
    unit: str,
    label: str,
    is_series: bool = False,
) -> Artifact:
    """Keep rows as a table; `is_series` says that they are one figure over time."""
    columns = ("item", "time", "value", "error", "figure")
    content = {
        "columns": columns,
        "units": {"value": unit, "error": unit},
        "is_series": is_series,
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


def _row(figure: FigureDraft, name: str, unit: str) -> FigureRow:
    time = figure.sources[0].time if figure.sources else None
    middle = None
    if time is not None and time.start is not None and time.end is not None:
        middle = time.start + (time.end - time.start) / 2
    return FigureRow(
        id=getattr(figure, "id", ""),
        draft=figure,
        unit=unit,
        label=name,
        value=convert(float(figure.value), figure.unit, unit),
        error=None if figure.error is None else convert(figure.error, figure.unit, unit),
        time=middle,
        time_label=_times(figure),
    )


def _times(figure: FigureDraft) -> str:
    labels = [source.time.label for source in figure.sources if source.time is not None]
    return " to ".join(dict.fromkeys(labels))


def _joined(figure: FigureDraft, name: Callable[[Source], str]) -> str:
    """Return the names of a figure's images as one; empty if one has none."""
    images = (source for source in figure.sources if not source.is_model)
    known = list(dict.fromkeys(name(source) for source in images))
    return " to ".join(known) if all(known) else ""


def _names(figures: Sequence[Figure]) -> list[str]:
    """Return what tells the figures apart: item ids, else dates, else files, else labels."""
    options = (
        [_joined(f, lambda source: source.item_id) for f in figures],
        [_times(figure) for figure in figures],
        [_joined(f, lambda source: source.href.rsplit("/", 1)[-1]) for f in figures],
    )
    for names in options:
        if all(names) and len(set(names)) == len(names):
            return names
    return [f"{figure.label} ({figure.id})" for figure in figures]
