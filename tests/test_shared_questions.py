"""Questions with known answers over real imagery, asked offline and judged by their own reference."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eoagent import Agent
from eoagent.contracts.errors import InputError
from eoagent.contracts.units import convert
from eoagent.settings import Settings

_FAMILIES = "abcdefgh"
_DECLINED = {"clarify", "cannot_answer"}


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    identity: str
    family: str
    verdict: str
    """`right`, `wrong` or `declined`."""
    detail: str


def _is_met(wanted: dict[str, Any], result: dict[str, Any]) -> bool:
    unit = {"index": "1"}.get(wanted["unit"], wanted["unit"])
    if result["unit"] == "choice":
        return False
    try:
        value = convert(float(result["value"]), result["unit"], unit)
    except InputError:
        return False
    room = wanted["abs_tol"] if "abs_tol" in wanted else wanted["rel_tol"] * abs(wanted["value"])
    return abs(value - wanted["value"]) <= room


def _can_pair(wanted: list[dict[str, Any]], results: list[dict[str, Any]]) -> bool:
    """Whether each wanted figure has a result of its own."""
    if not wanted:
        return True
    return any(
        _is_met(wanted[0], result)
        and _can_pair(wanted[1:], [r for r in results if r is not result])
        for result in results
    )


def _judge(expect: dict[str, Any], document: dict[str, Any]) -> str:
    """Judge an answer by what the question's file expects, as its readme says."""
    status, text = document["status"], document["text"].lower()
    stated = all(
        any(part.lower() in text for part in entry.split("|"))
        for entry in expect.get("must_state", [])
    )
    if expect["status"] != "answered":
        fits = status in {expect["status"], *expect.get("also_accept", [])} and stated
        return "right" if fits else "declined" if status in _DECLINED else "wrong"
    if status in _DECLINED:
        return "right" if status in expect.get("also_accept", []) else "declined"
    wanted, results = expect.get("figures", []), document["results"]
    if expect.get("any_of"):
        has_figures = any(_can_pair([figure], results) for figure in wanted)
    else:
        has_figures = _can_pair(wanted, results)
    choices = expect.get("choice", [])
    choices = [choices] if isinstance(choices, str) else choices
    named = any(re.search(rf"(?<!\w){re.escape(c.lower())}(?!\w)", text) for c in choices)
    return "right" if has_figures and stated and (named or not choices) else "wrong"


@pytest.fixture(scope="module")
def outcomes(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[_Outcome]:
    agent = Agent("offline", home=tmp_path_factory.mktemp("home"), settings=Settings())
    found = []
    lines = (shared_data / "qa_multistep.jsonl").read_text(encoding="utf-8").splitlines()
    for asked in map(json.loads, lines):
        if asked["family"] not in _FAMILIES:
            continue
        images = [shared_data / name for name in asked["images"] or []]
        catalog = shared_data / "catalog/catalog.json" if asked["catalog"] else None
        answer = agent.ask(asked["question"], images=images, catalog=catalog)
        document = json.loads(answer.record.document())
        verdict = _judge(asked["expect"], document)
        assert not document["unverified"], (asked["id"], document["unverified"])
        found.append(
            _Outcome(
                identity=asked["id"],
                family=asked["family"],
                verdict=verdict,
                detail=f"{document['text']} expected {asked['expect']}",
            )
        )
    return found


def test_there_are_questions_of_every_family(outcomes):
    assert {outcome.family for outcome in outcomes} == set(_FAMILIES)
    assert len(outcomes) >= 60


def test_most_questions_with_an_answer_are_answered_rightly(outcomes):
    own = [outcome for outcome in outcomes if outcome.family != "h"]
    right = [outcome for outcome in own if outcome.verdict == "right"]
    missed = {o.identity: f"{o.verdict}: {o.detail}" for o in own if o.verdict != "right"}
    assert len(right) >= 0.85 * len(own), missed


def test_each_question_without_an_answer_is_asked_back_or_refused(outcomes):
    own = {o.identity: o.detail for o in outcomes if o.family == "h" and o.verdict != "right"}
    assert not own


def test_hardly_a_question_is_answered_wrongly(outcomes):
    wrong = {o.identity: o.detail for o in outcomes if o.verdict == "wrong"}
    assert len(wrong) <= 1, wrong


def _document(*values: tuple[float, str], status: str = "answered", text: str = "") -> dict:
    results = [{"value": value, "unit": unit} for value, unit in values]
    return {"status": status, "text": text, "results": results}


@pytest.mark.parametrize(
    ("changed", "document", "verdict"),
    [
        ({}, _document((2.0e6, "m2"), (20.0, "percent")), "right"),
        ({}, _document((20.3, "percent"), (203.0, "ha")), "right"),
        ({}, _document((2.0e6, "m2")), "wrong"),
        ({}, _document((2.0e6, "m2"), (25.0, "percent")), "wrong"),
        ({}, _document((2.0, "m2"), (20.0, "percent")), "wrong"),
        ({}, _document(status="clarify"), "declined"),
        ({}, _document(status="cannot_answer"), "declined"),
        ({"any_of": True}, _document((20.0, "percent")), "right"),
        ({"any_of": True}, _document((30.0, "percent")), "wrong"),
        ({"must_state": ["NDWI|MNDWI"]}, _document((2e6, "m2"), (20.0, "percent")), "wrong"),
        (
            {"must_state": ["NDWI|MNDWI"]},
            _document((2e6, "m2"), (20.0, "percent"), text="by mndwi > 0"),
            "right",
        ),
        ({"status": "clarify", "figures": []}, _document((2e6, "m2")), "wrong"),
        ({"choice": "yes"}, _document((2e6, "m2"), (20.0, "percent"), text="Eyes."), "wrong"),
    ],
)
def test_the_judge_tells_right_from_wrong(changed, document, verdict):
    expect = {
        "status": "answered",
        "figures": [
            {"name": "area", "value": 2.0, "unit": "km2", "rel_tol": 0.02},
            {"name": "share", "value": 20.0, "unit": "percent", "abs_tol": 0.5},
        ],
    }
    assert _judge({**expect, **changed}, document) == verdict
