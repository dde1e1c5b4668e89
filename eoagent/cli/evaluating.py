"""`eoagent eval`: ask the questions of a suite and say how many were answered rightly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from eoagent.cli.loading import loading

__all__ = ["evaluate"]

_SUITES: Final = ("qa",)


def evaluate(
    suite: Annotated[str, typer.Argument(help=f"What is evaluated: {', '.join(_SUITES)}.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder with the questions and their files.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="File of questions in that folder, one JSON object a line."),
    ] = None,
    family: Annotated[
        list[str] | None, typer.Option("--family", help="Only questions of this family.")
    ] = None,
    planner: Annotated[
        str | None, typer.Option("--planner", help="Planner; default: settings, else offline.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for results.json and report.html.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else.")
    ] = False,
) -> int:
    """Ask questions whose answers are known, and report the rate of right ones.

    Ends with 0 when all questions were asked, whatever the rate.
    """
    if suite not in _SUITES:
        raise typer.BadParameter(
            f"there is no suite '{suite}'; there is: {', '.join(_SUITES)}", param_hint="SUITE"
        )
    if data is None:
        raise typer.BadParameter("name the folder with the questions", param_hint="--data")
    with loading():
        from eoagent.app.agent import Agent
        from eoagent.app.evaluation.running import evaluate_questions
        from eoagent.app.evaluation.scores import Verdict
        from eoagent.app.evaluation.showing import evaluation_lines, save_evaluation
        from eoagent.app.plaintext import printable

    asked = 0

    def say(verdict: Verdict, count: int) -> None:
        nonlocal asked
        asked += 1
        done = f"{asked}/{count} {verdict.id} {verdict.outcome} ({verdict.seconds:.1f} s)"
        typer.echo(printable(done), err=True)

    found = evaluate_questions(
        Agent(planner), data, file=file, families=family or (), on_verdict=say
    )
    kept = None if out is None else save_evaluation(found, out)
    if as_json:
        typer.echo(found.document())
        return 0
    for line in evaluation_lines(found):
        typer.echo(line)
    if kept is not None:
        typer.echo(printable(f"kept in: {kept} (report.html, results.json)"), err=True)
    return 0
