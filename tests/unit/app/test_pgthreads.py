"""Conversations in a PostgreSQL that the test starts for itself."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from eoagent.app import pgthreads
from eoagent.app.pgthreads import hold_shared, keep_latest, postgres_checkpoints
from eoagent.contracts.errors import InputError, ModelMissing, SourceError

psycopg = pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")


def _program(name):
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *os.get_exec_path()]
    return next((str(Path(p) / name) for p in places if (Path(p) / name).is_file()), None)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Address of an empty database; the server ends with the tests."""
    init, control = _program("initdb"), _program("pg_ctl")
    if init is None or control is None:
        pytest.skip("no PostgreSQL is installed here")
    folder = tmp_path_factory.mktemp("pg")
    as_user = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        if shutil.which("runuser") is None:
            pytest.skip("PostgreSQL does not run as root, and there is no runuser")
        shutil.chown(folder, "nobody")
        for parent in folder.parents:
            is_of_tests = any("pytest" in part for part in parent.parts)
            if parent.stat().st_uid == 0 and is_of_tests:
                parent.chmod(0o755)
        as_user = ["runuser", "-u", "nobody", "--"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data = folder / "data"
    quiet = {"capture_output": True, "cwd": folder, "timeout": 120}
    subprocess.run(
        [*as_user, init, "-D", data, "-U", "eo", "-A", "trust", "-N"], check=True, **quiet
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    started = [*as_user, control, "-D", data, "-o", options, "-l", folder / "log", "-w", "start"]
    subprocess.run(started, check=True, **quiet)
    yield f"postgresql://eo@127.0.0.1:{port}/postgres"
    subprocess.run([*as_user, control, "-D", data, "-m", "immediate", "stop"], check=True, **quiet)


def _open(url):
    with postgres_checkpoints(url):
        pass


def _turn(saver, thread, value):
    """Take a few steps of a small graph in a thread, as a turn does."""
    from langgraph.graph import START, StateGraph

    graph = StateGraph(dict)
    graph.add_node("a", lambda state: {**state, "n": state.get("n", 0) + value})
    graph.add_node("b", lambda state: {**state, "seen": "x" * 1000})
    graph.add_edge(START, "a")
    graph.add_edge("a", "b")
    done = graph.compile(checkpointer=saver)
    config = {"configurable": {"thread_id": thread}}
    done.invoke({"n": value}, config, durability="sync")
    return done.get_state(config).values


def _rows(url):
    with psycopg.connect(url) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
        }


def test_a_conversation_is_there_for_another_connection_and_does_not_grow(database):
    counts = []
    for turn in range(1, 6):
        with postgres_checkpoints(database) as saver:
            _turn(saver, "t", turn)
            keep_latest(saver, "t", is_named=True)
        counts.append(_rows(database))
    assert counts[1] == counts[-1]
    assert counts[-1]["checkpoints"] == 1
    with postgres_checkpoints(database) as saver:
        kept = saver.get({"configurable": {"thread_id": "t"}})
    assert kept["channel_values"]["__root__"]["n"] == 10


def test_a_single_question_leaves_nothing(database):
    before = _rows(database)
    with postgres_checkpoints(database) as saver:
        _turn(saver, "single", 1)
        keep_latest(saver, "single", is_named=False)
    assert _rows(database) == before


def test_a_database_that_is_away_is_told_without_its_address():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"postgresql://eo:canary-word@127.0.0.1:{port}/postgres"
    with pytest.raises(SourceError, match="cannot be read or kept: OperationalError") as caught:
        _open(url)
    assert "canary-word" not in f"{caught.value} {caught.value.hint} {caught.value.href}"
    assert caught.value.__cause__ is None
    assert "threads_url" in caught.value.hint


def test_an_address_that_is_none_is_refused():
    with pytest.raises(InputError, match="threads_url is no address of a database") as caught:
        _open("canary-word without a name")
    assert "postgresql://USER" in caught.value.hint


def test_without_the_extra_its_command_is_named(monkeypatch):
    import importlib

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ModelMissing) as caught, postgres_checkpoints("postgresql://x"):
        pass
    assert caught.value.command == "pip install 'eoagent[postgres]'"


def test_two_servers_go_on_with_one_conversation(database, tmp_path):
    from eoagent import Agent
    from eoagent.contracts.plan import Plan
    from eoagent.contracts.planner import Draft
    from eoagent.planner.scripted import ScriptedPlanner
    from eoagent.settings import Settings

    settings = Settings(threads_url=database)
    seen = []

    def write(view):
        seen.append([exchange.question for exchange in view.history])
        return Draft(text="Noted.")

    for server in ("one", "two"):
        planner = ScriptedPlanner(iter([Plan()]), write)
        agent = Agent(planner, home=tmp_path / server, settings=settings)
        agent.ask(f"question to {server}", thread="shared")
        assert not (tmp_path / server / "checkpoints").exists()
    assert seen == [[], ["question to one"]]
    assert "eo@" not in repr(settings)


def _answer(url, thread):
    with postgres_checkpoints(url) as saver, hold_shared(saver, thread):
        pass


def test_one_server_at_a_time_answers_in_a_conversation(database, monkeypatch):
    monkeypatch.setattr(pgthreads, "PATIENCE_S", 0.1)
    with postgres_checkpoints(database) as saver, hold_shared(saver, "busy"):
        with pytest.raises(InputError, match="'busy' is being answered elsewhere"):
            _answer(database, "busy")
        _answer(database, "busy%")
    _answer(database, "busy")
    failing = pytest.raises(KeyError)
    with failing, postgres_checkpoints(database) as saver, hold_shared(saver, "busy"):
        raise KeyError
    _answer(database, "busy")


def test_a_server_that_dies_gives_the_conversation_back(database):
    def die(saver):
        with hold_shared(saver, "left"):
            saver.conn.pgconn.finish()  # as the death of its process does
            saver.conn.execute("SELECT 1")

    with pytest.raises(SourceError), postgres_checkpoints(database) as saver:
        die(saver)
    _answer(database, "left")


def test_a_question_is_refused_while_another_server_answers(database, tmp_path, monkeypatch):
    from eoagent import Agent
    from eoagent.contracts.plan import Plan
    from eoagent.contracts.planner import Draft
    from eoagent.planner.scripted import ScriptedPlanner
    from eoagent.settings import Settings

    monkeypatch.setattr(pgthreads, "PATIENCE_S", 0.1)
    settings = Settings(threads_url=database)

    def server(name, plan=lambda _view: Plan()):
        return Agent(
            ScriptedPlanner(plan, Draft(text="Noted.")), home=tmp_path / name, settings=settings
        )

    def meanwhile(_view):
        with pytest.raises(InputError, match="is being answered elsewhere"):
            server("two").ask("What now?", thread="both")
        return Plan()

    server("one", meanwhile).ask("What now?", thread="both")
    assert server("two").ask("What now?", thread="both").text == "Noted."
