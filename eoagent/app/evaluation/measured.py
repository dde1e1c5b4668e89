"""What a suite that measures a model or an index found: metrics and tables, as one document."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Final

from pydantic import Field, JsonValue

from eoagent import __version__
from eoagent.app.evaluation.seeing.leftout import LeftOut
from eoagent.app.evaluation.showing import EVALUATION_HINT, table_html, table_lines
from eoagent.app.evaluation.tables import Table
from eoagent.app.plaintext import printable
from eoagent.app.report import page
from eoagent.contracts.card import UNKNOWN
from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.record import Record
from eoagent.io.atomic import disk_errors, make_folder, write_atomic

__all__ = [
    "MEASURED_SCHEMA",
    "Measured",
    "MeasuredModel",
    "measured_lines",
    "now_text",
    "own_versions",
    "save_measured",
]

MEASURED_SCHEMA: Final = "eoagent/measured/1"
_MOST_SHOWN: Final = 20


class MeasuredModel(Record):
    """A model that was measured, where it is no encoder."""

    card: str
    """Id of its card."""
    sha256: str
    """Of its weights, or `unknown`."""
    settings: dict[str, str] = Field(default_factory=dict)
    """How it was run and asked."""


class Measured(Record):
    """What a suite found."""

    schema_: str = Field(default=MEASURED_SCHEMA, alias="schema")
    """Name and version of this layout."""
    suite: str
    """Name of the suite."""
    data: str
    """What it was measured on: a folder, a file, or the name of an index."""
    sha256: str = ""
    """Of the file that lists it, if there is one."""
    encoder: EncoderFingerprint | None = None
    """The model that was measured."""
    models: tuple[MeasuredModel, ...] = ()
    """Other models that were measured; the first one answers for the figures."""
    metrics: dict[str, float]
    """Figures by name; shares are 0 to 1."""
    tables: tuple[Table, ...]
    """The same and more for people, with published figures beside them."""
    details: dict[str, JsonValue] = Field(default_factory=dict)
    """What is too long for a table, such as confusions."""
    left_out: tuple[LeftOut, ...] = ()
    """Pictures that could not be measured, the first thousand of them."""
    notes: tuple[str, ...] = ()
    """How it was measured, and what to know about it."""
    versions: dict[str, str]
    """Programs that took part."""
    created: str
    """ISO 8601, UTC."""
    seconds: float
    """Wall time."""

    def document(self) -> str:
        """Return it as one JSON document."""
        return str(self.model_dump_json(by_alias=True, indent=2))


def measured_lines(found: Measured) -> list[str]:
    """Return the tables and notes as lines of text."""
    tables = [["", *table_lines(table), *_note(table)] for table in _tables(found)]
    lines = [line for own in tables for line in own][1:]
    took = (f"measured in {found.seconds:.1f} s",) if found.models else ()
    told = (*found.notes, *map(_model_line, found.models), *took)
    return [printable(line) for line in (*lines, "", *told)]


def save_measured(found: Measured, folder: Path) -> Path:
    """Write `results.json` and `report.html` into a folder; return it.

    Raises:
        SourceError: if the folder cannot be written.
    """
    root = folder.expanduser().absolute()
    with disk_errors(root, hint=EVALUATION_HINT):
        make_folder(root)
    told = (*found.notes, *map(_model_line, found.models))
    notes = "".join(f"<li>{escape(printable(note))}</li>" for note in told)
    body = "\n".join(map(table_html, _tables(found)))
    footer = escape(printable(f"{found.data} {found.created} {found.seconds:.1f} s"))
    section = (
        f"<section><h1>eval {escape(found.suite)}</h1>{body}<ul>{notes}</ul>"
        f'<p class="footer">{footer}</p></section>'
    )
    write_atomic(root / "report.html", page(f"eoagent eval {found.suite}", [section]).encode())
    write_atomic(root / "results.json", found.document().encode())
    return root


def own_versions() -> dict[str, str]:
    """Return the versions that a measurement states."""
    return {"eoagent": __version__, "python": platform.python_version()}


def now_text() -> str:
    """Return the time as documents state it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _tables(found: Measured) -> tuple[Table, ...]:
    """Return the tables, and one of the pictures that were left out."""
    if not found.left_out:
        return found.tables
    shown = found.left_out[:_MOST_SHOWN]
    more = len(found.left_out) - len(shown)
    rows = tuple((own.picture, own.error, own.reason) for own in shown)
    note = f"and {more} more, in results.json" if more else ""
    return (*found.tables, Table(head=("left out", "error", "reason"), rows=rows, note=note))


def _model_line(model: MeasuredModel) -> str:
    how = "; ".join(f"{name}: {said}" for name, said in model.settings.items())
    weights = model.sha256 if model.sha256 == UNKNOWN else model.sha256[:12]
    return f"model {model.card}, weights sha256 {weights}{f'; {how}' if how else ''}"


def _note(table: Table) -> Sequence[str]:
    return (table.note,) if table.note else ()
