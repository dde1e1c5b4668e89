"""The planner that asks a language model: one call for the plan, one for the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from eoagent.contracts.draft import Draft
from eoagent.contracts.errors import BudgetExceeded, ModelError, SourceError
from eoagent.contracts.plan import Plan
from eoagent.contracts.planner import QUIET, Line, View
from eoagent.contracts.tool import Tool
from eoagent.planner.model.calling import Talk, ask_model
from eoagent.planner.model.closing import closing_draft
from eoagent.planner.model.coordinates import coordinates_of, invented
from eoagent.planner.model.messages import add_word, messages_of, show
from eoagent.planner.model.prompt import question_text, system_text
from eoagent.planner.model.reading import Check, plan_of
from eoagent.planner.model.toolspec import ToolSpec, choose, spec_of

__all__ = ["TOOL_TOKENS", "ModelPlanner"]

TOOL_TOKENS: Final = 4150
"""Estimated tokens that the tools shown at a time may take."""

_MAX_BARREN: Final = 3


class ModelPlanner:
    """Plans and writes with a chat model that can call tools; keeps nothing between calls."""

    def __init__(self, talk: Talk, tools: Callable[[], Sequence[Tool]], *, name: str) -> None:
        """Make a planner.

        Args:
            talk: the chat model, and how it is talked to.
            tools: gives the tools there are; asked once, at the first question.
            name: name that answers carry, `PROVIDER:MODEL`.
        """
        self.name = name
        self._talk = talk
        self._tools = tools

    @cached_property
    def _specs(self) -> tuple[ToolSpec, ...]:
        return tuple(spec_of(tool) for tool in self._tools())

    def plan(self, view: View, line: Line = QUIET) -> Plan:
        """Return the steps that the model asks for, or the answer that it writes.

        Raises:
            ModelError: if it gives several replies in a row that nothing can be done with.
            SourceError: if it cannot be reached.
            BudgetExceeded: if the time is over meanwhile.
        """
        barren = view.turns[-_MAX_BARREN:]
        if len(barren) == _MAX_BARREN and not any(turn.steps or turn.loads for turn in barren):
            last = barren[-1].refused[-1].message if barren[-1].refused else "nothing"
            raise ModelError(
                f"the language model gave {_MAX_BARREN} replies in a row that nothing can be done "
                f"with; the last: {last}",
                hint="use a model that supports tool calling, or --planner offline",
            )
        return self._ask(view, line)

    def write(self, view: View, line: Line = QUIET) -> Draft:
        """Return the answer: rewritten after a complaint, or closing a run that must end.

        A run that a tool ended needs no words of the model; neither does one whose model may not
        be asked any more, or fails now: what was measured is then listed as it stands.
        """
        ended = next((step for step in view.steps if step.ended_as), None)
        if ended is not None and ended.ended_as is not None:
            back = ended.message if ended.ended_as == "clarify" else ""
            return Draft(text=ended.message, status=ended.ended_as, question_back=back)
        reason = view.stopped or "the planner wrote no answer"
        if not view.may_ask:
            return self._close(view, reason)
        try:
            plan = self._ask(view, line, reason)
        except (ModelError, SourceError, BudgetExceeded):
            return self._close(view, reason)
        if plan.draft is None or plan.draft.status != "answered":
            return self._close(view, reason).model_copy(update={"spent": plan.spent})
        status = "partial" if view.stopped else view.draft.status if view.draft else "answered"
        return plan.draft.model_copy(update={"status": status, "spent": plan.spent})

    def _close(self, view: View, reason: str) -> Draft:
        """Keep the draft that there is, or list what was measured."""
        if view.complaint and view.draft is not None:
            return view.draft
        return closing_draft(view, reason)

    def _ask(self, view: View, line: Line, ending: str = "") -> Plan:
        """Ask for the next reply; with a reason why the run ends, for the answer alone."""
        wanted = [name for turn in view.turns for name in turn.loads]
        wanted += [step.tool for step in view.steps if step.status == "failed"]
        used = {step.tool for step in view.steps}
        used |= set(view.history[-1].tools) if view.history else set()
        shown = choose(
            self._specs, wanted=wanted, used=used, words=_subject(view), budget=TOOL_TOKENS
        )
        messages: list[BaseMessage] = [
            SystemMessage(content=system_text([s.card for s in self._specs], shown.hidden)),
            HumanMessage(content=question_text(view)),
            *messages_of(view),
        ]
        if ending and view.complaint and view.draft is not None:
            messages = add_word(
                [*messages, AIMessage(content=_written(view.draft))], _rewrite(view)
            )
        elif ending:
            messages = add_word(messages, _wind_up(ending))
        if view.sights:
            messages.append(show(view.sights))
        figures = {figure.id: figure for figure in (*view.earlier, *view.figures)}
        reply = ask_model(self._talk, messages, shown.definitions, line=line, figures=figures)
        numbers = [step.n for step in view.plan]
        numbers += [refusal.n for turn in view.turns for refusal in turn.refused]
        return plan_of(
            reply.message,
            first=max(numbers, default=0) + 1,
            known={step.n for step in view.plan},
            tools={spec.card.name for spec in self._specs},
            spent=reply.spent,
            check=self._check_of(view),
        )

    def _check_of(self, view: View) -> Check:
        """Return the check of calls against what the user gave and tools measured."""
        known = coordinates_of(view)
        fields = {spec.card.name: spec.coordinates for spec in self._specs}
        return lambda tool, arguments: invented(arguments, fields.get(tool, ()), known)


def _subject(view: View) -> str:
    kinds = " ".join(given.kind for given in view.inputs)
    return f"{view.question} {kinds}"


def _written(draft: Draft) -> str:
    """Return a draft as the model wrote it, with its list of results."""
    return f"{draft.text}\nRESULTS: {', '.join(draft.results) or 'none'}"


def _rewrite(view: View) -> str:
    return (
        f"Your answer cannot go out as it is: {view.complaint}. Write it again, text only, with "
        "its last line RESULTS."
    )


def _wind_up(reason: str) -> str:
    return (
        f"The run ends here: {reason}. Call nothing more. Say in plain text what the figures so "
        "far show, and what is missing."
    )
