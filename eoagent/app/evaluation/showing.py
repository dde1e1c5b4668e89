"""Show an evaluation: lines for a terminal, a page for a browser, and the files of both."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from eoagent.app.evaluation.scores import Evaluation, Verdict
from eoagent.app.evaluation.tables import Table, tables_of
from eoagent.app.plaintext import printable
from eoagent.app.report import page
from eoagent.io.atomic import disk_errors, make_folder, write_atomic

__all__ = [
    "EVALUATION_HINT",
    "evaluation_lines",
    "evaluation_section",
    "save_evaluation",
    "table_html",
    "table_lines",
]

EVALUATION_HINT: Final = "save into another folder (--out)"
"""What to do where results cannot be written."""


def evaluation_lines(evaluation: Evaluation) -> list[str]:
    """Return the tallies as tables of text, then a line for each question that was missed."""
    tables = [["", *table_lines(table)] for table in tables_of(evaluation)]
    table = [line for lines in tables for line in lines][1:]
    missed = [verdict.line() for verdict in evaluation.misses]
    own = [f"{name}: {value:.4g}" for name, value in evaluation.metrics.items()]
    own += [f"{name}: not computed, {why}" for name, why in evaluation.not_computed.items()]
    lines = table + (["", *own] if own else []) + (["", *missed] if missed else [])
    return [printable(line) for line in lines]


def evaluation_section(evaluation: Evaluation) -> str:
    """Return the part of a page that shows an evaluation."""
    versions = ", ".join(f"{name} {version}" for name, version in evaluation.versions.items())
    footer = (
        f"planner {evaluation.planner}, {evaluation.seconds:.1f} s, {evaluation.created}\n"
        f"{evaluation.file} sha256 {evaluation.sha256[:12]}\n{versions}"
    )
    missed = "".join(_row(verdict) for verdict in evaluation.misses)
    right, unjudged = (
        "".join(_row(verdict) for verdict in evaluation.verdicts if verdict.outcome == outcome)
        for outcome in ("right", "unjudged")
    )
    parts = [
        f"<section><h1>eval {_text(evaluation.suite)}</h1>",
        *(table_html(table) for table in tables_of(evaluation)),
        _metrics(evaluation),
        _table("Missed", missed),
        _table("Right", right),
        _table("Not judged", unjudged),
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
    with disk_errors(root, hint=EVALUATION_HINT):
        make_folder(root)
    title = f"eoagent eval {evaluation.suite}"
    report = page(title, [evaluation_section(evaluation)])
    write_atomic(root / "report.html", report.encode())
    write_atomic(root / "results.json", evaluation.document().encode())
    return root


def table_lines(table: Table) -> list[str]:
    """Return a table with the first column to the left and the others to the right."""
    rows = [tuple(printable(cell) for cell in row) for row in (table.head, *table.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def table_html(table: Table) -> str:
    """Return a table as a part of a page."""
    title, *names = table.head
    head = "".join(f"<th>{_text(cell)}</th>" for cell in ("", *names))
    rows = "".join(
        f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in table.rows
    )
    above = f"<h2>{_text(title)}</h2>" if title else ""
    below = f'<p class="hash">{_text(table.note)}</p>' if table.note else ""
    return f'{above}<div class="wide"><table><tr>{head}</tr>{rows}</table></div>{below}'


def _metrics(evaluation: Evaluation) -> str:
    """Return the metrics of the benchmark itself as a table, or nothing."""
    rows = [(name, f"{value:.4g}") for name, value in evaluation.metrics.items()]
    rows += [(name, f"not computed: {why}") for name, why in evaluation.not_computed.items()]
    cells = "".join(f"<tr><td>{_text(a)}</td><td>{_text(b)}</td></tr>" for a, b in rows)
    head = "<h2>The benchmark's own metrics</h2>"
    return f'{head}<div class="wide"><table>{cells}</table></div>' if cells else ""


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
