"""The first round of a question: every image and vector file that came with it is opened."""

from __future__ import annotations

import re
from typing import Final

from pydantic import JsonValue

from eoagent.contracts.plan import Step, StepRecord
from eoagent.contracts.planner import Input, View

__all__ = ["GOOD", "box_of", "first_href", "is_open", "opening_steps", "to_open"]

GOOD: Final = frozenset({"done", "cached"})
"""How a step ends that gave something."""
_BOX: Final = re.compile(r"-?[\d.]+(?:e-?\d+)?(?:,-?[\d.]+(?:e-?\d+)?){3}")
_OPENED: Final = frozenset({"image", "features"})
"""Kinds of input that are opened before anything else."""


def opening_steps(view: View, *, no_cloud_mask: bool = False) -> tuple[Step, ...]:
    """Return a step for each file that came with a question, in its order."""
    bands: list[JsonValue] | None = list(view.bands) or None
    steps: list[Step] = []
    said: dict[str, JsonValue]
    for given in to_open(view):
        if given.kind == "image":
            tool, said = "open_image", {"hrefs": [given.href], "gsd_m": view.gsd_m}
            said |= {"bands": bands, "mask_classes": [] if no_cloud_mask else None}
        else:
            tool, said = "open_features", {"href": given.href}
        arguments = {key: value for key, value in said.items() if value is not None}
        n = len(steps) + 1
        steps.append(Step(n=n, tool=tool, arguments=arguments, why="came with the question"))
    return tuple(steps)


def is_open(steps: tuple[StepRecord, ...], count: int) -> bool:
    """Return whether the first steps, so many, all gave something."""
    done = [step for step in steps[:count] if step.status in GOOD]
    return count > 0 and len(done) == count


def first_href(view: View, kind: str) -> str:
    """Return the first input of a kind, or an empty text."""
    return next((given.href for given in view.inputs if given.kind == kind), "")


def box_of(view: View) -> str:
    """Return the area of interest if it was given as `W,S,E,N`, or an empty text."""
    aoi = first_href(view, "aoi")
    return aoi if _BOX.fullmatch(aoi) else ""


def to_open(view: View) -> tuple[Input, ...]:
    """Return what is opened before anything else, in order; the file of an area comes last."""
    area = [i for i in view.inputs if i.kind == "aoi" and not box_of(view)]
    return (*(i for i in view.inputs if i.kind in _OPENED), *area)
