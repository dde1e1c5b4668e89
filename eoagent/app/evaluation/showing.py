"""Show an evaluation: lines for a terminal, a page for a browser, and the files of both."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from eoagent.app.evaluation.scores import Evaluation, Tally, Verdict
from eoagent.app.plaintext import printable
from eoagent.app.report import page
from eoagent.io.atomic import disk_errors, make_folder, write_atomic

__all__ = ["evaluation_lines", "evaluation_section", "save_evaluation"]

_HEAD: Final = ("", "questions", "right", "wrong", "declined", "asked", "failed", "rate")
_HINT: Final = "save into another folder (--out)"


def evaluation_lines(evaluation: Evaluation) -> list[str]:
    """Return the tallies as a table of text, then a line for each question that was missed."""
    rows = [_HEAD, *((name, *_cells(own)) for name, own in evaluation.rows())]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    table = [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    missed = [verdict.line() for verdict in evaluation.misses]
    return table + (["", *missed] if missed else [])


def evaluation_section(evaluation: Evaluation) -> str:
    """Return the part of a page that shows an evaluation."""
    versions = ", ".join(f"{name} {version}" for name, version in evaluation.versions.items())
    footer = (
        f"planner {evaluation.planner}, {evaluation.seconds:.1f} s, {evaluation.created}\n"
        f"{evaluation.file} sha256 {evaluation.sha256[:12]}\n{versions}"
    )
    head = "".join(f"<th>{cell}</th>" for cell in _HEAD)
    tallies = "".join(
        f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in (name, *_cells(own)))}</tr>"
        for name, own in evaluation.rows()
    )
    missed = "".join(_row(verdict) for verdict in evaluation.misses)
    right = "".join(_row(verdict) for verdict in evaluation.verdicts if verdict.outcome == "right")
    parts = [
        f"<section><h1>eval {_text(evaluation.suite)}</h1>",
        f'<div class="wide"><table><tr>{head}</tr>{tallies}</table></div>',
        _table("Missed", missed),
        _table("Right", right),
        f'<p class="footer">{_text(footer)}</p>',
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def save_evaluation(evaluation: Evaluation, folder: Path) -> Path:
    """Write `results.json` and `report.html` into a folder; return it.

    Raises:
        SourceError: if the folder cannot be written.
    """
    root = folder.expanduser().absolute()
    with disk_errors(root, hint=_HINT):
        make_folder(root)
    title = f"eoagent eval {evaluation.suite}"
    report = page(title, [evaluation_section(evaluation)])
    write_atomic(root / "report.html", report.encode())
    write_atomic(root / "results.json", evaluation.document().encode())
    return root


def _cells(own: Tally) -> tuple[str, ...]:
    counts = (own.questions, own.right, own.wrong, own.declined, own.asked, own.failed)
    return (*map(str, counts), "" if own.rate is None else f"{own.rate:.0%}")


def _table(title: str, rows: str) -> str:
    if not rows:
        return ""
    head = "<tr><th>id</th><th>outcome</th><th>question</th><th>answer</th><th>why</th></tr>"
    return f'<h2>{title}</h2><div class="wide"><table>{head}{rows}</table></div>'


def _row(verdict: Verdict) -> str:
    results = "".join(f"<br><b>{_text(result)}</b>" for result in verdict.results)
    return (
        f"<tr><td>{_text(verdict.id)}</td><td>{verdict.outcome}</td>"
        f'<td dir="auto">{_text(verdict.question)}</td>'
        f'<td dir="auto">{_text(verdict.text)}{results}</td>'
        f'<td dir="auto">{_text(verdict.reason)}</td></tr>'
    )


def _text(text: str) -> str:
    return escape(printable(text)).replace("\n", "<br>")
