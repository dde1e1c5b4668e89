"""`eoagent models`: which models there are, what they are for, and bringing their weights in."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eoagent.contracts.errors import EXIT_CODES, ModelError, SourceError

if TYPE_CHECKING:
    from eoagent.contracts.card import ModelCard
    from eoagent.runners.weights import ModelStore
    from eoagent.runners.weightsfile import Installed

__all__ = ["models_app"]

models_app = typer.Typer(help="The models: cards and weights.", no_args_is_help=True)

_Id = Annotated[str, typer.Argument(help="Id of a model.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@models_app.command("list")
def list_models(as_json: _Json = False) -> None:
    """List the models there are, installed or not."""
    from eoagent.runners.registry import all_cards

    store = _store()
    rows = [(card, *_state(store, card)) for card in all_cards()]
    if as_json:
        told = [_told(card, found, problem) for card, found, problem in rows]
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    width = max((len(card.id) for card, _, _ in rows), default=0)
    for card, found, problem in rows:
        state = "DAMAGED  " if problem else "installed" if found else "missing  "
        typer.echo(f"{card.id:<{width}}  {state}  {card.summary}")
    if not any(found for _, found, _ in rows):
        typer.echo("none is installed: eoagent models pull ID brings one in", err=True)


@models_app.command("info")
def model_info(model: _Id, as_json: _Json = False) -> None:
    """Say what a model is for, its licence, and where its weights come from."""
    from eoagent.app.plaintext import printable
    from eoagent.runners.registry import card_by_id

    card = card_by_id(model)
    found, problem = _state(_store(), card)
    if as_json:
        typer.echo(json.dumps(_told(card, found, problem), ensure_ascii=False))
        return
    for line in _lines(card, found, problem):
        typer.echo(printable(line))


@models_app.command("pull")
def pull_model(
    model: _Id,
    offline: Annotated[
        bool, typer.Option("--offline", help="Leave the network alone: only say what is there.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Download the published weights of a model, check and install them; goes on where it broke."""
    from eoagent.cli.progressing import progress_bar
    from eoagent.runners.registry import card_by_id

    card = card_by_id(model)
    with progress_bar() as progress:
        found = _store().pull(card, offline=offline, progress=progress)
    _say_installed(card, found, as_json=as_json)


@models_app.command("import")
def import_model(
    model: _Id,
    path: Annotated[
        Path, typer.Argument(help="Weights file, the archive it came in, or a model's folder.")
    ],
    as_json: _Json = False,
) -> None:
    """Install a weights file from the disk, tensors only, once its hash was checked or noted."""
    from eoagent.cli.progressing import progress_bar
    from eoagent.runners.registry import card_by_id

    card = card_by_id(model)
    with progress_bar() as progress:
        found = _store().import_weights(card, path.expanduser(), progress=progress)
    _say_installed(card, found, as_json=as_json)


@models_app.command("verify")
def verify_model(model: _Id, as_json: _Json = False) -> int:
    """Read the installed weights of a model and compare their hash; ends with 5 if it is wrong."""
    from eoagent.runners.registry import card_by_id

    problems = _store().verify(card_by_id(model).id)
    if as_json:
        typer.echo(json.dumps({"model": model, "problems": list(problems)}, ensure_ascii=False))
    else:
        for problem in problems:
            typer.echo(problem)
        if not problems:
            typer.echo(f"{model}: all well")
    return EXIT_CODES[ModelError] if problems else 0


def _store() -> ModelStore:
    from eoagent.app.workshop import open_workshop
    from eoagent.runners.weights import ModelStore

    return ModelStore(open_workshop().home)


def _state(store: ModelStore, card: ModelCard) -> tuple[Installed | None, str]:
    """Return what is installed of a card, or what is wrong with it."""
    try:
        return store.installed(card.id), ""
    except SourceError as error:
        return None, error.explain()


def _told(card: ModelCard, found: Installed | None, problem: str) -> dict[str, Any]:
    record = None if found is None else found.record.to_dict()
    return {"card": card.to_dict(), "installed": record, "problem": problem}


def _lines(card: ModelCard, found: Installed | None, problem: str) -> list[str]:
    coarsest = "any" if math.isinf(card.gsd_max_m) else f"{card.gsd_max_m:g} m"
    weights = card.weights
    place = f"{weights.repository}/{weights.file}" if weights.repository else weights.url
    network = [f"{card.architecture} {card.activation}".strip(), f"{card.input_px} px"]
    network += [f"{card.dimensions} dimensions"] if card.dimensions else []
    revision = f"revision {weights.revision}, sha256 {weights.sha256}"
    lines = [
        f"{card.id}: {card.title}",
        f"  {card.summary}",
        f"  for        {card.gsd_min_m:g} m to {coarsest} per pixel"
        + (f" ({card.gsd_reason})" if card.gsd_reason else ""),
        f"  network    {', '.join(network)}, about {card.memory_mb} MB",
        f"  texts      {', '.join(card.languages)}",
        f"  licence    {card.licence}",
        f"  page       {card.homepage}",
        f"  weights    {place or 'not published'} ({revision})",
    ]
    lines += [f"  note       {note}" for note in card.notes]
    if problem:
        lines.append(f"  DAMAGED    {problem}")
    elif found is None:
        lines.append(f"  missing    eoagent models pull {card.id}, or import {card.id} PATH")
    else:
        record = found.record
        lines.append(f"  installed  {found.weights}, sha256 {record.weights.sha256}")
        lines.append(f"             from {record.source}, {record.imported:%Y-%m-%d %H:%M} UTC")
    return lines


def _say_installed(card: ModelCard, found: Installed, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_told(card, found, ""), ensure_ascii=False))
        return
    size_mb = found.record.weights.size_bytes / 1e6
    typer.echo(f"installed {card.id}: {size_mb:,.0f} MB, sha256 {found.record.weights.sha256}")
    if card.weights.sha256 == "unknown":
        typer.echo("  the card knows no hash: what came is noted, and later imports must equal it")
