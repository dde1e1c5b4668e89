"""The evidence ledger: what was written is read back, stays, and shows damage."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from eoagent.contracts.errors import InputError, InternalError, NotFound
from eoagent.contracts.figure import Figure, Fingerprint, Source
from eoagent.contracts.plan import StepRecord
from eoagent.io.ledger import Ledger

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MASK = "mask:0123456789ab"
FIGURE = Figure(
    id="f1",
    step=1,
    name="area",
    value=1250000.5,
    unit="m2",
    label="water",
    method="pixels on the ellipsoid",
    error=120.0,
    sources=(Source(href="/a.tif", fingerprint=Fingerprint(kind="sha256", value="00" * 32)),),
)


def record(n=1, **fields):
    defaults = {"tool": "measure", "arguments": {"of": MASK}, "references": {"of": "$1"}}
    return StepRecord(n=n, **(defaults | {"status": "done"} | fields))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    ledger = Ledger.open(path)
    yield ledger
    ledger.close()


def test_a_run_reads_back_as_it_was_written(ledger, path):
    run = ledger.start_run("How much water?", "offline", "lagoon")
    step = record(artifacts=(MASK,), seconds=0.25, warnings=("coarse pixels",))
    assert ledger.append(run, step, [FIGURE], ["raster:ba9876543210"]) == 1
    ledger.finish_run(run, "answered", {"text": "1.25 km² of water", "figures": []})
    again = Ledger.open(path)
    found = again.get_run(run)
    (call,) = again.calls(run)
    again.close()
    assert (call.record, call.figures, call.attempt) == (step, (FIGURE,), 1)
    assert call.handles == found.handles
    assert found.answer == {"text": "1.25 km² of water", "figures": []}
    assert found.handles == (MASK, "raster:ba9876543210")
    summary = found.summary
    assert (summary.question, summary.status, summary.thread) == (
        "How much water?", "answered", "lagoon")  # fmt: skip
    assert (summary.planner, summary.calls) == ("offline", 1)
    assert summary.created <= call.created <= summary.finished


def test_calls_come_in_the_order_they_were_written(ledger):
    run = ledger.start_run("q", "offline")
    assert [ledger.append(run, record(n), [], []) for n in (2, 1, 2, 3, 2)] == [1, 1, 2, 1, 3]
    found = ledger.calls(run)
    assert [(call.record.n, call.attempt) for call in found] == [
        (2, 1), (1, 1), (2, 2), (3, 1), (2, 3)]  # fmt: skip


def test_runs_are_listed_newest_first(path):
    times = iter(NOON + timedelta(minutes=m) for m in range(10))
    ledger = Ledger.open(path, clock=lambda: next(times))
    runs = [ledger.start_run(f"question {i}", "offline") for i in range(3)]
    assert [run.id for run in ledger.list_runs()] == runs[::-1]
    assert [run.id for run in ledger.list_runs(2)] == runs[:0:-1]
    assert ledger.list_runs(0) == ()
    assert runs == sorted(runs)
    assert runs[0].startswith("20261121T120000000000-")
    assert ledger.list_runs()[0].created == NOON + timedelta(minutes=2)
    ledger.close()


def test_a_call_refused_for_its_nan_is_evidence_too(ledger):
    run = ledger.start_run("q", "offline")
    ledger.append(run, record(arguments={"above": math.nan}, status="failed"), [], [])
    (call,) = ledger.calls(run)
    assert call.record.arguments["above"] == "NaN"  # JSON has no NaN: it is kept as a word


@pytest.mark.parametrize("status", ["answered", "clarify", "cannot_answer", "partial", "failed"])
def test_a_run_ends_in_one_of_these_ways(ledger, status):
    run = ledger.start_run("q", "offline")
    assert ledger.list_runs()[0].status == "running"
    ledger.finish_run(run, status, None)
    assert ledger.list_runs()[0].status == status
    assert ledger.get_run(run).answer is None


def test_threads_append_side_by_side(ledger):
    run = ledger.start_run("q", "offline")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ledger.append(run, record(n), [], []), range(1, 101)))
    assert sorted(call.record.n for call in ledger.calls(run)) == list(range(1, 101))


# Interrupted runs


def test_a_run_whose_ledger_was_closed_reads_as_interrupted(ledger, path):
    other = Ledger.open(path)
    run = other.start_run("q", "offline")
    assert ledger.get_run(run).summary.status == "running"
    other.close()
    assert ledger.get_run(run).summary.status == "interrupted"
    assert ledger.get_run(run).summary.finished is None


def test_a_run_whose_process_died_reads_as_interrupted(ledger, path):
    code = (
        "import os, sys; from pathlib import Path; from eoagent.io.ledger import Ledger\n"
        "print(Ledger.open(Path(sys.argv[1])).start_run('q', 'offline'), flush=True); os._exit(9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    (run,) = ledger.list_runs()
    assert run.id == done.stdout.strip()
    assert run.status == "interrupted"


# Rules


def test_an_unknown_run_is_not_found(ledger):
    for call in (
        lambda: ledger.get_run("none"),
        lambda: ledger.calls("none"),
        lambda: ledger.append("none", record(), [], []),
        lambda: ledger.finish_run("none", "answered", None),
    ):
        with pytest.raises(NotFound, match="no run 'none' in the ledger") as caught:
            call()
        assert caught.value.hint == "eoagent runs list shows them"


def test_a_finished_run_takes_no_more(ledger):
    run = ledger.start_run("q", "offline")
    ledger.finish_run(run, "answered", None)
    with pytest.raises(InternalError, match=r"is finished \(answered\) and takes no more"):
        ledger.append(run, record(), [], [])
    with pytest.raises(InternalError, match=r"is finished \(answered\)"):
        ledger.finish_run(run, "partial", None)


def test_what_is_no_handle_is_not_linked(ledger):
    run = ledger.start_run("q", "offline")
    with pytest.raises(InternalError, match=r"cannot link \['f1'\]: no handles"):
        ledger.append(run, record(), [], [MASK, "f1"])
    assert ledger.calls(run) == ()
    assert ledger.get_run(run).handles == ()


def test_a_run_does_not_end_as_it_began(ledger):
    run = ledger.start_run("q", "offline")
    with pytest.raises(InternalError, match="cannot end as 'running'"):
        ledger.finish_run(run, "running", None)


def test_a_question_that_is_no_text_is_the_users_to_repair(ledger):
    with pytest.raises(InputError, match="is not valid Unicode") as caught:
        ledger.start_run("water in \udcff?", "offline")
    assert caught.value.hint == "type it as UTF-8 text"


def test_an_answer_that_is_no_json_is_our_fault(ledger):
    run = ledger.start_run("q", "offline")
    with pytest.raises(InternalError, match="something that is no JSON"):
        ledger.finish_run(run, "answered", {"x": object()})
    assert ledger.list_runs()[0].status == "running"


def test_runs_and_calls_can_be_shown_as_json(ledger):
    run = ledger.start_run("q", "offline")
    ledger.append(run, record(), [FIGURE], [])
    shown = [found.to_dict() for found in (*ledger.list_runs(), *ledger.calls(run))]
    assert json.loads(json.dumps(shown)) == shown
    assert shown[0]["status"] == "running"
    assert shown[1]["figures"][0]["value"] == FIGURE.value
