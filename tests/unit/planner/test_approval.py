"""Approval: what is asked about, and how far one approval goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.contracts.price import Price
from eoagent.planner.approval import Policy, needs_approval, question_about, within

PRICES = st.builds(
    Price,
    scenes=st.integers(0, 500),
    bytes=st.integers(0, 10**9),
    seconds=st.integers(0, 300).map(float),
    tokens=st.integers(0, 1000),
    outward=st.lists(st.sampled_from(["a", "b"]), unique=True).map(tuple),
)


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        (Price(), ""),
        (Price(scenes=200, bytes=500_000_000, seconds=120.0, tokens=10**9), ""),
        (Price(scenes=201), "201 scenes are opened, more than 200"),
        (
            Price(bytes=1_300_000_000, is_upper_bound=True),
            "at most 1.3 GB to read, more than 500 MB",
        ),
        (Price(bytes=600_000_000), "600 MB to read, more than 500 MB"),
        (Price(seconds=300.0), "about 5 min, more than 120 s"),
        (Price(outward=("export writes 'a.tif'",)), "export writes 'a.tif'"),
        (
            Price(scenes=3000, outward=("mail sends to 'x'",)),
            "3,000 scenes are opened, more than 200; mail sends to 'x'",
        ),
    ],
)
def test_what_is_costly_or_goes_outside_is_asked_about_with_the_reason(price, reason):
    assert needs_approval(price, Policy()) == reason


def test_a_policy_may_let_everything_outside_pass():
    assert needs_approval(Price(outward=("a",)), Policy(outward=False)) == ""


def test_a_policy_of_zero_asks_about_every_byte():
    assert needs_approval(Price(bytes=1), Policy(max_bytes=0)) == "1 B to read, more than nothing"


@given(PRICES, PRICES)
def test_an_approval_covers_every_part_of_what_it_named(price, more):
    assert within(price, price)
    assert within(price, price + more)
    assert within(price + more, price) == (price + more == price)


@pytest.mark.parametrize(
    "price",
    [
        Price(scenes=2),
        Price(bytes=11),
        Price(seconds=1.5),
        Price(tokens=6),
        Price(outward=("b",)),
    ],
)
def test_one_part_beyond_the_approval_is_not_covered(price):
    approved = Price(scenes=1, bytes=10, seconds=1, tokens=5, outward=("a",))
    assert not within(price, approved)


def test_small_calls_add_up_to_a_question():
    policy, call = Policy(max_bytes=100), Price(bytes=40)
    nothing = Price()
    assert question_about(call, spent=nothing, approved=nothing, policy=policy) == ""
    assert question_about(call, spent=call, approved=nothing, policy=policy) == ""
    asked = question_about(call, spent=call.times(2), approved=nothing, policy=policy)
    assert asked == "120 B to read, more than 100 B"


def test_one_approval_covers_the_plan_and_is_asked_again_only_beyond_it():
    policy, plan = Policy(max_bytes=100), Price(bytes=300, outward=("export writes 'a'",))
    assert question_about(plan, spent=Price(), approved=Price(), policy=policy)
    part = Price(bytes=100)
    for done in range(3):
        given = {"spent": part.times(done), "approved": plan, "policy": policy}
        assert question_about(part, **given) == ""
    spent = part.times(3)
    assert question_about(part, spent=spent, approved=plan, policy=policy) == (
        "400 B to read, more than 100 B"
    )
    other = Price(outward=("export writes 'b'",))
    assert "writes 'b'" in question_about(other, spent=spent, approved=plan, policy=policy)


def test_seconds_added_in_another_order_are_still_covered():
    parts = [Price(seconds=s) for s in (0.1, 0.2, 0.3, 0.7)]
    assert within(sum(reversed(parts), Price()), Price.total(parts))
    assert within(sum(parts, Price()), Price.total(parts))


def test_a_free_call_is_never_asked_about():
    spent = Price(bytes=10**12)
    assert question_about(Price(), spent=spent, approved=Price(), policy=Policy()) == ""
