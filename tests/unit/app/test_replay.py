"""Replays: honest about what holds, harmless whoever wrote the answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eoagent.app.replay import replay_answer
from eoagent.contracts.errors import InputError, NotFound
from eoagent.settings import Settings

SHARE = "How much of it is water?"


@pytest.fixture
def kept(agent, scene, tmp_path) -> Path:
    return agent.ask(SHARE, images=[scene]).save(tmp_path / "out") / "answer.json"


@pytest.fixture
def replay(tmp_path):
    def run(path):
        return replay_answer(path, home=tmp_path / "home", settings=Settings())

    return run


def _verdicts(report) -> list[str]:
    return [f.verdict for f in report.figures]


def _edit(path: Path, change) -> Path:
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_on_unchanged_data_every_figure_is_equal(replay, kept):
    report = replay(kept)
    assert report.holds
    assert report.question == SHARE
    assert _verdicts(report) == ["equal", "equal"]
    assert report.lines()[-1] == "2 equal"


def test_the_calls_are_run_again_and_not_looked_up(replay, kept, agent):
    replay(kept)
    newest = agent.workshop.ledger.list_runs(1)[0]
    assert newest.planner == "replay"
    assert {c.record.status for c in agent.workshop.ledger.calls(newest.id)} == {"done"}


def test_a_changed_scene_is_named_with_the_new_value(replay, kept, scene, write_scene):
    write_scene(scene, water=30)
    report = replay(kept)
    assert not report.holds
    assert report.has_changed
    assert _verdicts(report) == ["changed", "changed"]
    assert report.figures[0].after == pytest.approx(report.figures[0].before * 1.5, rel=1e-6)
    assert report.figures[0].reason == f"{scene} is another file now"


def test_a_difference_within_the_stated_error_is_within(replay, kept):
    def nudge(document):
        for figure in document["figures"]:
            figure["value"] += figure["error"] / 2

    report = replay(_edit(kept, nudge))
    assert report.holds
    assert _verdicts(report) == ["within", "within"]
    assert report.figures[0].reason == ""


def test_a_scene_that_has_gone_makes_its_figures_impossible(replay, kept, scene):
    scene.unlink()
    report = replay(kept)
    assert not report.holds
    assert not report.has_changed
    assert _verdicts(report) == ["cannot", "cannot"]
    assert f"no file '{scene}'" in report.figures[0].reason
    assert report.figures[0].after is None
    assert report.lines()[-1] == "2 cannot"


def test_an_answer_without_figures_holds(replay, agent, tmp_path):
    kept = agent.ask(SHARE).save(tmp_path / "out") / "answer.json"
    report = replay(kept)
    assert report.holds
    assert report.lines()[-1] == "no figures"


def test_a_replay_needs_neither_the_store_nor_the_ledger_of_the_answer(kept, tmp_path):
    report = replay_answer(kept, home=tmp_path / "elsewhere", settings=Settings())
    assert _verdicts(report) == ["equal", "equal"]


def test_no_file_and_no_answer_are_named(replay, tmp_path):
    with pytest.raises(NotFound, match="no file"):
        replay(tmp_path / "nowhere.json")
    for text in ("", "[]", '{"schema": "eoagent/answer/1"}', "\xff", '{"a": 1e999}'):
        (tmp_path / "bad.json").write_bytes(text.encode("latin-1"))
        with pytest.raises(InputError, match="is no answer of this layout"):
            replay(tmp_path / "bad.json")


def test_a_file_too_large_for_an_answer_is_not_read(replay, tmp_path):
    path = tmp_path / "big.json"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(InputError, match="larger than"):
        replay(path)


# A stranger's document: whatever it names, the figures it claims cannot be had, and nothing is
# written or read that it should not.


def _open(href: str):
    def change(document):
        for step in (document["plan"][0], document["steps"][0]):
            step["arguments"]["hrefs"] = [href]

    return change


@pytest.mark.parametrize(
    ("href", "said"),
    [
        ("/etc/passwd", "is no raster"),
        ("/proc/self/environ", "operating system"),
        ("/dev/zero", "operating system"),
        ("http://169.254.169.254/latest/meta-data", ""),
        ("http://127.0.0.1:1/x.tif", ""),
        ("https://localhost/x.tif", ""),
        ("/vsicurl/http://127.0.0.1/x.tif", "virtual file systems are off"),
        ("file://evil.example/x.tif", "may not name a host"),
        ("https://h.example/x.tif?...ab12", "its query may have held a key"),
    ],
)
def test_a_stranger_reads_no_secret_and_reaches_no_private_host(replay, kept, href, said):
    report = replay(_edit(kept, _open(href)))
    assert _verdicts(report) == ["cannot", "cannot"]
    assert said in report.figures[0].reason
    assert "root:" not in report.model_dump_json().replace("b'root:x:0:0:r", "")


def test_a_stranger_opens_no_features_out_of_a_password_file(replay, kept):
    def change(document):
        for step in (document["plan"][0], document["steps"][0]):
            step |= {"tool": "open_features", "arguments": {"href": "/etc/passwd"}}

    report = replay(_edit(kept, change))
    assert set(_verdicts(report)) == {"cannot"}


def test_a_step_that_writes_outside_is_not_run_again(replay, kept, tmp_path):
    target = tmp_path / "stolen.tif"

    def change(document):
        export = {"artifact": "$2", "path": str(target)}
        document["plan"].append(
            {"n": 4, "tool": "export", "arguments": export, "each": None, "why": ""}
        )
        document["steps"].append(document["steps"][2] | {"n": 4, "tool": "export"})
        document["figures"].append(
            document["figures"][0] | {"id": "f3", "step": 4, "value": "x", "unit": "choice",
                                      "error": None}
        )  # fmt: skip

    report = replay(_edit(kept, change))
    assert _verdicts(report) == ["equal", "equal", "cannot"]
    assert "writes outside" in report.figures[2].reason
    assert not target.exists()


@pytest.mark.parametrize("plan", ["n", "twice", "loop", "tool", "arguments", "each"])
def test_a_plan_that_cannot_be_is_refused_or_fails_step_by_step(replay, kept, plan):
    def change(document):
        first, second, _ = document["plan"]
        if plan == "n":
            first["n"] = document["steps"][0]["n"] = -1
        elif plan == "twice":
            second["n"] = document["steps"][1]["n"] = 1
        elif plan == "loop":
            first["arguments"]["hrefs"] = ["$3"]
        elif plan == "tool":
            first["tool"] = "os.system"
        elif plan == "arguments":
            first["arguments"] = {"__class__": {"deep": [1] * 1000}}
        elif plan == "each":
            second["each"] = "$9"

    path = _edit(kept, change)
    try:
        verdicts = set(_verdicts(replay(path)))
    except InputError as error:
        verdicts = {type(error).__name__}
    assert verdicts == ({"cannot"} if plan in {"tool", "arguments"} else {"InputError"})


def test_a_plan_of_a_thousand_steps_stops_at_the_limit(replay, kept, agent):
    def change(document):
        step, ran = document["plan"][0], document["steps"][0]
        document["plan"] = [step | {"n": n} for n in range(1, 1001)]
        document["steps"] = [ran | {"n": n} for n in range(1, 1001)]

    report = replay(_edit(kept, change))
    assert set(_verdicts(report)) == {"cannot"}
    newest = agent.workshop.ledger.list_runs(1)[0]
    assert len(agent.workshop.ledger.calls(newest.id)) <= 40


def test_references_in_an_answer_are_followed_to_the_step_that_failed(replay, kept, scene):
    scene.write_bytes(b"II*\0" + b"\xff" * 64)
    reason = replay(kept).figures[1].reason
    assert reason.startswith("step 1 (open_image): ")
