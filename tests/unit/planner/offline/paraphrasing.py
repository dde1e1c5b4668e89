"""Write questions in many words from templates, the same ones each time."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Paraphrase", "families", "paraphrases"]

_INNERMOST = re.compile(r"\{([^{}]*)\}")
_TRIES = 200


@dataclass(frozen=True, kw_only=True)
class Paraphrase:
    """A question, and the plain one that asks the same."""

    family: str
    """`a` to `j`."""
    given: str
    """What comes with it: `before+after`."""
    found: int
    """How many scenes a search of the catalog finds."""
    canonical: str
    """The plain question."""
    question: str
    """The same in other words."""
    answers: tuple[str, ...]
    """Names of the figures that answer, in order; empty where none may."""


def families() -> list[str]:
    """Return the families there are templates for."""
    return sorted({group["family"] for group in _data()["group"]})


def paraphrases(family: str, count: int) -> list[Paraphrase]:
    """Return that many distinct questions of a family, each template in its turn."""
    data = _data()
    chance = random.Random(f"paraphrases {family}")
    sources = [
        (group, template)
        for group in data["group"]
        if group["family"] == family
        for template in group["templates"].strip().splitlines()
    ]
    made: dict[str, Paraphrase] = {}
    for _ in range(_TRIES):
        for group, template in sources:
            question = _spell(template, data["slots"], chance)
            one = Paraphrase(
                family=family,
                given=group["given"],
                found=group.get("found", 0),
                canonical=group["canonical"],
                question=question,
                answers=tuple(group.get("answers", ())),
            )
            made.setdefault(question, one)
            if len(made) == count:
                return list(made.values())
    raise AssertionError(f"the templates of {family} make {len(made)} questions, not {count}")


def _spell(template: str, slots: Mapping[str, str], chance: random.Random) -> str:
    """Choose a branch of each choice, from the inside out, and tidy the spaces."""

    def choose(match: re.Match[str]) -> str:
        branches = match[1] if "|" in match[1] else slots[match[1]]
        return chance.choice(branches.split("|"))

    while "{" in template:
        template = _INNERMOST.sub(choose, template)
    text = re.sub(r"\s+([?,:]|\.(?!\d))", r"\1", re.sub(r"\s+", " ", template)).strip()
    return text[:1].upper() + text[1:]


def _data() -> dict:
    path = Path(__file__).with_name("paraphrases.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))
