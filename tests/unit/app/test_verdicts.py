"""Verdicts on single figures, beside a table of what they ought to be."""

from __future__ import annotations

import pytest

from eoagent.app.verdicts import compare_figures, hrefs_of
from eoagent.contracts.figure import Figure, Source


def _figure(value, unit="m2", error=None, label="area", n=1):
    return Figure(
        id=f"f{n}", step=1, name="a", value=value, unit=unit, label=label, method="m", error=error
    )


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (_figure(1.0), _figure(1.0), "equal"),
        (_figure(1.0), _figure(1.0 + 1e-13), "equal"),
        (_figure(1.0), _figure(1.0 + 1e-9), "changed"),
        (_figure(1.0, error=0.1), _figure(1.1 - 1e-9), "within"),
        (_figure(1.0, error=0.1), _figure(1.11), "changed"),
        (_figure(1.0, error=0.1), _figure(1.0, "percent"), "changed"),
        (_figure("2019", "choice"), _figure("2019", "choice"), "equal"),
        (_figure("2019", "choice"), _figure("2020", "choice"), "changed"),
        (_figure(1.0), _figure(1.0, label="another"), "cannot"),
        (_figure(0.0), _figure(0.0), "equal"),
    ],
)
def test_a_figure_is_judged_by_value_unit_and_error(make_record, before, after, verdict):
    old, new = make_record(figures=(before,)), make_record(figures=(after,))
    (found,) = compare_figures(old, new, {})
    assert found.verdict == verdict
    assert found.before == before.value


def _made_by(*sources):
    held = {"sources": tuple(Source.model_validate(source) for source in sources)}
    return _figure(2.0, unit="count").model_copy(update=held)


def test_equal_figures_of_another_model_or_of_one_that_nobody_saw_are_told_so(make_record):
    image = {"href": "/a.tif", "fingerprint": {"kind": "sha256", "value": "ab" * 32}}
    here = {"href": "model:one", "fingerprint": {"kind": "sha256", "value": "cd" * 32}}
    there = {
        "href": "model:two",
        "item_id": "two at http://far",
        "fingerprint": {"kind": "none", "value": ""},
    }

    def reason(old, new):
        before, after = (make_record(figures=(_made_by(image, one),)) for one in (old, new))
        (found,) = compare_figures(before, after, {})
        assert found.verdict == "equal"
        return found.reason

    assert reason(here, here) == ""
    assert reason(here, there) == "two at http://far answers now, and model:one answered then"
    assert reason(there, here) == "model:one answers now, and two at http://far answered then"
    unseen = "whether the weights of two at http://far are those of then is not known"
    assert reason(there, there) == unseen
    near = {**there, "item_id": "two at http://near"}
    assert (
        reason(there, near) == "two at http://near answers now, and two at http://far answered then"
    )


def test_figures_of_one_label_are_paired_by_their_order(make_record):
    old = make_record(figures=(_figure(1.0), _figure(2.0, n=2)))
    new = make_record(figures=(_figure(1.0, n=5), _figure(3.0, n=6)))
    assert [v.verdict for v in compare_figures(old, new, {})] == ["equal", "changed"]


def test_places_are_found_in_both_arguments_that_hold_them():
    assert list(hrefs_of({"href": "a", "hrefs": ["b", 1, "c"], "other": "d"})) == ["a", "b", "c"]
    assert list(hrefs_of({"href": None, "hrefs": "b"})) == ["b"]
    assert list(hrefs_of({})) == []
