"""Read counts of objects by picture: a CSV of a column for each class, or JSON of mappings."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from eoagent.app.evaluation.adapters.reading import read_layout
from eoagent.app.evaluation.benchmarks.files import (
    find_listing,
    picture_path,
    pictures_in,
    read_bounded,
)
from eoagent.app.evaluation.benchmarks.truths import Benchmark, ObjectPicture
from eoagent.contracts.errors import InputError

__all__ = ["read_counts"]

_LAYOUT: Final = "counts: {picture: {class: number}}"
_MOST_BYTES: Final = 64_000_000
_FIRST: Final = "image"
_Counts = dict[str, dict[str, int]]
_FROM_JSON: Final = TypeAdapter(dict[str, dict[str, Annotated[int, Field(ge=0)]]])


def read_counts(
    data: Path, file: Path | None = None, *, classes: Sequence[str] = ()
) -> tuple[Benchmark, tuple[ObjectPicture, ...]]:
    """Return the pictures of a file of counts.

    A CSV has a column `image` and one for each class; JSON maps pictures to their counts. A picture
    may be named without its ending.

    Args:
        data: folder with the file, and the pictures in it or in `images`.
        file: the file in it; the only CSV or JSON file by default.
        classes: classes that count; none takes all.

    Raises:
        NotFound: if there is no such file.
        InputError: if it has another layout, or counts nothing; file and line are named.
        SourceError: if it cannot be read.
    """
    path = find_listing(data, file, endings=(".csv", ".json"), what="counts")
    is_csv = path.suffix.lower() == ".csv"
    counts = _from_csv(path) if is_csv else read_layout(path, _FROM_JSON, _LAYOUT)
    known = tuple(dict.fromkeys(name for own in counts.values() for name in own))
    unknown = [name for name in classes if name not in known]
    if unknown or not known:
        said = f"has no class '{unknown[0]}'" if unknown else "counts nothing"
        raise InputError(f"{path} {said}", hint=f"it has: {', '.join(known)[:300] or 'no class'}")
    kept = tuple(name for name in known if not classes or name in classes)
    files = _by_stem(data)
    pictures = tuple(
        ObjectPicture(
            name=name,
            file=files.get(name) or picture_path(data, name),
            counts={label: own[label] for label in kept if own.get(label)},
        )
        for name, own in counts.items()
    )
    return Benchmark(listing=path, classes=kept), pictures


def _by_stem(data: Path) -> dict[str, Path]:
    folders = [folder for folder in (data / "images", data) if folder.is_dir()]
    return {path.stem: path for folder in reversed(folders) for path in pictures_in(folder)}


def _from_csv(path: Path) -> _Counts:
    try:
        text = read_bounded(path, _MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8") from error
    lines = csv.reader(io.StringIO(text))
    head = next(lines, [])
    if not head or head[0] != _FIRST or len(set(head)) != len(head):
        raise InputError(
            f"{path}: line 1 is no head with `{_FIRST}` and a column for each class",
            hint=f"such as: {_FIRST},airplane,ship",
        )
    found: dict[str, dict[str, int]] = {}
    for row in lines:
        if not row:
            continue
        numbers = row[1:]
        if len(row) != len(head) or not all(own.isdecimal() for own in numbers):
            raise InputError(
                f"{path}: line {lines.line_num} is not a picture and {len(head) - 1} counts"
            )
        found[row[0]] = dict(zip(head[1:], map(int, numbers), strict=True))
    return found
