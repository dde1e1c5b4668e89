"""Questions with known answers, as records read from a file of JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from eoagent.app.evaluation.arguments import Call
from eoagent.app.evaluation.rules import Rule
from eoagent.contracts.answer import Status
from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.contracts.units import is_unit

__all__ = [
    "QUESTIONS_FILE",
    "Expectation",
    "ExpectedFigure",
    "Question",
    "files_of",
    "read_questions",
]

QUESTIONS_FILE: Final = "qa_multistep.jsonl"
"""File of questions in a data folder, unless another is named."""

_MAX_BYTES: Final = 64_000_000
_ALIASES: Final = {"index": "1"}
_CATALOG: Final = "catalog/catalog.json"

_Text = Annotated[str, Field(min_length=1)]


class _Read(BaseModel):
    """Base of what is read: a rule that is not known here would not be judged, so it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ExpectedFigure(_Read):
    """A number that the answer has to give."""

    name: _Text
    """What it is (`water_area`)."""
    value: float
    """The reference value."""
    unit: str
    """Its unit; `index` is read as `1`."""
    rel_tol: float | None = Field(default=None, ge=0)
    """Tolerance as a share of the value."""
    abs_tol: float | None = Field(default=None, ge=0)
    """Tolerance in the unit."""

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, unit: str) -> str:
        named = _ALIASES.get(unit, unit)
        if not is_unit(named) or named == "choice":
            msg = f"'{unit}' is not a unit of numbers"
            raise ValueError(msg)
        return named

    @model_validator(mode="after")
    def _one_tolerance(self) -> Self:
        if (self.rel_tol is None) == (self.abs_tol is None):
            msg = "one of rel_tol and abs_tol is wanted"
            raise ValueError(msg)
        return self

    @property
    def room(self) -> float:
        """How far a value may be from the reference, in the unit."""
        share = 0.0 if self.rel_tol is None else self.rel_tol * abs(self.value)
        return share if self.abs_tol is None else self.abs_tol


class Expectation(_Read):
    """What an answer has to be."""

    status: Status
    """How the run should end."""
    also_accept: tuple[Status, ...] = ()
    """Endings that are as good."""
    figures: tuple[ExpectedFigure, ...] = ()
    """The numbers, in the question's order."""
    any_of: bool = False
    """Whether one of the numbers is enough."""
    choice: tuple[_Text, ...] = ()
    """What the answer has to name; one of them is enough."""
    must_state: tuple[_Text, ...] = ()
    """What has to occur in the text; alternatives inside an entry are separated by a bar."""
    rule: Rule | None = None
    """A rule of another benchmark, which stands in place of figures and choice."""

    @field_validator("choice", mode="before")
    @classmethod
    def _as_list(cls, choice: object) -> object:
        return [choice] if isinstance(choice, str) else choice


class Question(BaseModel):
    """One question of a suite; fields that are not known here are for people and left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: _Text
    """Its name in the suite."""
    family: _Text
    """The kind of question."""
    question: _Text
    """The text that is put."""
    images: tuple[_Text, ...] = ()
    """Files to pass, in order, relative to the data folder; vector files open as features."""
    catalog: bool = False
    """Whether the catalog of the data folder is passed."""
    folder: str = ""
    """Folder of rasters that is passed as a catalog, relative to the data folder."""
    expect: Expectation
    """What an answer has to be."""
    needs: tuple[_Text, ...] = ("spectral",)
    """What it takes: `spectral`, or a kind of model."""
    references: tuple[tuple[Call, ...], ...] = ()
    """Chains of calls that answer it, each as good as the others."""

    @field_validator("images", mode="before")
    @classmethod
    def _none_is_empty(cls, images: object) -> object:
        return () if images is None else images

    @field_validator("images")
    @classmethod
    def _stays_inside(cls, images: tuple[str, ...]) -> tuple[str, ...]:
        for image in images:
            if PurePath(image).is_absolute() or ".." in PurePath(image).parts:
                msg = f"'{image}' lies outside the data folder"
                raise ValueError(msg)
        return images

    @field_validator("folder")
    @classmethod
    def _folder_stays_inside(cls, folder: str) -> str:
        return cls._stays_inside((folder,))[0] if folder else folder

    @property
    def needs_a_model(self) -> bool:
        """Whether it takes more than pixels and geometry."""
        return set(self.needs) != {"spectral"}


def files_of(question: Question, data: Path) -> tuple[tuple[Path, ...], Path | None]:
    """Return the images of a question and its catalog, if it has one.

    Raises:
        NotFound: if one of them is not there.
    """
    images = tuple(data / image for image in question.images)
    catalog = data / _CATALOG if question.catalog else None
    if question.folder:
        catalog = data / question.folder
    for path in (*images, *([catalog] if catalog else [])):
        if not (path.is_dir() if path == catalog and question.folder else path.is_file()):
            raise NotFound(
                f"question {question.id} comes with {path}, and there is no such file",
                hint="give the folder that holds the data of these questions (--data)",
            )
    return images, catalog


def read_questions(path: Path) -> tuple[Question, ...]:
    """Return the questions of a file of JSON lines, in its order.

    Raises:
        NotFound: if there is no such file.
        InputError: if a line is no question, two have one id, or there is none; the line is named.
        SourceError: if the file cannot be read.
    """
    questions: dict[str, Question] = {}
    for number, line in _lines(path):
        try:
            question = Question.model_validate_json(line)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            where = ".".join(map(str, problem["loc"]))
            raise InputError(
                f"{path}, line {number}: {f'{where}: ' if where else ''}{problem['msg']}",
                hint="each line is one question as a JSON object",
            ) from error
        if question.id in questions:
            raise InputError(
                f"{path}, line {number}: the id '{question.id}' is there already",
                hint="give each question an id of its own",
            )
        questions[question.id] = question
    if not questions:
        raise InputError(f"{path} holds no question", hint="write one JSON object a line")
    return tuple(questions.values())


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(
                f"{path} is larger than {_MAX_BYTES} bytes", hint="is it a file of questions?"
            )
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFound(
            f"there is no file {path}", hint="name the folder (--data) and the file (--file)"
        ) from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error}", href=str(path)) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: {error}", hint="save it as UTF-8") from error
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line
