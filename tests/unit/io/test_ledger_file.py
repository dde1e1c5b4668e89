"""The ledger's file: rules it keeps by itself, damage, and what it refuses to open."""

from __future__ import annotations

import contextlib
import random
import sqlite3

import pytest

from eoagent.contracts.errors import InternalError, NotFound, SourceError
from eoagent.contracts.figure import Figure
from eoagent.contracts.plan import StepRecord
from eoagent.io.ledger import Ledger
from eoagent.io.ledger_file import LedgerFile

FIGURE = Figure(id="f1", step=1, name="area", value=2.5, unit="m2", label="water", method="count")


def record(n=1):
    return StepRecord(n=n, tool="measure", arguments={}, references={}, status="done")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    ledger = Ledger.open(path)
    yield ledger
    ledger.close()


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE calls SET record_json = '{}'", "calls are append-only"),
        ("DELETE FROM calls", "calls are append-only"),
        ("DELETE FROM runs WHERE status = 'answered'", "runs are append-only"),
        ("UPDATE runs SET question = '' WHERE status = 'answered'", "finished run is not changed"),
    ],
)
def test_the_file_itself_refuses_to_forget(ledger, statement, rule):
    run = ledger.start_run("q", "offline")
    ledger.append(run, record(), [], [])
    ledger.finish_run(run, "answered", None)
    with pytest.raises(InternalError, match=rule), ledger.file.writing() as connection:
        connection.execute(statement)
    assert len(ledger.calls(run)) == 1
    assert ledger.get_run(run).summary.question == "q"


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE calls SET record_json = replace(record_json, 'measure', 'treasure')", "call 1"),
        ("UPDATE calls SET figures_json = '[]' WHERE n = 2", "call 2"),
        ("UPDATE calls SET created = '2020-01-01T00:00:00+00:00'", "call 1"),
        ("DELETE FROM calls WHERE n = 1", "call 2"),
        ("DELETE FROM calls WHERE n = 2", "has lost calls"),
        ("DELETE FROM calls", "has lost calls"),
    ],
)
def test_a_changed_or_missing_call_shows(ledger, statement, found):
    run = ledger.start_run("q", "offline")
    ledger.append(run, record(1), [], [])
    ledger.append(run, record(2), [FIGURE], [])
    ledger.finish_run(run, "answered", None)
    with ledger.file.writing() as connection:
        connection.execute("DROP TRIGGER calls_stand")
        connection.execute("DROP TRIGGER calls_stay")
        connection.execute(statement)
    with pytest.raises(SourceError, match=f"is damaged or of another version: .*{found}"):
        ledger.calls(run)


@pytest.mark.parametrize("column", ["question", "status", "created", "thread", "answer_json"])
def test_a_changed_run_shows(ledger, column):
    run = ledger.start_run("q", "offline")
    ledger.finish_run(run, "answered", {"text": "t"})
    with ledger.file.writing() as connection:
        connection.execute("DROP TRIGGER runs_stand")
        connection.execute(f"UPDATE runs SET {column} = 'other'")
    with pytest.raises(SourceError, match=f"run {run} is not what was written"):
        ledger.get_run(run)


def test_flipped_bytes_give_the_same_answer_or_a_typed_error(path):
    ledger = Ledger.open(path)
    runs = [ledger.start_run(f"question {i}", "offline") for i in range(3)]
    for i, run in enumerate(runs):
        for n in range(1, 4):
            ledger.append(run, record(n), [FIGURE], [f"mask:{i:06d}{n:06d}"])
        ledger.finish_run(run, "answered", {"text": "t" * 500})

    def everything(ledger):
        return [(ledger.list_runs(), ledger.get_run(run), ledger.calls(run)) for run in runs]

    expected = everything(ledger)
    ledger.close()
    good = path.read_bytes()
    used = [position for position, byte in enumerate(good) if byte]
    rng = random.Random(7)
    refused = 0
    for _ in range(150):
        data = bytearray(good)
        data[rng.choice(used)] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        try:
            damaged = Ledger.open(path)
        except SourceError:
            refused += 1
            continue
        try:
            assert everything(damaged) == expected
        except (SourceError, NotFound):
            refused += 1
        finally:
            damaged.close()
    assert refused > 75


@pytest.mark.parametrize("data", [b"not a database, but long enough to be read as one" * 20])
def test_a_file_that_is_no_database_is_refused(path, data):
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(SourceError, match="is damaged: file is not a database") as caught:
        Ledger.open(path)
    assert caught.value.href == str(path)
    assert "move it aside" in caught.value.hint
    assert path.read_bytes() == data


def read_once(path, run):
    with contextlib.closing(Ledger.open(path)) as ledger:
        return ledger.get_run(run)


def test_a_truncated_ledger_is_refused(path):
    ledger = Ledger.open(path)
    run = ledger.start_run("q" * 20000, "offline")
    ledger.close()
    data = path.read_bytes()
    for length in (50, 4096, len(data) // 2, len(data) - 4096):
        path.write_bytes(data[:length])
        with pytest.raises(SourceError, match="is damaged"):
            read_once(path, run)


def test_somebody_elses_database_is_refused_and_left_alone(path):
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE birds (name)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(SourceError, match="is an SQLite file, but no ledger of eoagent"):
        Ledger.open(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("version", "hint"), [(2, "upgrade eoagent"), (-1, "move the file aside")])
def test_another_layout_is_refused(path, version, hint):
    Ledger.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={version}")
    connection.close()
    with pytest.raises(SourceError, match=f"has layout {version}; 1 is known") as caught:
        Ledger.open(path)
    assert caught.value.hint == hint


def test_an_empty_file_becomes_a_ledger(path):
    path.parent.mkdir()
    path.touch()
    ledger = Ledger.open(path)
    ledger.start_run("q", "offline")
    ledger.close()


def test_a_folder_that_is_a_file_is_a_typed_error(tmp_path):
    (tmp_path / "home").write_text("")
    with pytest.raises(SourceError, match="cannot be written: Not a directory") as caught:
        Ledger.open(tmp_path / "home" / "ledger.sqlite")
    assert "EOAGENT_HOME" in caught.value.hint


def test_a_writer_that_does_not_end_is_named(ledger, path):
    other = LedgerFile(path, busy_s=0.01)
    refusal = pytest.raises(SourceError, match="is locked by another process")
    with ledger.file.writing(), refusal, other.writing():
        pass
    other.close()


def run_in_one(ledger, *statements):
    with ledger.file.writing() as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_failed_block_leaves_nothing_and_the_next_one_works(ledger):
    with pytest.raises(InternalError, match="refused: no such table"):
        run_in_one(ledger, "INSERT INTO pruning VALUES ('x')", "DELETE FROM nowhere")
    with ledger.file.writing() as connection:
        assert connection.execute("SELECT count(*) FROM pruning").fetchone() == (0,)


def test_the_ledger_file_is_private_and_durable(ledger, path):
    assert path.stat().st_mode & 0o077 == 0
    with ledger.file.reading() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
