"""Read pictures with captions: JSON as UCM-Captions has it, or a CSV of a line for each picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from eoagent.app.evaluation.adapters.reading import Layout, read_layout
from eoagent.app.evaluation.benchmarks.files import find_listing, picture_path, read_bounded
from eoagent.app.evaluation.benchmarks.truths import Benchmark, CaptionedPicture
from eoagent.app.evaluation.picturefolder import PICTURES
from eoagent.contracts.errors import InputError

__all__ = ["read_captions"]

_LAYOUT: Final = "UCM-Captions (`images` with `filename`, `split` and `sentences`)"
_MOST_BYTES: Final = 64_000_000
_CAPTION: Final = "caption"


class _Sentence(Layout):
    raw: str


class _Image(Layout):
    filename: str
    split: str = ""
    sentences: tuple[_Sentence, ...]
    filepath: str = ""


class _Captions(Layout):
    images: tuple[_Image, ...]


def read_captions(
    data: Path, file: Path | None = None, *, split: str = "test"
) -> tuple[Benchmark, tuple[CaptionedPicture, ...]]:
    """Return pictures with what people wrote about them, in the order of the file.

    A CSV has a column `image`, maybe one `class` that is the picture's folder, and columns
    `caption1`, `caption2` and so on; its pictures may be named without an ending.

    Args:
        data: folder with the file and the pictures, in it or in folders below.
        file: the file; the only JSON or CSV file by default.
        split: entries of this split count; files without splits are taken whole.

    Raises:
        NotFound: if there is no such file.
        InputError: if it has another layout, or nothing of the split; file and entry are named.
        SourceError: if it cannot be read.
    """
    path = find_listing(data, file, endings=(".json", ".csv"), what="captions")
    found = (
        _from_csv(path, data) if path.suffix.lower() == ".csv" else _from_json(path, data, split)
    )
    bare = [own.name for own in found if not own.captions]
    if bare:
        raise InputError(f"{path}: {len(bare)} pictures have no caption; the first is {bare[0]}")
    if not found:
        raise InputError(f"{path} lists no picture")
    return Benchmark(listing=path), found


def _from_json(path: Path, data: Path, split: str) -> tuple[CaptionedPicture, ...]:
    images = read_layout(path, TypeAdapter(_Captions), _LAYOUT).images
    splits = sorted({own.split for own in images} - {""})
    if splits and split not in splits:
        raise InputError(
            f"{path} lists no picture of the split '{split}'; it has: {', '.join(splits)}",
            hint="name one of them (--split)",
        )
    texts: dict[str, list[str]] = {}
    folders: dict[str, str] = {}
    for own in images:
        if own.split in {split, ""}:
            texts.setdefault(own.filename, []).extend(_clean(one.raw for one in own.sentences))
            folders.setdefault(own.filename, own.filepath)
    return tuple(
        CaptionedPicture(
            name=name,
            file=picture_path(data, name, folders=(folders[name], f"images/{folders[name]}")),
            captions=tuple(own),
        )
        for name, own in texts.items()
    )


def _from_csv(path: Path, data: Path) -> tuple[CaptionedPicture, ...]:
    try:
        text = read_bounded(path, _MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8") from error
    lines = csv.reader(io.StringIO(text))
    head = next(lines, [])
    columns = [
        place
        for place, name in enumerate(head)
        if name.startswith(_CAPTION) and name[len(_CAPTION) :].isdecimal()
    ]
    if "image" not in head or not columns:
        raise InputError(
            f"{path}: line 1 is no head with `image`, `caption1`, `caption2` and so on"
        )
    found = []
    for row in lines:
        if row and len(row) != len(head):
            raise InputError(
                f"{path}: line {lines.line_num} has {len(row)} cells, and the head {len(head)}"
            )
        if row:
            cells = dict(zip(head, row, strict=True))
            found.append(
                CaptionedPicture(
                    name=cells["image"],
                    file=_named(data, cells["image"], cells.get("class", "")),
                    captions=_clean(row[place] for place in columns),
                )
            )
    return tuple(found)


def _named(data: Path, name: str, folder: str) -> Path:
    folders = [folder, f"images/{folder}"]
    folders += [f"{own.name}/{folder}" for own in sorted(data.iterdir()) if own.is_dir() and folder]
    names = [name] if Path(name).suffix.lower() in PICTURES else [name + end for end in PICTURES]
    paths = (picture_path(data, own, folders=folders) for own in names)
    return next((path for path in paths if path.is_file()), data / names[0])


def _clean(texts: Iterable[str]) -> tuple[str, ...]:
    held = (" ".join(text.split()) for text in texts)
    return tuple(text for text in held if text)
