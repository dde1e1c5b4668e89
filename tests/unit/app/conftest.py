"""Answers and places that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import pytest

from eoagent import Agent
from eoagent.contracts.answer import AnswerArtifact, AnswerRecord, AnswerStep, PlanStep
from eoagent.contracts.errors import SourceError
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


@dataclass(frozen=True)
class Said:
    """What a stand-in for the agent answers."""

    text: str = "Said."
    results: tuple[tuple[float | str, str], ...] = ()
    status: str = "answered"
    tools: tuple[str | tuple[str, dict[str, object]], ...] = ()
    """Names of the tools that were called, or names with arguments; `!` in front: it failed."""


class StandIn:
    """Answers each question as it was told to, by words that the question holds."""

    planner_name = "stand-in"
    versions: ClassVar[dict[str, str]] = {}

    def __init__(self, said: dict[str, Said]) -> None:
        self._said = said
        self.given: dict[str, dict[str, object]] = {}

    def ask(self, question: str, **given: object) -> SimpleNamespace:
        word = next(word for word in self._said if word in question)
        said = self._said[word]
        self.given[word] = given
        if said.status == "broken":
            raise SourceError("the model is not there", href="http://x", hint="start it")
        figures = tuple(
            Figure(id=f"f{n}", step=1, name="x", value=value, unit=unit, label="x", method="made")
            for n, (value, unit) in enumerate(said.results, 1)
        )
        steps = tuple(_step(n, tool) for n, tool in enumerate(said.tools, 1))
        record = AnswerRecord(
            schema="eoagent/answer/1",
            question=question,
            status=said.status,
            text=said.text,
            results=figures,
            figures=figures,
            steps=steps,
        )
        return SimpleNamespace(
            record=record, status=said.status, text=said.text, results=figures, unverified=()
        )


def _step(n: int, tool: str | tuple[str, dict[str, object]]) -> AnswerStep:
    name, arguments = tool if isinstance(tool, tuple) else (tool, {})
    return AnswerStep(
        n=n,
        tool=name.removeprefix("!"),
        arguments=arguments,
        references={},
        status="failed" if name.startswith("!") else "done",
        seconds=0.0,
        artifacts=(),
        figures=(),
    )


@pytest.fixture
def said() -> type[Said]:
    return Said


@pytest.fixture
def stand_in() -> type[StandIn]:
    return StandIn
