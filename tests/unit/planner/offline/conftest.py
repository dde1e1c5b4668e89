"""What the offline planner decides for a question, without a file being opened."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest

from eoagent.contracts.plan import Step, StepRecord
from eoagent.contracts.planner import Input, View
from eoagent.planner.offline.offline_planner import OfflinePlanner

_FIVE = ["blue", "green", "red", "nir", "swir16"]
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
    }
)
_HIDDEN = ("label", "connectivity")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What became of a question."""

    kind: str
    """`plan`, `ask` or `refuse`."""
    message: str
    """The question back or the reason; empty for a plan."""
    text: str
    """The steps after the opening ones, in one line; empty unless a plan."""


def _short(step: Step) -> str:
    given = ", ".join(
        f"{key}={_plain(value)}" for key, value in step.arguments.items() if key not in _HIDDEN
    )
    return f"{step.tool}({given})"


def _plain(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)


def _opened(step: Step, name: str) -> StepRecord:
    kind = "features" if step.tool == "open_features" else "raster"
    handle = f"{kind}:{step.n:012x}"
    return StepRecord(
        n=step.n,
        tool=step.tool,
        arguments=step.arguments,
        references={},
        status="done",
        outputs={kind: handle},
        previews={handle: {"title": name, **_PREVIEWS[name]}},
    )


def _decide(question: str, given: str) -> Decision:
    planner = OfflinePlanner()
    names = given.split("+") if given else []
    inputs = tuple(
        Input(kind="features" if name == "zones" else "image", href=name) for name in names
    )
    view = View(question=question, inputs=inputs)
    plan = planner.plan(view)
    if not any(step.tool in {"ask_user", "cannot_answer"} for step in plan.steps):
        records = tuple(_opened(*pair) for pair in zip(plan.steps, names, strict=True))
        plan = planner.plan(view.model_copy(update={"steps": records}))
    for step in plan.steps:
        if step.tool == "ask_user":
            return Decision(kind="ask", message=str(step.arguments["question"]), text="")
        if step.tool == "cannot_answer":
            return Decision(kind="refuse", message=str(step.arguments["reason"]), text="")
    return Decision(kind="plan", message="", text="; ".join(map(_short, plan.steps)))


@pytest.fixture(scope="session")
def decide() -> Callable[[str, str], Decision]:
    """A function from a question and what comes with it (`scene+zones`) to a decision."""
    return _decide


@pytest.fixture(scope="session")
def unit_of() -> Callable[[str], str]:
    """A function from a question about a scene to the unit that its area is written in."""

    def unit(question: str) -> str:
        planner = OfflinePlanner()
        view = View(question=question, inputs=(Input(kind="image", href="scene"),))
        opened = _opened(planner.plan(view).steps[0], "scene")
        later = planner.plan(view.model_copy(update={"steps": (opened,)})).steps
        ran = tuple(
            StepRecord(
                n=step.n,
                tool=step.tool,
                arguments=step.arguments,
                references={},
                status="done",
                outputs={"area": "f1"},
            )
            for step in later
        )
        text = planner.write(view.model_copy(update={"steps": (opened, *ran)})).text
        found = re.search(r"\{f1:(\w+)\}", text)
        return found.group(1) if found else ""

    return unit
