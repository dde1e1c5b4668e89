"""`rank` and `time_series` over the table that a step over a list gave."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from eoagent.contracts.artifact import TableRef
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft, Fingerprint, Source
from eoagent.contracts.geometry import TimeRange

SOURCE = Source(href="/data/a.tif", fingerprint=Fingerprint(kind="none", value=""), item_id="a")


def _draft(value, unit="m2", error=None):
    return FigureDraft(
        name="area", value=value, unit=unit, label="area of water", method="summed",
        error=error, sources=(SOURCE,),
    )  # fmt: skip


@pytest.fixture
def table(bench):
    """Store a table of (item, figure or None, handles)."""

    def make(*rows):
        names = list(dict.fromkeys(name for _, _, held in rows for name in held))
        columns = ["item", "area", *names]
        content = {
            "columns": columns,
            "units": {"area": "m2"},
            "figures": [{} if draft is None else {"area": draft.to_dict()} for _, draft, _ in rows],
            "rows": [
                [item, None if draft is None else draft.value, *(held.get(n) for n in names)]
                for item, draft, held in rows
            ],
        }
        store = bench.services.store
        file = store.scratch(".json")
        file.write_text(json.dumps(content))
        ref = TableRef(path="", columns=tuple(columns), rows=len(rows), label="t")
        return store.put("table", title="t", payload=ref.to_dict(), preview={}, file=file).handle

    return make


def test_the_highest_row_gives_name_value_error_and_sources(bench, table):
    handle = table(
        ("a", _draft(4.0, error=0.5), {}), ("b", _draft(9.0, error=0.7), {}), ("c", None, {})
    )
    result = bench("rank", table=handle, column="area")
    best, value = result.figures
    assert (best.value, best.unit) == ("b", "choice")
    assert (value.value, value.unit, value.error) == (9.0, "m2", 0.7)
    assert value.sources == (SOURCE,)
    assert value.method == "summed; highest of 2 figures (b, a)"
    assert result.warnings == ("left out, for they have no area: c",)


def test_units_of_rows_are_brought_together(bench, table):
    handle = table(("a", _draft(2.0, "km2"), {}), ("b", _draft(3e6), {}))
    found = bench.figures("rank", table=handle, column="area", order="lowest")
    assert found["best"][0] == "a"
    assert found["value"][:2] == (2.0, "km2")


def test_what_the_first_row_was_measured_on_comes_along(bench, table, places):
    masks = [bench.mask(bench_mask, places["utm"], name=f"{n}.tif") for n, bench_mask in _masks()]
    handle = table(("a", _draft(1.0), {"mask": masks[0]}), ("b", _draft(2.0), {"mask": masks[1]}))
    artifacts = bench("rank", table=handle, column="area").artifacts
    assert artifacts["mask"].handle == masks[1]
    assert set(artifacts) == {"table", "mask"}


def _masks():
    np = pytest.importorskip("numpy")
    return [("one", np.eye(4, dtype=bool)), ("two", np.ones((4, 4), bool))]


def test_one_row_has_an_order(bench, table):
    found = bench.values("rank", table=table(("only", _draft(5.0), {})), column="area")
    assert found == {"best": "only", "value": 5.0}


def test_a_column_that_no_row_has_is_named_with_those_there_are(bench, table):
    handle = table(("a", _draft(1.0), {}))
    with pytest.raises(InputError, match="has a number 'share'") as caught:
        bench("rank", table=handle, column="share")
    assert caught.value.hint == "its figures: area"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "give figures, or a table with a column"),
        ({"figures": ["f1", "f2"], "table": "table:0123456789ab", "column": "x"}, "give figures"),
        ({"table": "table:0123456789ab"}, "table and column go together"),
        ({"figures": ["f1"]}, "one figure has no order"),
        ({"table": "mask:0123456789ab", "column": "area"}, "table"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(bench, arguments, reason):
    assert reason in bench.refused("rank", **arguments)


def _dated(value, year):
    time = TimeRange(start=datetime(year, 1, 1, tzinfo=UTC), end=datetime(year, 1, 1, tzinfo=UTC))
    return _draft(value).model_copy(update={"sources": (SOURCE.model_copy(update={"time": time}),)})


def test_a_column_is_followed_over_dates_whatever_the_order_of_the_rows(bench, table):
    rows = [
        ("c", _dated(7.0, 2020), {}),
        ("a", _dated(1.0, 2000), {}),
        ("b", _dated(4.0, 2010), {}),
    ]
    result = bench("time_series", table=table(*rows), column="area")
    found = {figure.name: figure.value for figure in result.figures}
    assert found["change"] == 6.0
    assert found["direction"] == "increasing"
    assert found["trend"] == pytest.approx(0.3, rel=1e-3)
    assert (found["minimum_at"], found["maximum_at"]) == ("2000-01-01", "2020-01-01")


def test_rows_without_the_figure_are_told(bench, table):
    rows = [("a", _dated(1.0, 2000), {}), ("x", None, {}), ("b", _dated(4.0, 2010), {})]
    result = bench("time_series", table=table(*rows), column="area")
    assert result.warnings == ("left out, for they have no area: x",)


def test_one_row_is_no_series(bench, table):
    handle = table(("a", _dated(1.0, 2000), {}), ("x", None, {}))
    with pytest.raises(InputError, match="has 1 row with area: no series") as caught:
        bench("time_series", table=handle, column="area")
    assert "at least two scenes" in caught.value.hint


def test_rows_without_a_date_are_named(bench, table):
    handle = table(("a", _draft(1.0), {}), ("b", _draft(2.0), {}))
    with pytest.raises(InputError, match="a, b: the date is not known"):
        bench("time_series", table=handle, column="area")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give figures, or a table with a column"),
        ({"table": "table:0123456789ab"}, "table and column go together"),
        ({"figures": ["f1", "f2"], "column": "area"}, "table and column go together"),
        ({"figures": ["f1"]}, "one figure is no series"),
    ],
)
def test_a_series_is_given_in_one_way(bench, given, said):
    with pytest.raises(InputError, match=said):
        bench("time_series", **given)
