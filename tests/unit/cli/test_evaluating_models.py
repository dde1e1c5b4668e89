"""`eoagent eval` of a language model: measured, recorded, and played again without it."""

from __future__ import annotations

import json
import shutil

import pytest

from eoagent.app.evaluation import candidate
from eoagent.contracts.errors import ModelMissing

NAME = "openai:NAME"
PRICES = f'[prices."{NAME}"]\ninput_usd = 2.0\noutput_usd = 8.0\n'


def _question(name, text, expect, **more):
    return json.dumps({"id": name, "family": name[0], "question": text, "expect": expect, **more})


@pytest.fixture
def data(tmp_path, write_scene):
    """A data folder with a question that has an answer, and one that has none."""
    folder = tmp_path / "data"
    write_scene(folder / "scene.tif", water=20)
    share = {"name": "share", "value": 100 / 3, "unit": "percent", "abs_tol": 0.5}
    chain = [
        {"tool": "open_image", "arguments": {"hrefs": ["scene.tif"]}},
        {"tool": "find_scenes", "arguments": {"bbox": [0, 0, 2, 1], "datetime": "2019"}},
    ]
    lines = [
        _question(
            "a1",
            "What share is water?",
            {"status": "answered", "figures": [share]},
            images=["scene.tif"],
            references=[chain],
        ),
        _question("h1", "How deep?", {"status": "cannot_answer"}, images=["scene.tif"]),
    ]
    (folder / "qa_multistep.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture
def opened(monkeypatch, chatmodels, data):
    """Open a scripted model in place of the provider's; return the names it was opened by."""
    calls, says = chatmodels.calls, chatmodels.says
    names = []

    def plan(_messages):
        return calls(
            ("open_image", {"hrefs": [str(data / "scene.tif")]}),
            ("threshold", {"raster": "$1", "rule": "water"}),
            ("measure", {"target": "$2", "quantities": ["share"]}),
            usage=(1000, 100),
        )

    def measure(messages):
        # the handle itself, as the model was shown it, and not a reference to its step
        line = next(line for line in messages[-2].text.splitlines() if line.startswith("$2"))
        handle = line.split()[2]
        return calls(("measure", {"target": handle, "quantities": ["share"]}), usage=(1000, 50))

    script = [
        plan,
        measure,
        says("Water covers {f1} of it, in 77 lakes.\nRESULTS: f1", usage=(1000, 50)),
        says("Water covers {f1} of it, in 77 lakes.\nRESULTS: f1", usage=(1000, 50)),
        calls(("cannot_answer", {"reason": "No depth."}), usage=(500, 25)),
    ]

    def make(name, *, base_url, settings):
        names.append((name, base_url))
        return chatmodels.ScriptedChat(script=script, requests=[])

    monkeypatch.setattr(candidate, "open_chat_model", make)
    return names


def _verdicts(document):
    """Return verdicts without what differs from run to run."""
    left = ("seconds", "run", "usage", "calls")
    return [{k: v for k, v in verdict.items() if k not in left} for verdict in document["verdicts"]]


def test_a_model_is_measured_recorded_and_replayed_elsewhere(
    run, data, opened, tmp_path, monkeypatch
):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "eoagent.toml").write_text(PRICES)
    file = tmp_path / "tapes" / "said.json"
    model = ["--planner", NAME, "--base-url", "http://127.0.0.1:1/v1", "--record", file]
    ended = run("eval", "qa", "--data", data, *model, "--json")
    assert ended.code == 0, ended.err
    assert opened == [(NAME, "http://127.0.0.1:1/v1")]
    assert f"recorded: {file}" in ended.err
    first = json.loads(ended.out)
    assert first["planner"] == NAME
    assert [verdict["outcome"] for verdict in first["verdicts"]] == ["right", "right"]
    assert first["verdicts"][0]["unverified"] == ["77"]
    assert first["verdicts"][0]["usage"]["model_calls"] == 4
    told = first["families"]["a"]
    assert told["unverified"] == 1
    assert (told["usage"]["input_tokens"], told["usage"]["output_tokens"]) == (4000, 250)
    assert told["usage"]["cost_usd"] == pytest.approx((4000 * 2 + 250 * 8) / 1e6)
    assert told["measures"] == {
        "tools_any_order": 0.5,
        "tools_in_order": 0.5,
        "arguments": pytest.approx(1 / 3),
        "box_iou": 0.0,
        "time_overlap": 0.0,
    }
    assert first["families"]["h"]["abstention"] == {
        "due": 1,
        "abstained": 1,
        "rightly": 1,
        "recall": 1.0,
        "precision": 1.0,
    }
    kept = file.read_text()
    assert str(tmp_path) not in kept
    assert '\\"target\\": \\"{$2}\\"' in kept

    elsewhere = tmp_path / "quite another folder for all of this" / "d"
    elsewhere.parent.mkdir()
    shutil.move(data, elsewhere)
    monkeypatch.setenv("EOAGENT_HOME", str(tmp_path / "home2"))
    (tmp_path / "home2").mkdir()
    (tmp_path / "home2" / "eoagent.toml").write_text(f"max_cost_usd = 1.0\n{PRICES}")
    ended = run("eval", "qa", "--data", elsewhere, "--replay", file, "--json")
    assert ended.code == 0, ended.err
    assert len(opened) == 1
    assert "not as recorded" not in ended.err
    again = json.loads(ended.out)
    assert again["planner"] == f"{NAME} (replayed)"
    assert _verdicts(again) == _verdicts(first)
    for usage in (first["total"]["usage"], again["total"]["usage"]):
        usage.pop("seconds")
    assert again["total"] == first["total"]


