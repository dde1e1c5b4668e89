"""The offline planner: opens what came with the question, then draws the steps for its reading."""

from __future__ import annotations

from pydantic import JsonValue

from eoagent.contracts.plan import Plan, Step, StepRecord
from eoagent.contracts.planner import QUIET, Draft, Line, View
from eoagent.planner.offline.blueprint import Blueprint, Result, opened_of
from eoagent.planner.offline.families import draw
from eoagent.planner.offline.finding import tile_question
from eoagent.planner.offline.followup import understood
from eoagent.planner.offline.frame import Frame
from eoagent.planner.offline.framed import draw_framed, is_framed
from eoagent.planner.offline.lexicon import is_chinese
from eoagent.planner.offline.objectquestion import object_question
from eoagent.planner.offline.opening import (
    GOOD,
    box_of,
    first_href,
    is_open,
    opening_steps,
    to_open,
)
from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.reader import read, read_frame, read_framed
from eoagent.planner.offline.reading import Reading
from eoagent.planner.offline.reasonquestion import reason_question
from eoagent.planner.offline.refusals import (
    after_opening,
    ask,
    before_opening,
    before_opening_several,
)
from eoagent.planner.offline.relations import draw_relation
from eoagent.planner.offline.search import draw_search, search_step
from eoagent.planner.offline.sources import rule_text

__all__ = ["OfflinePlanner"]


class OfflinePlanner:
    """Plans and writes without a model, a network or a guess; keeps nothing between calls."""

    name = "offline"

    def plan(self, view: View, line: Line = QUIET) -> Plan:
        """Return the opening steps first, then the steps that answer, then nothing.

        Raises:
            InputError: if the question is empty or too long.
        """
        del line
        whole = understood(view)
        plan = self._plan(whole)
        if whole is view or view.steps:
            return plan
        said = say("read_as", chinese=is_chinese(view.question), question=whole.question)
        return plan.model_copy(update={"assumptions": (said, *plan.assumptions)})

    def _plan(self, view: View) -> Plan:
        tiles = tile_question(view)
        if tiles is not None:
            return Plan(steps=tiles.steps() or _ask_which(view), reading=tiles.summary)
        seen = object_question(view) or reason_question(view)
        if seen is not None:
            made = seen.next()
            return Plan(steps=made.steps, reading=seen.summary, assumptions=made.assumptions)
        frame, reading = self._read(view)
        if not view.steps:
            early = self._early(frame, reading, view)
            if early is not None:
                return Plan(steps=early.steps, reading=_summary(reading))
        opening = self._opening(view)
        if isinstance(opening, Blueprint):
            return Plan(steps=opening.steps, reading=_summary(reading))
        if not view.steps:
            return Plan(steps=opening, reading=_summary(reading))
        if len(view.steps) > len(opening) or any(s.status not in GOOD for s in view.steps):
            return Plan(steps=_ask_which(view))
        drawn = self._blueprint(view)
        said = (*_assumptions(reading), *drawn.assumptions)
        return Plan(steps=drawn.steps, reading=_summary(reading), assumptions=said)

    def write(self, view: View, line: Line = QUIET) -> Draft:
        """Return the answer in the question's language, every number a figure reference."""
        del line
        view = understood(view)
        zh = is_chinese(view.question)
        ended = next((s for s in view.steps if s.ended_as), None)
        if ended is not None:
            back = ended.message if ended.ended_as == "clarify" else ""
            status = "clarify" if ended.ended_as == "clarify" else "cannot_answer"
            return Draft(text=ended.message, status=status, question_back=back)
        by_number = {step.n: step for step in view.steps}
        blueprint = self._answered(view)
        found = [(r, _figure(r.reference, by_number)) for r in blueprint.results]
        sentences = [_sentence(r, i, by_number, chinese=zh) for r, i in found if i]
        results = tuple(i for _, i in found if i)
        sentences += _methods(view, results, chinese=zh)
        failure = next((s for s in view.steps if s.status == "failed"), None)
        if failure is not None and failure.error:
            hint = failure.error.get("hint", "")
            reason = failure.error["message"] + (f" ({hint})" if hint else "")
            sentences.append(say("failed", chinese=zh, reason=reason))
        if view.stopped:
            sentences.append(say("stopped", chinese=zh, reason=view.stopped))
        is_whole = bool(found) and len(results) == len(found)
        status = (
            "answered" if is_whole else "partial" if results or view.stopped else "cannot_answer"
        )
        return Draft(text=" ".join(sentences), results=results, status=status)

    def _answered(self, view: View) -> Blueprint:
        """Return what answers, as far as all that came with the question was opened."""
        tiles = tile_question(view)
        if tiles is not None:
            return tiles.blueprint()
        seen = object_question(view) or reason_question(view)
        if seen is not None:
            return seen.answered()
        opening = self._opening(view)
        if isinstance(opening, Blueprint) or not is_open(view.steps, len(opening)):
            return Blueprint()
        return self._blueprint(view)

    def _early(self, frame: Frame | None, reading: Reading, view: View) -> Blueprint | None:
        """Return a question back or a refusal that needs no look at the inputs, or None."""
        if box_of(view) and not first_href(view, "catalog"):
            return ask(1, say("aoi_box", chinese=reading.chinese))
        if frame is None:
            held = sum(given.kind != "index" for given in view.inputs)
            return before_opening(reading, held, 1)
        return before_opening_several(reading, 1)

    def _opening(self, view: View) -> tuple[Step, ...] | Blueprint:
        steps = opening_steps(view, no_cloud_mask=self._read(view)[1].no_cloud_mask)
        catalog = first_href(view, "catalog")
        if not catalog:
            return steps
        frame, reading = read_framed(view.question)
        aoi = box_of(view) or (f"${len(steps)}" if first_href(view, "aoi") else "")
        found = search_step(frame, reading, catalog, len(steps) + 1, aoi=aoi)
        return found if isinstance(found, Blueprint) else (*steps, found)

    def _read(self, view: View) -> tuple[Frame | None, Reading]:
        """Return frame and core of a question about several images, or no frame and all of it."""
        images = sum(given.kind == "image" for given in view.inputs)
        is_related = read_frame(view.question).relation is not None and bool(view.inputs)
        is_wide = is_related or bool(first_href(view, "catalog"))
        if not is_wide and images < 2:
            return None, read(view.question)
        frame, core = read_framed(view.question)
        if is_wide or is_framed(frame, core, images):
            return frame, core
        return None, read(view.question)

    def _blueprint(self, view: View) -> Blueprint:
        frame, reading = self._read(view)
        given = to_open(view)
        count = len(given) + bool(first_href(view, "catalog"))
        shown = [i for i in given if i.kind != "aoi" or not first_href(view, "catalog")]
        opened = opened_of(tuple(shown), view.steps[:count])
        early = after_opening(reading, opened, count + 1)
        if early is not None:
            return early
        if frame is not None and frame.relation is not None:
            places = first_href(view, "places")
            return draw_relation(frame, reading, opened, count + 1, places=places)
        if frame is not None and first_href(view, "catalog"):
            found = view.steps[count - 1]
            if opened:
                names = ", ".join(o.title for o in opened)
                return ask(count + 1, say("image_or_catalog", chinese=reading.chinese, names=names))
            preview = found.previews.get(next(iter(found.outputs.values()), ""), {})
            return draw_search(frame, reading, found, preview, count + 1)
        if frame is not None:
            return draw_framed(frame, reading, opened, count + 1)
        return draw(reading, opened, count + 1)


