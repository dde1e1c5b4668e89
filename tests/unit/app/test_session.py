"""Calls one by one: figures that count on, handles in common, each call written down."""

from __future__ import annotations

import threading

import pytest
from pydantic import Field

from eoagent.app import session as module
from eoagent.app.logbook import Logbook
from eoagent.app.session import Clock, Session, Situation
from eoagent.app.workshop import open_workshop
from eoagent.contracts.errors import BudgetExceeded, InputError, NotFound, SourceError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.tool import Arguments, FunctionTool, ToolCard, ToolResult
from eoagent.io.origin import OriginGuard
from eoagent.io.prune import prune
from eoagent.settings import Settings


class Count(Arguments):
    """Arguments of `count`."""

    to: int = Field(default=1)
    """How many figures to give."""
    note: str = ""
    """Anything."""


def _count(arguments, services):
    if arguments.to < 0:
        raise InputError(f"cannot count to {arguments.note}", hint="count upwards")
    if arguments.to == 0:
        raise ZeroDivisionError("CANARY")
    return ToolResult(
        figures=tuple(
            FigureDraft(name="n", value=n, unit="count", label="n", method="counted")
            for n in range(arguments.to)
        ),
        message=",".join(services.figures),
    )


TOOL = FunctionTool(
    card=ToolCard(name="count", summary="Counts.", cacheable=True), arguments=Count, function=_count
)


@pytest.fixture
def shop(tmp_path):
    return open_workshop(tmp_path / "home", Settings())


def _session(shop, *, is_logged=False, typed=()):
    book = Logbook(shop.ledger, "calls of a test", {"eoagent": "1"}) if is_logged else None
    situation = Situation(origins=OriginGuard(typed=typed), logbook=book)
    return Session(shop, situation, tools=[TOOL])


def test_figures_count_on_and_later_calls_see_them(shop):
    session = _session(shop)
    assert [f.id for f in session.run("count", {"to": 2}).figures] == ["f1", "f2"]
    second = session.run("count", {"to": 1})
    assert (second.n, second.figures[0].id, second.figures[0].step) == (2, "f3", 2)
    assert second.result.message == "f1,f2"
    assert session.run("count", {"to": 1}).result.message == "f1,f2,f3"  # nothing is cached


def test_old_figures_are_forgotten_and_ids_never_come_again(shop, monkeypatch):
    monkeypatch.setattr(module, "_MOST_FIGURES", 3)
    session = _session(shop)
    session.run("count", {"to": 5})
    later = session.run("count", {"to": 1})
    assert later.result.message == "f3,f4,f5"
    assert later.figures[0].id == "f6"


def test_a_session_may_be_shared_by_threads(shop):
    session = _session(shop, is_logged=True)
    found = []

    def work():
        found.extend(figure.id for _ in range(4) for figure in session.run("count", {}).figures)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found, key=lambda i: int(i[1:])) == [f"f{n}" for n in range(1, 25)]
    session.close()
    assert [run.calls for run in shop.ledger.list_runs()] == [24]


def test_artifacts_of_others_are_not_named_and_ones_own_are(shop, scene):
    first, other = (_session(shop, typed=[str(scene)]) for _ in range(2))
    made = first.run("open_image", {"hrefs": [str(scene)]}).result.artifacts["raster"]
    assert list(first.artifacts) == [made.handle]
    assert first.run("describe_data", {"target": made.handle})
    for call in (other.run, other.price):
        with pytest.raises(NotFound, match="was not made in this"):
            call("describe_data", {"target": made.handle})
    assert other.artifacts == {}


def test_a_call_is_written_down_however_it_ends(shop, scene):
    with _session(shop, is_logged=True, typed=[str(scene)]) as session:
        assert shop.ledger.list_runs() == ()
        opened = session.run("open_image", {"hrefs": [str(scene)]})
        handle = opened.result.artifacts["raster"].handle
        session.run("describe_data", {"target": handle})
        assert [run.status for run in shop.ledger.list_runs()] == ["running"]
        key = "https://h.example/a?sig=CANARY"
        with pytest.raises(InputError, match="cannot count"):
            session.run("count", {"to": -1, "note": f"see {key}"})
        with pytest.raises(ZeroDivisionError):
            session.run("count", {"to": 0})
        with pytest.raises(InputError):
            session.run("count", {"up": 0})  # no call of the tool came of it
    (run,) = shop.ledger.list_runs()
    assert (run.status, run.question, run.planner, run.calls) == (
        "answered",
        "calls of a test",
        "none",
        4,
    )
    first, second, failed, fault = shop.ledger.calls(run.id)
    assert first.record.outputs["raster"] == handle
    assert first.record.versions == {"eoagent": "1"}
    assert handle in second.handles
    assert [f"f{n}" for n in range(1, len(second.figures) + 1)] == list(second.record.figures)
    assert failed.record.error["kind"] == "InputError"
    assert failed.record.error["hint"] == "count upwards"
    assert "CANARY" not in failed.model_dump_json()
    assert fault.record.error["kind"] == "InternalError"
    assert "ZeroDivisionError" in fault.record.error["message"]
    assert "CANARY" not in fault.model_dump_json()


def test_what_a_running_session_made_is_safe_from_pruning(shop, scene):
    with _session(shop, is_logged=True, typed=[str(scene)]) as session:
        made = session.run("open_image", {"hrefs": [str(scene)]}).result.artifacts["raster"]
        prune(shop.ledger, shop.store, keep_last=0)
        assert shop.store.get(made.handle) == made


def test_a_place_that_is_refused_starts_nothing(shop, scene):
    session = _session(shop)
    for call in (session.run, session.price):
        with pytest.raises(SourceError, match="did not type"):
            call("open_image", {"hrefs": [str(scene)]})


def test_a_clock_ends_by_time_or_by_whoever_waits():
    now = [0.0]
    clock = Clock(10, clock=lambda: now[0])
    clock.check()
    assert clock.remaining_s == 10
    now[0] = 10.0
    with pytest.raises(BudgetExceeded, match="time limit"):
        clock.check()
    other = Clock(10, clock=lambda: 0.0)
    other.cancel()
    assert other.remaining_s == 0
    with pytest.raises(BudgetExceeded, match="cancelled"):
        other.check()
