"""Every slash command: what it prints, what it changes, and how it fails."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image
from rich.console import Console

from eoagent import Agent
from eoagent.cli.conversing import Chat, Habits
from eoagent.cli.following import Foreground
from eoagent.cli.given import Given
from eoagent.cli.options import PictureMode
from eoagent.cli.slash import COMMANDS, Quit, last_exchange, run_command
from eoagent.cli.terminal_pictures import Pictures
from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.io.transcript import Said

SHARE = "How much of it is water?"


class Shown(Pictures):
    """Keeps the pictures that would be shown."""

    def __init__(self, *, are_shown: bool) -> None:
        super().__init__(Console(), PictureMode.OFF, {})
        self.kept = []
        self._are = are_shown

    @property
    def are_shown(self) -> bool:
        return self._are

    def show(self, png: bytes) -> None:
        self.kept.append(Image.open(io.BytesIO(png)).size)


@pytest.fixture
def open_chat(tmp_path):
    """Make a chat over the home folder of this test."""

    def make(*, pictures=False, planner="offline", thread="one", **habits) -> Chat:
        chat = Chat(
            Agent(planner, home=tmp_path / "home"),
            pictures=Shown(are_shown=pictures),
            habits=Habits(**habits),
            foreground=Foreground(),
        )
        known = {summary.name for summary in chat.agent.threads()}
        chat.go_on(thread) if thread in known else chat.begin(thread)
        return chat

    return make


@pytest.fixture
def chat(open_chat):
    return open_chat()


@pytest.fixture
def answered(chat, scene):
    """A chat with an answer."""
    chat.give(Given(images=(str(scene),)))
    chat.ask(SHARE)
    return chat


def _say(chat, text) -> list[str]:
    console = Console(file=io.StringIO(), width=200, highlight=False)
    run_command(chat, text, console)
    return console.file.getvalue().splitlines()


def test_help_names_every_command_once(chat):
    lines = _say(chat, "/help")
    assert [line.split()[0] for line in lines] == [command.name for command in COMMANDS]
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)
    assert all(command.about for command in COMMANDS)


def test_an_unknown_command_names_those_that_there_are(chat):
    with pytest.raises(InputError, match="there is no command /nonsense") as caught:
        _say(chat, "/nonsense and more")
    assert caught.value.hint.startswith("there are: /help /new /threads /evidence /map /save")


def test_quit_ends(chat):
    with pytest.raises(Quit):
        _say(chat, "/quit")


def test_new_begins_a_conversation_that_knows_nothing_of_the_last(answered):
    assert _say(answered, "/new two") == ["thread two"]
    assert answered.thread == "two"
    assert not answered.has_spoken
    with pytest.raises(InputError, match="nothing was answered yet"):
        _say(answered, "/evidence")
    (line,) = _say(answered, "/new")
    assert line.startswith("thread chat-20")


def test_new_does_not_go_on_with_a_conversation_by_accident(answered):
    with pytest.raises(InputError, match="there is a conversation 'one' already") as caught:
        _say(answered, "/new one")
    assert caught.value.hint == "/threads one goes on with it"


def test_threads_lists_the_conversations_and_goes_on_with_one(answered):
    assert _say(answered, "/threads")[0].split()[:3] == ["*", "one", "1"]
    _say(answered, "/new two")
    assert _say(answered, "/threads")[0].split()[0] == "one"
    thread, last = _say(answered, "/threads one")
    assert thread == "thread one"
    assert last.startswith(f"last: {SHARE} -> ")
    assert answered.thread == "one"
    with pytest.raises(NotFound, match="there is no conversation 'nobody'"):
        _say(answered, "/threads nobody")
    assert answered.thread == "one"


def test_without_conversations_there_is_no_list(chat):
    with pytest.raises(InputError, match="no conversation yet"):
        _say(chat, "/threads")


def test_the_last_exchange_is_one_short_line():
    said = Said(turn=1, run="r", created="", question="a\nb", status="answered", answer="x" * 500)
    assert last_exchange(said) == f"last: a b -> {'x' * 60}…"


def test_evidence_lists_the_figures_and_shows_all_that_stands_behind_one(answered):
    table = _say(answered, "/evidence")
    assert [line.split()[1] for line in table] == ["f1", "f2"]
    lines = _say(answered, "/evidence f1")
    whole = "\n".join(lines)
    assert lines[0].startswith("f1  area of open water: ")
    assert "  error   ± " in whole
    assert "  step    3. measure" in whole
    assert "target is $2" in whole
    assert "scene.tif, sha256 " in whole
    with pytest.raises(NotFound, match="no figure 'f9'"):
        _say(answered, "/evidence f9")


def test_evidence_reaches_earlier_answers_of_the_conversation(answered):
    answered.ask("How much of it is vegetation?")
    newest = [line.split()[1] for line in _say(answered, "/evidence")]
    assert "f1" not in newest
    assert _say(answered, "/evidence f1")[0].startswith("f1  area of open water")


def test_evidence_map_and_save_work_after_a_restart(answered, open_chat, tmp_path):
    again = open_chat(pictures=True)
    assert _say(again, "/evidence") == _say(answered, "/evidence")
    assert _say(again, "/map") == []
    assert len(again.pictures.kept) == 1
    _say(again, f"/save {tmp_path / 'kept'}")
    assert (tmp_path / "kept" / "answer.json").is_file()


def test_an_answer_that_was_pruned_has_no_evidence(answered, open_chat):
    from eoagent.io.prune import prune

    shop = answered.agent.workshop
    prune(shop.ledger, shop.store, keep_last=0)
    again = open_chat()
    with pytest.raises(InputError, match="the last answer was pruned"):
        _say(again, "/evidence")


def test_map_shows_the_last_artifact_or_the_one_named(open_chat, scene):
    chat = open_chat(pictures=True)
    chat.give(Given(images=(str(scene),)))
    chat.ask(SHARE)
    assert chat.pictures.kept == []
    _say(chat, "/map")
    (raster, mask) = (a.id for a in chat.last.artifacts)
    _say(chat, f"/map {raster}")
    assert len(chat.pictures.kept) == 2
    with pytest.raises(NotFound, match="no map of 'mask:000000000000'") as caught:
        _say(chat, "/map mask:000000000000")
    assert mask in caught.value.hint


def test_a_map_that_was_asked_for_is_shown_at_once(open_chat, scene, chatmodels):
    model = chatmodels.ScriptedChat(
        script=[
            chatmodels.calls(
                ("open_image", {"hrefs": [str(scene)]}), ("render_map", {"layers": ["$1"]})
            ),
            chatmodels.says("Here it is."),
        ]
    )
    chat = open_chat(pictures=True, planner=model)
    chat.give(Given(images=(str(scene),)))
    chat.ask("Show me the image.")
    assert [a.kind for a in chat.last.artifacts].count("picture") == 2  # the picture, and a page
    assert len(chat.pictures.kept) == 1


def test_map_says_where_no_picture_can_be_shown(answered):
    with pytest.raises(InputError, match="no picture can be shown here") as caught:
        _say(answered, "/map")
    assert "/save" in caught.value.hint


def test_map_of_an_answer_without_artifacts_is_refused(open_chat):
    chat = open_chat(pictures=True)
    chat.ask(SHARE)
    with pytest.raises(InputError, match="nothing to draw"):
        _say(chat, "/map")


def test_save_keeps_the_answer_in_a_folder_of_the_thread_or_the_one_named(
    answered, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert _say(answered, "/save") == [
        "kept in: " + str(tmp_path / "one-1") + " (report.html, answer.json)"
    ]
    _say(answered, "/save 'my folder'")
    document = json.loads((tmp_path / "my folder" / "answer.json").read_text(encoding="utf-8"))
    assert document["question"] == SHARE
    (tmp_path / "taken").touch()
    with pytest.raises(SourceError):
        _say(answered, "/save taken")


@pytest.mark.parametrize("command", ["/evidence", "/evidence f1", "/save", "/map"])
def test_what_is_about_an_answer_needs_one(chat, command):
    with pytest.raises(InputError):
        _say(chat, command)


def test_the_name_of_a_thread_makes_a_plain_folder(open_chat, tmp_path):
    chat = open_chat(out=tmp_path / "out", thread="../évil name/2")
    chat.ask(SHARE)
    (kept,) = (tmp_path / "out").iterdir()
    assert kept.name == "_évil_name_2-1"


def test_what_is_given_holds_for_the_next_message_and_its_follow_ups(chat, scene):
    assert _say(chat, f"/image {scene}") == [f"with the next message: image {scene}"]
    chat.ask(SHARE)
    assert chat.given == Given()
    assert chat.last.status == "answered"
    chat.ask("How much of it is vegetation?")
    assert chat.last.status == "answered"


def test_images_add_up_and_are_forgotten_without_a_path(chat, scene, tmp_path, write_scene):
    other = write_scene(tmp_path / "my scene.tif")
    _say(chat, f"/image {scene}")
    _say(chat, f"/image '{other}'")
    assert chat.given.images == (str(scene), str(other))
    assert _say(chat, "/image") == ["with the next message: nothing new"]
    assert chat.given == Given()


def test_each_input_is_set_and_forgotten(chat, scene, tmp_path):
    places = tmp_path / "places.geojson"
    places.write_text('{"type": "FeatureCollection", "features": []}')
    for line, field, value in [
        (f"/features {places}", "features", (str(places),)),
        ("/aoi 12, 45, 13, 46", "aoi", "12, 45, 13, 46"),
        (f"/aoi {places}", "aoi", str(places)),
        (f"/catalog {tmp_path}", "catalog", str(tmp_path)),
        ("/bands red, green", "bands", ("red", "green")),
        ("/gsd 0.3", "gsd_m", 0.3),
    ]:
        _say(chat, line)
        assert getattr(chat.given, field) == value
        _say(chat, line.split()[0])
        assert chat.given == Given()


@pytest.mark.parametrize(
    ("line", "kind", "said"),
    [
        ("/image missing.tif", NotFound, "missing.tif"),
        ("/image ftp://h/a.tif", SourceError, "ftp"),
        ("/image 'open", InputError, "No closing quotation"),
        ("/features missing.geojson", NotFound, "missing.geojson"),
        ("/aoi missing.geojson", NotFound, "missing.geojson"),
        ("/aoi 1,2,3,north", InputError, "no box"),
        ("/aoi 1,9,3,4", InputError, "no box"),
        ("/catalog missing.json", NotFound, "missing.json"),
        ("/gsd wide", InputError, "'wide' is no pixel size"),
        ("/gsd -1", InputError, "-1"),
        ("/gsd nan", InputError, "nan"),
    ],
)
def test_what_cannot_be_opened_is_refused_at_once_and_changes_nothing(
    chat, scene, line, kind, said
):
    _say(chat, f"/image {scene}")
    with pytest.raises(kind) as caught:
        _say(chat, line)
    assert said in caught.value.explain()
    assert chat.given == Given(images=(str(scene),))


def test_keys_in_addresses_are_not_shown(chat):
    (line,) = _say(chat, "/image http://127.0.0.1:1/a.tif?key=SECRET")
    assert "SECRET" not in line
    assert "SECRET" in chat.given.images[0]


def test_what_came_with_a_message_without_an_answer_stays(chat, scene, monkeypatch):
    chat.give(Given(images=(str(scene),)))

    def broken(*_args, **_more):
        raise SourceError("no", href="x")
        yield

    monkeypatch.setattr(chat.agent, "stream", broken)
    with pytest.raises(SourceError):
        chat.ask(SHARE)
    assert chat.given.images == (str(scene),)


def test_a_file_of_places_holds_for_every_message(chat, tmp_path):
    places = tmp_path / "places.geojson"
    places.write_text('{"type": "FeatureCollection", "features": []}')
    chat.give(Given(places=str(places)))
    chat.ask(SHARE)
    assert chat.given == Given(places=str(places))


def test_habits_and_approval_reach_the_run(open_chat, tmp_path, monkeypatch):
    chat = open_chat(
        out=tmp_path / "o", max_steps=3, max_seconds=9.0, max_cost_usd=0.5, is_approved=True
    )
    seen = {}

    def watched(_question, **given):
        seen.update(given)
        raise SourceError("seen enough", href="")
        yield

    monkeypatch.setattr(chat.agent, "stream", watched)
    with pytest.raises(SourceError):
        chat.ask(SHARE)
    assert seen.pop("stop").is_set()
    assert seen == {
        "thread": "one",
        "out_dir": tmp_path / "o",
        "max_steps": 3,
        "max_seconds": 9.0,
        "max_cost_usd": 0.5,
        "approve": True,
    }
