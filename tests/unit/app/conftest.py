"""Answers and places that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eoagent import Agent
from eoagent.contracts.answer import AnswerArtifact, AnswerRecord, AnswerStep, PlanStep
from eoagent.contracts.figure import Figure, Fingerprint, Source
from eoagent.settings import Settings


@pytest.fixture
def agent(tmp_path) -> Agent:
    return Agent(home=tmp_path / "home", settings=Settings())


@pytest.fixture
def make_record() -> Callable[..., AnswerRecord]:
    """Make an answer of one figure; `text` goes into every place that a stranger can write."""

    def make(text: str = "plain", **fields: object) -> AnswerRecord:
        source = Source(
            href=f"/data/{text}", item_id=text, fingerprint=Fingerprint(kind="sha256", value=text)
        )
        figure = Figure(
            id="f1",
            step=1,
            name="area",
            value=1234.5,
            unit="m2",
            label=text[:200],
            method=text[:600],
            error=2.0,
            sources=(source,),
        )
        step = AnswerStep(
            n=1,
            tool=text,
            arguments={"href": text},
            references={},
            status="failed",
            seconds=0.5,
            artifacts=(),
            figures=("f1",),
            error={"kind": "InputError", "message": text, "hint": text},
        )
        made = {
            "question": text,
            "status": "partial",
            "text": text,
            "plan": (PlanStep(n=1, tool=text, arguments={text: text}, why=text, each=text),),
            "results": (figure,),
            "figures": (figure,),
            "artifacts": (
                AnswerArtifact(id="raster:0123456789ab", kind="raster", path="", title=text),
            ),
            "steps": (step,),
            "assumptions": (text,),
            "warnings": (text,),
            "unverified": (text,),
            "planner": text,
            "versions": {text: text},
            "created": text,
            "run": text,
        }
        return AnswerRecord.model_validate(made | fields)

    return make
