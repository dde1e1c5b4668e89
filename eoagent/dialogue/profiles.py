"""Prompt profiles: how one checkpoint is to be asked and read, as data (`profiles/*.toml`)."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, Literal, Self

from pydantic import Field, JsonValue, ValidationError, field_validator, model_validator

from eoagent.contracts.errors import InputError, InternalError, NotFound
from eoagent.contracts.record import Record

__all__ = [
    "OVERRIDABLE",
    "PICTURE_MARK",
    "QUESTION_MARK",
    "CoordinateFrame",
    "GrammarName",
    "Profile",
    "Prompt",
    "ZoomCalls",
    "profile_names",
    "read_profile",
]

CoordinateFrame = Literal["model_input", "original", "thousandth", "percent"]
"""What the numbers of a box count: pixels of the picture as the model gets it, pixels of the
picture as it was given, thousandths or hundredths of each side."""
GrammarName = Literal["boxes", "json", "mask"]
"""How places are written: lists of numbers, JSON objects, or a mask in run lengths."""
PICTURE_MARK: Final = "<image>"
"""Where the pictures go in the words of a prompt."""
QUESTION_MARK: Final = "{question}"
"""Where the question goes in the words of a prompt."""
_NAME: Final = r"^[a-z0-9][a-z0-9.-]{1,40}$"
_FOLDER: Final = "profiles"
_SUFFIX: Final = ".toml"


class Prompt(Record):
    """What is said to ask for one ability."""

    text: str = Field(min_length=1, max_length=8000)
    """Words; `{question}` stands for the question and `<image>` for the pictures, which come
    first where no mark stands."""
    system: str | None = None
    """System text for this ability, where it is not that of the profile."""

    @field_validator("text")
    @classmethod
    def _marks_stand_once(cls, text: str) -> str:
        for mark in (PICTURE_MARK, QUESTION_MARK):
            if text.count(mark) > 1:
                raise ValueError(f"{mark} stands {text.count(mark)} times, and once at most is due")
        return text


class ZoomCalls(Record):
    """How a model asks to see a part of the picture larger, and what it is told then."""

    system: str
    """System text that tells of the call."""
    suffix: str
    """What follows the question."""
    shown: str
    """What is said beside the part that was asked for."""
    refused: str
    """What is said where nothing more is shown."""
    max_calls: int = Field(default=3, ge=1, le=16)
    """Most parts that are shown for one question."""


class Profile(Record):
    """How one checkpoint is to be asked and read."""

    name: str = Field(pattern=_NAME)
    """Name that the option `profile` of a card uses."""
    title: str
    """Checkpoint or family that it is for."""
    system: str | None = None
    """System text; none leaves the template of the checkpoint to put its own."""
    ground: Prompt
    """Asks where something is; holds `{question}`."""
    answer: Prompt
    """Asks a question; holds `{question}`."""
    describe: Prompt
    """Asks for a caption."""
    grammar: GrammarName
    """How it writes places."""
    coordinate_frame: CoordinateFrame
    """What its numbers count."""
    max_pixels: int = Field(default=802_816, ge=3136, le=12_845_056)
    """Most pixels of a picture that it is shown."""
    min_pixels: int = Field(default=3136, ge=784, le=802_816)
    """Fewest pixels of a picture that it is shown; a quarter of the most at most."""
    square_px: int = Field(default=0, ge=0, le=3584, multiple_of=28)
    """Edge of the square that each picture is stretched to, pixels; 0 keeps its shape."""
    max_tokens: int = Field(default=1024, ge=16, le=32_768)
    """Most tokens of a reply."""
    max_boxes: int = Field(default=100, ge=1, le=10_000)
    """Most boxes that are taken from a reply."""
    zoom: ZoomCalls | None = None
    """Calls to look closer; none for a checkpoint that knows none."""
    sources: tuple[str, ...] = ()
    """Where texts and numbers of this profile were read."""
    notes: tuple[str, ...] = ()
    """What a user should know, and what is not certain."""

    @field_validator("ground", "answer")
    @classmethod
    def _asks_the_question(cls, prompt: Prompt) -> Prompt:
        if QUESTION_MARK not in prompt.text:
            raise ValueError(f"the text has no {QUESTION_MARK}")
        return prompt

    @field_validator("describe")
    @classmethod
    def _asks_no_question(cls, prompt: Prompt) -> Prompt:
        if QUESTION_MARK in prompt.text:
            raise ValueError(f"the text has {QUESTION_MARK}, and nothing to put there")
        return prompt

    @field_validator("square_px")
    @classmethod
    def _is_kept_by_the_model(cls, square_px: int) -> int:
        if 0 < square_px < math.isqrt(3136):
            raise ValueError("a square is of 56 px at least, or the model makes it larger")
        return square_px

    @model_validator(mode="after")
    def _caps_are_in_order(self) -> Self:
        if 4 * self.min_pixels > self.max_pixels:  # closer together, sizes may never settle
            raise ValueError(
                f"min_pixels {self.min_pixels} is above a quarter of max_pixels {self.max_pixels}"
            )
        return self


OVERRIDABLE: Final = frozenset(
    {
        "coordinate_frame",
        "max_boxes",
        "max_pixels",
        "max_tokens",
        "min_pixels",
        "square_px",
        "system",
    }
)
"""Fields of a profile that the options of a card may set anew."""


@cache
def profile_names() -> tuple[str, ...]:
    """Return the names of all profiles, sorted."""
    found = (entry.name for entry in files("eoagent.dialogue").joinpath(_FOLDER).iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX)))


def read_profile(name: str, overrides: Mapping[str, JsonValue] | None = None) -> Profile:
    """Return a profile.

    Args:
        name: its name.
        overrides: fields to set anew, of those in `OVERRIDABLE`, as the options of a card do.

    Raises:
        NotFound: if there is none of that name; the hint lists those that there are.
        InputError: if a field may not be set anew, or its value does not hold.
    """
    if name not in profile_names():
        raise NotFound(
            f"there is no prompt profile '{name}'", hint=f"there are: {', '.join(profile_names())}"
        )
    shipped = _shipped(name)
    if not overrides:
        return shipped
    if strange := sorted(set(overrides) - OVERRIDABLE):
        raise InputError(
            f"the prompt profile {name} does not let {', '.join(strange)} be set",
            hint=f"what can be set: {', '.join(sorted(OVERRIDABLE))}",
        )
    try:
        return Profile.model_validate({**shipped.model_dump(), **overrides})
    except ValidationError as error:
        raise InputError(
            f"the prompt profile {name} does not hold with what was set: {_told(error)}",
            hint="correct the options of the model card",
        ) from error


@cache
def _shipped(name: str) -> Profile:
    path = files("eoagent.dialogue").joinpath(_FOLDER, f"{name}{_SUFFIX}")
    try:
        profile = Profile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise InternalError(f"the prompt profile {name} does not hold: {error}") from error
    if profile.name != name:
        raise InternalError(f"the file of the prompt profile {name} names it {profile.name}")
    return profile


def _told(error: ValidationError) -> str:
    faults = (
        f"{'.'.join(map(str, fault['loc'])) or 'the profile'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    )
    return "; ".join(faults)
