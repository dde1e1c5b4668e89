"""Read a file of another benchmark by its layout; what does not fit is told by file and field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from eoagent.app.evaluation.questions import Question
from eoagent.contracts.errors import InputError, NotFound, SourceError

__all__ = ["Layout", "find_file", "make_question", "read_layout"]

_MAX_BYTES: Final = 256_000_000

T = TypeVar("T")


class Layout(BaseModel):
    """Base of published layouts: fields that are not used here are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


def find_file(data: Path, file: Path | None, names: Sequence[str]) -> Path:
    """Return the file of questions: the one that was named, or the first of some names.

    Args:
        data: the data folder.
        file: a file in it that was asked for, if any.
        names: where the benchmark keeps its questions, relative to the data folder.

    Raises:
        NotFound: if there is none.
    """
    paths = [data / file] if file else [data / name for name in names]
    for path in paths:
        if path.is_file():
            return path
    raise NotFound(
        f"there is no {' and no '.join(map(str, paths))}",
        hint="name the benchmark's folder (--data), or the file of questions in it (--file)",
    )


def read_layout(path: Path, layout: TypeAdapter[T], benchmark: str) -> T:
    """Return what a file of JSON holds.

    Args:
        path: the file.
        layout: what it should hold.
        benchmark: whose layout that is, for messages.

    Raises:
        InputError: if it holds something else; the file and the field are named.
        SourceError: if it cannot be read.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(
                f"{path} is larger than {_MAX_BYTES} bytes", hint="is it a file of questions?"
            )
        return layout.validate_json(path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error}", href=str(path)) from error
    except ValidationError as error:
        raise _misfit(path, error, benchmark) from error


def make_question(path: Path, where: str, fields: Mapping[str, Any], benchmark: str) -> Question:
    """Return a question of given fields.

    Args:
        path: the file that they come from.
        where: the place in it.
        fields: of `Question`.
        benchmark: whose layout that is, for messages.

    Raises:
        InputError: if they make no question; the file and the place are named.
    """
    try:
        return Question.model_validate(dict(fields))
    except ValidationError as error:
        raise _misfit(path, error, benchmark, where) from error


def _misfit(path: Path, error: ValidationError, benchmark: str, where: str = "") -> InputError:
    problem = error.errors(include_url=False)[0]
    parts = [where, *map(str, problem["loc"])]
    field = ".".join(part for part in parts if part and not part.startswith("_"))
    message = f"{path}: {f'{field}: ' if field else ''}{problem['msg']}"
    return InputError(message, hint=f"the file should have the layout that {benchmark} publishes")
