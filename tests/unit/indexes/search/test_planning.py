"""Which segments are compared exactly."""

from __future__ import annotations

import pytest

from eoagent_indexes.choosing import choose_setting
from eoagent_indexes.planning import plan_segment

OWN = [
    {"share": 1.0, "nprobe": 1, "refine": 50, "recall": 0.90, "cpu_ms": 0.2},
    {"share": 1.0, "nprobe": 4, "refine": 100, "recall": 0.991, "cpu_ms": 0.4},
    {"share": 1.0, "nprobe": 8, "refine": 100, "recall": 0.996, "cpu_ms": 0.5},
    {"share": 1.0, "nprobe": 64, "refine": 200, "recall": 0.999, "cpu_ms": 2.0},
    {"share": 0.3, "nprobe": 32, "refine": 200, "recall": 0.992, "cpu_ms": 1.0},
    {"share": 0.06, "nprobe": 128, "refine": 200, "recall": 0.97, "cpu_ms": 3.0},
]
ACROSS = [
    {"share": 1.0, "nprobe": 64, "refine": 800, "recall": 0.98, "cpu_ms": 9.0},
    {"share": 1.0, "nprobe": 128, "refine": 1600, "recall": 0.994, "cpu_ms": 20.0},
]
CURVE = [{"kind": "own", **p} for p in OWN] + [{"kind": "across", **p} for p in ACROSS]
CALIBRATION = {"format": 2, "lists": 128, "curve": CURVE}
MANY = 1_000_000


@pytest.mark.parametrize(
    ("matched", "k", "asked", "expected"),
    [
        (MANY, 10, "auto", ("ann", 8, 100, 0.996)),
        (MANY, 10, "ann", ("ann", 8, 100, 0.996)),
        (MANY, 10, "exact", ("exact", 0, 0, 1.0)),
        (50_000, 10, "auto", ("exact", 0, 0, 1.0)),
        (400_000, 10, "auto", ("ann", 32, 200, 0.992)),
        (300_000, 10, "auto", ("ann", 32, 200, 0.992)),
        (8, 10, "ann", ("exact", 0, 0, 1.0)),
        (MANY, 40, "auto", ("ann", 16, 400, 0.996)),
        (MANY, 10_000, "auto", ("exact", 0, 0, 1.0)),
    ],
)
def test_a_plan_follows_what_is_left_and_what_was_measured(matched, k, asked, expected):
    said = {"rows": MANY, "matched": matched, "k": k, "asked": asked, "kind": "own"}
    plan = plan_segment(lambda: CALIBRATION, **said)
    assert (plan.how, plan.nprobe, plan.refine, plan.recall) == expected
    assert plan.warning == ""


@pytest.mark.parametrize(
    ("matched", "asked", "warning"),
    [
        (70_000, "auto", "no setting was measured to find 0.99 of the best among 70,000 of"),
        (20_000, "ann", "no setting was measured to find 0.99 of the best among 20,000 of"),
    ],
)
def test_where_nothing_finds_enough_the_segment_is_compared_exactly(matched, asked, warning):
    said = {"rows": MANY, "matched": matched, "k": 10, "asked": asked, "kind": "own"}
    plan = plan_segment(lambda: CALIBRATION, **said)
    assert plan.how == "exact"
    assert plan.warning.startswith(warning)


def test_a_segment_without_a_structure_is_exact_and_says_so_only_when_one_was_asked_for():
    assert plan_segment(None, rows=MANY, matched=MANY, k=10).warning == ""
    asked = plan_segment(None, rows=MANY, matched=MANY, k=10, asked="ann")
    assert (asked.how, asked.warning) == ("exact", "a segment has no approximate structure")


@pytest.mark.parametrize(
    ("share", "recall", "expected"),
    [(1.0, 0.85, 4), (1.0, 0.99, 8), (1.0, 0.999, 64), (1.0, 0.9999, None), (0.03, 0.5, None)],
)
def test_the_cheapest_setting_that_finds_enough_with_room_is_taken(share, recall, expected):
    setting = choose_setting(CALIBRATION, kind="own", share=share, recall=recall)
    assert (setting.nprobe if setting else None) == expected


def test_a_calibration_without_a_curve_gives_no_setting():
    assert choose_setting({}, kind="own", share=1.0, recall=0.5) is None


def test_queries_that_lie_apart_from_the_tiles_go_by_their_own_curve():
    own, across = (
        plan_segment(lambda: CALIBRATION, rows=MANY, matched=MANY, k=10, kind=kind)
        for kind in ("own", "across")
    )
    assert (own.nprobe, own.refine, own.recall) == (8, 100, 0.996)
    assert (across.nprobe, across.refine, across.recall) == (128, 1600, 0.994)
    unsure = plan_segment(lambda: CALIBRATION, rows=MANY, matched=MANY, k=10)
    assert unsure == across


def test_a_calibration_is_read_only_where_it_decides():
    def refuse():
        raise AssertionError

    for said in ({"asked": "exact", "matched": MANY}, {"matched": 50_000}, {"matched": 5}):
        assert plan_segment(refuse, rows=MANY, k=10, **said).how == "exact"
    with pytest.raises(AssertionError):
        plan_segment(refuse, rows=MANY, matched=MANY, k=10)
