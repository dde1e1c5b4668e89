"""Read a language model's reply: calls become steps, text a draft, all else a message to it."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from langchain_core.messages import AIMessage

from eoagent.contracts.draft import Draft, Spent
from eoagent.contracts.plan import Plan, Refusal, Step
from eoagent.planner.model.rawcalls import RawCall, raw_calls
from eoagent.planner.model.replytext import (
    LONGEST,
    clean,
    holds_call,
    split_results,
    without_thoughts,
)
from eoagent.planner.model.toolspec import LOAD_TOOLS
from eoagent.planner.references import waits_for

__all__ = ["Check", "is_cut", "plan_of"]

_MAX_CALLS: Final = 40
_MAX_SAID: Final = 600
_MAX_NAME: Final = 60
_CUT: Final = ("length", "max_tokens", "MAX_TOKENS")
_REFUSED: Final = (
    *("content_filter", "refusal", "SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII"),
    "RECITATION",
)
Check = Callable[[str, Mapping[str, Any]], dict[str, str] | None]
_REASONS: Final = ("finish_reason", "stop_reason", "done_reason")


@dataclass(slots=True)
class _Reply:
    """What was found so far in a reply."""

    taken: set[int]
    steps: list[Step] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)


def plan_of(
    message: AIMessage,
    *,
    first: int,
    known: Collection[int],
    tools: Collection[str],
    spent: Spent,
    check: Check = lambda _tool, _arguments: None,
) -> Plan:
    """Return what a reply amounts to: steps, a draft, or refusals that the model can act on.

    Args:
        message: the reply.
        first: number of its first call; each call takes one, refused ones too, but for those
            that only show tools.
        known: numbers of earlier steps.
        tools: names of all tools.
        spent: what the reply took.
        check: says what is wrong with the arguments of a call, if it knows of anything.
    """
    calls, is_ordered = raw_calls(message, is_cut=is_cut(message))
    text = without_thoughts(clean(str(message.text))).strip()
    if not calls:
        return _plan_from_text(message, text, tools, spent)
    reply = _Reply(taken=set(known))
    is_broken = any(call.problem for call in calls)
    n = first
    for call in calls[:_MAX_CALLS]:
        if call.name == LOAD_TOOLS:  # takes no number
            reply.refused += _load(call, tools, reply.loads)
            continue
        unsure_from = first if is_broken and not is_ordered else None
        problem = call.problem or _take(call, n, tools, unsure_from, reply)
        if problem is None and (problem := check(call.name, call.arguments)) is not None:
            reply.steps.pop()
            reply.taken.discard(n)
        if problem is not None:
            name = call.name[:_MAX_NAME] or "unknown"
            reply.refused.append(Refusal(n=n, tool=name, arguments=call.shown, **problem))
        n += 1
    reply.refused += _leftover(len(calls), is_cut=is_cut(message))
    return Plan(
        steps=tuple(reply.steps),
        refused=tuple(reply.refused),
        loads=tuple(dict.fromkeys(reply.loads)),
        said=text[:_MAX_SAID],
        spent=spent,
    )


def is_cut(message: AIMessage) -> bool:
    """Return whether a reply says of itself that it ended at its length limit."""
    return _reason(message).startswith(_CUT)


def _reason(message: AIMessage) -> str:
    """Return why a reply ended; pieces that all say it make one long word of it."""
    said = (message.response_metadata.get(name) for name in _REASONS)
    return next((str(reason) for reason in said if reason), "")


def _plan_from_text(message: AIMessage, text: str, tools: Collection[str], spent: Spent) -> Plan:
    refusal = clean(str(message.additional_kwargs.get("refusal") or ""))
    reason = _reason(message)
    if refusal or reason.startswith(_REFUSED):
        told = refusal or text or "The language model refused to answer."
        draft = Draft(text=told[:LONGEST], status="cannot_answer")
        return Plan(draft=draft, spent=spent)
    problem = ""
    results: tuple[str, ...] = ()
    if reason.startswith(_CUT):
        problem = "your reply was cut off at its length limit: say less, or make fewer calls"
    elif reason.startswith(("tool_calls", "tool_use", "MALFORMED_FUNCTION_CALL")):
        problem = "your tool calls did not arrive: make them again, each with one JSON object"
    elif len(text) > LONGEST:
        problem = f"your answer has {len(text)} characters, at most {LONGEST} fit: say less"
    elif not text:
        problem = "your reply was empty: call a tool, or write the answer"
    elif holds_call(text, (*tools, LOAD_TOOLS)):
        problem = (
            "you wrote a tool call as text, which runs nothing: use the function calling of this "
            "API, or write the answer in plain words"
        )
    else:
        text, results = split_results(text)
        if not text:
            problem = "your reply lists figures and says nothing: write the answer in words too"
    if problem:
        return Plan(refused=(Refusal(message=problem),), said=text[:_MAX_SAID], spent=spent)
    return Plan(draft=Draft(text=text, results=results), spent=spent)


def _take(
    call: RawCall, n: int, tools: Collection[str], unsure_from: int | None, reply: _Reply
) -> dict[str, str] | None:
    """Take a call as a step, or return what is wrong with it."""
    if call.name not in tools:
        return _unknown(call.name, tools)
    each = call.arguments.get("each")
    if each is not None and not isinstance(each, str):
        return {"message": "`each` is no text", "hint": 'write "$1" or a handle'}
    said = {key: value for key, value in call.arguments.items() if key != "each"}
    step = Step(n=n, tool=call.name, arguments=said, each=each or None)
    waits = waits_for(step)
    if unsure_from is not None and any(number >= unsure_from for number in waits):
        return {
            "message": "not run, because another call of the same reply could not be read",
            "hint": "send it again with the one that was mended",
        }
    missing = sorted(waits - reply.taken)
    if missing:
        so_far = ", ".join(map(str, sorted(reply.taken))) or "none"
        return {
            "message": f"${missing[0]} refers to no step that comes before and was accepted",
            "hint": f"steps so far: {so_far}; this was {n}",
        }
    key = json.dumps([step.tool, step.arguments, step.each], sort_keys=True)
    if key in reply.seen:
        twin = reply.seen[key]
        return {"message": f"the same call as step {twin}", "hint": f"refer to ${twin} instead"}
    reply.seen[key] = n
    reply.steps.append(step)
    reply.taken.add(n)
    return None


def _unknown(name: str, tools: Collection[str]) -> dict[str, str]:
    shown = name[:_MAX_NAME]
    near = difflib.get_close_matches(shown, sorted(tools), n=3)
    near = near or [tool for tool in sorted(tools) if tool in shown][:3]
    hint = f"did you mean {' or '.join(near)}?" if near else "call one of the tools you are shown"
    told = f"no tool '{shown}'" if name else "no name in the call"
    return {"message": f"there is {told}", "hint": hint}


def _load(call: RawCall, tools: Collection[str], loads: list[str]) -> list[Refusal]:
    """Note the tools that are to be shown; return what is wrong where none can be."""
    given = call.arguments.get("names")
    listed = re.split(r"[\s,;\[\]\"']+", given) if isinstance(given, str) else given
    names = [n for n in listed if isinstance(n, str) and n] if isinstance(listed, list) else []
    known = [name for name in names if name in tools]
    loads += known
    if known:
        return []
    problem = _unknown(names[0], tools) if names else {"message": "no names of tools came"}
    problem = call.problem or problem
    return [Refusal(message=f"{LOAD_TOOLS}: {problem['message']}", hint=problem.get("hint", ""))]


def _leftover(count: int, *, is_cut: bool) -> list[Refusal]:
    """Return what to tell about calls that were not looked at, or did not arrive."""
    refusals = []
    if count > _MAX_CALLS:
        text = f"your reply had {count} calls; only the first {_MAX_CALLS} were looked at"
        refusals.append(Refusal(message=text, hint="use `each` to run a step over a list"))
    if is_cut:
        text = "your reply was cut off at its length limit; calls at its end may have been lost"
        refusals.append(Refusal(message=text, hint="make fewer calls at a time"))
    return refusals
