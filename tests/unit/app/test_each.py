"""Steps over the items of a list: one table, with failures listed beside what stands."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely

from eoagent.app.each import run_each
from eoagent.contracts.artifact import TableRef
from eoagent.contracts.errors import InputError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.tool import ToolResult
from eoagent.io.featureset import feature_set
from eoagent.io.store import FileStore
from eoagent.io.stored_features import store_features
from eoagent.planner.execution import Call, Outcome


class Patient:
    """A deadline that counts how often it is looked at."""

    remaining_s = 1e9

    def __init__(self):
        self.checked = 0

    def check(self):
        self.checked += 1


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "home")


def _table(store, columns, rows):
    file = store.scratch(".json")
    file.write_text(json.dumps({"columns": columns, "rows": rows}))
    ref = TableRef(path="", columns=tuple(columns), rows=len(rows), label="t")
    return store.put("table", title="t", payload=ref.to_dict(), preview={}, file=file).handle


def _call(each, arguments):
    return Call(
        n=1,
        tool="half",
        arguments=arguments,
        each=each,
        figures={},
        deadline=Patient(),
        progress=lambda _share, _what: None,
    )


def _half(call):
    value = call.arguments["value"]
    if value < 0:
        raise InputError("negative", hint="give more")
    draft = FigureDraft(name="half", value=value / 2, unit="m", label="half", method="halved")
    return Outcome(result=ToolResult(figures=(draft,)))


def _content(store, outcome):
    artifact = outcome.result.artifacts["table"]
    path = TableRef.model_validate(artifact.payload).path
    return json.loads(store.locate(path).read_text(encoding="utf-8"))


def test_each_row_gives_a_row_with_its_figures_and_units(store):
    handle = _table(store, ["item", "length"], [["a", 4], ["b", 6]])
    call = _call(handle, {"value": "$item.length"})
    outcome = run_each(call, store, _half, max_items=10)
    content = _content(store, outcome)
    assert content["columns"] == ["item", "half"]
    assert content["units"] == {"half": "m"}
    assert content["rows"] == [["a", 2.0], ["b", 3.0]]
    assert outcome.result.figures[0].value == 2
    assert call.deadline.checked == 2


def test_items_that_fail_are_listed_and_the_others_stand(store):
    handle = _table(store, ["item", "length"], [["a", 4], ["b", -6]])
    outcome = run_each(_call(handle, {"value": "$item.length"}), store, _half, max_items=10)
    assert _content(store, outcome)["rows"] == [
        ["a", 2.0, None],
        ["b", None, "negative (give more)"],
    ]
    assert outcome.result.warnings == ("1 of 2 items failed",)
    assert outcome.result.figures[0].value == 1


def test_if_all_items_fail_the_step_fails(store):
    handle = _table(store, ["item", "length"], [["a", -4], ["b", -6]])
    with pytest.raises(InputError, match=r"all 2 items failed; the first: negative"):
        run_each(_call(handle, {"value": "$item.length"}), store, _half, max_items=10)


@pytest.mark.parametrize("rows", [[], [["x", 1]] * 11])
def test_a_list_of_none_or_too_many_is_refused(store, rows):
    handle = _table(store, ["item", "length"], rows)
    with pytest.raises(InputError, match="runs over 1 to 10"):
        run_each(_call(handle, {"value": "$item.length"}), store, _half, max_items=10)


def test_a_column_that_is_not_there_is_named_with_those_that_are(store):
    handle = _table(store, ["item", "length"], [["a", 4]])
    with pytest.raises(InputError, match="the items have no 'width'") as raised:
        run_each(_call(handle, {"value": "$item.width"}), store, _half, max_items=10)
    assert raised.value.hint == "they have: item, length"


def test_features_come_one_by_one_each_with_a_handle(store):
    squares = np.array([shapely.box(n, 0, n + 1, 1) for n in range(3)])
    handle = store_features(store, feature_set(squares, {"n": [0, 1, 2]}, crs="EPSG:4326")).handle
    seen = []

    def look(call):
        seen.append(store.get(call.arguments["zones"][0]).payload["count"])
        return Outcome(result=ToolResult())

    run_each(_call(handle, {"zones": ["$item"]}), store, look, max_items=10)
    assert seen == [1, 1, 1]


def test_what_has_no_items_is_refused(store):
    handle = store.put("raster", title="r", payload={}, preview={}).handle
    with pytest.raises(InputError, match="has no items"):
        run_each(_call(handle, {}), store, _half, max_items=10)
