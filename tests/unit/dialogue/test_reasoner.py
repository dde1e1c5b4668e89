"""A reasoner asks as its profile says, reads what comes, and says what it did."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.dialogue import ChatReply
from eoagent.contracts.errors import BudgetExceeded, InputError, ModelError
from eoagent.contracts.reasoner import Reasoner
from eoagent.dialogue.keeping import RecentReplies
from eoagent.dialogue.profiles import read_profile
from eoagent.dialogue.reasoner import DialogueReasoner

PIER = "<think>It juts out.</think>\n<answer>[[56,28,140,112],[10,20,30,40]]</answer>"


def reasoner(backend, name="remotereasoner", kept=None, **overrides) -> Reasoner:
    return DialogueReasoner(backend, read_profile(name, overrides), kept=kept)


def test_boxes_of_a_reply_are_in_pixels_of_the_picture_that_was_given(scripted, a_picture):
    backend = scripted(PIER)
    found = reasoner(backend).ground(a_picture(1000, 1500), "Where do boats land?")
    (user,) = [m for m in backend.told[0] if m.role == "user"]
    shown = next(part for part in user.parts if not isinstance(part, str))
    assert shown.shape == (728, 1092, 3)
    scale = np.array([1500 / 1092, 1000 / 728] * 2)
    expected = np.array([[56, 28, 140, 112], [10, 20, 30, 40]]) * scale
    np.testing.assert_allclose(found.boxes, expected)
    np.testing.assert_allclose(found.points, (expected[:, :2] + expected[:, 2:]) / 2)
    assert found.stated == ((56, 28, 140, 112), (10, 20, 30, 40))
    assert found.labels == ("", "")
    assert (found.dropped, found.mask) == (0, None)
    assert found.reply.status == "found"
    assert found.reply.think == "It juts out."
    assert found.reply.answer == "[[56,28,140,112],[10,20,30,40]]"
    assert found.reply.raw == PIER
    assert (found.reply.input_tokens, found.reply.output_tokens) == (10, 3)


def test_the_choices_are_noted(scripted, a_picture):
    found = reasoner(scripted(PIER)).ground(a_picture(1000, 1500), "Where?")
    assert found.reply.notes == (
        "The model was asked by the prompt profile remotereasoner.",
        "A picture of 1500 x 1000 px was shown at 1092 x 728 px.",
        "Pictures are shown with at most 802816 px.",
        "Its coordinates were read as pixels of the picture as it was shown.",
    )


def test_what_a_backend_doubts_is_noted_once_and_with_kept_replies_too(scripted, a_picture):
    doubt = "It is not known which weights the server has."
    asked = reasoner(scripted(ChatReply(text=PIER, notes=(doubt,))))
    for _ in range(2):
        found = asked.ground(a_picture(56, 84), "Where?")
        assert found.reply.notes.count(doubt) == 1


@pytest.mark.parametrize(
    ("frame", "expected", "says"),
    [
        ("original", [56, 28, 140, 112], "pixels of the picture as it was given"),
        ("thousandth", [84, 28, 210, 112], "thousandths of the sides"),
        ("percent", [840, 280, 1500, 1000], "hundredths of the sides"),
    ],
)
def test_the_frame_is_a_setting(scripted, a_picture, frame, expected, says):
    asked = reasoner(scripted(PIER), coordinate_frame=frame)
    found = asked.ground(a_picture(1000, 1500), "Where?")
    np.testing.assert_allclose(found.boxes[0], expected)
    assert any(says in note for note in found.reply.notes)
    assert asked.manner["frame"] == frame


def test_the_manner_names_profile_frame_and_cap_beside_that_of_the_backend(scripted):
    backend = scripted(place="a server")
    asked = reasoner(backend, max_pixels=401_408)
    assert dict(asked.manner) == {
        "place": "a server",
        "profile": "remotereasoner",
        "frame": "model_input",
        "pixel_cap": "401408",
    }
    assert asked.card is backend.card
    with pytest.raises(TypeError):
        asked.manner["place"] = "x"


REPLIES = [
    ("<think>a</think><answer>[]</answer>", False, "none", 0),
    ("<think>a</think><answer>The pier.</answer>", False, "unparseable", 0),
    ("I cannot help.", False, "unparseable", 0),
    ("", False, "unparseable", 0),
    ("<think>a", False, "unparseable", 0),
    ("<think>a", True, "truncated", 0),
    ("<think>a</think><answer>[[1,2,30,40],[5,6", True, "truncated", 1),
    ("<think>a</think><answer>[[1,2,30,40],[5,6", False, "truncated", 1),
    ("<think>a</think><answer>[[1,2,30,40]]", True, "truncated", 1),
    ("<think>a</think><answer>[[1,2,30,40]]", False, "found", 1),
    ("<think>a</think><answer>[[1,2,30,40]]</answer> and", True, "found", 1),
    ("<answer>[]", True, "truncated", 0),
    ("[[1,2,30,40]]", False, "found", 1),
    ('<answer>```json\n[{"bbox_2d": [1,2,30,40], "label": "x"}]\n```</answer>', False, "found", 1),
    ('<answer>[{"bbox_2d": [1,2,30,40]}, {"bbox_2d": [5', False, "truncated", 1),
    ("<answer>[[900,900,950,950]]</answer>", False, "unparseable", 0),
]


@pytest.mark.parametrize(("text", "is_cut", "status", "boxes"), REPLIES)
def test_outcomes_are_told_apart_and_the_words_are_kept(
    scripted, a_picture, text, is_cut, status, boxes
):
    said = ChatReply(text=text, is_cut=is_cut)
    found = reasoner(scripted(said)).ground(a_picture(56, 84), "Where?")
    assert (found.reply.status, len(found.boxes)) == (status, boxes)
    assert found.reply.raw == text


@pytest.mark.parametrize(
    ("think", "text"),
    [
        ("It juts out.", "<answer>[[1,2,30,40]]</answer>"),
        ("It juts out.", "[[1,2,30,40]]"),
        ("It juts out.</think>\n<answer>[[1,2,30,40]]</answer>", ""),
    ],
)
def test_reasoning_may_come_apart_from_the_words(scripted, a_picture, think, text):
    found = reasoner(scripted(ChatReply(text=text, think=think))).ground(
        a_picture(56, 84), "Where?"
    )
    assert found.reply.status == "found"
    assert found.reply.think == "It juts out."
    assert found.boxes.tolist() == [[1, 2, 30, 40]]


def test_equal_pictures_and_questions_are_asked_once(scripted, a_picture):
    backend, pieces = scripted(PIER, "<answer>[]</answer>"), []
    asked = reasoner(backend)
    first = asked.ground(a_picture(56, 84), "Where?")
    again = asked.ground(a_picture(56, 84).copy(), " Where? ", on_text=pieces.append)
    assert len(backend.told) == 1
    np.testing.assert_array_equal(first.boxes, again.boxes)
    assert first.reply == again.reply
    assert pieces == [PIER]
    assert asked.ground(a_picture(56, 84), "What?").reply.status == "none"
    assert len(backend.told) == 2


@pytest.mark.parametrize(
    ("change", "is_asked_again"),
    [({}, False), ({"coordinate_frame": "original"}, True), ({"max_tokens": 99}, True)],
)
def test_what_is_kept_is_of_one_manner(scripted, a_picture, change, is_asked_again):
    kept, backend = RecentReplies(), scripted(PIER, PIER)
    reasoner(backend, kept=kept).ground(a_picture(56, 84), "Where?")
    reasoner(backend, kept=kept, **change).ground(a_picture(56, 84), "Where?")
    assert len(backend.told) == (2 if is_asked_again else 1)


def test_a_failure_is_not_kept(scripted, a_picture):
    backend = scripted(ModelError("out of memory"), PIER)
    asked = reasoner(backend)
    with pytest.raises(ModelError, match="out of memory"):
        asked.ground(a_picture(56, 84), "Where?")
    assert asked.ground(a_picture(56, 84), "Where?").reply.status == "found"


def test_the_words_are_passed_on_as_they_are_written(scripted, a_picture):
    pieces = []
    reasoner(scripted("a b c")).describe(a_picture(56, 84), on_text=pieces.append)
    assert pieces == ["a", "b", "c"]


def test_tokens_are_bounded_by_the_profile(scripted, a_picture):
    backend = scripted("x")
    reasoner(backend, max_tokens=77).describe(a_picture(56, 84))
    assert backend.most_tokens == [77]


@pytest.mark.parametrize(
    ("said", "status", "answer"),
    [
        ("<think>a</think><answer>Yes.</answer>", "found", "Yes."),
        ("Yes.", "found", "Yes."),
        (ChatReply(text="Yes, it", is_cut=True), "truncated", "Yes, it"),
        (ChatReply(text="<answer>Yes.</answer> And", is_cut=True), "found", "Yes."),
        ("<think>a</think><answer></answer>", "unparseable", ""),
        ("<think>a", "unparseable", ""),
        (ChatReply(text="<think>a", is_cut=True), "truncated", ""),
        ("", "unparseable", ""),
        ('<tool_call>{"name": "image_zoom_in"}</tool_call>', "unparseable", ""),
    ],
)
def test_answers_in_words(scripted, a_picture, said, status, answer):
    reply = reasoner(scripted(said)).answer([a_picture(56, 84)], "Is it flooded?")
    assert (reply.status, reply.answer) == (status, answer)


def test_a_caption_is_all_that_is_said(scripted, a_picture):
    reply = reasoner(scripted("A harbour with two piers.")).describe(a_picture(30, 40))
    assert (reply.status, reply.answer, reply.think) == ("found", "A harbour with two piers.", "")
    assert "A picture of 40 x 30 px was shown at 84 x 56 px." in reply.notes


def test_several_pictures_and_material_go_to_the_model(scripted, a_picture, words_of):
    backend = scripted("<answer>The second.</answer>")
    pictures = [a_picture(56, 84), a_picture(84, 56), a_picture(56, 84, 1)]
    reply = reasoner(backend).answer(pictures, "Which is newer?", context="Taken in 2020 and 2024.")
    words = words_of(backend.told[0][-1])
    assert words.count("<image>") == 3
    assert "Taken in 2020 and 2024.\n--- end material ---" in words
    assert [note for note in reply.notes if note.startswith("A picture")] == [
        "A picture of 84 x 56 px was shown at 84 x 56 px.",
        "A picture of 56 x 84 px was shown at 56 x 84 px.",
    ]


def test_material_that_was_cut_is_told(scripted, a_picture):
    reply = reasoner(scripted("Yes.")).answer([a_picture(56, 84)], "Is it?", context="x" * 13_000)
    assert "Of the 13000 characters of material it got 12000." in reply.notes


def test_what_a_model_says_is_made_fit_to_show(scripted, a_picture):
    said = '[{"bbox_2d": [1,2,30,40], "label": "pier\\u202e\x1b[31m' + "x" * 500 + '"}]'
    found = reasoner(scripted(said), "qwen2.5-vl").ground(a_picture(56, 84), "Where?")
    assert len(found.labels[0]) == 200
    for text in (found.labels[0], found.reply.raw, found.reply.answer):
        assert "\x1b" not in text
        assert "\u202e" not in text
    reply = reasoner(scripted("x" * 50_000)).describe(a_picture(56, 84))
    assert len(reply.answer) == 12_000


def test_a_mask_on_the_grid_of_the_picture_is_stretched_over_it(scripted, a_picture):
    backend = scripted("<seg>0*6;0*6;1*2,0*4;1*2,0*4;</seg>")
    found = reasoner(backend, "rscovlm-mask").ground(a_picture(112, 168), "field")
    expected = np.zeros((112, 168), bool)
    expected[56:, :56] = True
    np.testing.assert_array_equal(found.mask, expected)
    assert found.boxes.tolist() == [[0, 56, 56, 112]]
    assert backend.told[0][-1].parts[-1] == "Locate the field, output the segmentation mask"


def test_a_mask_on_another_grid_is_never_an_empty_mask(scripted, a_picture):
    backend = scripted("<seg>0*3;1*2,0*1;</seg>")
    found = reasoner(backend, "rscovlm-mask").ground(a_picture(112, 168), "field")
    assert (found.reply.status, found.mask) == ("unparseable", None)
    assert (
        "mask of 3 x 2 cells (columns x rows), and the picture has 6 x 4" in (found.reply.notes[-1])
    )


def test_points_of_think2seg_come_through_its_square(scripted, a_picture):
    said = (
        "<think>a</think><answer>```json"
        '[{"bbox_2d": [84,84,420,420], "positive_points": [[100, 200], [210, 210]]}]```</answer>'
    )
    backend = scripted(said)
    found = reasoner(backend, "think2seg-rs").ground(a_picture(420, 1680), "Where?")
    assert found.boxes.tolist() == [[168, 42, 840, 210]]
    assert found.points.tolist() == [[200, 100]]
    assert backend.most_tokens == [2048]


def test_what_cannot_be_asked_is_refused_before_the_model_is(scripted, a_picture):
    backend = scripted()
    asked = reasoner(backend)
    with pytest.raises(InputError, match="the question is empty"):
        asked.ground(a_picture(56, 84), "")
    with pytest.raises(InputError, match="came with 0 pictures"):
        asked.answer([], "What?")
    with pytest.raises(InputError, match="too long and thin"):
        asked.describe(a_picture(2, 500))
    assert backend.told == []


def test_a_deadline_is_passed_on(scripted, a_picture):
    with pytest.raises(BudgetExceeded, match="60 s"):
        reasoner(scripted(BudgetExceeded("60 s are over"))).ground(a_picture(56, 84), "Where?")
