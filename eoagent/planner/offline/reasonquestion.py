"""One implicit question about a picture: its steps, round by round, and its sentences."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import StepRecord
from eoagent.contracts.planner import View
from eoagent.planner.offline.blueprint import Blueprint, Drawing, opened_of
from eoagent.planner.offline.lexicon import is_chinese, tokenize
from eoagent.planner.offline.opening import GOOD, is_open, opening_steps, to_open
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.reader import read
from eoagent.planner.offline.reasonask import ReasonAsk
from eoagent.planner.offline.reasonchinese import reason_in_chinese
from eoagent.planner.offline.reasondraw import draw_reasoning
from eoagent.planner.offline.reasonphrases import reason_in_english
from eoagent.planner.offline.refusals import ask, refuse

__all__ = ["ReasonQuestion", "reason_question"]

_READ: Final = frozenset({"found", "none"})
"""What becomes of a reply that can be used."""
_TOLD: Final = ("status", "found", "answer")
"""Figures of the step by which it is told what to do next."""
_TITLE: Final = 120
"""Most characters of the title of a map."""


def reason_question(view: View) -> ReasonQuestion | None:
    """Return the question as an implicit one about a picture, or None if it is not.

    It is not where scenes of a catalog, an area or tiles of an index came with it: other parts of
    the planner read those.
    """
    found = _read(view.question)
    if found is None or {given.kind for given in view.inputs} & {"catalog", "aoi", "index"}:
        return None
    has_image = any(given.kind == "image" for given in view.inputs)
    return ReasonQuestion(view, found) if has_image or not view.inputs else None


@lru_cache(maxsize=16)  # a question is read again for every round of its run
def _read(question: str) -> ReasonAsk | None:
    zh = is_chinese(question)
    found = reason_in_chinese(question) if zh else reason_in_english(question)
    if found is None or found.kind == "change":
        return found
    return None if _is_measured(question) else found


def _is_measured(question: str) -> bool:
    """Return whether other parts of the planner read the whole question, down to a number."""
    if any(word.type == "UNKNOWN" for word in tokenize(question)):
        return False
    whole = read(question)
    says = whole.cover or whole.subjects or whole.conditions or whole.wants
    return bool(says) and not whole.unread and not whole.topics


class ReasonQuestion:
    """An implicit question, over the pictures that came with it."""

    def __init__(self, view: View, found: ReasonAsk) -> None:
        self._view = view
        self._ask = found
        self._zh = is_chinese(view.question)

    @property
    def summary(self) -> str:
        """How the question was understood, one line."""
        said = {"place": "a place", "words": "an answer in words", "change": "a change in words"}
        return f"{said[self._ask.kind]}, by a model that reasons about pictures"

    def next(self) -> Blueprint:
        """Return the next steps with what they assume; no step if there is nothing more to run."""
        view = self._view
        if not view.inputs:
            return ask(1, say("which_image", chinese=self._zh)) if not view.steps else Blueprint()
        opening = opening_steps(view)
        if not view.steps:
            return Blueprint(steps=opening)
        if any(step.status not in GOOD for step in view.steps):
            return Blueprint()
        if len(view.steps) == len(opening):
            return self._drawn(len(opening), {})
        last = view.steps[-1]
        return self._after(last) if last.tool == "reason" else Blueprint()

    def answered(self) -> Blueprint:
        """Return all that answers, for the sentences; what is told hangs on the figures."""
        count = len(opening_steps(self._view))
        if not is_open(self._view.steps, count):
            return Blueprint()
        return self._drawn(count, self._figures())

    def _after(self, made: StepRecord) -> Blueprint:
        """Show the places on a map; end the run where nothing can be made of the reply."""
        told = {
            name: figure
            for name, figure in ((name, self._figures().get(f"${made.n}.{name}")) for name in _TOLD)
            if figure is not None
        }
        asked = made.arguments
        is_unread = "status" in told and told["status"].value not in _READ
        is_silent = "want" in asked and "answer" not in told and "measured" not in asked
        if is_unread or is_silent:
            return refuse(made.n + 1, say("reason_unread", chinese=self._zh))
        if "found" not in told or told["found"].value == 0:
            return Blueprint()
        shown = "features" if "features" in made.outputs else "boxes"
        drawing = Drawing(next_n=made.n + 1)
        layers = [asked["raster"], f"${made.n}.{shown}"]
        title = self._view.question[:_TITLE]
        drawing.add("render_map", "where it is", layers=layers, title=title)
        return drawing.done()

    def _drawn(self, count: int, figures: dict[str, Figure]) -> Blueprint:
        opened = opened_of(to_open(self._view), self._view.steps[:count])
        question = " ".join(self._view.question.split())
        return draw_reasoning(self._ask, question, opened, count + 1, figures, chinese=self._zh)

    def _figures(self) -> dict[str, Figure]:
        """Return the figures of the run by reference: `$3.found`."""
        by_id = {figure.id: figure for figure in self._view.figures}
        return {
            f"${step.n}.{name}": by_id[identity]
            for step in self._view.steps
            for name, identity in step.outputs.items()
            if identity in by_id
        }
