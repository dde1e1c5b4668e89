"""`cannot_answer` ends the run with a reason."""

from __future__ import annotations


def test_the_reason_comes_back_with_what_it_would_take(bench):
    result = bench("cannot_answer", reason="No band 12.", needs="a scene with swir22")
    assert result.ended_as == "cannot_answer"
    assert result.message == "No band 12. What it would take: a scene with swir22"


def test_a_reason_may_stand_alone(bench):
    assert bench("cannot_answer", reason="No band 12.").message == "No band 12."


def test_a_refusal_without_a_reason_is_refused(bench):
    assert "reason" in bench.refused("cannot_answer", reason="")
