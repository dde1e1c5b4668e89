"""The report: one HTML page with answer, maps, plan and evidence, which needs no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Final

from eoagent.contracts.answer import AnswerRecord
from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.figure import Figure
from eoagent.contracts.record import canonical_json
from eoagent.io.previews import MapMaker
from eoagent.planner.rendering import quantity

__all__ = ["page", "render_fragment", "section"]

_DRAWN: Final = ("raster", "mask", "features", "boxes", "aoi", "picture")
_MAX_MAPS: Final = 12
_MAP_WIDTH: Final = 760
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def render_fragment(record: AnswerRecord, maps: MapMaker) -> str:
    """Return the answer and its last map, for a notebook."""
    shown = [a.id for a in record.artifacts if a.kind in _DRAWN]
    picture = _map(shown[-1], "", maps) if shown else ""
    return f"<div><p>{_text(record.text)}</p>{picture}</div>"


def page(title: str, sections: Sequence[str]) -> str:
    """Return the page that holds some sections, in order."""
    body = "\n<hr>\n".join(sections)
    style = (files("eoagent.app") / "report.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style></head>\n"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def section(record: AnswerRecord, maps: MapMaker) -> str:
    """Return the part of a page that tells one answer with its maps, plan and evidence."""
    status = "" if record.status == "answered" else f'<p class="status">{record.status}</p>'
    parts = [
        f"<section><h1>{escape(record.question)}</h1>{status}",
        f'<p class="answer">{_text(record.text)}</p>',
        _list("Choices", record.assumptions),
        _list("Notes", record.warnings),
        _list("Not backed by a figure", record.unverified),
        _maps(record, maps),
        _evidence(record),
        _plan(record),
        _footer(record),
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _text(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _list(title: str, lines: tuple[str, ...]) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<h2>{title}</h2><ul>{items}</ul>"


def _maps(record: AnswerRecord, maps: MapMaker) -> str:
    drawn = [a for a in record.artifacts if a.kind in _DRAWN]
    pictures = [_map(a.id, a.title, maps) for a in drawn[:_MAX_MAPS]]
    if len(drawn) > _MAX_MAPS:
        pictures.append(f"<p>{len(drawn) - _MAX_MAPS} more artifacts are not drawn.</p>")
    return "<h2>Maps</h2>" + "\n".join(pictures) if pictures else ""


def _map(handle: str, title: str, maps: MapMaker) -> str:
    caption = f"<figcaption>{escape(title)} <code>{escape(handle)}</code></figcaption>"
    try:
        png = maps.picture(handle, width_px=_MAP_WIDTH)
    except EoAgentError as error:
        return f'<figure><p class="missing">no picture: {escape(str(error))}</p>{caption}</figure>'
    data = base64.b64encode(png).decode()
    return (
        f'<figure><img alt="{escape(title or handle)}" src="data:image/png;base64,{data}">'
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
        f"{escape(source.item_id or source.href.rsplit('/', 1)[-1])} "
        f'<span class="hash" title="{escape(source.href)}">'
        f"{escape(source.fingerprint.kind)} {escape(source.fingerprint.value[:12])}</span>"
        for source in figure.sources
    )
    exact = figure.value if isinstance(figure.value, str) else f"{figure.value!r} {figure.unit}"
    return (
        f"<tr{' class=result' if is_result else ''}><td>{figure.id}</td>"
        f"<td>{escape(figure.label)}</td>"
        f'<td class="value" title="{escape(str(exact))}">{escape(quantity(figure))}</td>'
        f"<td>{escape(figure.method)} (step {figure.step})</td><td>{sources}</td></tr>"
    )


def _plan(record: AnswerRecord) -> str:
    if not record.plan:
        return ""
    ran = {step.n: step for step in record.steps}
    rows = []
    for step in record.plan:
        done = ran.get(step.n)
        state = "not run" if done is None else f"{done.status}, {done.seconds:.2f} s"
        error = f": {done.error['message']}" if done is not None and done.error else ""
        rows.append(
            f"<tr><td>{step.n}</td><td><b>{escape(step.tool)}</b> {escape(step.why)}</td>"
            f"<td><code>{escape(canonical_json(step.arguments))}</code></td>"
            f"<td>{escape(state + error)}</td></tr>"
        )
    head = "<tr><th>step</th><th>tool</th><th>arguments</th><th>ended</th></tr>"
    return f'<h2>Plan</h2><div class="wide"><table>{head}{"".join(rows)}</table></div>'


def _footer(record: AnswerRecord) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return (
        f'<p class="footer">planner {escape(record.planner)} &middot; '
        f"{record.usage.tool_calls} tool calls in {record.usage.seconds:.1f} s &middot; "
        f"{escape(record.created)} &middot; run {escape(record.run)}<br>{escape(versions)}</p>"
    )
