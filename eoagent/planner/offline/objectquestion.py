"""One question about things in pictures: its steps, round by round, and its sentences."""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePosixPath

from eoagent.contracts.figure import Figure
from eoagent.contracts.planner import View
from eoagent.planner.offline.blueprint import Blueprint, opened_of
from eoagent.planner.offline.lexicon import is_chinese
from eoagent.planner.offline.objectask import ObjectAsk
from eoagent.planner.offline.objectchinese import ask_in_chinese
from eoagent.planner.offline.objectdraw import draw_objects
from eoagent.planner.offline.objectphrases import ask_in_english
from eoagent.planner.offline.objectwords import Noun, spellings_of_noun
from eoagent.planner.offline.opening import GOOD, is_open, opening_steps, to_open
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.refusals import ask

__all__ = ["ObjectQuestion", "object_question"]


def object_question(view: View) -> ObjectQuestion | None:
    """Return the question as one about things that a model finds, or None if it is not.

    It is not where a vector file holds what is looked for, or where scenes of a catalog or tiles
    of an index are to be searched: other parts of the planner read those.
    """
    found = _read(view.question)
    if found is None:
        return None
    kinds = {given.kind for given in view.inputs}
    if kinds & {"catalog", "aoi"} or ("index" in kinds and "image" not in kinds):
        return None
    files = [given.href for given in view.inputs if given.kind == "features"]
    if any(_is_held(noun, href) for noun in found.nouns for href in files):
        return None
    if "image" not in kinds and (files or not all(noun.key for noun in found.nouns)):
        return None
    return ObjectQuestion(view, found)


@lru_cache(maxsize=16)  # a question is read again for every round of its run
def _read(question: str) -> ObjectAsk | None:
    return ask_in_chinese(question) if is_chinese(question) else ask_in_english(question)


def _is_held(noun: Noun, href: str) -> bool:
    """Return whether a file's name says that it holds such things."""
    stem = PurePosixPath(href.replace("\\", "/")).stem.casefold()
    words = stem.replace("_", " ").replace("-", " ")
    return any(word in words for word in spellings_of_noun(noun))


class ObjectQuestion:
    """A question about things in pictures, over what came with it."""

    def __init__(self, view: View, found: ObjectAsk) -> None:
        self._view = view
        self._ask = found
        self._zh = is_chinese(view.question)

    @property
    def summary(self) -> str:
        """How the question was understood, one line."""
        what = ", ".join(noun.phrase for noun in self._ask.nouns) or "the image"
        return f"{self._ask.kind} of {what}"

    def next(self) -> Blueprint:
        """Return the next steps with what they assume; no step if there is nothing more to run."""
        view = self._view
        if not any(given.kind == "image" for given in view.inputs):
            return ask(1, say("which_image", chinese=self._zh)) if not view.steps else Blueprint()
        opening = opening_steps(view)
        if not view.steps:
            return Blueprint(steps=opening)
        if len(view.steps) > len(opening) or any(s.status not in GOOD for s in view.steps):
            return Blueprint()
        return self._drawn(len(opening), {})

    def answered(self) -> Blueprint:
        """Return all that answers, for the sentences; which one does may hang on the figures."""
        count = len(opening_steps(self._view))
        if not is_open(self._view.steps, count):
            return Blueprint()
        figures = {figure.id: figure for figure in self._view.figures}
        return self._drawn(count, _values(self._view, figures))

    def _drawn(self, count: int, values: dict[str, float]) -> Blueprint:
        opened = opened_of(to_open(self._view), self._view.steps[:count])
        return draw_objects(self._ask, opened, count + 1, values, chinese=self._zh)


def _values(view: View, figures: dict[str, Figure]) -> dict[str, float]:
    """Return the numbers of a run by reference: `$3.count`."""
    return {
        f"${step.n}.{name}": figures[identity].number
        for step in view.steps
        for name, identity in step.outputs.items()
        if identity in figures and not isinstance(figures[identity].value, str)
    }
