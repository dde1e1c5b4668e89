"""Read multiple choices as XLRS-Bench frames them: a JSON list, or one JSON object a line.

Fields are `question`, `multi-choice options`, `answer` (a letter, or several), `category`, and the
picture as `path`, `image` or `image_path`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import AliasChoices, Field, TypeAdapter, ValidationError

from eoagent.app.evaluation.adapters.reading import Layout, read_layout
from eoagent.app.evaluation.benchmarks.files import find_listing, picture_path, read_bounded
from eoagent.app.evaluation.benchmarks.truths import AskedPicture, Benchmark
from eoagent.contracts.errors import InputError

__all__ = ["frame_choice", "read_choices"]

_LAYOUT: Final = "XLRS-Bench (`question`, `multi-choice options`, `answer`, `category`, `path`)"
_MOST_BYTES: Final = 256_000_000
_PREFIX: Final = re.compile(r"^\s*\(?([A-Za-z])[).:]\s*")
_LETTERS: Final = re.compile(r"[\s,;]*(?:\(?([A-Z])\)?[\s,;.]*)+")


class _Choice(Layout):
    question: str = Field(min_length=1, max_length=8000)
    options: tuple[str, ...] | str = Field(
        validation_alias=AliasChoices("multi-choice options", "multi_choice_options", "options")
    )
    answer: str = Field(min_length=1)
    category: str = "all"
    finer: str = Field(
        default="", validation_alias=AliasChoices("l2-category", "L2-category", "subtask")
    )
    path: str | tuple[str, ...] = Field(
        validation_alias=AliasChoices("path", "image_path", "image", "image_paths")
    )
    index: str = Field(default="", validation_alias=AliasChoices("index", "id", "question_id"))


def read_choices(
    data: Path, file: Path | None = None
) -> tuple[Benchmark, tuple[AskedPicture, ...]]:
    """Return the questions of a file with their options, answers and pictures.

    Args:
        data: folder with the file, and the pictures in it or in `images`.
        file: the file; the only JSON or JSON-lines file by default.

    Raises:
        NotFound: if there is no such file.
        InputError: if it has another layout; the file and its entry or line are named.
        SourceError: if it cannot be read.
    """
    path = find_listing(data, file, endings=(".json", ".jsonl"), what="questions")
    found = _lines(path) if path.suffix.lower() == ".jsonl" else _list(path)
    asked = tuple(_picture(data, path, number, own) for number, own in enumerate(found))
    if not asked:
        raise InputError(f"{path} lists no question")
    return Benchmark(listing=path), asked


def frame_choice(question: str, options: Sequence[str], *, several: bool = False) -> str:
    """Return a multiple choice as XLRS-Bench puts it.

    Args:
        question: the question.
        options: texts of the options, in order of their letters.
        several: whether more than one letter may be right.

    Source: https://arxiv.org/abs/2503.23771
    """
    letters = [chr(ord("A") + place) for place in range(len(options))]
    lines = [f"({letter}) {own}" for letter, own in zip(letters, options, strict=True)]
    which = "letters" if several else "letter"
    ends = ", separated by spaces" if several else ""
    return "\n".join(
        [
            f"{question} The choices are listed below:",
            *lines,
            (
                "Select the best answer for the multiple-choice question based on the image. Only "
                f"respond with the {which} corresponding to the correct answer "
                f"({', '.join(letters)}){ends}."
            ),
            "The answer is:",
        ]
    )


def _list(path: Path) -> tuple[_Choice, ...]:
    return read_layout(path, TypeAdapter(tuple[_Choice, ...]), _LAYOUT)


def _lines(path: Path) -> tuple[_Choice, ...]:
    found = []
    for number, line in enumerate(read_bounded(path, _MOST_BYTES).splitlines(), start=1):
        if line.strip():
            try:
                found.append(_Choice.model_validate_json(line))
            except ValidationError as error:
                problem = error.errors(include_url=False)[0]
                field = ".".join(map(str, problem["loc"]))
                raise InputError(
                    f"{path}: line {number}: {field}: {problem['msg']}",
                    hint=f"the file should have the layout that {_LAYOUT} publishes",
                ) from error
    return tuple(found)


def _picture(data: Path, path: Path, number: int, own: _Choice) -> AskedPicture:
    where = f"{path}: entry {number}"
    stated = own.options.splitlines() if isinstance(own.options, str) else own.options
    options = tuple(_PREFIX.sub("", text).strip() for text in stated if text.strip())
    letters = re.findall(r"[A-Z]", own.answer) if _LETTERS.fullmatch(own.answer) else []
    if not 2 <= len(options) <= 26:
        raise InputError(f"{where} has {len(options)} options, and a choice has 2 to 26")
    if not letters or max(letters) > chr(ord("A") + len(options) - 1):
        raise InputError(f"{where} has the answer '{own.answer[:40]}', which is no letter of it")
    name = own.path if isinstance(own.path, str) else (own.path or ("",))[0]
    return AskedPicture(
        name=own.index or str(number),
        file=picture_path(data, name),
        question=frame_choice(own.question, options, several=len(letters) > 1),
        answer=" ".join(letters),
        kind="/".join(part for part in (own.category, own.finer) if part),
        options=options,
    )
