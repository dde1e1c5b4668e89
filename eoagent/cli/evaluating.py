"""`eoagent eval`: measure the agent, a model or an index on a suite with known answers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from eoagent.cli.loading import loading
from eoagent.cli.measuring import (
    SUITE_FORMATS,
    AskedName,
    AskedOption,
    Every,
    Limit,
    ModelCardId,
    ObjectValue,
    OnlyClasses,
    Phrase,
    PresentOnly,
    SplitName,
    WayName,
    WayOption,
    check_format,
)
from eoagent.cli.options import BaseUrl, Gsd, IndexName, PlannerName, Reasoner
from eoagent.cli.progressing import progress_bar

if TYPE_CHECKING:
    from eoagent.app.evaluation.candidate import Candidate
    from eoagent.app.evaluation.scores import Verdict

__all__ = ["evaluate"]

_QA: Final = "qa"
_SUITES: Final = tuple(SUITE_FORMATS)
"""Names of `evaluation.suites.SUITES`."""
_PROMPTS: Final = "short"
"""The ensemble that words are put into where none is named."""
_FORMATS: Final = SUITE_FORMATS[_QA]
"""Names of `adapters.registry.FORMATS`, ours first."""
_OFFLINE: Final = "offline"
_LAYOUTS: Final = " ".join(
    f"{suite}: {', '.join(formats)}." for suite, formats in SUITE_FORMATS.items() if formats
)


def evaluate(
    suite: Annotated[str, typer.Argument(help=f"What is evaluated: {', '.join(_SUITES)}.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder with the questions or pictures.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="File in that folder that lists questions, captions, objects."),
    ] = None,
    layout: Annotated[
        str,
        typer.Option("--format", help=f"Layout of the data. {_LAYOUTS}"),
    ] = "",
    split: SplitName = "",
    model: ModelCardId = "",
    by: AskedOption = AskedName.SEGMENTER,
    way: WayOption = WayName.TILES,
    phrase: Phrase = "",
    value: ObjectValue = None,
    classes: OnlyClasses = None,
    present_only: PresentOnly = False,
    every: Every = False,
    limit: Limit = 0,
    gsd: Gsd = None,
    family: Annotated[
        list[str] | None, typer.Option("--family", help="Only questions of this family.")
    ] = None,
    reasoner: Reasoner = "",
    planner: PlannerName = None,
    base_url: BaseUrl = "",
    encoder: Annotated[
        str, typer.Option("--encoder", help="Card of the model; default: settings.")
    ] = "",
    prompts: Annotated[
        str, typer.Option("--prompts", help="Prompt ensemble of zeroshot.")
    ] = _PROMPTS,
    holdout: Annotated[
        bool,
        typer.Option("--holdout", help="zeroshot: label the last fifth of each class, learn too."),
    ] = False,
    index: IndexName = None,
    record: Annotated[
        Path | None, typer.Option("--record", help="Keep the language model's replies in a file.")
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option("--replay", help="Take its replies from such a file: no model, no key."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for results.json and report.html.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else.")
    ] = False,
) -> int:
    """Ask questions whose answers are known, or measure a model or an index, and report.

    Ends with 0 when all was measured, whatever came out.
    """
    _check_suite(suite)
    check_format(suite, layout)
    if suite != _QA:
        wanted = {
            "data": data,
            "file": file,
            "layout": layout,
            "split": split,
            "classes": tuple(classes or ()),
            "phrase": phrase,
            "value": value,
            "limit": limit,
            "every": every,
            "present_only": present_only,
            "model": model,
            "by": by.value,
            "way": way.value,
            "gsd_m": gsd,
            "encoder": encoder,
            "index": index or "",
            "prompts": prompts,
            "holdout": holdout,
        }
        return _measure(suite, wanted, out, as_json, reasoner=reasoner)
    folder = _checked(data)
    _check_recording(planner, base_url, record, replay)
    with loading():
        from eoagent.app.evaluation.running import evaluate_questions
        from eoagent.app.evaluation.showing import evaluation_lines, save_evaluation
        from eoagent.app.plaintext import printable

        candidate = _candidate(planner, base_url, record, replay, folder)
    found = evaluate_questions(
        candidate.agent,
        folder,
        file=file,
        layout=layout or _FORMATS[0],
        families=family or (),
        on_question=candidate.begin,
        on_verdict=_teller(candidate.keep),
    )
    kept = None if out is None else save_evaluation(found, out)
    if as_json:
        typer.echo(found.document())
    else:
        for line in evaluation_lines(found):
            typer.echo(line)
        if kept is not None:
            typer.echo(printable(f"kept in: {kept} (report.html, results.json)"), err=True)
    if record is not None:
        typer.echo(printable(f"recorded: {record}"), err=True)
    for name, why in candidate.strays().items():
        typer.echo(printable(f"not as recorded: {name}: {why}"), err=True)
    return 0


def _measure(
    suite: str, wanted: dict[str, Any], out: Path | None, as_json: bool, *, reasoner: str
) -> int:
    """Run a suite that measures a model or an index."""
    with loading():
        from eoagent.app.evaluation.measured import measured_lines, save_measured
        from eoagent.app.evaluation.suiterequest import SuiteRequest
        from eoagent.app.evaluation.suites import run_suite
        from eoagent.app.plaintext import printable
        from eoagent.app.workshop import open_workshop

    with contextlib.closing(open_workshop(reasoner=reasoner)) as workshop, progress_bar() as tell:
        found = run_suite(suite, SuiteRequest(**wanted), workshop, tell)
    kept = None if out is None else save_measured(found, out)
    if as_json:
        typer.echo(found.document())
    else:
        for line in measured_lines(found):
            typer.echo(line)
        if kept is not None:
            typer.echo(printable(f"kept in: {kept} (report.html, results.json)"), err=True)
    return 0


def _check_suite(suite: str) -> None:
    if suite not in _SUITES:
        raise typer.BadParameter(
            f"there is no suite '{suite}'; there is: {', '.join(_SUITES)}", param_hint="SUITE"
        )


def _checked(data: Path | None) -> Path:
    """Return the data folder, if one was named."""
    if data is None:
        raise typer.BadParameter("name the folder with the questions", param_hint="--data")
    return data


def _check_recording(
    planner: str | None, base_url: str, record: Path | None, replay: Path | None
) -> None:
    """Refuse options of which one makes no sense beside another."""
    if record is not None and replay is not None:
        raise typer.BadParameter(
            "--record asks a language model and --replay asks none: give one of them",
            param_hint="--record",
        )
    if replay is not None and planner == _OFFLINE:
        raise typer.BadParameter(
            "the offline planner has no language model whose replies could be played; leave "
            "--planner out",
            param_hint="--replay",
        )
    if replay is not None and base_url:
        raise typer.BadParameter(
            "--replay asks no server: leave --base-url out", param_hint="--base-url"
        )


def _candidate(
    planner: str | None, base_url: str, record: Path | None, replay: Path | None, data: Path
) -> Candidate:
    """Return who is asked; the planner is the one named, else that of the settings."""
    from eoagent.app.evaluation.candidate import open_candidate, open_recorded, open_replayed
    from eoagent.io.home import home_folder
    from eoagent.settings import load_settings

    settings = load_settings(home_folder(os.environ))
    if replay is not None:
        return open_replayed(replay, data=data, planner=planner, settings=settings)
    named = planner or settings.planner
    if record is None:
        return open_candidate(named, base_url=base_url, settings=settings)
    if named == _OFFLINE:
        raise typer.BadParameter(
            "the offline planner has no language model to record; name one (--planner "
            "PROVIDER:MODEL)",
            param_hint="--record",
        )
    return open_recorded(named, record, data=data, base_url=base_url, settings=settings)


def _teller(keep: Callable[[], None]) -> Callable[[Verdict, int], None]:
    """Return what keeps and tells each verdict as it comes."""
    from eoagent.app.plaintext import printable

    asked = 0

    def tell(verdict: Verdict, count: int) -> None:
        nonlocal asked
        asked += 1
        keep()
        done = f"{asked}/{count} {verdict.id} {verdict.outcome} ({verdict.seconds:.1f} s)"
        typer.echo(printable(done), err=True)

    return tell
