"""A conversation that is killed at a named point of a run; a program of its own.

Run as `killed_chat.py FOLDER`; the name of the point comes in `KILL_AT`, as `point` or `point:N` for
the N-th time that it is passed. The first turn is always left whole. Nothing of the product knows
about it: its parts are wrapped from outside.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chatmodels import ScriptedChat, calls, says
from langgraph.checkpoint.sqlite import SqliteSaver
from pydantic import Field

from eoagent import Agent
from eoagent.app.workshop import LedgerRecorder
from eoagent.contracts.artifact import TableRef
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.tool import Arguments, FunctionTool, Output, ToolCard, ToolResult
from eoagent.io.ledger import Ledger
from eoagent.io.store import FileStore
from eoagent.io.transcript import Transcript
from eoagent.planner import nodes
from eoagent.planner.model.model_planner import ModelPlanner

THREAD = "survey"
FIRST, SECOND, THIRD = "How many are red?", "How many are green and blue?", "And of both together?"


class Killer:
    """Ends the process, as `kill -9` does, at the N-th passing of one point."""

    def __init__(self, where: str) -> None:
        self.point, _, count = where.partition(":")
        self.left = int(count or 1)
        self.armed = False
        self.lock = threading.Lock()

    def passing(self, point: str) -> None:
        with self.lock:
            if not self.armed or point != self.point:
                return
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def wrap(self, owner, name: str, point: str) -> None:
        whole = getattr(owner, name)

        def wrapped(*given, **named):
            self.passing(f"before {point}")
            result = whole(*given, **named)
            self.passing(f"after {point}")
            return result

        setattr(owner, name, wrapped)


class Tally(Arguments):
    """Arguments of `tally`."""

    colour: str
    """What is counted."""
    after: str = Field(default="")
    """A figure or artifact that is to be there first."""


def tally_tool(folder: Path, killer: Killer) -> FunctionTool:
    """Return a tool with effects that can be counted: lines in a file, and tables in the store."""

    def tally(arguments: Tally, services) -> ToolResult:
        killer.passing("before effect")
        with (folder / "effects.txt").open("a", encoding="utf-8") as file:
            file.write(f"{arguments.colour} {arguments.after.partition(':')[0]}\n")
        killer.passing("after effect")
        content = {"columns": ["colour"], "rows": [[arguments.colour]]}
        part = services.store.scratch(".json")
        part.write_text(json.dumps(content), encoding="utf-8")
        ref = TableRef(path="", columns=("colour",), rows=1, label=arguments.colour)
        table = services.store.put(
            "table", title=arguments.colour, payload=ref.to_dict(), preview={}, file=part
        )
        figure = FigureDraft(
            name="count",
            value=len(arguments.colour),
            unit="count",
            label=f"{arguments.colour} things",
            method="letters of the colour",
        )
        return ToolResult(artifacts={"table": table}, figures=(figure,))

    card = ToolCard(
        name="tally",
        summary="Counts the things of a colour.",
        outputs=(Output(name="table", kind="table", about="the things"),),
    )
    return FunctionTool(card=card, arguments=Tally, function=tally)


def _cites(count: int):
    """Return a reply that cites the last figures it was shown."""

    def reply(messages):
        told = " ".join(str(m.content) for m in messages if m.type == "tool")
        found = list(dict.fromkeys(told.replace(":", " ").replace(",", " ").split()))
        ids = [w for w in found if w[:1] == "f" and w[1:].isdigit()][:count]
        return says(" and ".join(f"{{{i}}}" for i in ids) + f".\nRESULTS: {', '.join(ids)}")

    return reply


def _asks(*colours: str, save: str = ""):
    """Return a reply that tallies colours side by side, one more after them, and exports it."""
    steps = [("tally", {"colour": colour}) for colour in colours]
    steps.append(("tally", {"colour": "sum", "after": "$1"}))
    if save:
        steps.append(("export", {"artifact": f"${len(steps)}", "path": save}))
    return calls(*steps, text="I count them.")


def model(*, has_rewrite: bool) -> ScriptedChat:
    """Return the scripted model of the second turn, and of the third, which asks for the same."""
    script = [_asks("green", "blue", save="sum.csv"), _cites(2)]
    if has_rewrite:
        script.insert(1, says("There are 42 of them."))
    return ScriptedChat(script=script)


def agent(folder: Path, chat: ScriptedChat, killer: Killer) -> Agent:
    """Return an agent at home in a folder."""
    return Agent(chat, tools=[tally_tool(folder, killer)], home=folder / "home")


def _wire(killer: Killer) -> None:
    killer.wrap(Ledger, "start_run", "start_run")
    killer.wrap(Ledger, "finish_run", "finish_run")
    killer.wrap(Ledger, "cache_put", "cache_put")
    killer.wrap(LedgerRecorder, "append", "ledger append")
    killer.wrap(FileStore, "put", "store put")
    killer.wrap(Transcript, "add", "transcript add")
    killer.wrap(SqliteSaver, "put", "checkpoint put")
    killer.wrap(SqliteSaver, "put_writes", "checkpoint writes")
    killer.wrap(ScriptedChat, "_next", "model call")
    killer.wrap(ModelPlanner, "write", "write")
    killer.wrap(nodes, "blank", "repair")
    killer.wrap(nodes, "admit_steps", "gate")
    killer.wrap(nodes, "run_call", "tool")
    killer.wrap(nodes, "check_draft", "check")
    killer.wrap(nodes, "carry_over", "answer")


def main() -> None:
    """Hold two turns, the second one only in part."""
    folder = Path(sys.argv[1])
    killer = Killer(os.environ["KILL_AT"])
    _wire(killer)
    first = ScriptedChat(script=[_asks("red"), _cites(1)])
    given = {"out_dir": folder / "out"}
    assert agent(folder, first, killer).thread(THREAD).ask(FIRST, **given).status == "answered"
    killer.armed = True
    agent(folder, model(has_rewrite=True), killer).thread(THREAD).ask(SECOND, **given)


if __name__ == "__main__":
    main()
