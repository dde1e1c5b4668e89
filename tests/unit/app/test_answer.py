"""Answers on the disk: the stated fields, whole files, and what a full disk leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eoagent.contracts.answer import ANSWER_SCHEMA, AnswerRecord
from eoagent.contracts.errors import SourceError

FIELDS = {
    "schema", "question", "status", "text", "plan", "results", "figures", "artifacts", "steps",
    "assumptions", "warnings", "question_back", "unverified", "usage", "planner", "versions",
    "created",
}  # fmt: skip
FIGURE_FIELDS = {"id", "label", "value", "unit", "error", "method", "step", "sources"}
ARTIFACT_FIELDS = {"id", "kind", "path", "title"}
STEP_FIELDS = {
    "n", "tool", "arguments", "references", "status", "seconds", "artifacts", "figures", "error",
}  # fmt: skip
USAGE_FIELDS = {
    "model_calls", "tool_calls", "input_tokens", "output_tokens", "cost_usd", "seconds",
}  # fmt: skip
QUESTION = "How much of it is water?"


def _unfinished(folder: Path) -> list[str]:
    return [p.name for p in folder.rglob("*") if ".part" in p.name]


def test_the_document_has_the_stated_fields_and_no_others(agent, scene, tmp_path):
    agent.ask(QUESTION, images=[scene]).save(tmp_path / "out")
    document = json.loads((tmp_path / "out" / "answer.json").read_text(encoding="utf-8"))
    assert set(document) == FIELDS
    assert document["schema"] == ANSWER_SCHEMA == "eoagent/answer/1"
    assert document["figures"]
    for figure in document["figures"] + document["results"]:
        assert set(figure) == FIGURE_FIELDS
    for artifact in document["artifacts"]:
        assert set(artifact) == ARTIFACT_FIELDS
        assert (tmp_path / "out" / artifact["path"]).is_file()
    for step in document["steps"]:
        assert set(step) == STEP_FIELDS
    assert set(document["usage"]) == USAGE_FIELDS
    assert document["plan"][1]["arguments"]["raster"] == "$1"
    assert document["steps"][1]["references"] == {"raster": "$1"}


def test_the_document_reads_back_as_a_record(agent, scene):
    answer = agent.ask(QUESTION, images=[scene])
    again = AnswerRecord.model_validate_json(answer.to_json())
    assert again.document() == answer.to_json()
    assert again.figures[0].value == answer.figures[0].value


def test_saving_twice_into_a_folder_that_holds_other_things_keeps_them(agent, scene, tmp_path):
    out = tmp_path / "a folder" / "out"
    out.mkdir(parents=True)
    (out / "mine.txt").write_text("mine")
    answer = agent.ask(QUESTION, images=[scene])
    assert answer.save(out) == out
    assert answer.save(out) == out
    assert (out / "mine.txt").read_text() == "mine"
    assert {p.name for p in out.iterdir()} == {
        "answer.json",
        "artifacts",
        "mine.txt",
        "report.html",
    }
    assert _unfinished(out) == []


def test_a_saved_mask_is_the_one_in_the_store(agent, scene, tmp_path):
    answer = agent.ask(QUESTION, images=[scene])
    answer.save(tmp_path / "out")
    mask = next(a for a in answer.artifacts if a.kind == "mask")
    stored = agent.workshop.store.get(mask.id)
    copy = tmp_path / "out" / "artifacts" / f"{mask.id.replace(':', '-')}.tif"
    assert copy.read_bytes() == agent.workshop.store.locate(stored.path).read_bytes()


def test_an_artifact_that_was_pruned_leaves_the_rest_of_the_answer(agent, scene, tmp_path):
    answer = agent.ask(QUESTION, images=[scene])
    mask = next(a for a in answer.artifacts if a.kind == "mask")
    for folder in ("artifacts", "objects"):
        for path in (tmp_path / "home" / folder).rglob("*"):
            if path.is_file() and ("mask" in path.name or folder == "objects"):
                path.chmod(0o600)
                path.unlink()
    answer.save(tmp_path / "out")
    document = json.loads((tmp_path / "out" / "answer.json").read_text(encoding="utf-8"))
    assert {a["id"]: a["path"] for a in document["artifacts"]}[mask.id] == ""


@pytest.mark.parametrize("nth", range(8))
def test_a_write_that_fails_leaves_no_half_file_and_no_document(
    agent, scene, tmp_path, monkeypatch, nth
):
    answer = agent.ask(QUESTION, images=[scene])
    answer.section()
    calls = []

    def full(name, real):
        def replaced(*args, **kwargs):
            calls.append(name)
            if len(calls) == nth + 1:
                raise OSError(28, "No space left on device")
            return real(*args, **kwargs)

        return replaced

    out = tmp_path / "out"
    monkeypatch.setattr(os, "replace", full("replace", os.replace))
    monkeypatch.setattr(os, "fsync", full("fsync", os.fsync))
    failed = None
    try:
        answer.save(out)
    except SourceError as error:
        failed = error
    assert (failed is not None) == (len(calls) > nth), "a failure went unnoticed"
    assert (out / "answer.json").exists() == (failed is None)
    assert _unfinished(out) == []
    if failed is not None:
        assert "no space left" in str(failed)
        assert "--out" in failed.hint


def test_an_older_answer_stays_whole_when_a_newer_one_cannot_be_written(
    agent, scene, tmp_path, monkeypatch
):
    answer = agent.ask(QUESTION, images=[scene])
    out = answer.save(tmp_path / "out")
    before = (out / "answer.json").read_bytes()

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SourceError):
        answer.save(out)
    assert (out / "answer.json").read_bytes() == before
    assert _unfinished(out) == []


def test_a_folder_that_is_a_file_is_refused_with_a_hint_to_name_another(agent, scene, tmp_path):
    answer = agent.ask(QUESTION, images=[scene])
    (tmp_path / "taken").write_text("x")
    with pytest.raises(SourceError, match="taken") as error:
        answer.save(tmp_path / "taken")
    assert "--out" in error.value.hint
    assert (tmp_path / "taken").read_text() == "x"


_KILLED = """
import os, signal, sys
from eoagent import Agent
from eoagent.settings import Settings
answer = Agent(home=sys.argv[1], settings=Settings()).ask(sys.argv[2], images=[sys.argv[3]])
left, real = int(sys.argv[5]), os.replace
def deadly(*args, **kwargs):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **kwargs)
os.replace = deadly
answer.save(sys.argv[4])
"""


@pytest.mark.parametrize("after", [2, pytest.param(0, marks=pytest.mark.full)])
def test_a_kill_while_saving_leaves_whole_files_and_no_document(scene, tmp_path, after):
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, tmp_path / "h", QUESTION, scene, out, str(after)],
        timeout=120,
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert not (out / "answer.json").exists()
    for path in out.rglob("*.json"):
        json.loads(path.read_bytes())
    assert not (out / "report.html").exists()
