"""Steps over the items of a list: one table, with failures listed beside what stands."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
import shapely
from langgraph.errors import GraphInterrupt

from eoagent.app.each import Room, run_each
from eoagent.contracts.artifact import TableRef
from eoagent.contracts.errors import BudgetExceeded, InputError, SourceError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.tool import ToolResult
from eoagent.io.featureset import feature_set
from eoagent.io.store import FileStore
from eoagent.io.stored_features import store_features
from eoagent.planner.execution import Call, Outcome

_ROOM = Room(2, 10)


class Clock:
    """A deadline that is over when somebody says so."""

    def __init__(self):
        self.remaining_s = 1e9

    def check(self):
        if self.remaining_s <= 0:
            raise BudgetExceeded("over")


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "home")


def _table(store, columns, rows):
    file = store.scratch(".json")
    file.write_text(json.dumps({"columns": columns, "rows": rows}))
    ref = TableRef(path="", columns=tuple(columns), rows=len(rows), label="t")
    return store.put("table", title="t", payload=ref.to_dict(), preview={}, file=file).handle


def _call(each, arguments, progress=lambda _share, _what: None):
    return Call(
        n=1,
        tool="half",
        arguments=arguments,
        each=each,
        figures={},
        deadline=Clock(),
        progress=progress,
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
    outcome = run_each(call, store, _half, room=_ROOM)
    content = _content(store, outcome)
    assert content["columns"] == ["item", "half"]
    assert content["units"] == {"half": "m"}
    assert content["rows"] == [["a", 2.0], ["b", 3.0]]
    assert outcome.result.figures[0].value == 2
    assert outcome.result.warnings == ()


def test_items_that_fail_are_listed_and_the_others_stand(store):
    handle = _table(store, ["item", "length"], [["a", 4], ["b", -6]])
    outcome = run_each(_call(handle, {"value": "$item.length"}), store, _half, room=_ROOM)
    assert _content(store, outcome)["rows"] == [
        ["a", 2.0, None],
        ["b", None, "negative (give more)"],
    ]
    assert outcome.result.warnings == ("1 of 2 items failed",)
    assert outcome.result.figures[0].value == 1


def test_if_all_items_fail_the_step_fails(store):
    handle = _table(store, ["item", "length"], [["a", -4], ["b", -6]])
    with pytest.raises(InputError, match=r"all 2 items failed; the first: negative"):
        run_each(_call(handle, {"value": "$item.length"}), store, _half, room=_ROOM)


@pytest.mark.parametrize("rows", [[], [["x", 1]] * 11])
def test_a_list_of_none_or_too_many_is_refused(store, rows):
    handle = _table(store, ["item", "length"], rows)
    with pytest.raises(InputError, match="runs over 1 to 10"):
        run_each(_call(handle, {"value": "$item.length"}), store, _half, room=_ROOM)


def test_a_column_that_is_not_there_is_named_with_those_that_are(store):
    handle = _table(store, ["item", "length"], [["a", 4]])
    with pytest.raises(InputError, match="the items have no 'width'") as raised:
        run_each(_call(handle, {"value": "$item.width"}), store, _half, room=_ROOM)
    assert raised.value.hint == "they have: item, length"


def test_features_come_one_by_one_each_with_a_handle(store):
    squares = np.array([shapely.box(n, 0, n + 1, 1) for n in range(3)])
    handle = store_features(store, feature_set(squares, {"n": [0, 1, 2]}, crs="EPSG:4326")).handle
    seen = []

    def look(call):
        seen.append(store.get(call.arguments["zones"][0]).payload["count"])
        return Outcome(result=ToolResult())

    run_each(_call(handle, {"zones": ["$item"]}), store, look, room=_ROOM)
    assert seen == [1, 1, 1]


def test_scenes_come_with_their_address(store):
    items = [{"id": name, "href": f"/{name}.json"} for name in "ab"]
    handle = store.put("scenes", title="s", payload={"items": items}, preview={}).handle

    def tell(call):
        draft = FigureDraft(
            name="href", value=call.arguments["href"], unit="choice", label="href", method="read"
        )
        return Outcome(result=ToolResult(figures=(draft,)))

    outcome = run_each(_call(handle, {"href": "$item"}), store, tell, room=_ROOM)
    assert _content(store, outcome)["rows"] == [["a", "/a.json"], ["b", "/b.json"]]


def test_what_has_no_items_is_refused(store):
    handle = store.put("raster", title="r", payload={}, preview={}).handle
    with pytest.raises(InputError, match="has no items"):
        run_each(_call(handle, {}), store, _half, room=_ROOM)


def test_rows_keep_the_order_of_the_list_whichever_item_is_done_first(store):
    handle = _table(store, ["item", "length"], [["slow", 4], ["quick", 6]])
    quick_is_done = threading.Event()

    def work(call):
        if call.arguments["value"] == 6:
            quick_is_done.set()
        assert quick_is_done.wait(30)
        return _half(call)

    said = []
    call = _call(handle, {"value": "$item.length"}, lambda share, what: said.append((share, what)))
    outcome = run_each(call, store, work, room=_ROOM)
    assert _content(store, outcome)["rows"] == [["slow", 2.0], ["quick", 3.0]]
    assert [share for share, _ in said] == [0.5, 1.0]
    assert {what for _, what in said} == {"half: slow", "half: quick"}


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_the_table_is_the_same_however_many_items_are_at_work(store, at_once):
    rows = [[f"i{n}", -n if n % 4 == 3 else n] for n in range(10)]
    handle = _table(store, ["item", "length"], rows)
    alone = run_each(_call(handle, {"value": "$item.length"}), store, _half, room=Room(1, 10))
    other = run_each(_call(handle, {"value": "$item.length"}), store, _half, room=Room(at_once, 10))
    assert other == alone


def test_steps_side_by_side_share_the_room(store):
    handle = _table(store, ["item", "length"], [[f"i{n}", n] for n in range(6)])
    room, lock, at_work, most = Room(2, 10), threading.Lock(), [0], [0]
    both_are_in = threading.Barrier(2)

    def work(call):
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        both_are_in.wait(30)
        with lock:
            at_work[0] -= 1
        return _half(call)

    def step():
        run_each(_call(handle, {"value": "$item.length"}), store, work, room=room)

    steps = [threading.Thread(target=step) for _ in range(2)]
    for thread in steps:
        thread.start()
    for thread in steps:
        thread.join(60)
    assert most == [2]


@pytest.mark.parametrize("at_once", [1, 3])
def test_when_the_time_is_over_the_table_is_partial_and_says_so(store, at_once):
    handle = _table(store, ["item", "length"], [[f"i{n}", n] for n in range(6)])
    call = _call(handle, {"value": "$item.length"})
    lock, done = threading.Lock(), []

    def work(one):
        with lock:
            one.deadline.check()
            done.append(one.arguments["value"])
            if len(done) == 2:
                call.deadline.remaining_s = 0
        return _half(one)

    outcome = run_each(call, store, work, room=Room(at_once, 10))
    rows = _content(store, outcome)["rows"]
    assert [row[0] for row in rows] == [f"i{n}" for n in range(6)]
    late = "not done: the time limit of the run was reached"
    assert sorted(str(row[-1]) for row in rows) == ["None"] * 2 + [late] * 4
    assert outcome.result.warnings == ("partial: the time was over before 4 of 6 items were done",)
    assert outcome.result.figures[0].value == 2
    assert outcome.result.artifacts["table"].title == "half for each of 6: half, partial"


def test_if_the_time_is_over_before_any_item_is_done_the_step_is_out_of_budget(store):
    handle = _table(store, ["item", "length"], [["a", 4], ["b", 6]])
    call = _call(handle, {"value": "$item.length"})
    call.deadline.remaining_s = 0
    with pytest.raises(BudgetExceeded, match="before any of 2 items was done") as raised:
        run_each(call, store, _half, room=_ROOM)
    assert raised.value.hint == "raise --max-seconds, or select fewer"


def test_another_budget_that_is_spent_is_a_failure_of_its_item(store):
    handle = _table(store, ["item", "length"], [["a", 4], ["b", 6]])

    def work(call):
        if call.arguments["value"] == 6:
            raise BudgetExceeded("no money left")
        return _half(call)

    outcome = run_each(_call(handle, {"value": "$item.length"}), store, work, room=_ROOM)
    assert outcome.result.warnings == ("1 of 2 items failed",)


@pytest.mark.parametrize("raised", [GraphInterrupt(()), ZeroDivisionError("a bug")])
def test_control_flow_of_the_graph_and_bugs_come_through(store, raised):
    handle = _table(store, ["item", "length"], [["a", 4], ["b", 6], ["c", 8]])

    def work(call):
        if call.arguments["value"] == 6:
            raise raised
        return _half(call)

    with pytest.raises(type(raised)):
        run_each(_call(handle, {"value": "$item.length"}), store, work, room=_ROOM)


def test_an_unreadable_item_keeps_its_hint_and_the_others_their_figures(store):
    handle = _table(store, ["item", "length"], [["a", 4], ["b", 6]])

    def work(call):
        if call.arguments["value"] == 4:
            raise SourceError("a is damaged", href="/a", hint="fetch it again")
        return _half(call)

    outcome = run_each(_call(handle, {"value": "$item.length"}), store, work, room=_ROOM)
    content = _content(store, outcome)
    assert content["columns"] == ["item", "error", "half"]
    assert content["rows"] == [["a", "a is damaged (fetch it again)", None], ["b", None, 3.0]]


def test_figures_of_few_items_are_handed_on_one_by_one(store):
    rows = [["a", 1.0], ["b", 3.0]]
    table = _table(store, ["item", "value"], rows)
    result = run_each(_call(table, {"value": "$item.value"}), store, _half, room=_ROOM).result
    assert [(f.name, f.value, f.label) for f in result.figures] == [
        ("items", 2, "items that half ran over"),
        ("half_1", 0.5, "a: half"),
        ("half_2", 1.5, "b: half"),
    ]


def test_figures_of_many_items_stay_in_the_table(store):
    table = _table(store, ["item", "value"], [[str(i), float(i)] for i in range(25)])
    outcome = run_each(_call(table, {"value": "$item.value"}), store, _half, room=Room(2, 100))
    assert [f.name for f in outcome.result.figures] == ["items"]
    assert len(_content(store, outcome)["rows"]) == 25
