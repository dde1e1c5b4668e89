"""The way in: every error becomes one line, one code and, where asked for, one document."""

from __future__ import annotations

import json
import logging

import pytest

from eoagent import __version__
from eoagent.cli import asking, main
from eoagent.contracts.errors import (
    BudgetExceeded,
    InputError,
    InternalError,
    ModelError,
    ModelMissing,
    NotFound,
    SourceError,
)

RAISED = [
    (InternalError("our fault"), 1),
    (InputError("bad request", hint="mend it"), 3),
    (NotFound("no such thing"), 3),
    (SourceError("no bytes", href="x"), 4),
    (ModelMissing("no weights", command="eoagent models pull x"), 5),
    (ModelError("the model failed"), 5),
    (BudgetExceeded("too long"), 6),
    (ZeroDivisionError("who knows"), 1),
    (KeyboardInterrupt(), 130),
]


def _raising(error):
    def watch(*_args):
        raise error

    return watch


@pytest.mark.parametrize(("error", "code"), RAISED, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("as_json", [False, True])
def test_each_error_ends_with_its_code_one_line_and_no_traceback_on_stdout(
    run, monkeypatch, error, code, as_json
):
    from eoagent.cli import showing

    monkeypatch.setattr(showing, "watch", _raising(error))
    logging.getLogger("eoagent.cli.main").disabled = True
    ended = run("ask", "how much water?", *(["--json"] if as_json else []))
    logging.getLogger("eoagent.cli.main").disabled = False
    assert ended.code == code
    assert len(ended.err.strip().splitlines()) == 1
    if not as_json:
        assert ended.out == ""
        return
    document = json.loads(ended.out)
    assert set(document) == {"error"}
    assert set(document["error"]) == {"kind", "message", "hint"}
    kind = {ZeroDivisionError: "InternalError", KeyboardInterrupt: "Interrupted"}
    assert document["error"]["kind"] == kind.get(type(error), type(error).__name__)


def test_the_hint_of_an_error_is_shown(run):
    ended = run("ask", "how much water?", "--image", "nowhere.tif")
    assert ended.code == 3
    assert ended.err.startswith("NotFound: there is no file 'nowhere.tif'")
    assert ended.err.endswith("(check the path)\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fly"], "fly"),
        (["ask"], "question"),
        (["ask", "q", "--gsd", "wide"], "--gsd"),
        (["ask", "q", "--max-steps", "0"], "--max-steps"),
        (["ask", "q", "--nonsense"], "--nonsense"),
        (["runs", "prune", "--keep", "-1"], "--keep"),
    ],
)
def test_a_wrong_command_ends_with_two_and_names_what_is_wrong(run, arguments, said):
    ended = run(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert said in ended.err


def test_a_wrong_command_that_asks_for_json_gets_a_document(run):
    ended = run("ask", "q", "--gsd", "wide", "--json")
    assert ended.code == 2
    assert json.loads(ended.out)["error"]["kind"] == "UsageError"


def test_version_and_help_end_well(run):
    assert run("--version").out.strip() == __version__
    shown = run("--help")
    assert shown.code == 0
    for command in ("ask", "demo", "replay", "tools", "runs", "doctor"):
        assert command in shown.out


def test_an_unexpected_failure_is_logged_and_its_text_does_not_reach_the_document(
    run, monkeypatch, caplog
):
    monkeypatch.setattr(asking, "_code", _raising(RuntimeError("inner detail")))
    ended = run("ask", "how much water?", "--json")
    assert ended.code == 1
    assert "inner detail" not in ended.out.splitlines()[-1]
    assert "inner detail" in caplog.text


def test_what_a_run_that_was_broken_off_ends_with_is_not_shown(run, monkeypatch, caplog):
    pools = logging.getLogger("concurrent.futures")
    monkeypatch.setattr(pools, "disabled", False)  # put back afterwards
    monkeypatch.setattr(asking, "_code", _raising(KeyboardInterrupt()))
    assert run("ask", "How much water is there?").code == 130
    pools.error("exception calling callback", exc_info=RuntimeError("after shutdown"))
    assert not caplog.records


def test_keys_in_addresses_are_left_out_of_messages_and_logs(run):
    ended = run("ask", "q", "https://h.example/x?sig=CANARY", "--json")
    assert ended.code == 2
    assert "CANARY" not in ended.out + ended.err
    formatter = main._Discreet("%(message)s")
    line = logging.LogRecord("n", 20, "f", 1, "GET %s", ("https://h/x?sig=CANARY",), None)
    assert formatter.format(line) == "GET https://h/x?..."


def test_escape_codes_in_messages_do_not_reach_the_terminal(run):
    ended = run("ask", "how much water?", "--image", "a\x1b[2Jb.tif")
    assert "\x1b" not in ended.err
    assert ended.code == 4


def test_a_reader_that_stops_reading_is_no_failure(tmp_path, scene):
    import subprocess
    import sys

    command = f"{sys.executable} -m eoagent tools list | head -c 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env={"EOAGENT_HOME": str(tmp_path / "h"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_an_argument_that_the_locale_cannot_read_says_what_to_set(run, tmp_path):
    ended = run("demo", "--out", "c\udcff")
    assert ended.code == 3
    assert ended.err.startswith("InputError: 'c\\udcff' holds bytes that this locale (")
    assert "set PYTHONUTF8=1" in ended.err
    assert list((tmp_path / "cwd").iterdir()) == []


def test_a_working_directory_that_is_gone_is_named(run, tmp_path):
    (tmp_path / "cwd").rmdir()
    ended = run("tools", "list")
    assert ended.code == 3
    assert "the working directory is gone (change to a folder that exists)" in ended.err
