"""Put what a call gave into the protocol's words: structured content, a short text, or an error."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any, Final, Literal

import mcp_types as types
from pydantic import Field

from eoagent.app.session import Done
from eoagent.contracts.artifact import Artifact
from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.figure import Figure
from eoagent.contracts.record import Record
from eoagent.contracts.store import ArtifactStore
from eoagent.contracts.text import plain_text, plain_values
from eoagent.io.figuretable import read_table
from eoagent.io.href import redact_text
from eoagent.planner.rendering import quantity

__all__ = [
    "URI",
    "ArtifactReport",
    "CallReport",
    "ErrorReport",
    "FigureReport",
    "failed",
    "finished",
    "replied",
]

URI: Final = "eoagent://artifact/"
"""What the address of an artifact begins with; its handle follows."""
_MOST_FIGURES: Final = 200
_FIGURES_IN_TEXT: Final = 40
_ROWS_SHOWN: Final = 20
_PICTURE_BYTES: Final = 1_000_000
_LINKS_SINCE: Final = "2025-06-18"
"""Version of the protocol that brought links to resources; versions are dates."""


class ArtifactReport(Record):
    """An artifact that a call made."""

    handle: str
    """What later calls name it by."""
    kind: str
    """raster, mask, features, scenes, table, picture, ..."""
    title: str
    """Short name; it may come from the metadata of a file."""
    uri: str
    """Where its record can be read, with a picture, GeoJSON or rows if there are any."""
    media_type: str
    """Type of its file."""
    preview: dict[str, Any]
    """A few facts."""
    rows: tuple[dict[str, Any], ...] = ()
    """The first rows of a table."""


class FigureReport(Record):
    """A number or choice that a call measured."""

    id: str
    """What `calculate` and `rank` name it by, and what an answer should cite."""
    name: str
    """Name of the output."""
    label: str
    """What it is."""
    value: float | int | str
    """The value, in the unit."""
    unit: str
    """m, m2, percent, count, 1 for a ratio, `choice` for a text, ..."""
    error: float | None
    """Half-width of the stated error in the same unit."""
    shown: str
    """Value, error and unit rounded for a reader."""
    method: str
    """How it was computed."""
    sources: tuple[str, ...]
    """Items, files or artifacts it was computed from."""


class ErrorReport(Record):
    """Why a call failed."""

    kind: str
    """InputError and NotFound can be repaired; SourceError, BudgetExceeded, ... say what broke."""
    message: str
    """What was asked and what was found."""
    hint: str
    """What would help."""


class CallReport(Record):
    """What a call gave."""

    status: Literal["done", "failed", "asked", "replied", "not_replied", "cannot_answer"]
    """done: it ran; failed: `error` says why; asked: put `message` to the user; replied: `message`
    is the user's reply; not_replied: the user gave none; cannot_answer: `message` says why."""
    call: int = 0
    """Number of the call in this session; 0 if it failed."""
    artifacts: dict[str, ArtifactReport] = Field(default_factory=dict)
    """Artifacts by output name, the primary one first."""
    figures: tuple[FigureReport, ...] = ()
    """Figures, at most 200; a table holds the rest."""
    figures_made: int = 0
    """How many figures there are in all."""
    assumptions: tuple[str, ...] = ()
    """Choices the tool made that change the result; an answer should say them."""
    warnings: tuple[str, ...] = ()
    """What the reader should know about the quality."""
    message: str = ""
    """A question, a reply or a reason, by `status`."""
    error: ErrorReport | None = None
    """Why it failed."""


def finished(done: Done, store: ArtifactStore, *, version: str) -> types.CallToolResult:
    """Return the result of a call that ran, in a version of the protocol."""
    result = done.result
    report = CallReport(
        status=_STATUS[result.ended_as],
        call=done.n,
        artifacts={name: _artifact(a, store) for name, a in result.artifacts.items()},
        figures=tuple(_figure(figure) for figure in done.figures[:_MOST_FIGURES]),
        figures_made=len(done.figures),
        assumptions=tuple(map(_line, result.assumptions)),
        warnings=tuple(map(_line, result.warnings)),
        message=plain_text(result.message, keep="\n"),
    )
    content: list[types.ContentBlock] = [_text("\n".join(_lines(report)))]
    for artifact in {a.handle: a for a in result.artifacts.values()}.values():
        content += _picture(artifact, store)
        if version >= _LINKS_SINCE:
            content.append(_link(artifact))
    return types.CallToolResult(content=content, structured_content=report.to_dict())


