"""A model that asks for it sees parts larger, within bounds, and answers in the end."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.dialogue import ChatReply
from eoagent.contracts.errors import BudgetExceeded, SourceError
from eoagent.dialogue.grammars.calls import encode_zoom
from eoagent.dialogue.profiles import read_profile
from eoagent.dialogue.reasoner import DialogueReasoner

CALL = encode_zoom((84, 42, 168, 126))


@pytest.fixture
def asked(scripted, a_picture):
    """Ask about a picture of 1000 x 1500 px with a script; tell what was looked at."""

    def ask(*script, zoom=None, name="rscovlm", pictures=1):
        backend, seen = scripted(*script), []

        def look(box):
            seen.append(box)
            return a_picture(300, 200, len(seen))

        scenes = [a_picture(1000, 1500, seed) for seed in range(pictures)]
        asking = DialogueReasoner(backend, read_profile(name))
        reply = asking.answer(scenes, "What is it?", zoom=zoom or look)
        return reply, backend, seen

    return ask


def test_a_part_that_is_asked_for_is_shown_larger(asked, a_picture, words_of):
    reply, backend, seen = asked(CALL, "A crane.")
    assert (reply.status, reply.answer) == ("found", "A crane.")
    scale = np.array([1500 / 1092, 1000 / 728] * 2)
    np.testing.assert_allclose(reply.looked_at, [np.array([84, 42, 168, 126]) * scale])
    assert seen == list(reply.looked_at)
    system, user, call, shown = backend.told[1]
    assert [m.role for m in backend.told[1]] == ["system", "user", "assistant", "user"]
    assert "image_zoom_in" in words_of(system)
    assert words_of(user).endswith("Zoom in to the region of interest and answer the question.")
    assert call.parts == (CALL,)
    assert words_of(shown) == ("<image>Here's the zoomed-in image. You can complete your task now.")
    assert shown.parts[0].shape == (308, 196, 3)
    assert (reply.input_tokens, reply.output_tokens) == (20, 6)
    assert any("read as pixels of the picture as it was shown" in note for note in reply.notes)


def test_a_model_need_not_look_closer(asked):
    reply, backend, seen = asked("A crane.")
    assert (reply.status, reply.answer, reply.looked_at, seen) == ("found", "A crane.", (), [])
    assert len(backend.told) == 1


def test_no_more_parts_are_shown_than_allowed(asked, words_of):
    reply, backend, seen = asked(CALL, CALL, CALL, CALL, "A crane.")
    assert len(seen) == len(reply.looked_at) == 3
    assert (reply.status, reply.answer) == ("found", "A crane.")
    assert words_of(backend.told[-1][-1]) == read_profile("rscovlm").zoom.refused
    assert "It was shown 3 parts larger, the most there are." in reply.notes


def test_a_model_that_only_ever_asks_gives_no_answer(asked):
    reply, backend, _ = asked(*[CALL] * 5)
    assert (reply.status, reply.answer) == ("unparseable", "")
    assert len(reply.looked_at) == 3
    assert backend.script == []


def spent(box):
    raise BudgetExceeded("2 looks are the most")


def test_where_no_more_may_be_seen_the_model_answers_with_what_it_saw(asked):
    reply, backend, _ = asked(CALL, "A crane, I think.", zoom=spent)
    assert (reply.status, reply.answer) == ("found", "A crane, I think.")
    assert reply.looked_at == ()
    assert "No more could be shown larger: 2 looks are the most." in reply.notes
    assert len(backend.told) == 2


def test_where_not_even_an_answer_can_be_had_what_is_known_comes_back(asked):
    reply, _, _ = asked(CALL, BudgetExceeded("60 s are over"), zoom=spent)
    assert (reply.status, reply.answer, reply.raw) == ("unparseable", "", CALL)
    assert reply.notes[-2:] == (
        "No more could be shown larger: 2 looks are the most.",
        "It could not be asked for its answer any more: 60 s are over.",
    )


@pytest.mark.parametrize(
    "box", [(2000, 10, 3000, 20), (10, 10, 10, 20), (0, 10, 1092, 11), (-50, -50, -10, -10)]
)
def test_a_part_that_cannot_be_shown_is_refused_and_told(asked, box):
    reply, _, seen = asked(encode_zoom(box), "A crane.")
    assert (reply.answer, reply.looked_at, seen) == ("A crane.", (), [])
    told = ", ".join(map(str, box))
    assert f"It asked for a part that cannot be shown larger: {told}." in reply.notes


def test_a_part_that_sticks_out_is_cut_to_the_picture(asked):
    reply, _, _ = asked(encode_zoom((546, 364, 5000, 5000)), "A crane.")
    np.testing.assert_allclose(reply.looked_at, [(750, 500, 1500, 1000)])


def test_a_small_part_far_from_the_corner_is_shown(asked):
    reply, _, seen = asked(encode_zoom((1000, 700, 1010, 710)), "A crane.")
    assert len(seen) == len(reply.looked_at) == 1


def test_a_call_that_cannot_be_read_is_no_answer(asked):
    reply, backend, seen = asked("<tool_call>zoom please</tool_call>")
    assert (reply.status, reply.answer, seen) == ("unparseable", "", [])
    assert len(backend.told) == 1


def test_a_call_that_was_broken_off_is_told_so(asked):
    reply, _, _ = asked(ChatReply(text=CALL[:60], is_cut=True))
    assert (reply.status, reply.answer) == ("truncated", "")


def test_other_failures_of_looking_are_passed_on(asked):
    def broken(box):
        raise SourceError("the file is gone", href="scene.tif")

    with pytest.raises(SourceError, match="the file is gone"):
        asked(CALL, "A crane.", zoom=broken)


def test_a_profile_without_zoom_calls_is_not_told_of_any(asked, words_of):
    reply, backend, seen = asked("A crane.", name="remotereasoner")
    assert reply.answer == "A crane."
    assert not any("zoom" in words_of(m).lower() for m in backend.told[0])
    assert seen == []


def test_without_a_way_to_zoom_the_model_is_not_told_of_its_call(scripted, a_picture, words_of):
    backend = scripted("A crane.")
    DialogueReasoner(backend, read_profile("rscovlm")).answer([a_picture(56, 84)], "What is it?")
    (user,) = backend.told[0]
    assert words_of(user) == "<image>What is it?"


def test_boxes_count_in_the_first_of_several_pictures(asked, a_picture):
    reply, _, seen = asked(CALL, "A crane.", pictures=2)
    assert len(seen) == 1
    assert reply.answer == "A crane."
