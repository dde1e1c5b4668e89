"""Budgets: which limit ends a run, and that it is named."""

from __future__ import annotations

import pytest

from eoagent.contracts.planner import Limits
from eoagent.planner.budget import over_budget
from eoagent.planner.running import WallClock

LIMITS = Limits(max_seconds=60, max_tokens=1000, max_cost_usd=0.5)


def _clock(*, now=0.0, stopped=False):
    return WallClock(ends=60, clock=lambda: now, is_stopped=lambda: stopped)


def _state(**spent):
    return {"spent": spent}


def test_a_run_within_its_limits_goes_on():
    assert (
        over_budget(
            _state(input_tokens=600, output_tokens=399, cost_usd=0.49), LIMITS, _clock(now=59)
        )
        == ""
    )
    assert over_budget({}, LIMITS, _clock()) == ""


@pytest.mark.parametrize(
    ("spent", "clock", "told"),
    [
        ({}, _clock(stopped=True), "you stopped the run"),
        ({}, _clock(now=60), "the time limit of 60 s was reached"),
        (
            {"input_tokens": 600, "output_tokens": 400},
            _clock(),
            "the limit of 1000 tokens was reached",
        ),
        ({"cost_usd": 0.5}, _clock(), "the cost limit of 0.5 USD was reached"),
    ],
)
def test_the_limit_that_was_reached_is_named(spent, clock, told):
    assert over_budget(_state(**spent), LIMITS, clock) == told


def test_without_a_cost_limit_cost_ends_nothing():
    assert over_budget(_state(cost_usd=1e6), Limits(), _clock()) == ""


def test_a_cost_limit_of_nothing_ends_the_run_before_it_begins():
    assert (
        over_budget({}, Limits(max_cost_usd=0), _clock()) == "the cost limit of 0 USD was reached"
    )