def replied(n: int, reply: str | None) -> types.CallToolResult:
    """Return what the user replied to a question; None if there was no reply."""
    if reply is None:
        report = CallReport(status="not_replied", call=n)
        text = "The user gave no reply; do not guess one."
    else:
        report = CallReport(status="replied", call=n, message=plain_text(reply))
        text = f"The user replied: {report.message}"
    return types.CallToolResult(content=[_text(text)], structured_content=report.to_dict())


def failed(error: EoAgentError) -> types.CallToolResult:
    """Return an error as a result that says what went wrong and what would help."""
    message, hint = _line(redact_text(str(error))), _line(redact_text(error.hint))
    text = f"{error.kind}: {message}" + (f"\nhint: {hint}" if hint else "")
    problem = ErrorReport(kind=error.kind, message=message, hint=hint)
    # Some clients hold errors, too, against the schema of what a call gives.
    report = CallReport(status="failed", error=problem).to_dict()
    return types.CallToolResult(content=[_text(text)], structured_content=report, is_error=True)


_STATUS: Final[dict[str | None, Literal["done", "asked", "cannot_answer"]]] = {
    None: "done",
    "clarify": "asked",
    "cannot_answer": "cannot_answer",
}


def _artifact(artifact: Artifact, store: ArtifactStore) -> ArtifactReport:
    rows: list[dict[str, Any]] = []
    if artifact.kind == "table":
        table = read_table(store, artifact.handle)
        rows = [
            plain_values(dict(zip(table.columns, row, strict=True)))
            for row in table.rows[:_ROWS_SHOWN]
        ]
    return ArtifactReport(
        handle=artifact.handle,
        kind=artifact.kind,
        title=_line(artifact.title),
        uri=URI + artifact.handle,
        media_type=artifact.media_type,
        preview=artifact.preview,
        rows=tuple(rows),
    )


def _figure(figure: Figure) -> FigureReport:
    named = (source.item_id or source.href for source in figure.sources)
    return FigureReport(
        id=figure.id,
        name=figure.name,
        label=_line(figure.label),
        value=figure.value,
        unit=figure.unit,
        error=figure.error,
        shown=quantity(figure),
        method=_line(figure.method),
        sources=tuple(dict.fromkeys(named)),
    )


def _lines(report: CallReport) -> Iterable[str]:
    """Yield the report for a reader, line by line; what strangers wrote stays in quotes."""
    if report.status == "asked":
        yield f"Put this question to the user and wait for the reply: {report.message}"
    elif report.status == "cannot_answer":
        yield f"This cannot be answered: {report.message}"
    for name, artifact in report.artifacts.items():
        yield f"{name} = {artifact.handle} {_quoted({'title': artifact.title} | artifact.preview)}"
        yield from (f"  {_quoted(row)}" for row in artifact.rows)
    for figure in report.figures[:_FIGURES_IN_TEXT]:
        yield f"{figure.id} {figure.name} = {figure.shown} ({_quoted(figure.label)})"
    more = report.figures_made - _FIGURES_IN_TEXT
    if more > 0:
        yield f"and {more} more figures, in the structured content or the table"
    yield from (f"assumed: {text}" for text in report.assumptions)
    yield from (f"note: {text}" for text in report.warnings)


def _picture(artifact: Artifact, store: ArtifactStore) -> list[types.ContentBlock]:
    """Return a picture that was drawn to be looked at, unless it is large."""
    if artifact.kind != "picture" or artifact.media_type != "image/png" or artifact.path is None:
        return []
    data = store.locate(artifact.path).read_bytes()
    if len(data) > _PICTURE_BYTES:
        return []
    return [types.ImageContent(data=base64.b64encode(data).decode(), mime_type="image/png")]


def _link(artifact: Artifact) -> types.ResourceLink:
    return types.ResourceLink(
        name=artifact.handle,
        uri=URI + artifact.handle,
        title=_line(artifact.title),
        mime_type="application/json",
    )


def _text(text: str) -> types.TextContent:
    return types.TextContent(text=text)


def _quoted(value: object) -> str:
    return json.dumps(plain_values(value), ensure_ascii=False)


def _line(text: str) -> str:
    return " ".join(plain_text(text).split())
