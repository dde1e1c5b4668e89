"""What a conversation keeps of its questions: words, handles and figures, within bounds."""

from __future__ import annotations

import json

import pytest

from eoagent.contracts.answer import AnswerArtifact, AnswerRecord, AnswerStep, Usage
from eoagent.contracts.figure import Figure
from eoagent.contracts.planner import Exchange
from eoagent.planner.history import carry_over


def _figure(n, step=1, **more):
    given = {"name": "area", "value": 1e6 + n, "unit": "m2", "label": f"area {n}", "method": "m"}
    return Figure.model_validate(given | {"id": f"f{n}", "step": step} | more)


def _step(n, artifacts=(), figures=(), **references):
    given = {
        "n": n,
        "tool": "threshold",
        "arguments": {},
        "references": references,
        "status": "done",
    }
    return AnswerStep.model_validate(
        given | {"seconds": 0, "artifacts": artifacts, "figures": figures}
    )


def _answer(*, figures=(), results=(), artifacts=(), steps=(), **more):
    given = {
        "schema": "eoagent/answer/1",
        "question": "How much water?",
        "status": "answered",
        "text": "It is 1 km².",
        "results": results,
        "figures": figures,
        "artifacts": artifacts,
        "steps": steps,
        "usage": Usage(),
        "planner": "test",
        "versions": {},
        "created": "2026-11-21T00:00:00+00:00",
        "run": "run-1",
        "inputs": [{"kind": "image", "href": "/a.tif"}],
    }
    return AnswerRecord.model_validate(given | more)


def _carry(state=None, answer=None, figures=()):
    state = {"question": "How much water?", **(state or {})}
    return carry_over(state, answer or _answer(), {f.id: f for f in figures})


def _artifact(n, title="open water"):
    return AnswerArtifact(id=f"mask:{n:012d}", kind="mask", path="", title=title)


def test_a_question_leaves_its_words_its_handles_and_its_figures():
    figure = _figure(1)
    kept = _carry(
        answer=_answer(figures=(figure,), results=(figure,), artifacts=(_artifact(1),)),
        figures=(figure,),
    )
    (raw,) = kept["history"]
    exchange = Exchange.model_validate(raw)
    assert (exchange.question, exchange.text, exchange.status) == (
        "How much water?",
        "It is 1 km².",
        "answered",
    )
    assert exchange.inputs == ("image /a.tif",)
    assert exchange.artifacts == (("mask:000000000001", "open water"),)
    assert exchange.run == "run-1"
    earlier = Figure.model_validate(kept["earlier"]["f1"])
    assert (earlier.value, earlier.unit, earlier.sources) == (figure.value, "m2", ())
    assert "measured for an earlier question, run run-1" in earlier.method
    assert kept["figure_base"] == 1
    assert kept["asked_back"] == ""
    json.dumps(kept, allow_nan=False)


def test_a_question_back_is_kept_for_the_reply_to_it():
    assert _carry(answer=_answer(status="clarify"))["asked_back"] == "How much water?"


def test_ids_of_figures_are_never_given_twice_though_not_all_figures_are_kept():
    figures = tuple(_figure(n) for n in range(1, 201))
    kept = _carry({"figure_base": 5}, _answer(figures=figures, results=figures[:2]), figures)
    assert kept["figure_base"] == 205
    assert {"f1", "f2"} <= set(kept["earlier"])
    assert len(kept["earlier"]) <= 24


def test_the_figures_that_answer_are_kept_before_others():
    figures = tuple(_figure(n) for n in range(1, 60))
    kept = _carry(answer=_answer(figures=figures, results=(figures[57],)), figures=figures)
    assert "f58" in kept["earlier"]


def test_earlier_figures_stay_until_newer_ones_take_their_room():
    state, taken = {}, 0
    for _ in range(20):
        figures = tuple(_figure(taken + n) for n in range(1, 9))
        state = _carry(state, _answer(figures=figures, results=figures), figures)
        taken += 8
    assert len(state["earlier"]) == 24
    assert list(state["earlier"])[-1] == "f160"
    assert state["figure_base"] == 160


def test_a_long_conversation_keeps_the_newest_exchanges_and_stays_small():
    state = {}
    for n in range(50):
        artifacts = tuple(_artifact(100 * n + k, "x" * 500) for k in range(30))
        steps = (_step(1, tuple(a.id for a in artifacts), ()),)
        answer = _answer(
            question=f"{n} " + "q" * 5000, text="t" * 5000, artifacts=artifacts, steps=steps
        )
        state = _carry(state, answer)
    told = [Exchange.model_validate(raw) for raw in state["history"]]
    assert [exchange.question.split()[0] for exchange in told] == [str(n) for n in range(42, 50)]
    assert all(len(e.question) <= 300 and len(e.text) <= 500 for e in told)
    assert all(len(title) <= 60 for e in told for _, title in e.artifacts)
    assert len(json.dumps(state)) < 32_000


def test_what_the_results_rest_on_is_kept_before_other_artifacts():
    artifacts = tuple(_artifact(n) for n in range(1, 31))
    steps = (
        _step(1, ("mask:000000000030",)),
        *(_step(n + 1, (f"mask:{n:012d}",)) for n in range(1, 30)),
        _step(31, (), ("f1",), target="$1"),
    )
    figure = _figure(1, step=31)
    kept = _carry(
        answer=_answer(figures=(figure,), results=(figure,), artifacts=artifacts, steps=steps),
        figures=(figure,),
    )
    assert kept["history"][0]["artifacts"][0][0] == "mask:000000000030"


@pytest.mark.parametrize("status", ["answered", "partial", "clarify", "cannot_answer"])
def test_however_a_question_ended_the_next_one_knows(status):
    assert _carry(answer=_answer(status=status))["history"][0]["status"] == status