def _ask_which(view: View) -> tuple[Step, ...]:
    """Return the step that asks which place is meant, where a name was that of several."""
    for step in view.steps:
        error = step.error or {}
        if step.tool == "find_place" and error.get("kind") == "InputError":
            question = f"{error['message']}: {error.get('hint', '')}"
            n = max(s.n for s in view.steps) + 1
            said: dict[str, JsonValue] = {"question": question[:1000]}
            return (Step(n=n, tool="ask_user", arguments=said, why="a name of several places"),)
    return ()


def _figure(reference: str, steps: dict[int, StepRecord]) -> str:
    number, _, name = reference.lstrip("$").partition(".")
    step = steps.get(int(number))
    return step.outputs.get(name, "") if step is not None else ""


def _sentence(result: Result, figure: str, steps: dict[int, StepRecord], *, chinese: bool) -> str:
    reference = f"{{{figure}:{result.unit}}}" if result.unit else f"{{{figure}}}"
    language = ":zh" if chinese else ""
    others = {
        name: f"{{{_figure(other, steps)}{language}}}" for name, other in result.others.items()
    }
    return say(result.phrase, chinese=chinese, figure=reference, **result.values, **others)


def _methods(view: View, results: tuple[str, ...], *, chinese: bool) -> list[str]:
    """Return how the numbers were made, each method once."""
    parts = (p for f in view.figures if f.id in results for p in f.method.split("; "))
    methods = dict.fromkeys(parts)
    return [say("method", chinese=chinese, method="; ".join(methods))] if methods else []


def _assumptions(reading: Reading) -> tuple[str, ...]:
    """Say which choice of the planner's own bears on the result."""
    if not reading.usual_threshold or reading.condition is None:
        return ()
    rule = rule_text(reading.condition)
    return (say("usual_threshold", chinese=reading.chinese, rule=rule),)


def _summary(reading: Reading) -> str:
    """Say in one line how the question was understood."""
    parts = [want.what or want.kind for want in reading.wants]
    target = reading.cover or ", ".join(s.id for s in reading.subjects)
    if reading.condition is not None:
        target = rule_text(reading.condition)
    if reading.negated:
        target = f"all but {target}"
    return f"{' and '.join(parts) or 'nothing I can name'} of {target or 'the image'}"
