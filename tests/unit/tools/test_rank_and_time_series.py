"""`rank` and `time_series` over figures made by hand, against numpy and scipy."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import Figure, Fingerprint, Source
from eoagent.contracts.geometry import TimeRange


def _dated(number, value, unit, year, *, item="", error=None):
    time = None
    if year:
        time = TimeRange(
            start=datetime(year, 1, 1, tzinfo=UTC), end=datetime(year, 12, 31, tzinfo=UTC)
        )
    source = Source(
        href=f"/data/{number}.tif",
        fingerprint=Fingerprint(kind="none", value=""),
        item_id=item,
        time=time,
    )
    return Figure(
        id=f"f{number}",
        step=number,
        name="area",
        value=value,
        unit=unit,
        label="area of water",
        method="given",
        error=error,
        sources=(source,),
    )


@pytest.fixture
def series(bench):
    values = {1985: 118.7, 1990: 94.4, 2000: 108.4, 2010: 98.9, 2020: 93.1}
    figures = {
        f"f{n}": _dated(n, value * 1e6, "m2", year, item=f"scene_{year}", error=1e5)
        for n, (year, value) in enumerate(values.items(), start=1)
    }
    return bench.using(figures=figures), list(figures), values


def test_the_trend_is_that_of_least_squares_per_year(series):
    bench, ids, values = series
    found = bench.figures("time_series", figures=ids)
    slope = np.polyfit(list(values), [v * 1e6 for v in values.values()], 1)[0]
    assert found["trend"][0] == pytest.approx(slope, rel=1e-3)
    assert found["trend"][1] == "m2/yr"
    assert found["direction"][0] == "decreasing"
    assert found["minimum"][0] == pytest.approx(93.1e6)
    assert found["minimum_at"][0] == "2020"
    assert found["maximum_at"][0] == "1985"
    assert found["change"][0] == pytest.approx(93.1e6 - 118.7e6)
    assert found["change"][2] == pytest.approx(np.hypot(1e5, 1e5))


def test_the_order_of_the_figures_does_not_matter(series):
    bench, ids, _ = series
    forward = bench.values("time_series", figures=ids)
    assert bench.values("time_series", figures=ids[::-1]) == forward


def test_a_series_of_equal_values_has_a_trend_of_nothing(bench):
    figures = {f"f{n}": _dated(n, 5.0, "m2", 2000 + n) for n in (1, 2, 3, 4)}
    found = bench.using(figures=figures)("time_series", figures=list(figures))
    trend = next(figure for figure in found.figures if figure.name == "trend")
    assert (trend.value, trend.error) == (0.0, 0.0)


def test_two_dates_have_a_change_and_no_trend(series):
    bench, ids, _ = series
    found = bench.values("time_series", figures=ids[:2])
    assert "trend" not in found
    assert found["direction"] == "decreasing"


def test_undated_doubled_and_unlike_figures_are_refused(bench):
    figures = {
        "f1": _dated(1, 1.0, "m2", 2000),
        "f2": _dated(2, 2.0, "m2", None),
        "f3": _dated(3, 3.0, "m2", 2000),
        "f4": _dated(4, 3.0, "percent", 2001),
    }
    bench = bench.using(figures=figures)
    for ids, reason in (
        (["f1", "f2"], "f2: the date is not known"),
        (["f1", "f3"], "two figures have the same date"),
        (["f1", "f4"], "f1 is in m2 and f4 in percent"),
        (["f1", "f1"], "a figure appears twice"),
        (["f1", "f9"], "'f9' is no figure of this run"),
    ):
        with pytest.raises(InputError, match=reason):
            bench("time_series", figures=ids)


def test_rank_names_the_first_by_item_or_by_date(series):
    bench, ids, _ = series
    assert bench.values("rank", figures=ids)["best"] == "scene_1985"
    lowest = bench.values("rank", figures=ids, order="lowest", name_by="time")
    assert lowest == {"best": "2020", "value": 93.1e6}


def test_rank_compares_figures_of_one_kind_in_different_units(bench):
    figures = {"f1": _dated(1, 2.0, "km2", 2000), "f2": _dated(2, 3e6, "m2", 2001)}
    found = bench.using(figures=figures).figures("rank", figures=["f1", "f2"])
    assert found["value"][:2] == (pytest.approx(3.0), "km2")


def test_a_tie_is_told(bench):
    figures = {
        "f1": _dated(1, 2.0, "m2", 2000, item="a"),
        "f2": _dated(2, 2.0, "m2", 2001, item="b"),
    }
    result = bench.using(figures=figures)("rank", figures=["f1", "f2"])
    assert result.warnings == ("tied with a: b",)


def test_a_choice_cannot_be_ranked(bench):
    choice = _dated(1, 1.0, "m2", 2000).model_copy(update={"value": "yes", "unit": "choice"})
    bench = bench.using(figures={"f1": choice, "f2": _dated(2, 1.0, "m2", 2001)})
    with pytest.raises(InputError, match="f1 is the choice 'yes', no number"):
        bench("rank", figures=["f1", "f2"])


def test_figures_of_a_model_are_told_apart_by_their_images_alone(bench):
    weights = Source(href="model:net", fingerprint=Fingerprint(kind="sha256", value="ab" * 32))
    plain = [_dated(n, value, "count", 0) for n, value in enumerate((17, 41), start=1)]
    figures = {f.id: f.model_copy(update={"sources": (*f.sources, weights)}) for f in plain}
    found = bench.using(figures=figures).figures("rank", figures=list(figures))
    assert found["best"][0] == "2.tif"


def test_figures_of_a_model_are_told_apart_by_the_items_of_their_images(bench):
    weights = Source(href="model:net", fingerprint=Fingerprint(kind="sha256", value="ab" * 32))
    plain = [_dated(n, n, "count", 0, item=f"scene_{n}") for n in (1, 2)]
    figures = {f.id: f.model_copy(update={"sources": (*f.sources, weights)}) for f in plain}
    found = bench.using(figures=figures).figures("rank", figures=list(figures))
    assert found["best"][0] == "scene_2"
