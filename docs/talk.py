"""Write examples/conversation.md: play the recorded conversation again and put down what is said.

    python docs/talk.py DATA

DATA is the folder of the shared test data, which holds the catalog that the conversation is about.
"""  # noqa: INP001 - a script, not a package

from __future__ import annotations

import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eoagent import Agent
from eoagent.app.answer import Answer
from eoagent.app.conversation import Conversation
from eoagent.app.recording import Player
from eoagent.planner.rendering import quantity

_HANDLE = re.compile(r"\b([a-z]+):[0-9a-f]{12}\b")
"""Handles are made of content and paths, so they are others on another machine."""
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
QUESTIONS: list[tuple[str, dict[str, list[str]]]] = [
    ("Which scenes of Pucallpa are in the catalog?", {}),
    ("How much water was there in 1985? Take MNDWI above 0 as water.", {}),
    ("And in 2020?", {}),
    (
        "Between those two years, how much turned into water and how much stopped being water?",
        {},
    ),
    ("Only the eastern half of the scene: how much water in 2020?", {}),
    ("Which of the five years had the least water by the same rule, and is there a trend?", {}),
    (
        (
            "Now the Sentinel-2 scene in Italy of April 2019: how large is the largest water body "
            "(NDWI above 0), and which airport is nearest to its centre?"
        ),
        {"features": ["vector/ne_10m_airports.json"]},
    ),
    ("How many cars are parked in that scene?", {}),
    ("Draw a map of the water of 1985 over its image.", {}),
    ("用中文总结一下 Pucallpa 水面从 1985 年到 2020 年的变化。", {}),
]
INTRODUCTION = """\
# A conversation

Ten questions over a STAC catalog of real scenes, in one thread. The language model's replies were
written by hand by somebody who saw its requests and nothing else; `examples/conversation.json`
holds them, and the tests play them again. All numbers were filled in from figures.
"""


@dataclass(frozen=True)
class Turn:
    """A question with its answer."""

    question: str
    given: dict[str, list[str]]
    answer: Answer
    conversation: Conversation


def hold(agent: Agent, player: Player, data: Path) -> list[Turn]:
    """Hold the conversation and return its turns."""
    conversation = agent.thread("pucallpa")
    turns = []
    for n, (question, given) in enumerate(QUESTIONS, 1):
        player.begin(f"turn {n}")
        placed: dict[str, Any] = {key: [data / p for p in paths] for key, paths in given.items()}
        answer = conversation.ask(question, max_seconds=600, **placed)
        turns.append(Turn(question, given, answer, conversation))
    return turns


def transcript(turns: list[Turn]) -> str:
    """Return the conversation as a page: questions, calls, answers, results."""
    return INTRODUCTION + "".join(_section(n, turn) for n, turn in enumerate(turns, 1))


def _section(n: int, turn: Turn) -> str:
    came = [f"{key}: {', '.join(paths)}" for key, paths in turn.given.items()]
    lines = ["", f"## {n}. {turn.question}", ""]
    lines += [f"with {text}\n" for text in came]
    for planned, step in zip(turn.answer.record.plan, turn.answer.steps, strict=True):
        over = f" for each of {planned.each}" if planned.each else ""
        ended = "" if step.status in {"done", "cached"} else f" ({step.status})"
        given = {k: v for k, v in planned.arguments.items() if k not in {"catalog", "href"}}
        said = ", ".join(f"{key}={_short(value)}" for key, value in given.items())
        lines.append(f"{step.n}. `{step.tool}({said})`{over}{ended}")
    lines += ["", *(f"> {line}" for line in turn.answer.text.splitlines())]
    if turn.answer.results:
        lines.append("")
        lines += [f"- {quantity(f)}: {f.label}" for f in turn.answer.results]
    return _HANDLE.sub(r"\1:…", "\n".join(lines)) + "\n"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def main() -> None:
    """Play the recording and write the page."""
    data = Path(sys.argv[1]).resolve()
    player = Player(EXAMPLES / "conversation.json", data=data)
    catalog = data / "catalog" / "catalog.json"
    with tempfile.TemporaryDirectory() as home:
        turns = hold(Agent(planner=player, home=home, catalog=catalog), player, data)
        page = transcript(turns)
    (EXAMPLES / "conversation.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
