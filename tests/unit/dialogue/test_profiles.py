"""Profiles are data: literal prompts of checkpoints, checked and with typed refusals."""

from __future__ import annotations

import hashlib

import pytest

from eoagent.contracts.errors import InputError, NotFound
from eoagent.dialogue.profiles import OVERRIDABLE, Profile, profile_names, read_profile


def test_the_profiles_there_are():
    assert profile_names() == (
        "qwen2.5-vl",
        "remotereasoner",
        "rscovlm",
        "rscovlm-mask",
        "think2seg-rs",
    )


@pytest.mark.parametrize("name", profile_names())
def test_each_profile_says_where_its_texts_come_from(name):
    profile = read_profile(name)
    assert profile.name == name
    assert profile.sources
    assert profile.notes
    assert profile.max_pixels == 802_816
    assert profile.coordinate_frame == "model_input"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# The literal texts of the checkpoints, by their hashes: a letter that changes is noticed.
LITERALS = {
    ("remotereasoner", "answer"): "d08998d50c38ee20",
    ("remotereasoner", "describe"): "7102b52869c9f5fd",
    ("remotereasoner", "ground"): "914064c991dce499",
    ("remotereasoner", "system"): "eb00998e96e5f1b0",
    ("rscovlm", "ground"): "72a45f6a34d8491f",
    ("rscovlm", "zoom_shown"): "a5e4904a337bd1ae",
    ("rscovlm", "zoom_suffix"): "459fd9725d222fca",
    ("rscovlm", "zoom_system"): "582d01257e5bfcfb",
    ("rscovlm-mask", "ground"): "3e1f9aca9dddcbe9",
    ("rscovlm-mask", "ground_system"): "29d7ce79b48997fd",
    ("think2seg-rs", "ground"): "6bd3213c17bd532d",
    ("think2seg-rs", "system"): "f4e62d7bd301ff23",
}


@pytest.mark.parametrize(("name", "field"), sorted(LITERALS))
def test_the_literal_texts_are_as_trained(name, field):
    profile = read_profile(name)
    prompts = {
        "system": profile.system,
        "ground": profile.ground.text,
        "ground_system": profile.ground.system,
        "answer": profile.answer.text,
        "describe": profile.describe.text,
        "zoom_system": profile.zoom.system if profile.zoom else None,
        "zoom_suffix": profile.zoom.suffix if profile.zoom else None,
        "zoom_shown": profile.zoom.shown if profile.zoom else None,
    }
    assert sha(prompts[field] or "") == LITERALS[name, field]


def test_the_oddities_of_the_remotereasoner_texts_are_kept():
    profile = read_profile("remotereasoner")
    assert "tags.Perform the grounding task" in profile.ground.text
    assert profile.ground.text.endswith("\n<image>\nText description: {question}")
    assert profile.describe.text == "You are an useful assistant. Please discribe the image."
    assert "question.Please follow" in profile.answer.text
    assert profile.system is not None
    assert profile.system.endswith("</answer>\n")


def test_the_example_of_think2seg_has_single_braces_and_a_space_before_the_line_end():
    text = read_profile("think2seg-rs").ground.text
    assert '</think> \n<answer>```json[{"bbox_2d": [310,360,567,586], "positive_points"' in text
    assert "{{" not in text


def test_an_unknown_profile_is_refused_with_those_that_there_are():
    with pytest.raises(NotFound) as caught:
        read_profile("gpt")
    assert str(caught.value) == "there is no prompt profile 'gpt'"
    assert caught.value.hint == f"there are: {', '.join(profile_names())}"


@pytest.mark.parametrize("name", ["../profiles", "remotereasoner.toml", "", "a/b"])
def test_a_name_cannot_reach_other_files(name):
    with pytest.raises(NotFound):
        read_profile(name)


def test_a_card_sets_fields_anew():
    changed = read_profile(
        "remotereasoner",
        {"coordinate_frame": "original", "max_pixels": 401_408, "system": "", "max_boxes": 5},
    )
    assert (changed.coordinate_frame, changed.max_pixels) == ("original", 401_408)
    assert (changed.system, changed.max_boxes) == ("", 5)
    plain = read_profile("remotereasoner")
    assert plain.coordinate_frame == "model_input"
    assert changed.ground == plain.ground


def test_what_can_be_set_is_of_a_profile():
    assert set(Profile.model_fields) >= OVERRIDABLE


def test_a_field_that_may_not_be_set_is_refused_by_name():
    with pytest.raises(InputError) as caught:
        read_profile("remotereasoner", {"coordinate_fram": "original", "name": "x"})
    assert str(caught.value) == (
        "the prompt profile remotereasoner does not let coordinate_fram, name be set"
    )
    assert "coordinate_frame" in caught.value.hint


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("coordinate_frame", "meters", "coordinate_frame: Input should be 'model_input'"),
        ("max_pixels", 100, "max_pixels: Input should be greater than or equal to 3136"),
        ("max_pixels", "many", "max_pixels: Input should be a valid integer"),
        ("max_boxes", 0, "max_boxes"),
        ("square_px", 30, "square_px: Input should be a multiple of 28"),
        ("square_px", 28, "a square is of 56 px at least"),
        ("system", 5, "system: Input should be a valid string"),
        ("min_pixels", 200_704, None),
    ],
)
def test_a_value_that_does_not_hold_is_refused_with_its_field(field, value, says):
    if says is None:
        assert read_profile("remotereasoner", {field: value}).min_pixels == value
        return
    with pytest.raises(InputError) as caught:
        read_profile("remotereasoner", {field: value})
    assert "remotereasoner does not hold with what was set" in str(caught.value)
    assert says in str(caught.value)
    assert caught.value.hint == "correct the options of the model card"


def test_the_fewest_pixels_keep_their_distance_from_the_most():
    says = "min_pixels 100353 is above a quarter of max_pixels 401408"
    with pytest.raises(InputError, match=says):
        read_profile("remotereasoner", {"min_pixels": 100_353, "max_pixels": 401_408})


@pytest.mark.parametrize(
    ("prompt", "text", "says"),
    [
        ("ground", "Where is it?", "has no {question}"),
        ("answer", "What?", "has no {question}"),
        ("describe", "Say {question}", "nothing to put there"),
        ("ground", "{question} {question}", "{question} stands 2 times"),
        ("describe", "<image><image>", "<image> stands 2 times"),
    ],
)
def test_prompts_have_their_marks_in_place(prompt, text, says):
    told = read_profile("remotereasoner").model_dump()
    told[prompt] = {"text": text}
    with pytest.raises(ValueError, match=says.replace("{", r"\{")):
        Profile.model_validate(told)
