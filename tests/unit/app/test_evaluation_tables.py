"""What is told of an evaluation: how it abstained, how calls agree, what was spent."""

from __future__ import annotations

import pytest

from eoagent.app.evaluation.scores import (
    Abstention,
    Evaluation,
    Tally,
    Verdict,
    tally,
    tally_by,
)
from eoagent.app.evaluation.tables import tables_of
from eoagent.contracts.answer import Usage


def _verdict(status="answered", accepted=("answered",), **more):
    made = {"id": "q", "family": "a", "needs": ("spectral",), "question": "?", "outcome": "right"}
    return Verdict(**made | {"status": status, "accepted": accepted} | more)


def _evaluation(*verdicts):
    return Evaluation(
        schema="eoagent/evaluation/1",
        suite="qa",
        file="f",
        sha256="0",
        planner="p",
        versions={},
        created="",
        seconds=0,
        families=tally_by((verdict.family, verdict) for verdict in verdicts),
        total=tally(verdicts),
        with_models={},
        verdicts=verdicts,
    )


def test_abstention_counts_what_was_due_and_what_was_done():
    own = tally(
        [
            _verdict("clarify", ("clarify",)),
            _verdict("cannot_answer", ("clarify",)),  # the other way to abstain
            _verdict("answered", ("cannot_answer", "clarify")),
            _verdict("", ("cannot_answer",)),  # failed
            _verdict("clarify", ("answered",)),
            _verdict("partial", ("answered",)),
            _verdict("cannot_answer", ("cannot_answer", "answered")),  # either is as good
            _verdict("clarify", ()),
        ]
    )
    assert own.abstention == Abstention(due=4, abstained=3, rightly=2, recall=0.5, precision=2 / 3)


def test_without_anything_due_or_done_there_is_no_rate():
    assert tally([_verdict()]).abstention == Abstention()
    assert tally([]) == Tally()


def test_measures_are_means_over_the_questions_that_have_them():
    own = tally(
        [
            _verdict(measures={"arguments": 1.0, "box_iou": 0.25}),
            _verdict(measures={"arguments": 0.5}),
            _verdict(),
        ]
    )
    assert own.measures == {"arguments": 0.75, "box_iou": 0.25}


def test_what_was_spent_is_summed_and_the_time_is_that_of_the_clock():
    first = Usage(model_calls=2, tool_calls=3, input_tokens=100, output_tokens=10, cost_usd=0.125)
    second = Usage(model_calls=1, tool_calls=1, input_tokens=50, output_tokens=5, cost_usd=0.25)
    own = tally(
        [
            _verdict(usage=first, seconds=1.5, unverified=("1", "2")),
            _verdict(usage=second, seconds=0.5, unverified=("3",)),
            _verdict("", seconds=2.0, outcome="failed"),
        ]
    )
    assert own.usage == Usage(
        model_calls=3,
        tool_calls=4,
        input_tokens=150,
        output_tokens=15,
        cost_usd=0.375,
        seconds=4.0,
    )
    assert own.unverified == 3


def test_a_run_without_a_model_and_without_questions_to_decline_has_one_table():
    (table,) = tables_of(_evaluation(_verdict(usage=Usage(tool_calls=3))))
    assert table.head == ("", "questions", "right", "wrong", "declined", "asked", "failed", "rate")
    assert table.rows[0] == ("family a", "1", "1", "0", "0", "0", "0", "100%")


def test_only_rows_and_columns_that_say_something_are_told():
    declined = _verdict("clarify", ("clarify",), family="h")
    _, checks = tables_of(_evaluation(_verdict(), declined))
    assert checks.head == ("checks", "abst. recall", "abst. precision", "unverified")
    assert checks.rows == (
        ("family h", "100% of 1", "100% of 1", "0"),
        ("total", "100% of 1", "100% of 1", "0"),
    )


@pytest.mark.parametrize(
    ("cost", "told"), [(0.0, None), (0.00001, "<0.0001"), (0.0123, "0.0123"), (1234.5, "1234.5000")]
)
def test_costs_are_told_where_a_model_was_called(cost, told):
    usage = Usage(model_calls=2, tool_calls=3, input_tokens=1_234_567, output_tokens=9)
    spent = _verdict(usage=usage.model_copy(update={"cost_usd": cost}), seconds=3.0)
    _, _, costs = tables_of(_evaluation(spent, _verdict(family="b")))
    rows = [dict(zip(costs.head, row, strict=True)) for row in costs.rows]
    assert [row["costs"] for row in rows] == ["family a", "total"]
    assert rows[0]["tokens in"] == "1,234,567"
    assert rows[0].get("USD") == told
    assert (rows[1]["seconds"], rows[1]["s each"]) == ("3.0", "1.5")
