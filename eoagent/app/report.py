"""The report: one HTML page with answer, maps, plan and evidence, which needs no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from eoagent.app.charts import table_html
from eoagent.app.plaintext import printable
from eoagent.contracts.answer import AnswerArtifact, AnswerRecord
from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.figure import Figure
from eoagent.contracts.record import canonical_json
from eoagent.io.previews import MapMaker
from eoagent.planner.rendering import quantity

__all__ = ["page", "render_fragment", "section"]

_DRAWN: Final = ("raster", "mask", "features", "boxes", "aoi", "picture")
_MAX_MAPS: Final = 12
_MAX_TABLES: Final = 6
_MAP_WIDTH: Final = 760
_MAX_CARDS: Final = 12
_MAX_TITLE: Final = 120
_STATUS_WORDS: Final = MappingProxyType(
    {
        "clarify": "asks back",
        "cannot_answer": "cannot be answered",
        "partial": "answered in part",
    }
)
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def render_fragment(record: AnswerRecord, maps: MapMaker) -> str:
    """Return the answer, its last map and its figures, for a notebook."""
    shown = [a for a in record.artifacts if a.kind in _DRAWN]
    picture = _map(shown[-1], shown, maps) if shown else ""
    rows = "".join(
        f"<tr><td>{_escape(f.label)}</td><td>{_escape(quantity(f))}</td></tr>"
        for f in record.results
    )
    table = f"<table>{rows}</table>" if rows else ""
    notes = "".join(f"<li>{_escape(line)}</li>" for line in (*record.assumptions, *record.warnings))
    return (
        f'<div>{_status(record)}<p dir="auto">{_text(record.text)}</p>{table}{picture}'
        f"{f'<ul>{notes}</ul>' if notes else ''}</div>"
    )


def page(title: str, sections: Sequence[str]) -> str:
    """Return the page that holds some sections, in order."""
    body = "\n<hr>\n".join(sections)
    style = (files(__package__) / "report.css").read_text(encoding="utf-8")
    short = title if len(title) <= _MAX_TITLE else f"{title[:_MAX_TITLE]}…"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_escape(short)}</title>\n<style>\n{style}</style></head>\n"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def section(record: AnswerRecord, maps: MapMaker) -> str:
    """Return the part of a page that tells one answer with its maps, plan and evidence."""
    parts = [
        f'<section><h1 dir="auto">{_escape(record.question)}</h1>{_status(record)}',
        _results(record),
        f'<p class="answer" dir="auto">{_text(record.text)}</p>',
        _list("Not backed by a figure", record.unverified),
        _list("Notes", record.warnings),
        _tables(record, maps),
        _maps(record, maps),
        _list("Choices", record.assumptions),
        _evidence(record),
        _plan(record),
        _footer(record),
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _escape(text: str) -> str:
    return escape(printable(text))


def _text(text: str) -> str:
    return _escape(text).replace("\n", "<br>")


def _status(record: AnswerRecord) -> str:
    if record.status == "answered":
        return ""
    return f'<p class="status">{_STATUS_WORDS[record.status]}</p>'


def _results(record: AnswerRecord) -> str:
    cards = "".join(
        f'<div class="card"><b>{_escape(quantity(figure))}</b>'
        f"<span>{_escape(figure.label)}</span></div>"
        for figure in record.results[:_MAX_CARDS]
    )
    return f'<div class="cards">{cards}</div>' if cards else ""


def _list(title: str, lines: tuple[str, ...]) -> str:
    if not lines:
        return ""
    items = "".join(f'<li dir="auto">{_escape(line)}</li>' for line in lines)
    return f"<h2>{title}</h2><ul>{items}</ul>"


def _maps(record: AnswerRecord, maps: MapMaker) -> str:
    drawn = [a for a in record.artifacts if a.kind in _DRAWN]
    pictures = [_map(a, drawn, maps) for a in drawn[:_MAX_MAPS]]
    if len(drawn) > _MAX_MAPS:
        pictures.append(f"<p>{len(drawn) - _MAX_MAPS} more artifacts are not drawn.</p>")
    if not pictures:
        return ""
    joined = "\n".join(pictures)
    return f'<h2>Maps</h2><div class="maps">{joined}</div>'


def _tables(record: AnswerRecord, maps: MapMaker) -> str:
    """Return the tables of the run, each with a drawing where it holds comparable numbers."""
    parts = []
    for artifact in (a for a in record.artifacts if a.kind == "table"):
        head = f"<h3>{_escape(artifact.title)} <code>{_escape(artifact.id)}</code></h3>"
        try:
            body = table_html(maps.table(artifact.id))
        except EoAgentError as error:
            body = f'<p class="missing">no table: {_escape(str(error))}</p>'
        parts += [head + body] if body else []
    return f"<h2>Tables</h2>{''.join(parts[-_MAX_TABLES:])}" if parts else ""


def _map(artifact: AnswerArtifact, drawn: Sequence[AnswerArtifact], maps: MapMaker) -> str:
    handle, title = artifact.id, artifact.title
    rasters = tuple(other.id for other in drawn if other.kind == "raster")
    caption = f"<figcaption>{_escape(title)} <code>{_escape(handle)}</code></figcaption>"
    try:
        png = maps.picture(handle, over=rasters, width_px=_MAP_WIDTH)
    except EoAgentError as error:
        return f'<figure><p class="missing">no picture: {_escape(str(error))}</p>{caption}</figure>'
    data = base64.b64encode(png).decode()
    return (
        f'<figure><img alt="{_escape(title or handle)}" src="data:image/png;base64,{data}">'
        f"{caption}</figure>"
    )


def _evidence(record: AnswerRecord) -> str:
    if not record.figures:
        return ""
    answering = {figure.id for figure in record.results}
    rows = "".join(
        _evidence_row(figure, is_result=figure.id in answering) for figure in record.figures
    )
    head = "<tr><th>id</th><th>what</th><th>value</th><th>method</th><th>source</th></tr>"
    return f'<h2>Evidence</h2><div class="wide"><table>{head}{rows}</table></div>'


def _evidence_row(figure: Figure, *, is_result: bool) -> str:
    sources = "<br>".join(
        f"{_escape(source.item_id or source.href.rsplit('/', 1)[-1])} "
        f'<span class="hash" title="{_escape(source.href)}">'
        f"{_escape(source.fingerprint.kind)} {_escape(source.fingerprint.value[:12])}</span>"
        for source in figure.sources
    )
    exact = figure.value if isinstance(figure.value, str) else f"{figure.value!r} {figure.unit}"
    return (
        f"<tr{' class=result' if is_result else ''}><td>{_escape(figure.id)}</td>"
        f'<td class="what">{_escape(figure.label)}</td>'
        f'<td class="value" title="{_escape(str(exact))}">{_escape(quantity(figure))}</td>'
        f"<td>{_escape(figure.method)} (step {figure.step})</td>"
        f'<td class="source">{sources}</td></tr>'
    )


def _plan(record: AnswerRecord) -> str:
    if not record.plan:
        return ""
    ran = {step.n: step for step in record.steps}
    rows = []
    for step in record.plan:
        done = ran.get(step.n)
        over = f" for each of {step.each}" if step.each else ""
        state = "not run" if done is None else f"{done.status}, {done.seconds:.2f} s"
        error = f": {done.error['message']}" if done is not None and done.error else ""
        rows.append(
            f"<tr><td>{step.n}</td><td><b>{_escape(step.tool)}</b> {_escape(step.why + over)}</td>"
            f"<td><code>{_escape(canonical_json(step.arguments))}</code></td>"
            f"<td>{_escape(state + error)}</td></tr>"
        )
    head = "<tr><th>step</th><th>tool</th><th>arguments</th><th>ended</th></tr>"
    return f'<h2>Plan</h2><div class="wide"><table>{head}{"".join(rows)}</table></div>'


def _footer(record: AnswerRecord) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    models = "".join(
        f" &middot; {_escape(name)}: {use.passes:,} passes, {use.busy_s:,.1f} s"
        for name, use in record.usage.models.items()
    )
    return (
        f'<p class="footer">planner {_escape(record.planner)} &middot; '
        f"{record.usage.tool_calls} tool calls in {record.usage.seconds:.1f} s{models} &middot; "
        f"{_escape(record.created)} &middot; run {_escape(record.run)}<br>{_escape(versions)}</p>"
    )
