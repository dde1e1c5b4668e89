"""`eoagent index`: build and search indexes of tiles by meaning; `indexkeeping` does the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eoagent.cli import indexkeeping
from eoagent.cli.indexkeeping import AsJson, IndexArgument, open_keeper, say_line
from eoagent.cli.options import names_in
from eoagent.contracts.errors import EXIT_CODES, InputError, SourceError

if TYPE_CHECKING:
    from eoagent.contracts.geometry import BBox
    from eoagent.contracts.indexing import BuildReport

__all__ = ["index_app"]

index_app = typer.Typer(help="Indexes of image tiles, searched by meaning.", no_args_is_help=True)

index_app.command("list")(indexkeeping.list_indexes)
index_app.command("info")(indexkeeping.index_info)
index_app.command("verify")(indexkeeping.verify)
index_app.command("vacuum")(indexkeeping.vacuum)
index_app.command("export")(indexkeeping.export)
index_app.command("delete")(indexkeeping.delete)


@index_app.command("build")
def build(
    name: IndexArgument,
    source: Annotated[
        str, typer.Option("--from", help="STAC API, catalog, folder or file; path or URL.")
    ],
    collection: Annotated[
        list[str] | None, typer.Option("--collection", help="Collection id; all by default.")
    ] = None,
    bbox: Annotated[str, typer.Option("--bbox", help="Items that meet W,S,E,N in degrees.")] = "",
    datetime: Annotated[
        str, typer.Option("--datetime", help="2019, 2019-04, a day, or START/END.")
    ] = "",
    max_cloud: Annotated[
        float | None, typer.Option("--max-cloud", min=0, max=100, help="Most cloud, percent.")
    ] = None,
    recipe: Annotated[
        str, typer.Option("--recipe", help="How values become colours; auto: by the sensor.")
    ] = "auto",
    encoder: Annotated[
        str, typer.Option("--encoder", help="Id of the model; default: by the pixel size.")
    ] = "",
    tile_px: Annotated[
        int, typer.Option("--tile-px", min=0, help="Edge of a tile; 0: the model's own.")
    ] = 0,
    stride: Annotated[
        int, typer.Option("--stride", min=0, help="Pixels from tile to tile; 0: the edge.")
    ] = 0,
    gsd: Annotated[
        float | None,
        typer.Option("--gsd", min=0.0, help="Metres per pixel that tiles are read at."),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Most items.")] = None,
    engine: Annotated[str, typer.Option("--engine", help="local, or ray.")] = "local",
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes.")] = 1,
    as_json: AsJson = False,
) -> int:
    """Build an index of a catalog's imagery; a build that broke off goes on by itself."""
    from eoagent.cli.progressing import progress_bar

    request = _request(
        source=source,
        collections=tuple(collection or ()),
        bbox=_box(bbox),
        time=datetime,
        max_cloud_pct=max_cloud,
        recipe=recipe,
        tile_px=tile_px,
        stride_px=stride,
        gsd_m=gsd,
        limit=limit,
        engine=engine,
        workers=workers,
    )
    with progress_bar() as progress:
        report = open_keeper(progress).build(name, request, encoder=encoder)
    return _show_report(name, report, as_json=as_json)


