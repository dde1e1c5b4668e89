"""What a conversation costs around model and tools, beside LangGraph's prebuilt agent.

Run as `conversation.py steps|turns|calls ours|prebuilt [--count N]`. Both sides talk to the same
scripted model and call the same tool that does nothing; both keep their state in SQLite at every
step. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chatmodels import ScriptedChat, calls, says

__all__ = ["main"]

_STEPS_OF_A_TURN = 5
_TEXT = "a preview of what was made, as long as they get. " * 12


class Clock:
    """Notes when the tool is entered."""

    def __init__(self) -> None:
        self.stamps: list[float] = []

    @property
    def steps_s(self) -> list[float]:
        """Seconds from one entry to the next."""
        return [b - a for a, b in zip(self.stamps, self.stamps[1:], strict=False)]


def _is_new(messages: list[Any]) -> bool:
    return messages[-1].type == "human"


def _plans_whole(count: int) -> Any:
    """Return what a model says that lays the chain out at once and answers when it is done."""
    chain = [("nothing", {"after": f"${n}" if n else ""}) for n in range(count)]

    def reply(messages: list[Any]) -> Any:
        if _is_new(messages):
            return calls(*chain)
        found = re.findall(r"\bf\d+\b", str(messages[-1].content))
        return says(f"It is {{{found[-1]}}}.\nRESULTS: {found[-1]}")

    return reply


def _goes_step_by_step(count: int) -> Any:
    """Return what a model says that waits for each result before the next call."""

    def reply(messages: list[Any]) -> Any:
        done = 0
        for message in reversed(messages):
            if message.type == "human":
                break
            done += message.type == "tool"
        if done < count:
            return calls(("nothing", {"after": str(done)}))
        return says("It is one.")

    return reply


class Ours:
    """The agent of this project in a named conversation."""

    def __init__(self, folder: Path, chain: int) -> None:
        from pydantic import Field

        from eoagent import Agent
        from eoagent.contracts.artifact import TableRef
        from eoagent.contracts.figure import FigureDraft
        from eoagent.contracts.tool import Arguments, FunctionTool, Services, ToolCard, ToolResult

        class Nothing(Arguments):
            after: str = Field(default="")

        def one(arguments: Nothing, services: Services) -> ToolResult:
            self.clock.stamps.append(time.perf_counter())
            del arguments
            figure = FigureDraft(name="one", value=1, unit="count", label="one", method="none")
            if not self.is_chatty:
                return ToolResult(figures=(figure,))
            part = services.store.scratch(".json")
            part.write_text(json.dumps({"columns": [], "rows": [], "n": len(self.clock.stamps)}))
            ref = TableRef(path="", columns=(), rows=0, label="t").to_dict()
            made = services.store.put(
                "table", title="t", payload=ref, preview={"said": _TEXT}, file=part
            )
            return ToolResult(artifacts={"table": made}, figures=(figure,))

        tool = FunctionTool(
            card=ToolCard(name="nothing", summary="Does nothing.", cacheable=False),
            arguments=Nothing,
            function=one,
        )
        self.clock = Clock()
        self.is_chatty = False
        self.model = ScriptedChat(script=[_plans_whole(chain)])
        self._thread = Agent(self.model, tools=[tool], home=folder).thread("bench")

    def ask(self, question: str) -> None:
        """Ask, and see that it was answered."""
        answer = self._thread.ask(question)
        if answer.status != "answered":
            raise RuntimeError(f"{answer.status}: {answer.text}")


class Prebuilt:
    """LangGraph's prebuilt agent with its SQLite checkpoints."""

    def __init__(self, folder: Path, chain: int) -> None:
        from langchain_core.tools import tool
        from langgraph.checkpoint.sqlite import SqliteSaver

        @tool
        def nothing(after: str) -> str:
            """Do nothing."""
            del after
            self.clock.stamps.append(time.perf_counter())
            return _TEXT if self.is_chatty else "one: 1 count"

        self.clock = Clock()
        self.is_chatty = False
        self.model = ScriptedChat(script=[_goes_step_by_step(chain)])
        saver = SqliteSaver(sqlite3.connect(folder / "threads.sqlite", check_same_thread=False))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has moved to a package that is not needed here
            from langgraph.prebuilt import create_react_agent

            self._graph = create_react_agent(self.model, [nothing], checkpointer=saver)

    def ask(self, question: str) -> None:
        """Ask, and see that something was said."""
        config: Any = {"configurable": {"thread_id": "bench"}, "recursion_limit": 200}
        said = self._graph.invoke({"messages": [("user", question)]}, config, durability="sync")
        if not said["messages"][-1].content:
            raise RuntimeError("nothing was said")


def _steps(side: type[Ours | Prebuilt], folder: Path, count: int) -> dict[str, Any]:
    one = side(folder, count)
    one.ask("How many?")  # the first one also imports
    one.clock.stamps.clear()
    one.ask("How many?")
    return {"steps_s": one.clock.steps_s}


def _turns(side: type[Ours | Prebuilt], folder: Path, count: int) -> dict[str, Any]:
    one = side(folder, _STEPS_OF_A_TURN)
    one.is_chatty = True
    spent = []
    for turn in range(count):
        began = time.perf_counter()
        one.ask(f"How many are there, for the {turn + 1}th time?")
        spent.append(time.perf_counter() - began)
        one.model.requests.clear()
    sizes: dict[str, int] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            top = path.relative_to(folder).parts[0]
            sizes[top] = sizes.get(top, 0) + path.stat().st_size
    return {"turns_s": spent, "bytes": sum(sizes.values()), "files": sizes}


def _calls(side: type[Ours | Prebuilt], folder: Path, count: int) -> dict[str, Any]:
    one = side(folder, count)
    one.ask("How many?")  # the first one also imports
    one.model.requests.clear()
    began = time.perf_counter()
    one.ask("How many?")
    return {"calls": len(one.model.requests), "asked_s": time.perf_counter() - began}


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("steps", "turns", "calls"))
    parser.add_argument("side", choices=("ours", "prebuilt"))
    parser.add_argument("--count", type=int, default=20)
    asked = parser.parse_args()
    side: Any = Ours if asked.side == "ours" else Prebuilt
    measure = {"steps": _steps, "turns": _turns, "calls": _calls}[asked.what]
    with tempfile.TemporaryDirectory() as folder:
        found = measure(side, Path(folder), asked.count)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
