"""A server named in the settings answers questions about pictures, and its key goes nowhere else."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from eoagent import Agent
from eoagent.app.doctorreasoner import examine_reasoner
from eoagent.app.modelling import HomeModels
from eoagent.contracts.errors import InputError
from eoagent.settings import Settings, load_settings

_THINK = "A pier lies at the right."
_KEY = "canary-5b77-0123456789-do-not-tell"
_URL = "http://gpu.example:8000"


@pytest.fixture
def serve(servers, chatreplies, tmp_path):
    """Start a server and return the models of a home whose settings name it, and its script."""
    running = []

    def start(*answers, **settings):
        script = chatreplies.Script(*answers, names=("RemoteReasoner-7B",))
        server = servers.Server(answer=script).__enter__()
        held = Settings(reasoner=server.url("/v1"), reasoner_key=_KEY, **settings)
        models = HomeModels(tmp_path / "home", held)
        running.append((server, models))
        return models, script

    yield start
    for server, models in running:
        models.close()
        server.__exit__()


def _picture():
    return np.random.default_rng(3).integers(0, 256, (100, 150, 3), dtype=np.uint8)


@pytest.mark.parametrize("apart", [False, True])
def test_boxes_of_a_server_come_back_in_pixels_of_the_picture(apart, serve, chatreplies, tmp_path):
    answer = "<answer>[[56,28,140,112],[0,0,14,28]]</answer>"
    whole = (
        chatreplies.words(answer, think=_THINK)
        if apart
        else chatreplies.words(f"<think>{_THINK}</think>\n{answer}")
    )
    models, script = serve(chatreplies.streamed(*whole))
    reasoner = models.reasoner(gsd_m=0.5)
    found = reasoner.ground(_picture(), "Where can a ship moor?")
    assert found.reply.status == "found"
    assert found.reply.think == _THINK
    # by hand: 100 x 150 is shown as 112 x 140, so x grows by 15/14 and y shrinks by 25/28
    assert np.allclose(found.boxes, [[60, 25, 150, 100], [0, 0, 15, 25]])
    ((_, asked, headers),) = script.asked
    assert headers["authorization"] == f"Bearer {_KEY}"
    assert asked["messages"][0]["role"] == "system"
    parts = asked["messages"][1]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "text"]
    assert "Where can a ship moor?" in parts[2]["text"]
    shown = Image.open(io.BytesIO(base64.b64decode(parts[1]["image_url"]["url"].split(",")[1])))
    assert shown.size == (140, 112)
    manner = reasoner.manner
    assert manner["profile"] == "remotereasoner"
    assert manner["model"] == "RemoteReasoner-7B"
    assert reasoner.card.weights.sha256 == "unknown"
    assert _KEY not in json.dumps(dict(manner)) + repr(found) + json.dumps(asked)
    kept = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert [path for path in kept if _KEY.encode() in path.read_bytes()] == []


def test_what_is_doubtful_about_a_server_stands_in_the_notes(serve, chatreplies):
    few = {"choices": [{"message": {"content": "Fields."}, "finish_reason": "stop"}]}
    models, _ = serve(chatreplies.json_of(few | {"usage": {"prompt_tokens": 5}}))
    reasoner = models.reasoner()
    reply = reasoner.describe(_picture())
    assert "counts 5 tokens, and what it was shown makes 20 for" in reply.notes[-1]
    assert reasoner.reason.endswith("asked as the card remotereasoner-7b says (remotereasoner)")


def test_the_same_question_is_sent_once(serve, chatreplies):
    models, script = serve(chatreplies.document("<answer>[]</answer>"))
    for _ in range(2):
        assert models.reasoner().ground(_picture(), "Where is it?").reply.status == "none"
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("text", "finish", "status"),
    [
        ("<think>hm</think><answer>[]</answer>", "stop", "none"),
        ("<think>hm", "length", "truncated"),
        ("I see nothing of use", "stop", "unparseable"),
    ],
)
def test_what_is_no_box_keeps_its_own_status(text, finish, status, serve, chatreplies):
    models, _ = serve(chatreplies.streamed(*chatreplies.words(text, finish=finish)))
    found = models.reasoner().ground(_picture(), "Where is it?")
    assert (found.reply.status, len(found.boxes)) == (status, 0)


def test_the_settings_say_model_profile_and_time(serve, chatreplies):
    models, script = serve(
        chatreplies.document("Fields."),
        reasoner_model="other",
        reasoner_profile="rscovlm",
        reasoner_timeout_s=7,
    )
    reasoner = models.reasoner()
    assert reasoner.describe(_picture()).answer == "Fields."
    assert reasoner.manner["profile"] == "rscovlm"
    assert script.asked[0][1]["model"] == "other"
    assert models.pool._reasoners._wish.timeout_s == 7


def _files(tmp_path, monkeypatch, *, home="", here=""):
    """Write settings files of a home and of a working directory, and go there."""
    for name, text in (("home", home), ("here", here)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "eoagent.toml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


_NAMES = f'reasoner = "{_URL}"\n'
_HOLDS = f'reasoner_key = "{_KEY}"\n'


@pytest.mark.parametrize(
    ("files", "variables", "typed", "key"),
    [
        ({"home": _NAMES + _HOLDS}, {}, "", _KEY),
        ({"home": _NAMES}, {"EOAGENT_REASONER_KEY": _KEY}, "", _KEY),
        ({"here": _NAMES}, {"EOAGENT_REASONER_KEY": _KEY}, "", ""),
        ({"home": _HOLDS, "here": _NAMES}, {}, "", ""),
        ({"here": _NAMES + _HOLDS}, {}, "", _KEY),
        ({"here": _NAMES + 'reasoner_key = "x1"'}, {"EOAGENT_REASONER_KEY": _KEY}, "", "x1"),
        ({"here": _NAMES}, {"EOAGENT_REASONER_KEY": _KEY, "EOAGENT_REASONER": _URL}, "", _KEY),
        ({"home": _HOLDS, "here": _NAMES}, {}, _URL, _KEY),
    ],
)
def test_a_key_goes_to_no_server_that_a_strange_folder_names(
    files, variables, typed, key, tmp_path, monkeypatch
):
    home = _files(tmp_path, monkeypatch, **files)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    held = load_settings(home, reasoner=typed)
    assert held.reasoner == _URL
    assert held.reasoner_key.get_secret_value() == key
    assert _KEY not in repr(held) + held.model_dump_json()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Two Words", "neither the id of a card nor an address"),
        ("ftp://a.example", "neither the id of a card nor an address"),
        (f"http://u:{_KEY}@a.example", "carries credentials"),
        (f"http://a.example/v1?token={_KEY}", "has a query"),
    ],
)
def test_what_is_neither_card_nor_plain_address_is_refused(text, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for make in (
        lambda: Settings(reasoner=text),
        lambda: Settings().with_reasoner(text),
        lambda: load_settings(tmp_path, reasoner=text),
    ):
        with pytest.raises(InputError, match=told) as caught:
            make()
        assert caught.value.hint
        assert _KEY not in caught.value.explain()


def test_an_agent_takes_a_reasoner_of_its_own(tmp_path):
    settings = Settings(reasoner="some-card")
    agent = Agent(home=tmp_path, settings=settings, reasoner=_URL)
    assert agent.workshop.settings.reasoner == _URL
    assert Agent(home=tmp_path, settings=settings).workshop.settings.reasoner == "some-card"
    agent.close()


def test_the_doctor_tells_what_is_set_and_asks_only_when_told_to(servers, chatreplies):
    script = chatreplies.Script(names=("a", "b\x1b[31m"))
    with servers.Server(answer=script) as server:
        held = Settings(reasoner=server.url(""), reasoner_key=_KEY)
        found = examine_reasoner(held)
        assert found.state == "ok"
        assert f"server {server.url('')}" in found.detail
        assert "with a key, not asked" in found.detail
        assert server.requests == []
        assert "it answers and has: a, b [31m" in examine_reasoner(held, is_asked=True).detail
        assert _KEY not in found.detail
    assert "--reasoner URL" in examine_reasoner(Settings()).detail
    assert examine_reasoner(Settings(reasoner="rscovlm-7b")).detail == "card rscovlm-7b"
    for name in ("my-card", "sam2.1-hiera-tiny"):
        unknown = examine_reasoner(Settings(reasoner=name))
        assert unknown.state == "broken"
        assert f"the reasoner '{name}'" in unknown.detail
        assert "rscovlm-7b" in unknown.remedy
    wrong = examine_reasoner(Settings(reasoner=_URL, reasoner_profile="nope"))
    assert (wrong.state, bool(wrong.remedy)) == ("broken", True)