@index_app.command("import")
def bring_in(
    name: IndexArgument,
    source: Annotated[Path, typer.Option("--from", help="GeoParquet file of embeddings.")],
    encoder: Annotated[
        str,
        typer.Option("--encoder", help="Id of the model that made them, if the file is silent."),
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Make or extend an index from embeddings made elsewhere: columns id and embedding."""
    from eoagent.cli.progressing import progress_bar

    with progress_bar() as progress:
        report = open_keeper(progress).bring_in(name, source.expanduser(), card=encoder)
    return _show_report(name, report, as_json=as_json)


@index_app.command("update")
def update(name: IndexArgument, as_json: AsJson = False) -> int:
    """Look at the source again: add what is new, renew what changed, drop what has gone."""
    from eoagent.cli.progressing import progress_bar

    with progress_bar() as progress:
        report = open_keeper(progress).update(name)
    return _show_report(name, report, as_json=as_json)


@index_app.command("search")
def search(
    name: IndexArgument,
    text: Annotated[str, typer.Argument(help="What is looked for, in words.")] = "",
    like: Annotated[
        list[str] | None, typer.Option("--like", help="Picture of it, or id of a tile like it.")
    ] = None,
    unlike: Annotated[
        list[str] | None, typer.Option("--not", help="What it is not: words, or id of a tile.")
    ] = None,
    bbox: Annotated[str, typer.Option("--bbox", help="W,S,E,N in degrees.")] = "",
    aoi: Annotated[
        str | None, typer.Option("--aoi", help="Area: a vector file, or W,S,E,N.")
    ] = None,
    datetime: Annotated[
        str, typer.Option("--datetime", help="2019, 2019-04, a day, or START/END.")
    ] = "",
    max_cloud: Annotated[
        float | None, typer.Option("--max-cloud", min=0, max=100, help="Most cloud, percent.")
    ] = None,
    collection: Annotated[
        list[str] | None, typer.Option("--collection", help="Collection id; all by default.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=10_000, help="Most tiles.")] = 10,
    merge: Annotated[
        bool, typer.Option("--merge", help="Show tiles that overlap or touch as one place.")
    ] = False,
    exact: Annotated[
        bool, typer.Option("--exact", help="Compare every tile, however long it takes.")
    ] = False,
    as_json: AsJson = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="File: .json, .geojson, .parquet or .png.")
    ] = None,
) -> int:
    """Search an index by words or pictures, within place and time; .png makes a contact sheet."""
    from eoagent.app.hits import Hits
    from eoagent.app.keptwords import hit_lines
    from eoagent.app.searching import open_index

    if out is not None:
        Hits.check_form(out)  # before a search that may take long
    with open_index(name) as index:
        hits = index.search(
            [text] if text.strip() else [],
            like=like or (),
            unlike=unlike or (),
            bbox=_box(bbox),
            aoi=aoi,
            datetime=datetime,
            max_cloud=max_cloud,
            collections=tuple(n for one in collection or () for n in names_in(one)),
            k=k,
            merge=merge,
            exact=exact,
        )
        if out is not None:
            hits.save(out.expanduser())
    if as_json:
        typer.echo(json.dumps(hits.to_dict(), ensure_ascii=False))
        return 0
    for line in hit_lines(hits):
        say_line(line)
    for warning in hits.warnings:
        say_line(f"note: {warning}", err=True)
    if out is not None:
        say_line(f"written: {out}", err=True)
    return 0


def _request(*, time: str, **said: Any) -> Any:
    from pydantic import ValidationError

    from eoagent.contracts.indexing import BuildRequest
    from eoagent.io.dates import parse_time

    try:
        return BuildRequest(time=parse_time(time) if time else None, **said)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"--{'-'.join(str(part) for part in first['loc'])}: {first['msg']}",
            hint="eoagent index build --help tells the options",
        ) from error


def _box(text: str) -> BBox | None:
    from eoagent.contracts.geometry import BBox

    if not text:
        return None
    try:
        west, south, east, north = (float(side) for side in text.split(","))
        return BBox(west=west, south=south, east=east, north=north)
    except ValueError as error:
        raise InputError(
            f"'{text}' is no box of longitudes and latitudes",
            hint="write west,south,east,north in degrees",
        ) from error


def _show_report(name: str, report: BuildReport, *, as_json: bool) -> int:
    if as_json:
        typer.echo(json.dumps({"index": name, **report.to_dict()}, ensure_ascii=False))
    else:
        from eoagent.app.keptwords import report_lines

        for line in report_lines(name, report):
            say_line(line)
    return EXIT_CODES[SourceError] if report.is_partial else 0
