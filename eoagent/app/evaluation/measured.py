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
from eoagent.app.evaluation.showing import EVALUATION_HINT, table_html, table_lines
from eoagent.app.evaluation.tables import Table
from eoagent.app.plaintext import printable
from eoagent.app.report import page
from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.record import Record
from eoagent.io.atomic import disk_errors, make_folder, write_atomic

__all__ = [
    "MEASURED_SCHEMA",
    "Measured",
    "measured_lines",
    "now_text",
    "own_versions",
    "save_measured",
]

MEASURED_SCHEMA: Final = "eoagent/measured/1"


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
    metrics: dict[str, float]
    """Figures by name; shares are 0 to 1."""
    tables: tuple[Table, ...]
    """The same and more for people, with published figures beside them."""
    details: dict[str, JsonValue] = Field(default_factory=dict)
    """What is too long for a table, such as confusions."""
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
    tables = [["", *table_lines(table), *_note(table)] for table in found.tables]
    lines = [line for own in tables for line in own][1:]
    return [printable(line) for line in (*lines, "", *found.notes)]


def save_measured(found: Measured, folder: Path) -> Path:
    """Write `results.json` and `report.html` into a folder; return it.

    Raises:
        SourceError: if the folder cannot be written.
    """
    root = folder.expanduser().absolute()
    with disk_errors(root, hint=EVALUATION_HINT):
        make_folder(root)
    notes = "".join(f"<li>{escape(printable(note))}</li>" for note in found.notes)
    body = "\n".join(map(table_html, found.tables))
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


def _note(table: Table) -> Sequence[str]:
    return (table.note,) if table.note else ()
