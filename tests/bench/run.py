"""Measure speed and memory, beside what one would do by hand, and print one table.

    python tests/bench/run.py [--size 20000] [--runs 7] [--turns 200]
                              [--only overhead,conversation,process,each,large]
                              [--no-hand] [--scene FILE] [--out FILE] [--folder FOLDER]

Everything runs in child processes, one at a time, with a home of its own in a temporary folder that
is deleted afterwards. Nothing is asserted: figures depend on the machine and on what else it does.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from child import Spent, run_child
from rows import Row, as_documents, as_table, row_of
from talking import conversation_rows

__all__ = ["main"]

_HERE = Path(__file__).resolve().parent
_PARTS = "overhead,conversation,process,each,large"
_SCENE_PIXELS = 1000  # six noisy bands of this size make about 10 MB
_BYTES_PER_PIXEL = 16
_HAND_SHARE = 0.7
_ENV = {"EOAGENT_MAX_SECONDS": "7200"}


def _python(script: str, *arguments: str) -> list[str]:
    return [sys.executable, str(_HERE / script), *arguments]


def _small_scene(folder: Path) -> Path:
    """Make a scene of six bands and about 10 MB."""
    path = folder / "scene.tif"
    _must(run_child(_python("scene.py", str(path), "--size", str(_SCENE_PIXELS))))
    return path


def overhead(scene: Path, runs: int) -> list[Row]:
    """Measure what the planner, the graph, the ledger and the checkpoints add."""
    found = _must(run_child(_python("overhead.py", str(scene), "--runs", str(max(runs, 20)))))
    rows = []
    for what, key, who, aim in (
        ("question of one empty step", "scripted", "ours", "0.060 s"),
        ("the empty step, called", "scripted", "by_hand", ""),
        ("question of three steps, less the tools", "offline", "ours", ""),
    ):
        times = found[key][who]
        rows.append(
            Row(
                what=what,
                who="by hand" if who == "by_hand" else "eoagent",
                runs=len(times),
                wall_s=median(times),
                aim=aim,
                note=f"{min(times):.4f} to {max(times):.4f} s",
            )
        )
    return rows


def process(scene: Path, folder: Path, runs: int) -> list[Row]:
    """Measure a new process that asks about a small scene, files in the page cache."""
    program = [sys.executable, "-m", "eoagent"]
    ask = [*program, "ask", "How much of it is water?", "--image", str(scene), "--json"]
    hand = _python("byhand.py", "share", str(scene))
    ours, by_hand = [], []
    for n in range(runs + 1):
        home = folder / f"home-{n}"  # a new one each time: nothing is cached
        ours.append(run_child(ask, env={"EOAGENT_HOME": str(home)}))
        shutil.rmtree(home, ignore_errors=True)
        by_hand.append(run_child(hand))
    door = [run_child([sys.executable, "-c", "import eoagent"]) for _ in range(runs)]
    bare = [run_child([sys.executable, "-c", "pass"]) for _ in range(runs)]
    what = f"new process, {scene.stat().st_size / 1e6:.0f} MB scene"
    said = "" if ours[-1].code else _share_said(json.loads(ours[-1].said))
    return [
        row_of(what, "eoagent", ours[1:], aim="3 s", note=said),
        row_of(what, "by hand", by_hand[1:], note=_figures_said(by_hand[-1].answer)),
        row_of("import eoagent", "eoagent", door, aim="0.3 s"),
        row_of("bare interpreter", "by hand", bare),
    ]


def each(folder: Path) -> list[Row]:
    """Measure a chain of steps over many scenes, one and two at a time, and a loop by hand."""
    scenes = str(folder / "scenes")
    count = _must(run_child(_python("each.py", "make", scenes)))["scenes"]
    runs = [
        ("eoagent", "1 at a time", ("ours", scenes, str(folder / "home-1"), "--at-once", "1")),
        ("eoagent", "2 at a time", ("ours", scenes, str(folder / "home-2"), "--at-once", "2")),
        ("by hand", "a loop", ("hand", scenes)),
    ]
    rows = []
    for who, how, arguments in runs:
        spent = run_child(_python("each.py", *arguments))
        rows.append(
            row_of(f"{count} scenes, {how}", who, [spent], note=_figures_said(spent.answer))
        )
    return rows


def large(folder: Path, size: int, *, with_hand: bool) -> list[Row]:
    """Measure share, largest region and outlines on a large scene, each in its own process."""
    scene, home = folder / "large.tif", str(folder / "home-large")
    made = run_child(_python("scene.py", str(scene), "--size", str(size), "--bands", "2"))
    note = f"{scene.stat().st_size / 1e6:,.0f} MB, water {_must(made)['water_percent']:.2f} %"
    rows = [row_of(f"make the scene, {size:,} x {size:,} x 2", "", [made], note=note)]
    mask = ""
    for task in ("share", "largest", "polygons"):
        given = str(scene) if task == "share" else mask
        spent = run_child(_python("tooled.py", task, home, given), env=_ENV)
        mask = spent.answer.get("mask", mask)
        note = _figures_said(spent.answer)
        rows.append(row_of(f"large: {task}", "eoagent", [spent], aim="1,000 MB", note=note))
        if with_hand:
            spent = run_child(_python("byhand.py", task, str(scene)), most_mb=_memory_for_hand())
            note = _figures_said(spent.answer)
            rows.append(row_of(f"large: {task}", "by hand", [spent], note=note))
    return rows


def _memory_for_hand() -> float:
    """Return the address space that work by hand may take, MB: most of what is free now."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    free_kb = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    return free_kb * 1024 / 1e6 * _HAND_SHARE


