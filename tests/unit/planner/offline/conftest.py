"""What the offline planner decides for a question, without a file being opened."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest

from eoagent.contracts.plan import Plan, Step, StepRecord
from eoagent.contracts.planner import Input, View
from eoagent.planner.offline.offline_planner import OfflinePlanner

_FIVE = ["blue", "green", "red", "nir", "swir16"]
_SHOT = {
    "bands": ["red", "green", "blue"],
    "values": "picture",
    "gsd_m": [0.3, 0.3],
    "crs": "EPSG:32633",
}
_PREVIEWS = MappingProxyType(
    {
        "scene": {"bands": _FIVE, "values": "reflectance", "gsd_m": [10.0, 10.0]},
        "counts": {"bands": _FIVE, "values": "counts", "gsd_m": [10.0, 10.0]},
        "photo": {"bands": ["red", "green", "blue"], "values": "picture", "gsd_m": None},
        "sar": {"bands": ["vv"], "values": "backscatter_db", "gsd_m": [10.0, 10.0]},
        "power": {"bands": ["vv"], "values": "backscatter_power", "gsd_m": [10.0, 10.0]},
        "dem": {"bands": ["height"], "values": "height", "gsd_m": [30.0, 30.0]},
        "qa": {"bands": ["qa_pixel"], "values": "quality", "gsd_m": [30.0, 30.0]},
        "zones": {"count": 3},
        "before": {"bands": _FIVE, "values": "reflectance", "time": "2023-07-13"},
        "after": {"bands": _FIVE, "values": "reflectance", "time": "2023-08-07"},
        "y1": {"bands": _FIVE, "values": "reflectance", "time": "2023-07-13"},
        "y2": {"bands": _FIVE, "values": "reflectance", "time": "2024-01-29"},
        "y3": {"bands": _FIVE, "values": "reflectance", "time": "2024-07-17"},
        "y4": {"bands": _FIVE, "values": "reflectance", "time": "2025-07-12"},
        "photo2": {"bands": ["red", "green", "blue"], "values": "picture", "gsd_m": [0.3, 0.3]},
        "shot1": {**_SHOT, "time": "2021-05-01"},
        "shot2": {**_SHOT, "time": "2023-05-01"},
        "shot3": {**_SHOT, "time": "2024-05-01"},
        "aerial": {**_SHOT, "bands": ["red", "green", "blue", "nir"], "values": "reflectance"},
        "flat1": {
            "bands": ["red", "green", "blue"],
            "values": "picture",
            "gsd_m": None,
            "crs": None,
        },
        "flat2": {
            "bands": ["red", "green", "blue"],
            "values": "picture",
            "gsd_m": None,
            "crs": None,
        },
        "quays": {"count": 2},
        "hag": {"bands": ["height"], "values": "height", "gsd_m": [1.0, 1.0]},
        "airports": {"count": 3},
        "buildings": {"count": 40},
        "places": {"count": 9},
    }
)
_KINDS = MappingProxyType(
    dict.fromkeys(("zones", "airports", "buildings", "places", "quays"), "features")
    | {"catalog": "catalog"},
)
"""Kind of input by its name; any other is an image."""
_HIDDEN = ("label", "connectivity", "title", "question")
_FIGURES = (
    *("area", "share", "largest", "mean", "median", "minimum", "maximum", "std", "diagonal"),
    *("width", "height", "gained", "lost", "net", "changed", "mean_change", "direction"),
    *("value", "best", "trend", "distance", "bearing", "name", "count", "ids", "first"),
    *("cloud_cover", "centroid_lon", "centroid_lat", "objects", "presence", "caption"),
    *("count_storage_tank", "count_tennis_court", "count_airplane", "found", "answer"),
)
"""Names of figures that a step may give."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What became of a question."""

    kind: str
    """`plan`, `ask` or `refuse`."""
    message: str
    """The question back or the reason; empty for a plan."""
    text: str
    """The steps after the opening ones, in one line; empty unless a plan."""
    answers: tuple[str, ...] = ()
    """The figures that answer, in order: `3.area`; empty unless a plan."""


