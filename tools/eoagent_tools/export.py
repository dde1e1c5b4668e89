"""Write an artifact to a file of the user's choice, inside the folder given with `--out`."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import secrets
import shutil
from pathlib import Path
from typing import Final

from pydantic import Field

from eoagent.contracts.artifact import AnyHandle, Artifact, FeaturesRef
from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Output,
    Services,
    ToolCard,
    ToolResult,
)
from eoagent.io.atomic import disk_errors, publish
from eoagent.io.features_write import write_features
from eoagent.io.outfolder import OUT_HINT, inside
from eoagent.io.previews import MapMaker
from eoagent.io.stored_features import load_stored

__all__ = ["TOOL", "Export", "export"]

_FORMATS: Final = {
    "raster": (".tif", ".png"),
    "mask": (".tif", ".png"),
    "features": (".gpkg", ".geojson", ".parquet", ".csv", ".png"),
    "boxes": (".gpkg", ".geojson", ".parquet", ".csv", ".png"),
    "aoi": (".gpkg", ".geojson", ".parquet", ".csv", ".png"),
    "table": (".json", ".csv"),
    "picture": (".png", ".html"),
}


class Export(Arguments):
    """Arguments of `export`."""

    artifact: AnyHandle
    """What to write."""
    path: str = Field(min_length=1, max_length=500)
    """File inside the output folder; the ending says the format: .tif .png .gpkg .geojson
    .parquet .csv .json .html."""


def export(arguments: Export, services: Services) -> ToolResult:
    """Write the file whole or not at all; an existing file of that name is replaced.

    Raises:
        InputError: if there is no output folder, the path leads out of it, or the format does not
            go with the artifact.
        SourceError: if the file cannot be written.
    """
    artifact = services.store.get(arguments.artifact)
    target = inside(services.options.out_dir, arguments.path)
    known = _FORMATS.get(artifact.kind, ())
    if target.suffix.lower() not in known:
        raise InputError(
            f"{artifact.handle} cannot be written as '{target.suffix}'",
            hint=f"endings that go: {', '.join(known) or 'none'}",
        )
    part = target.with_name(f".{secrets.token_hex(8)}.part{target.suffix}")
    with disk_errors(target, hint=OUT_HINT):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(artifact, part, services)
            publish(part, target)
        finally:
            with contextlib.suppress(OSError):  # gone when it was renamed, or never made
                part.unlink()
    figure = FigureDraft(
        name="path",
        value=str(target),
        unit="choice",
        label=f"file of {artifact.title}"[:200],
        method="written",
    )
    return ToolResult(figures=(figure,))


def _write(artifact: Artifact, part: Path, services: Services) -> None:
    if part.suffix.lower() == ".png" and artifact.kind != "picture":
        maker = MapMaker(services.store, services.origins, services.options)
        part.write_bytes(maker.draw([artifact.handle]))
    elif artifact.kind in {"features", "boxes", "aoi"}:
        ref = FeaturesRef.model_validate(artifact.payload)
        write_features(part, load_stored(services.store, ref))
    elif artifact.kind == "table" and part.suffix.lower() == ".csv":
        part.write_text(_as_csv(services, artifact), encoding="utf-8")
    else:
        if artifact.path is None:
            raise InputError(
                f"{artifact.handle} is a reference to files elsewhere, not a file of its own",
                hint="export a computed raster, or a .png of it",
            )
        source = services.store.locate(artifact.path)
        if source.suffix.lower() != part.suffix.lower():
            raise InputError(
                f"{artifact.handle} is kept as '{source.suffix}'", hint=f"use {source.suffix}"
            )
        shutil.copyfile(source, part)


def _as_csv(services: Services, artifact: Artifact) -> str:
    if artifact.path is None:
        raise SourceError(f"{artifact.handle} has no file", href=artifact.handle)
    content = json.loads(services.store.locate(artifact.path).read_text(encoding="utf-8"))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(content["columns"])
    writer.writerows(content["rows"])
    return text.getvalue()


TOOL = FunctionTool(
    card=ToolCard(
        name="export",
        summary="An artifact as a file of the user's choice: COG, GeoPackage, GeoJSON, "
        "GeoParquet, CSV, PNG.",
        outputs=(Output(name="path", kind="figure", about="where it was written, choice"),),
        group="present",
        use="special",
        outward=True,
        cacheable=False,
    ),
    arguments=Export,
    function=export,
)
