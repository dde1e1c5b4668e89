"""`eoagent replay` and `eoagent runs`: what stands behind answers, and whether it still holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eoagent.contracts.errors import EXIT_CODES, InputError, SourceError

__all__ = ["replay", "runs_app"]

runs_app = typer.Typer(help="Runs kept in the ledger.", no_args_is_help=True)


def replay(
    answer: Annotated[Path, typer.Argument(help="An answer.json.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Run the calls of an answer again and report, per figure, whether it still holds.

    Ends with 0 if all figures hold, 3 if one has changed, 4 if a source or step is gone.
    """
    from eoagent.app.replay import replay_answer

    report = replay_answer(answer)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        for line in report.lines():
            typer.echo(line)
    if report.holds:
        return 0
    return EXIT_CODES[InputError if report.has_changed else SourceError]


@runs_app.command("list")
def list_runs(
    limit: Annotated[int, typer.Option("--limit", min=1, help="Newest runs to show.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List the newest runs."""
    from eoagent.app.workshop import open_workshop

    runs = open_workshop().ledger.list_runs(limit)
    if as_json:
        typer.echo(json.dumps([run.to_dict() for run in runs], ensure_ascii=False))
        return
    for run in runs:
        typer.echo(f"{run.id}  {run.status:<13}  {run.question}")
    if not runs:
        typer.echo("no runs yet", err=True)


@runs_app.command("show")
def show_run(run: Annotated[str, typer.Argument(help="Id of a run.")]) -> None:
    """Print a run's question, answer and steps as one JSON document."""
    from eoagent.app.workshop import open_workshop

    ledger = open_workshop().ledger
    document = ledger.get_run(run).to_dict()
    document["calls"] = [call.to_dict() for call in ledger.calls(run)]
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


@runs_app.command("prune")
def prune_runs(
    keep: Annotated[int, typer.Option("--keep", min=0, help="Newest runs to keep.")] = 50,
) -> None:
    """Forget old runs and delete the artifacts that only they needed."""
    from eoagent.app.workshop import open_workshop
    from eoagent.io.prune import prune

    shop = open_workshop()
    report = prune(shop.ledger, shop.store, keep_last=keep)
    typer.echo(
        f"removed {len(report.runs)} runs, {len(report.artifacts)} artifacts, "
        f"{report.bytes / 1e6:.1f} MB freed"
    )