def _short(step: Step) -> str:
    given = ", ".join(
        f"{key}={_plain(value)}" for key, value in step.arguments.items() if key not in _HIDDEN
    )
    return f"{step.tool}({given})"


def _plain(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)


def _ran(step: Step, **said: Any) -> StepRecord:
    return StepRecord(
        n=step.n,
        tool=step.tool,
        arguments=step.arguments,
        references={},
        status="done",
        **said,
    )


def _searched(step: Step, found: int) -> StepRecord:
    """Return the record of a search that found a number of scenes."""
    preview = {
        "count": found,
        "ids": [f"scene-{n}" for n in range(found)],
        "times": [f"2024-07-{n + 1:02d}" for n in range(found)],
    }
    figures = {name: f"{step.n}.{name}" for name in _FIGURES}
    outputs = {"scenes": "scenes:000000000001", **figures}
    return _ran(step, outputs=outputs, previews={"scenes:000000000001": preview})


def _opened(step: Step, name: str) -> StepRecord:
    kind = "features" if step.tool == "open_features" else "raster"
    handle = f"{kind}:{step.n:012x}"
    preview = {"title": name, **_PREVIEWS[name]}
    return _ran(step, outputs={kind: handle}, previews={handle: preview})


def _decide(question: str, given: str, found: int = 0) -> Decision:
    planner = OfflinePlanner()
    names = given.split("+") if given else []
    inputs = tuple(Input(kind=_KINDS.get(name, "image"), href=name) for name in names)
    view = View(question=question, inputs=inputs)
    plan = planner.plan(view)
    if not any(step.tool in {"ask_user", "cannot_answer"} for step in plan.steps):
        records = tuple(
            _searched(step, found) if name == "catalog" else _opened(step, name)
            for step, name in zip(plan.steps, names, strict=True)
        )
        opening = "; ".join(_short(s) for s in plan.steps if s.tool == "find_scenes")
        view = view.model_copy(update={"steps": records})
        plan = planner.plan(view)
    else:
        opening, records = "", ()
    for step in plan.steps:
        if step.tool == "ask_user":
            return Decision(kind="ask", message=str(step.arguments["question"]), text="")
        if step.tool == "cannot_answer":
            return Decision(kind="refuse", message=str(step.arguments["reason"]), text="")
    text = "; ".join([opening] * bool(opening) + [_short(step) for step in plan.steps])
    ran = tuple(
        _ran(step, outputs={name: f"{step.n}.{name}" for name in _FIGURES}) for step in plan.steps
    )
    answers = planner.write(view.model_copy(update={"steps": records + ran})).results
    return Decision(kind="plan", message="", text=text, answers=answers)


@pytest.fixture(scope="session")
def decide() -> Callable[..., Decision]:
    """A function from a question, what comes with it (`scene+zones`), and how many scenes a search
    of its catalog finds, to a decision."""
    return _decide


@pytest.fixture(scope="session")
def unit_of() -> Callable[[str], str]:
    """A function from a question about a scene to the unit that its area is written in."""

    def unit(question: str) -> str:
        planner = OfflinePlanner()
        view = View(question=question, inputs=(Input(kind="image", href="scene"),))
        opened = _opened(planner.plan(view).steps[0], "scene")
        later = planner.plan(view.model_copy(update={"steps": (opened,)})).steps
        ran = tuple(_ran(step, outputs={"area": "f1"}) for step in later)
        text = planner.write(view.model_copy(update={"steps": (opened, *ran)})).text
        found = re.search(r"\{f1:(\w+)\}", text)
        return found.group(1) if found else ""

    return unit


@pytest.fixture(scope="session")
def first_plan() -> Callable[..., Plan]:
    """A function from a question and the names of its images to the plan once they are open."""

    def plan(question: str, images: list[str]) -> Plan:
        planner = OfflinePlanner()
        inputs = tuple(Input(kind=_KINDS.get(name, "image"), href=name) for name in images)
        view = View(question=question, inputs=inputs)
        steps = planner.plan(view).steps
        opened = tuple(_opened(step, name) for step, name in zip(steps, images, strict=True))
        return planner.plan(view.model_copy(update={"steps": opened}))

    return plan
