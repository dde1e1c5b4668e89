"""The same chain over many scenes: steps with `each`, beside a loop written by hand with rasterio.

Run as `each.py make FOLDER --count N --size PIXELS`, `each.py ours FOLDER HOME --at-once N` or
`each.py hand FOLDER`; it prints what it found, the water of every scene, as one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from byhand import share
from scene import make_scene

from eoagent import Agent
from eoagent.app.answer import Answer
from eoagent.contracts.artifact import TableRef
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft
from eoagent.planner.scripted import ScriptedPlanner
from eoagent.settings import Settings

__all__ = ["by_hand", "make_scenes", "ours"]

_BANDS = ("green", "swir16")
_CHAIN = (
    ("open_image", {"hrefs": ["$item.href"]}),
    ("threshold", {"raster": "$item.raster", "rule": "water"}),
    ("measure", {"target": "$item.mask", "quantities": ["share", "area"]}),
)


def make_scenes(folder: Path, count: int, size: int) -> dict[str, Any]:
    """Write scenes that differ from each other."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        make_scene(folder / f"scene-{n:03}.tif", size, _BANDS, seed=100 + n)
    return {"scenes": count}


def ours(folder: Path, home: Path, at_once: int) -> dict[str, Any]:
    """Return shares and areas by three steps with `each`, several items at the same time."""
    paths = sorted(folder.glob("*.tif"))
    agent = Agent(home=home, settings=Settings(max_parallel=at_once, max_seconds=7200))
    store = agent.workshop.store
    file = store.scratch(".json")
    rows = [[path.stem, str(path)] for path in paths]
    file.write_text(json.dumps({"columns": ["item", "href"], "rows": rows}), encoding="utf-8")
    ref = TableRef(path="", columns=("item", "href"), rows=len(rows), label="scenes")
    table = store.put("table", title="scenes", payload=ref.to_dict(), preview={}, file=file)
    handles = [table.handle, "$1", "$2"]
    steps = tuple(
        Step(n=n, tool=tool, arguments=arguments, each=over)
        for n, ((tool, arguments), over) in enumerate(zip(_CHAIN, handles, strict=True), 1)
    )
    planner = ScriptedPlanner([Plan(steps=steps)], Draft(text="{f3} scenes", results=("f3",)))
    asking = Agent(planner, home=home, settings=agent.workshop.settings)
    began = time.perf_counter()
    answer = asking.ask("How much water is in each scene?", images=paths, use_cache=False)
    seconds = time.perf_counter() - began
    return {"asked_s": seconds, **_rows_of(answer, asking)}


def _rows_of(answer: Answer, agent: Agent) -> dict[str, Any]:
    if answer.status != "answered":
        raise RuntimeError(f"{answer.status}: {answer.text} {[s.error for s in answer.steps]}")
    store = agent.workshop.store
    ref = TableRef.model_validate(store.get(answer.steps[-1].artifacts[0]).payload)
    content = json.loads(store.locate(ref.path).read_text(encoding="utf-8"))
    found = [dict(zip(content["columns"], row, strict=True)) for row in content["rows"]]
    return {
        "scenes": len(found),
        "area_km2": sum(row["area"] for row in found) / 1e6,
        "share_percent": sum(row["share"] for row in found) / len(found),
    }


def by_hand(folder: Path) -> dict[str, Any]:
    """Return the same by a loop over the files."""
    began = time.perf_counter()
    found = [share(str(path)) for path in sorted(folder.glob("*.tif"))]
    return {
        "asked_s": time.perf_counter() - began,
        "scenes": len(found),
        "area_km2": sum(row["area_km2"] for row in found),
        "share_percent": sum(row["share_percent"] for row in found) / len(found),
    }


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=("make", "ours", "hand"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("home", type=Path, nargs="?")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--size", type=int, default=1500)
    parser.add_argument("--at-once", type=int, default=2)
    asked = parser.parse_args()
    if asked.task == "make":
        found = make_scenes(asked.folder, asked.count, asked.size)
    elif asked.task == "hand":
        found = by_hand(asked.folder)
    else:
        found = ours(asked.folder, asked.home, asked.at_once)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
