"""`eoagent tools` and `eoagent doctor`: what they print and how they end."""

from __future__ import annotations

import json

import pytest

HREF = "https://127.0.0.1:9/x.tif?sig=CANARY"


def test_tools_are_listed_by_name_with_what_they_answer(run):
    cards = json.loads(run("tools", "list", "--json").out)
    names = [card["name"] for card in cards]
    assert names == sorted(names)
    assert {"open_image", "threshold", "measure", "ask_user"} <= set(names)
    plain = run("tools", "list").out.splitlines()
    assert [line.split()[0] for line in plain] == names


def test_a_schema_explains_every_argument(run):
    schema = json.loads(run("tools", "schema", "measure").out)
    assert schema["card"]["name"] == "measure"
    assert schema["arguments"]["additionalProperties"] is False
    for argument in schema["arguments"]["properties"].values():
        assert argument["description"]


def test_a_tool_runs_and_its_result_can_be_used_by_the_next(run, scene):
    opened = run("tools", "run", "open_image", "--args", json.dumps({"hrefs": [str(scene)]}))
    assert opened.code == 0, opened.err
    artifact = json.loads(opened.out)["artifacts"]["raster"]
    handle = f"{artifact['kind']}:{artifact['id']}"
    described = run("tools", "run", "describe_data", "--args", json.dumps({"target": handle}))
    if described.code:  # the argument may have another name
        assert "arguments are:" in described.err
    assert artifact["payload"]["bands"][3]["name"] == "nir"


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("fly", "{}", "there is no tool 'fly'"),
        ("measure", "{", "--args is not JSON"),
        ("measure", "[]", "--args is no JSON object"),
        ("measure", "{}", "'target' is missing"),
        ("open_image", '{"hrefs": ["x"], "speed": 1}', "'speed' is not an argument"),
        ("open_image", '{"hrefs": ["x"], "gsd_m": NaN}', "not finite"),
        ("measure", '{"target": "mask:zzz", "quantities": ["area"]}', "is no handle"),
        (
            "measure",
            '{"target": "mask:000000000000", "quantities": ["area"]}',
            "mask:000000000000",
        ),
    ],
)
def test_a_call_that_does_not_fit_ends_with_three_and_says_what_would(run, name, arguments, said):
    ended = run("tools", "run", name, "--args", arguments)
    assert ended.code == 3
    assert ended.out == ""
    assert said in ended.err
    assert len(ended.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [{"hrefs": HREF}, {"hrefs": [HREF]}, {"hrefs": [], HREF: 1}, {"raster": HREF}]
)
def test_a_key_in_an_address_does_not_show_in_the_refusal(run, arguments):
    for name in ("open_image", "threshold"):
        ended = run("tools", "run", name, "--args", json.dumps(arguments))
        assert ended.code in {3, 4}
        assert "CANARY" not in ended.out + ended.err


def test_a_schema_of_no_tool_ends_with_three(run):
    ended = run("tools", "schema", "fly")
    assert ended.code == 3
    assert "tools: " in ended.err


def test_the_doctor_finds_a_good_home_good(run, tmp_path):
    ended = run("doctor")
    assert ended.code == 0
    assert f"home: {tmp_path / 'home'}" in ended.out
    states = {f["what"]: f["state"] for f in json.loads(run("doctor", "--json").out)}
    assert states["eoagent"] == states["rasters"] == states["home"] == states["tools"] == "ok"
    assert set(states.values()) <= {"ok", "missing"}


def test_the_doctor_names_a_home_that_cannot_be_opened(run, tmp_path):
    (tmp_path / "home").write_text("a file")
    ended = run("doctor", "--json")
    assert ended.code == 1
    broken = [f for f in json.loads(ended.out) if f["state"] == "broken"]
    assert [f["what"] for f in broken] == ["home"]
    assert broken[0]["remedy"]


def test_the_doctor_names_settings_that_cannot_be_read(run, tmp_path):
    (tmp_path / "cwd" / "eoagent.toml").write_text("max_steps = 'many'")
    ended = run("doctor")
    assert ended.code == 1
    assert "BROKEN" in ended.out
    assert "max_steps" in ended.out
