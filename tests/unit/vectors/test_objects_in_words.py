"""Words for objects: their number, the phrase a model is asked by, and the size they have."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.contracts.card import ModelCard, WeightsSource
from eoagent.contracts.errors import InputError, ModelError
from eoagent.runners.registry import card_by_id
from eoagent.vectors.classphrases import class_phrases, phrases_stated
from eoagent.vectors.nouns import plural, same_noun, singular
from eoagent.vectors.objectsizes import check_visible, object_size, too_small

NOUNS = (
    "ship", "storage tank", "bus", "bridge", "church", "beach", "box", "lorry", "city", "person",
    "aircraft", "bush", "grass", "railway", "tree", "house", "oil tank", "tennis court", "roof",
)  # fmt: skip


@pytest.mark.parametrize("noun", NOUNS)
def test_the_singular_undoes_the_plural_and_changes_no_singular(noun):
    assert singular(plural(noun)) == noun
    assert singular(noun) == noun


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("the ships", "ship"),
        ("All of the  storage tanks", "storage tank"),
        ("people", "person"),
        ("cars", "car"),
        ("glass", "glass"),
        ("campus", "campus"),
        ("gas", "gas"),
        ("houses", "house"),
        ("buses", "bus"),
        ("ties", "tie"),
        ("", ""),
    ],
)
def test_singulars_are_those_of_english(given, wanted):
    assert singular(given) == wanted


@given(st.lists(st.sampled_from(NOUNS), min_size=1, max_size=3), st.booleans())
def test_one_noun_in_any_spelling_is_one(words, is_plural):
    noun = " ".join(words)
    written = plural(noun) if is_plural else noun
    for other in (written.upper(), written.replace(" ", "-"), f"the {written}"):
        assert same_noun(other) == same_noun(noun)


REMOTESAM = card_by_id("remotesam-v1")


@pytest.mark.parametrize(
    ("given", "phrase"),
    [
        ("storage tanks", "storagetank in the image"),
        ("ships", "ship in the image"),
        ("Tennis-courts", "tenniscourt in the image"),
        ("expressway service areas", "expressway-service-area in the image"),
        ("small vehicles", "small-vehicle in the image"),
        ("aircraft", "airplane in the image"),
        ("harbours", "harbor in the image"),
        ("parking lots", "parking lot in the image"),
        ("red cars", "red car in the image"),
    ],
)
def test_remotesam_is_asked_by_the_names_that_it_was_trained_on(given, phrase):
    (found,) = class_phrases(REMOTESAM, [given])
    assert found.phrase == phrase
    assert found.asked_as == (given,)


def test_no_word_stands_for_two_classes_of_the_card():
    names = REMOTESAM.options["class_names"]
    words = [same_noun(word) for name, others in names.items() for word in (name, *others)]
    assert len(set(words)) == len(words)


def test_names_that_come_to_one_phrase_are_one_class():
    found = class_phrases(REMOTESAM, ["planes", "ship", "Airplane", "planes"])
    assert [one.name for one in found] == ["plane", "ship"]
    assert found[0].asked_as == ("planes", "Airplane")
    assert phrases_stated(REMOTESAM, found) == (
        "remotesam-v1 was asked for 'airplane in the image' for planes, Airplane; "
        "'ship in the image' for ship"
    )


def plain_card(**options):
    return ModelCard(
        id="stub-one", kind="stub", title="Stub", summary="finds", licence="none", homepage="none",
        weights=WeightsSource(file="none"), architecture="none", input_px=8, memory_mb=1,
        options=options,
    )  # fmt: skip


def test_a_model_without_names_and_frame_is_asked_for_the_singular():
    assert [one.phrase for one in class_phrases(plain_card(), ["the ships"])] == ["ship"]


@pytest.mark.parametrize("options", [{"class_prompt": "in the image"}, {"class_prompt": 3}])
def test_a_frame_without_a_place_for_the_class_is_an_error_of_the_card(options):
    with pytest.raises(ModelError, match="stub-one states no class_prompt with one {}"):
        class_phrases(plain_card(**options), ["ship"])


def test_names_in_another_form_are_an_error_of_the_card():
    with pytest.raises(ModelError, match="class_names that are no lists of words"):
        class_phrases(plain_card(class_names={"ship": 3}), ["ship"])


@pytest.mark.parametrize("names", [[], [" "], ["ship", "."]])
def test_no_class_is_refused(names):
    with pytest.raises(InputError, match=r"^(no class|a class without a name) was asked for"):
        class_phrases(REMOTESAM, names)


def test_each_size_has_a_source_and_each_word_one_size():
    text = files("eoagent.vectors").joinpath("objectsizes.toml").read_text()
    entries = tomllib.loads(text)["object"]
    words = [same_noun(word) for one in entries for word in one["words"]]
    assert len(set(words)) == len(words)
    assert all(len(one["source"]) > 10 for one in entries)


def test_sizes_are_found_in_any_number_and_spelling():
    assert object_size("Tennis courts").size_m == object_size("tennis-court").size_m == 23.8
    assert object_size("unicorns") is None


def test_cars_in_pixels_of_ten_metres_are_refused_with_the_reason():
    with pytest.raises(InputError) as caught:
        check_visible(["ships", "cars"], 10.0)
    assert str(caught.value) == (
        "pixels of 10 m cannot show what was asked for, which would be less than 2 pixels long: "
        "'cars' is about 5.8 m long (passenger car of 19 ft, AASHTO Green Book, design vehicle P)"
    )
    assert caught.value.hint == (
        "take an image of 2.9 m per pixel or finer, or ask for something larger"
    )


@pytest.mark.parametrize(("gsd_m", "is_small"), [(2.9, False), (2.91, True), (None, False)])
def test_two_pixels_are_enough_and_unknown_pixels_pass(gsd_m, is_small):
    assert bool(too_small(["cars"], gsd_m)) is is_small


def test_what_is_not_known_passes():
    check_visible(["forests", "a red thing", "cars on the road"], 30.0)
