"""Rules of other benchmarks that an answer is judged by, where no number with tolerance is given.

Each is decided by the answer alone. What a benchmark leaves to a model's judgement is no rule here:
such a question is `unjudged`.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from eoagent.app.evaluation.arguments import calls_of
from eoagent.app.evaluation.options import letter_of, option_meant
from eoagent.app.evaluation.wording import without
from eoagent.contracts.answer import AnswerRecord

__all__ = ["NoTools", "Option", "Rule", "Unjudged", "Words", "why_broken"]

_Text = Annotated[str, Field(min_length=1)]
_GROUPED: Final = re.compile(r"(?<=\d),(?=\d{3}\b)")


class _Rule(BaseModel):
    """Base of rules: what is not known here would not be judged, so it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Rule):
    """The text has to hold one word of each group, and none of those that are wrong.

    Where the text tells how a figure was computed, that part does not count: it is full of numbers.
    """

    kind: Literal["words"] = "words"
    groups: tuple[tuple[_Text, ...], ...]
    """Alternatives; one of each group is wanted."""
    wrong: tuple[_Text, ...] = ()
    """What a right answer does not say."""


class Option(_Rule):
    """The answer has to mean one option of several."""

    kind: Literal["option"] = "option"
    options: tuple[_Text, ...] = Field(min_length=2, max_length=26)
    """Their texts; the first has the letter A."""
    letter: str = Field(pattern=r"^[A-Z]$")
    """The letter of the right one."""

    @model_validator(mode="after")
    def _letter_has_an_option(self) -> Self:
        if ord(self.letter) - ord("A") >= len(self.options):
            msg = f"there is no option {self.letter} among {len(self.options)}"
            raise ValueError(msg)
        return self


class NoTools(_Rule):
    """The question is to be answered without a single tool call."""

    kind: Literal["no_tools"] = "no_tools"


class Unjudged(_Rule):
    """Whether the answer is right takes a judgement that no rule makes."""

    kind: Literal["unjudged"] = "unjudged"
    why: _Text
    """What the benchmark leaves to a model."""


Rule = Annotated[Words | Option | NoTools | Unjudged, Field(discriminator="kind")]


def why_broken(rule: Words | Option | NoTools, answer: AnswerRecord) -> str:
    """Return why an answer breaks a rule, or nothing where it keeps to it."""
    if isinstance(rule, Words):
        methods = (figure.method for figure in answer.figures)
        return _words(rule, without(answer.text, methods))
    if isinstance(rule, Option):
        return _option(rule, answer)
    called = [call.tool for call in calls_of(answer)]
    return f"calls {', '.join(called)}, and no tool is needed" if called else ""


def _words(rule: Words, text: str) -> str:
    lacking = [group for group in rule.groups if not _holds(group, text)]
    if lacking:
        return "; ".join(f"does not say {' or '.join(group)}" for group in lacking)
    wrong = [word for word in rule.wrong if _holds((word,), text)]
    return f"says {', '.join(wrong)}, which is wrong" if wrong else ""


def _holds(alternatives: tuple[str, ...], text: str) -> bool:
    """Return whether a word stands in a text, between edges of words; case does not matter.

    The text is looked at with and without the commas that group thousands.
    """
    wanted = re.compile(rf"\b(?:{'|'.join(map(re.escape, alternatives))})\b", flags=re.IGNORECASE)
    return any(wanted.search(form) for form in (text, _GROUPED.sub("", text)))


def _option(rule: Option, answer: AnswerRecord) -> str:
    meant = option_meant(rule.options, answer)
    if meant == rule.letter:
        return ""
    right = f"{rule.letter} ({_of(rule, rule.letter)}) is right"
    if meant is None:
        return f"means none of {letter_of(0)} to {letter_of(len(rule.options) - 1)}; {right}"
    return f"means {meant} ({_of(rule, meant)}), and {right}"


def _of(rule: Option, letter: str) -> str:
    return rule.options[ord(letter) - ord("A")]