def _must(spent: Spent) -> dict[str, Any]:
    if spent.code:
        raise SystemExit(f"a step of the benchmark failed: {spent.complaint}")
    return spent.answer


def _figures_said(found: dict[str, Any]) -> str:
    parts = []
    for name, value in found.items():
        if isinstance(value, list):
            parts += [str(item) for item in value]
        elif name != "mask":
            parts.append(f"{name} {value:,.6g}" if isinstance(value, float) else f"{name} {value}")
    return ", ".join(parts)


def _share_said(answer: dict[str, Any]) -> str:
    found = {figure["unit"]: figure["value"] for figure in answer["results"]}
    return _figures_said({"share_percent": found["percent"], "area_km2": found["m2"] / 1e6})


def _machine() -> dict[str, Any]:
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="Speed and memory, beside the same by hand.")
    parser.add_argument("--size", type=int, default=20_000, help="pixels of the large scene's side")
    parser.add_argument("--runs", type=int, default=7, help="runs of the new process")
    parser.add_argument("--only", default=_PARTS, help="parts, with commas")
    parser.add_argument("--turns", type=int, default=200, help="turns of the conversation")
    parser.add_argument("--no-hand", action="store_true", help="leave the large work by hand out")
    parser.add_argument("--scene", type=Path, help="small scene to ask about, not a made one")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made")
    asked = parser.parse_args()
    parts = asked.only.split(",")
    rows: list[Row] = []
    machine = _machine()
    with tempfile.TemporaryDirectory(prefix="eoagent-bench-", dir=asked.folder) as temporary:
        folder = Path(temporary)
        if "large" in parts and shutil.disk_usage(folder).free < asked.size**2 * _BYTES_PER_PIXEL:
            raise SystemExit(f"{folder} has too little room for {asked.size} x {asked.size} pixels")
        scene = asked.scene or _small_scene(folder)
        if "overhead" in parts:
            rows += overhead(scene, 25)
        if "conversation" in parts:
            rows += conversation_rows(asked.turns)
        if "process" in parts:
            rows += process(scene, folder, asked.runs)
        if "each" in parts:
            rows += each(folder)
        if "large" in parts:
            rows += large(folder, asked.size, with_hand=not asked.no_hand)
    table = as_table(rows)
    sys.stdout.write(f"{json.dumps(machine)}\n\n{table}\n")
    if asked.out is not None:
        document = {"schema": "eoagent/bench/1", **machine, "rows": as_documents(rows)}
        asked.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
