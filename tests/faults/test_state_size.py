"""What a checkpoint holds stays small, whatever the steps of a run gave."""

from __future__ import annotations

import json
import sqlite3

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from pydantic import Field

from eoagent import Agent
from eoagent.contracts.artifact import TableRef
from eoagent.contracts.figure import FigureDraft, Fingerprint, Source
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft
from eoagent.contracts.tool import Arguments, FunctionTool, ToolCard, ToolResult
from eoagent.io.sampleworld.world import write_world
from eoagent.planner.scripted import ScriptedPlanner

_MOST = 64 * 1024


class _Count(Arguments):
    """Arguments of `count`."""

    n: int = Field(default=0)
    """Anything."""
    after: str = Field(default="")
    """A step before it."""


def _count(arguments, services):
    """Give twenty figures of eight sources each, and an artifact with a long preview."""
    sources = tuple(
        Source(
            href=f"/data/archive/2019/scene_{place:03d}/B04.tif",
            fingerprint=Fingerprint(kind="sha256", value=f"{place:064x}"),
            item_id=f"scene_{place:03d}",
        )
        for place in range(8)
    )
    figures = tuple(
        FigureDraft(
            name=f"area_{place}",
            value=arguments.n + place,
            unit="m2",
            label=f"area {place} " + "l" * 100,
            method="counted " + "m" * 400,
            error=1.0,
            sources=sources,
        )
        for place in range(20)
    )
    part = services.store.scratch(".json")
    part.write_text(f'{{"columns": ["a"], "rows": [[{arguments.n}]]}}', encoding="utf-8")
    ref = TableRef(path="", columns=("a",), rows=1, label="a")
    preview = {f"key_{place}": "p" * 40 for place in range(20)}
    table = services.store.put(
        "table", title=f"t {arguments.n}", payload=ref.to_dict(), preview=preview, file=part
    )
    return ToolResult(
        artifacts={"table": table},
        figures=figures,
        assumptions=("a" * 300,),
        warnings=("w" * 300,),
    )


COUNT = FunctionTool(
    card=ToolCard(name="count", summary="Counts.", cacheable=False),
    arguments=_Count,
    function=_count,
)


@pytest.fixture
def largest(monkeypatch):
    """The bytes of the largest checkpoint, and of the largest write between two of them."""
    seen = {"checkpoints": 0, "writes": 0}

    def watch(name, table, column):
        whole = getattr(SqliteSaver, name)

        def watched(self, *given, **named):
            result = whole(self, *given, **named)
            query = f"SELECT MAX(LENGTH({column})) FROM {table}"
            (size,) = self.conn.execute(query).fetchone()
            seen[table] = max(seen[table], size or 0)
            return result

        monkeypatch.setattr(SqliteSaver, name, watched)

    watch("put", "checkpoints", "checkpoint")
    watch("put_writes", "writes", "value")
    return seen


def _chain(count, base=0):
    return tuple(
        Step(
            n=n,
            tool="count",
            arguments={"n": base + n, "after": f"${n - 1}" if n > 1 else ""},
            why="because " + "y" * 80,
        )
        for n in range(1, count + 1)
    )


def _ends(view):
    last = [figure.id for figure in view.figures][-8:]
    return Draft(text=" ".join(f"{{{i}}}" for i in last), results=tuple(last))


def test_forty_steps_of_twenty_figures_each_leave_small_checkpoints(tmp_path, largest):
    for turn in range(2):
        planner = ScriptedPlanner([Plan(steps=_chain(40, base=100 * turn))], _ends)
        agent = Agent(planner, tools=[COUNT], home=tmp_path)
        answer = agent.thread("long").ask(f"Count them, time {turn}: " + "q" * 200)
        assert (answer.status, len(answer.steps), len(answer.figures)) == ("answered", 40, 800)
        assert all(len(figure.sources) == 8 for figure in answer.figures)
    assert 0 < largest["checkpoints"] <= _MOST, largest
    assert largest["writes"] <= _MOST, largest
    kept = agent.workshop.ledger.get_run(answer.record.run)
    assert len(kept.answer["figures"]) == 800


def test_a_thread_grows_by_what_its_turns_say_and_no_more(tmp_path):
    sizes = []
    for turn in range(12):
        planner = ScriptedPlanner([Plan(steps=_chain(3, base=10 * turn))], _ends)
        answer = Agent(planner, tools=[COUNT], home=tmp_path).thread("t").ask(f"Turn {turn}")
        assert answer.status == "answered"
        sizes.append((tmp_path / "threads.sqlite").stat().st_size)
    assert sizes[-1] - sizes[5] <= 6 * 8_000, sizes


def test_steps_side_by_side_leave_small_checkpoints(tmp_path, largest):
    steps = tuple(Step(n=n, tool="count", arguments={"n": n}) for n in range(1, 41))
    agent = Agent(ScriptedPlanner([Plan(steps=steps)], _ends), tools=[COUNT], home=tmp_path)
    assert len(agent.ask("Count them.", thread="wide").figures) == 800
    assert max(largest.values()) <= _MOST, largest


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """Twenty-four items, a month apart, over the bytes of one scene."""
    folder = tmp_path_factory.mktemp("world")
    world = write_world(folder, size=180)
    scene = next(s for s in world.scenes if s.gsd_m == 10 and s.cloud_pct == 0)
    item = json.loads((folder / scene.href).with_suffix(".json").read_text(encoding="utf-8"))
    for asset in item["assets"].values():
        asset["href"] = str((folder / scene.href).parent / asset["href"])
    months = [f"20{15 + m // 12}-{m % 12 + 1:02d}-01T10:00:00Z" for m in range(24)]
    features = [
        item | {"id": f"scene-{m}", "properties": item["properties"] | {"datetime": month}}
        for m, month in enumerate(months)
    ]
    file = folder / "all.json"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return file


def test_a_series_over_many_scenes_leaves_small_checkpoints(tmp_path, catalog, largest):
    steps = (
        Step(n=1, tool="find_scenes", arguments={"catalog": str(catalog)}),
        Step(n=2, tool="open_image", arguments={"hrefs": ["$item"]}, each="$1"),
        Step(
            n=3,
            tool="threshold",
            arguments={"raster": "$item.raster", "rule": "water"},
            each="$2",
        ),
        Step(
            n=4,
            tool="measure",
            arguments={"target": "$item.mask", "quantities": ["area"]},
            each="$3",
        ),
        Step(n=5, tool="time_series", arguments={"table": "$4", "column": "area"}),
    )
    agent = Agent(ScriptedPlanner([Plan(steps=steps)], _ends), home=tmp_path)
    answer = agent.ask("How did the water change?", catalog=catalog, thread="series")
    assert [(s.status, s.error) for s in answer.steps] == [("done", None)] * 5
    assert max(len(figure.sources) for figure in answer.figures) >= 1
    assert max(largest.values()) <= _MOST, largest
    with sqlite3.connect(tmp_path / "threads.sqlite") as connection:
        assert connection.execute("SELECT COUNT(*) FROM checkpoints").fetchone() == (1,)
