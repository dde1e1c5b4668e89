"""`eoagent ask` and `eoagent demo`: put questions, watch the steps, keep the answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from eoagent.cli.loading import loading
from eoagent.cli.options import (
    Aoi,
    Bands,
    BaseUrl,
    CatalogPlace,
    FeatureFiles,
    Gsd,
    Images,
    IndexName,
    MaxCost,
    MaxSeconds,
    MaxSteps,
    PlacesFile,
    PlannerName,
    Reasoner,
    Thread,
    Yes,
    names_in,
)
from eoagent.contracts.errors import EXIT_ASKED_BACK, EXIT_CODES, EoAgentError, InputError
from eoagent.contracts.events import Event

__all__ = ["ask", "demo"]


def ask(
    question: Annotated[str, typer.Argument(help="The question, in plain words.")],
    image: Images = None,
    features: FeatureFiles = None,
    aoi: Aoi = None,
    catalog: CatalogPlace = None,
    index: IndexName = None,
    places: PlacesFile = None,
    bands: Bands = "",
    gsd: Gsd = None,
    planner: PlannerName = None,
    base_url: BaseUrl = "",
    reasoner: Reasoner = "",
    thread: Thread = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for answer.json, report.html, artifacts.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else.")
    ] = False,
    max_steps: MaxSteps = None,
    max_seconds: MaxSeconds = None,
    max_cost: MaxCost = None,
    yes: Yes = False,
) -> int:
    """Ask about images, features, a catalog or an index; the answer carries its evidence."""
    with loading():
        from eoagent.app.agent import Agent
        from eoagent.cli.approving import approver
        from eoagent.cli.following import Foreground
        from eoagent.cli.showing import show_answer, watch

    agent = Agent(planner, base_url=base_url, reasoner=reasoner)

    def start(stop: threading.Event, confirm: Callable[[str], bool]) -> Iterator[Event]:
        return agent.stream(
            question,
            images=image or (),
            features=features or (),
            aoi=aoi,
            catalog=catalog,
            index=index,
            places=places,
            bands=names_in(bands),
            gsd_m=gsd,
            thread=thread,
            out_dir=out,
            max_steps=max_steps,
            max_seconds=max_seconds,
            max_cost_usd=max_cost,
            approve=approver(confirm, is_approved=yes),
            stop=stop,
        )

    with closing(Foreground(is_kept=False).follow(start)) as events:
        answer = watch(events)
    if out is not None:
        answer.save(out)
    if as_json:
        typer.echo(answer.to_json())
    else:
        show_answer(answer, out)
    return _code(answer.status, [s.error for s in answer.steps if s.error])


def _code(status: str, errors: list[dict[str, str]]) -> int:
    """Return the exit code: that of the error which kept the answer from coming, if one did.

    A request that the tools refuse (`InputError`) is one that cannot be answered.
    """
    if status == "answered":
        return 0
    by_name = {cls.__name__: code for cls, code in EXIT_CODES.items() if cls is not InputError}
    codes = [by_name[error["kind"]] for error in errors if error["kind"] in by_name]
    return codes[0] if status == "cannot_answer" and codes else EXIT_ASKED_BACK


def demo(
    source: Annotated[
        str,
        typer.Option(
            "--source", help="'sample', 'earth-search', or a STAC catalog or folder of rasters."
        ),
    ] = "sample",
    out: Annotated[Path, typer.Option("--out", help="Folder for everything that is made.")] = Path(
        "eoagent-demo"
    ),
) -> int:
    """Take a tour: make or open a small world, ask about it, write a report."""
    from eoagent.app.demo import run_demo
    from eoagent.cli.showing import show_demo_answer, watch

    failures: list[EoAgentError] = []
    for stop in run_demo(source, out):
        answer = watch(stop.events)
        stop.finish(answer)
        show_demo_answer(answer, stop)
        if not stop.holds(answer):
            failures.append(EoAgentError(stop.question))
    typer.echo(f"\nreport: {out / 'report.html'}")
    return 1 if failures else 0
