"""Read EarthReason: folders of images, labels and questions for each split.

Labels are pictures of one band whose values other than 0 are the target. Of a picture's questions
the first is asked, as upstream does, or all of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from eoagent.app.evaluation.adapters.reading import Layout, read_layout
from eoagent.app.evaluation.benchmarks.files import need_folder, pictures_in
from eoagent.app.evaluation.benchmarks.maskfiles import mask_file
from eoagent.app.evaluation.benchmarks.truths import Benchmark, ReasonedPicture
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.store import Origins

__all__ = ["read_earthreason"]

_LAYOUT: Final = "EarthReason (`questions` and `answers`)"


class _Asked(Layout):
    questions: tuple[Annotated[str, Field(min_length=1, max_length=4000)], ...] = Field(
        min_length=1
    )
    answers: tuple[str, ...] = ()


def read_earthreason(
    data: Path, origins: Origins, *, split: str = "test", every: bool = False
) -> tuple[Benchmark, tuple[ReasonedPicture, ...]]:
    """Return the pictures of a split with their questions and masks, in order of name.

    Args:
        data: folder with a folder for each split, or the folder of one split.
        origins: the guard, which trusts it.
        split: name of the split.
        every: ask all questions of a picture, not the first alone.

    Raises:
        NotFound: if a folder, a label or a file of questions is not there.
        InputError: if a file of questions has another layout; it and the field are named.
        SourceError: if one cannot be read.
    """
    root = need_folder(data) / split if (data / split).is_dir() else data
    folders = {name: root / name for name in ("images", "labels", "QAs")}
    for folder in folders.values():
        if not folder.is_dir():
            known = ", ".join(sorted(p.name for p in data.iterdir() if p.is_dir())) or "none"
            raise NotFound(
                f"there is no folder {folder}",
                hint=f"it has SPLIT/images, SPLIT/labels and SPLIT/QAs; there are: {known}",
            )
    files = pictures_in(folders["images"])
    if not files:
        raise InputError(f"{folders['images']} holds no picture")
    found = [
        own
        for file in files
        for own in _asked(file, folders["labels"], folders["QAs"], origins, every=every)
    ]
    said = "all its questions were" if every else "its first question was"
    note = f"of each picture {said} asked"
    return Benchmark(listing=root, notes=(note,)), tuple(found)


def _asked(
    file: Path, labels: Path, questions: Path, origins: Origins, *, every: bool
) -> list[ReasonedPicture]:
    label, listed = labels / f"{file.stem}.png", questions / f"{file.stem}.json"
    for path in (label, listed):
        if not path.is_file():
            raise NotFound(f"there is no {path} for the picture {file.name}")
    asked = read_layout(listed, TypeAdapter(_Asked), _LAYOUT).questions
    return [
        ReasonedPicture(
            name=file.name if number == 0 else f"{file.name}#{number + 1}",
            file=file,
            question=question,
            mask=mask_file(label, origins),
        )
        for number, question in enumerate(asked if every else asked[:1])
    ]
