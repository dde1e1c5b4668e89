"""Read RSVQA: JSON files of questions and answers, and pictures named by their number.

Questions say which picture and which answers they have; entries that are not active are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from eoagent.app.evaluation.adapters.reading import Layout, read_layout
from eoagent.app.evaluation.benchmarks.files import need_folder, picture_path
from eoagent.app.evaluation.benchmarks.truths import AskedPicture, Benchmark
from eoagent.app.evaluation.measures.answers import area_range, count_range
from eoagent.contracts.errors import InputError, NotFound

__all__ = ["read_rsvqa"]

_LAYOUT: Final = "RSVQA (`questions` and `answers`)"
_FOLDERS: Final = ("Images_LR", "Images", "Data", "Images_HR")
_LOW: Final = "LR"
"""Files of the low-resolution set begin so."""
_COUNT: Final = "count"
_AREA: Final = re.compile(r"(\d+(?:\.\d+)?) ?m2")
_ENDINGS: Final = (".tif", ".png", ".jpg")


class _Question(Layout):
    id: int
    img_id: int = -1
    type: str = ""
    question: str = ""
    answers_ids: tuple[int, ...] = ()
    active: bool = True


class _Answer(Layout):
    id: int
    question_id: int = -1
    answer: str = ""
    active: bool = True


class _Questions(Layout):
    questions: tuple[_Question, ...]


class _Answers(Layout):
    answers: tuple[_Answer, ...]


def read_rsvqa(
    data: Path, file: Path | None = None, *, split: str = "test"
) -> tuple[Benchmark, tuple[AskedPicture, ...]]:
    """Return the questions of a split with their pictures and answers, in the order of the file.

    Args:
        data: folder with `..._split_SPLIT_questions.json`, the answers beside it, and the pictures
            in it or in a folder such as `Images_LR`.
        file: the file of questions; the answers are in the one named alike.
        split: name of the split.

    Raises:
        NotFound: if a file is not there.
        InputError: if one has another layout, or a question has no answer; the entry is named.
        SourceError: if one cannot be read.
    """
    path = _questions(need_folder(data), file, split)
    beside = path.with_name(path.name.replace("questions", "answers"))
    if beside == path or not beside.is_file():
        raise NotFound(
            f"there is no {beside} with the answers to {path.name}",
            hint="RSVQA names the two files alike, one `questions`, one `answers`",
        )
    asked = read_layout(path, TypeAdapter(_Questions), _LAYOUT).questions
    answers = read_layout(beside, TypeAdapter(_Answers), _LAYOUT).answers
    by_id = {own.id: own for own in answers if own.active}
    by_question = {own.question_id: own for own in answers if own.active}
    folders = [name for name in _FOLDERS if (data / name).is_dir()]
    is_low = path.name.startswith(_LOW)
    found = []
    for number, own in enumerate(asked):
        if not own.active:
            continue
        where = f"{path}: questions.{number} (id {own.id})"
        if not own.question.strip() or own.img_id < 0:
            raise InputError(
                f"{where} has no question or no picture",
                hint="the files of some releases list ids alone: name the one that holds the texts",
            )
        answer = next((by_id[n] for n in own.answers_ids if n in by_id), by_question.get(own.id))
        if answer is None or not answer.answer.strip():
            raise InputError(f"{where} has no answer in {beside}")
        found.append(
            AskedPicture(
                name=str(own.id),
                file=_picture(data, own.img_id, folders),
                question=own.question,
                answer=_judged(answer.answer.strip(), own.type, is_low=is_low),
                kind=own.type or "unknown",
            )
        )
    if not found:
        raise InputError(f"{path} lists no active question")
    rule = "counts" if is_low else "areas"
    note = (
        f"{rule} are right in the range of the true one, as published: 0, 1 to 10, 11 to 100, ..."
    )
    return Benchmark(listing=path, notes=(note,)), tuple(found)


def _judged(answer: str, kind: str, *, is_low: bool) -> str:
    """Return an answer as it is judged: counts of the low-resolution set and areas as ranges."""
    area = _AREA.fullmatch(answer)
    if area:
        return area_range(float(area[1]))
    if is_low and kind == _COUNT and answer.isdecimal():
        return count_range(int(answer))
    return answer


def _questions(data: Path, file: Path | None, split: str) -> Path:
    if file is not None:
        if (data / file).is_file():
            return data / file
        raise NotFound(f"there is no {data / file}", hint="name a file in the data folder (--file)")
    found = sorted(data.glob(f"*split_{split}*questions.json"))
    if len(found) == 1:
        return found[0]
    known = ", ".join(path.name for path in sorted(data.glob("*questions.json"))) or "none"
    raise NotFound(
        f"{data} holds {len(found)} files of questions of the split '{split}'",
        hint=f"name one (--file); there are: {known}",
    )


def _picture(data: Path, number: int, folders: Sequence[str]) -> Path:
    paths = [picture_path(data, f"{number}{end}", folders=folders) for end in _ENDINGS]
    return next((path for path in paths if path.is_file()), paths[0])
