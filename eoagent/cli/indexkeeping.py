"""What `eoagent index` does with indexes that are there: list, check, clear, export, remove."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from eoagent.contracts.errors import EXIT_CODES, EoAgentError, InputError, SourceError

if TYPE_CHECKING:
    from eoagent.app.keeping import IndexKeeper
    from eoagent.contracts.progress import Progress

__all__ = [
    "AsJson",
    "IndexArgument",
    "delete",
    "export",
    "index_info",
    "list_indexes",
    "open_keeper",
    "say_line",
    "vacuum",
    "verify",
]

IndexArgument = Annotated[str, typer.Argument(help="Name of an index.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Do it, instead of only saying what it would.")]


def list_indexes(as_json: AsJson = False) -> int:
    """List the indexes there are."""
    found = open_keeper().every()
    if as_json:
        told = [
            {"name": name, "error": one.explain()}
            if isinstance(one, EoAgentError)
            else one.to_dict()
            for name, one in found
        ]
        typer.echo(json.dumps(told, ensure_ascii=False))
        return 0
    width = max((len(name) for name, _ in found), default=0)
    for name, one in found:
        if isinstance(one, EoAgentError):
            say_line(f"{name:<{width}}  DAMAGED  {one.explain()}")
            continue
        span = one.time.label if one.time else "no dates"
        tiles = f"{one.tiles:,} tiles of {one.items:,} items"
        size = decimal(one.bytes)
        say_line(
            f"{name:<{width}}  {tiles}, {span}, {one.encoder.card}, {size}, version {one.version}"
        )
    if not found:
        typer.echo("no index yet: eoagent index build NAME --from CATALOG makes one", err=True)
    return 0


def index_info(name: IndexArgument, as_json: AsJson = False) -> None:
    """Say what an index holds and what it was built from."""
    info = open_keeper().info(name)
    if as_json:
        typer.echo(json.dumps(info.to_dict(), ensure_ascii=False))
        return
    from eoagent.app.keptwords import info_lines

    for line in info_lines(info):
        say_line(line)


def verify(
    name: IndexArgument,
    samples: Annotated[
        int, typer.Option("--samples", min=0, help="Tiles that are read and embedded again.")
    ] = 0,
    as_json: AsJson = False,
) -> int:
    """Check every file and row of an index; ends with 4 if something is wrong."""
    from eoagent.cli.progressing import progress_bar

    with progress_bar() as progress:
        problems = open_keeper(progress).verify(name, samples=samples)
    if as_json:
        typer.echo(json.dumps({"index": name, "problems": list(problems)}, ensure_ascii=False))
    else:
        for problem in problems:
            say_line(problem)
        if not problems:
            say_line(f"{name}: all well")
    return EXIT_CODES[SourceError] if problems else 0


def vacuum(name: IndexArgument, yes: _Yes = False, as_json: AsJson = False) -> None:
    """Say which files no kept version needs; with --yes remove them."""
    found = list(open_keeper().vacuum(name, dry_run=not yes))
    total = sum(size for _, size in found)
    if as_json:
        files = [{"path": path, "bytes": size} for path, size in found]
        typer.echo(json.dumps({"removed": yes, "bytes": total, "files": files}))
        return
    for path, size in found:
        say_line(f"{size:>14,}  {path}")
    done = "removed" if yes else "could be removed with --yes"
    say_line(f"{len(found)} files, {decimal(total)} {done}")


def export(
    name: IndexArgument,
    to: Annotated[Path, typer.Option("--to", help="GeoParquet file that is written.")],
    as_json: AsJson = False,
) -> None:
    """Write tiles and embeddings of an index into one GeoParquet file."""
    count = open_keeper().write_out(name, to.expanduser())
    if as_json:
        typer.echo(json.dumps({"index": name, "path": str(to), "tiles": count}))
    else:
        say_line(f"{count:,} tiles in {to}")


def delete(name: IndexArgument, yes: _Yes = False, as_json: AsJson = False) -> int:
    """Remove an index with all its versions; asks first, or wants --yes."""
    import sys

    keeper = open_keeper()
    if not yes and not (sys.stdin.isatty() and typer.confirm(f"remove the index '{name}'?")):
        raise InputError(f"the index '{name}' was not removed", hint="--yes removes it unasked")
    keeper.remove(name)
    typer.echo(json.dumps({"removed": name}) if as_json else f"removed {name}")
    return 0


def open_keeper(progress: Progress | None = None) -> IndexKeeper:
    """Return what looks after the indexes of the home folder."""
    from eoagent.app.keeping import IndexKeeper
    from eoagent.app.workshop import open_workshop

    return IndexKeeper(open_workshop(), progress)


def say_line(text: str, *, err: bool = False) -> None:
    """Print a line of text from strangers, without keys and control characters."""
    from eoagent.app.plaintext import printable
    from eoagent.io.href import redact_text

    typer.echo(printable(redact_text(text)), err=err)
