"""Read DIOR-RSVG: an XML file for each picture, and split files of the numbers of its objects.

A split lists objects by their running number over all XML files in order of name, counted from 0
(https://github.com/ZhanYang-nwpu/RSVG-pytorch); one that lists names of files is taken too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from eoagent.app.evaluation.benchmarks.files import need_folder, picture_path, read_bounded
from eoagent.app.evaluation.benchmarks.truths import Benchmark, GroundedPicture
from eoagent.contracts.errors import InputError, NotFound

__all__ = ["read_dior_rsvg"]

_MOST_BYTES: Final = 4_000_000
_MOST_SENTENCE: Final = 1000
_SIDES: Final = ("xmin", "ymin", "xmax", "ymax")
_LAYOUT: Final = "the file should have the layout that DIOR-RSVG publishes"


def read_dior_rsvg(
    data: Path, file: Path | None = None, *, split: str = "test"
) -> tuple[Benchmark, tuple[GroundedPicture, ...]]:
    """Return the sentences of a split with their pictures and boxes.

    Args:
        data: folder with `Annotations`, `JPEGImages` (or `images`) and the split files.
        file: another split file in it.
        split: name of the split (`test` reads `test.txt`).

    Raises:
        NotFound: if a folder or the split file is not there.
        InputError: if a file has another layout, or the split names what is not there; the file
            and its line or object are named.
        SourceError: if a file cannot be read.
    """
    need_folder(data)
    folder = data / "Annotations"
    if not folder.is_dir():
        raise NotFound(f"there is no folder {folder}", hint="DIOR-RSVG keeps its XML files there")
    listing = data / (file or f"{split}.txt")
    if not listing.is_file():
        known = ", ".join(sorted(path.name for path in data.glob("*.txt"))) or "none"
        raise NotFound(f"there is no split file {listing}", hint=f"there are: {known}")
    ids = _ids(listing)
    paths = sorted(folder.glob("*.xml"))
    by_name = {path.stem for path in paths}
    if ids and all(own in by_name for own in ids):
        kept = [
            own
            for path in paths
            if path.stem in set(ids)
            for own in _objects(data, path, f"{path.stem}-")
        ]
        rule = "the split lists names of XML files, of which every object is asked"
    else:
        every = [own for path in paths for own in _objects(data, path, f"{path.stem}-")]
        kept = [every[number] for number in _numbers(listing, ids, len(every))]
        rule = "the split lists running numbers of objects over the XML files in order of name"
    return Benchmark(listing=listing, notes=(rule,)), tuple(kept)


def _ids(path: Path) -> list[str]:
    try:
        lines = read_bounded(path, _MOST_BYTES).decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no list of ids", hint=_LAYOUT) from error
    ids = [line.strip() for line in lines if line.strip()]
    if not ids:
        raise InputError(f"{path} lists nothing", hint=_LAYOUT)
    return ids


def _numbers(path: Path, ids: Sequence[str], count: int) -> list[int]:
    for line, own in enumerate(ids, start=1):
        if not own.isdecimal() or int(own) >= count:
            raise InputError(
                f"{path}: line {line} names '{own[:40]}', and there are {count} objects, numbered "
                "from 0",
                hint=_LAYOUT,
            )
    return sorted({int(own) for own in ids})


def _objects(data: Path, path: Path, prefix: str) -> list[GroundedPicture]:
    raw = read_bounded(path, _MOST_BYTES)
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise InputError(f"{path} declares entities, which are not read", hint=_LAYOUT)
    try:
        root = ET.fromstring(raw)  # noqa: S314 - bounded, and without entities
    except ET.ParseError as error:
        raise InputError(f"{path} is no XML: {error}", hint=_LAYOUT) from error
    name = (root.findtext("filename") or f"{path.stem}.jpg").strip()
    file = picture_path(data, name)
    return [
        _object(path, file, f"{prefix}{number}", own)
        for number, own in enumerate(root.findall("object"))
    ]


def _object(path: Path, file: Path, name: str, own: ET.Element) -> GroundedPicture:
    where = f"{path}: object {name.rpartition('-')[2]}"
    sentence = " ".join((own.findtext("description") or "").split())
    if not 0 < len(sentence) <= _MOST_SENTENCE:
        raise InputError(f"{where} has no `description` that could be asked", hint=_LAYOUT)
    sides = []
    for side in _SIDES:
        text = own.findtext(f"bndbox/{side}") or ""
        try:
            sides.append(float(text))
        except ValueError as error:
            raise InputError(
                f"{where}: {side} is '{text[:40]}', no number", hint=_LAYOUT
            ) from error
    x1, y1, x2, y2 = sides
    if not all(map(math.isfinite, sides)) or x1 >= x2 or y1 >= y2:
        raise InputError(f"{where} has the box {x1:g} {y1:g} {x2:g} {y2:g}", hint=_LAYOUT)
    return GroundedPicture(name=name, file=file, sentence=sentence, box=(x1, y1, x2, y2))