def test_a_recording_is_replayed_in_part_and_tells_what_it_does_not_hold(
    run, data, opened, tmp_path
):
    file = tmp_path / "said.json"
    assert run("eval", "qa", "--data", data, "--planner", NAME, "--record", file).code == 0
    ended = run("eval", "qa", "--data", data, "--replay", file, "--family", "h", "--json")
    assert json.loads(ended.out)["total"]["right"] == 1
    document = json.loads(file.read_text())
    del document["replies"]["h1"]
    document["replies"]["a1"] = document["replies"]["a1"][:1]
    file.write_text(json.dumps(document))
    ended = run("eval", "qa", "--data", data, "--replay", file, "--json")
    assert ended.code == 0
    found = json.loads(ended.out)
    assert "the recording is over" in found["verdicts"][0]["text"]
    reason = found["verdicts"][1]["reason"]
    assert reason.startswith("ModelError: the recording holds nothing for 'h1'")
    strayed = [line for line in ended.err.splitlines() if line.startswith("not as recorded: ")]
    assert strayed[0].startswith("not as recorded: a1: the recording is over: it has 1 replies")
    assert strayed[1:] == ["not as recorded: h1: the recording holds nothing for 'h1'"]
    assert found["families"]["a"]["measures"]["arguments"] == pytest.approx(1 / 3)


def test_a_run_that_is_broken_off_leaves_what_was_said_by_then(
    run, data, opened, tmp_path, monkeypatch, chatmodels
):
    file = tmp_path / "said.json"
    file.write_text("an older one")
    script = [chatmodels.says("No."), KeyboardInterrupt()]
    model = chatmodels.ScriptedChat(script=script, requests=[])
    monkeypatch.setattr(candidate, "open_chat_model", lambda _name, **_: model)
    ended = run("eval", "qa", "--data", data, "--planner", NAME, "--record", file)
    assert ended.code == 130
    assert [len(said) for said in json.loads(file.read_text())["replies"].values()] == [1]


def test_a_model_that_cannot_be_had_leaves_an_older_recording_alone(
    run, data, tmp_path, monkeypatch
):
    file = tmp_path / "said.json"
    file.write_text("an older one")

    def fail(name, **_):
        raise ModelMissing(f"the planner '{name}' needs x", command="pip install x")

    monkeypatch.setattr(candidate, "open_chat_model", fail)
    ended = run("eval", "qa", "--data", data, "--planner", NAME, "--record", file)
    assert ended.code == 5
    assert file.read_text() == "an older one"


def test_a_file_that_cannot_be_written_is_told_before_a_model_is_asked(run, data, opened, tmp_path):
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "said.json"
    ended = run("eval", "qa", "--data", data, "--planner", NAME, "--record", place)
    assert ended.code == 4
    assert "cannot be written" in ended.err
    assert "a1" not in ended.err


def test_the_tables_say_what_was_held_and_what_it_took(run, data, opened, tmp_path):
    tape = ["--record", tmp_path / "said.json", "--out", tmp_path / "out"]
    ended = run("eval", "qa", "--data", data, "--planner", NAME, *tape)
    blocks = [block.splitlines() for block in ended.out.split("\n\n")]
    assert [len(block) for block in blocks] == [4, 4, 4]
    assert max(map(len, ended.out.splitlines())) <= 100
    assert [" ".join(line.split()) for line in blocks[1]] == [
        "checks abst. recall abst. precision unverified tools arguments box IoU dates",
        "family a 1 0.50 0.33 0.00 0.00",
        "family h 100% of 1 100% of 1 0",
        "total 100% of 1 100% of 1 1 0.50 0.33 0.00 0.00",
    ]
    costs = [" ".join(line.split()) for line in blocks[2]]
    assert costs[0] == "costs model calls tool calls tokens in tokens out seconds s each"
    assert costs[1].startswith("family a 4 4 4,000 250 ")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<h2>checks</h2>" in page
    assert page.count("Abstention (asking back or declining): recall") == 1
    assert "<td>4,000</td><td>250</td>" in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--record", "a", "--replay", "b", "--planner", NAME], "give one of them"),
        (["--record", "a", "--planner", "offline"], "no language model to record; name one"),
        (["--record", "a"], "no language model to record; name one"),
        (["--replay", "b", "--planner", "offline"], "no language model whose replies"),
        (["--replay", "b", "--base-url", "http://x"], "leave --base-url out"),
    ],
)
def test_options_that_make_no_sense_together_are_one_usage_error(run, data, options, message):
    ended = run("eval", "qa", "--data", data, *options)
    assert ended.code == 2
    told = " ".join(ended.err.replace("│", " ").split())
    assert message in told
    assert "Traceback" not in ended.err


def test_a_recording_of_another_planner_is_refused(run, data, opened, tmp_path):
    file = tmp_path / "said.json"
    assert run("eval", "qa", "--data", data, "--planner", NAME, "--record", file).code == 0
    ended = run("eval", "qa", "--data", data, "--planner", "ollama:other", "--replay", file)
    assert ended.code == 3
    assert f"is a recording of {NAME}, and ollama:other was asked for" in ended.err
    ended = run("eval", "qa", "--data", data, "--planner", NAME, "--replay", file, "--family", "h")
    assert ended.code == 0
