"""`eoagent models`: cards and weights, without a network."""

from __future__ import annotations

import json

import pytest

ID = "remoteclip-vit-b-32"


def test_every_model_is_listed_with_its_state(run):
    told = json.loads(run("models", "list", "--json").out)
    ids = [one["card"]["id"] for one in told]
    assert ID in ids
    assert ids == sorted(ids)
    assert {one["installed"] for one in told} == {None}
    ended = run("models", "list")
    assert [line.split()[0] for line in ended.out.splitlines()] == ids
    assert "eoagent models pull" in ended.err


def test_info_says_what_a_model_is_for_and_how_it_comes_in(run):
    text = run("models", "info", ID).out
    for part in ("quickgelu", "224 px", "30 m", "chendelong/RemoteCLIP", "licence", "models pull"):
        assert part in text
    card = json.loads(run("models", "info", ID, "--json").out)["card"]
    assert card["activation"] == "quickgelu"


def test_info_tells_dimensions_only_of_a_model_that_makes_vectors(run):
    assert "512 dimensions, about" in run("models", "info", "remoteclip-vit-b-32").out
    network = next(
        line for line in run("models", "info", "remotesam-v1").out.splitlines() if "network" in line
    )
    assert network.endswith("RemoteSAM (Swin-B, BERT base uncased), 896 px, about 971 MB")


@pytest.mark.parametrize("command", ["info", "pull", "verify"])
def test_an_unknown_model_lists_those_there_are(run, command):
    ended = run("models", command, "clap")
    assert ended.code == 3
    assert "there is no model 'clap'" in ended.err
    assert ID in ended.err


def test_what_is_not_installed_says_the_command(run):
    ended = run("models", "verify", ID)
    assert ended.code == 5
    assert f"eoagent models pull {ID}" in ended.err


def test_a_pull_that_must_leave_the_network_alone_says_where_from(run):
    ended = run("models", "pull", ID, "--offline")
    assert ended.code == 4
    assert "chendelong/RemoteCLIP" in ended.err
    assert "models import" in ended.err


def test_a_file_that_is_not_there_is_not_installed(run, tmp_path):
    ended = run("models", "import", ID, tmp_path / "no.pt")
    assert ended.code == 3
    assert "no.pt" in ended.err
    assert {one["installed"] for one in json.loads(run("models", "list", "--json").out)} == {None}


def test_the_doctor_tells_models_and_indexes(run):
    found = {f["what"]: f for f in json.loads(run("doctor", "--json").out)}
    assert found["weights"]["state"] == "missing"
    assert "eoagent models pull" in found["weights"]["remedy"]
    assert found["indexes there"]["remedy"].startswith("eoagent index build")
    assert {"models extra", "device", "faiss"} <= set(found)
