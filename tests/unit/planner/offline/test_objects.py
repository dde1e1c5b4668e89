"""Questions about things in pictures: each kind has its plan, and what is assumed is said."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

from eoagent.contracts.planner import Input, View
from eoagent.planner.offline.objectchinese import ask_in_chinese
from eoagent.planner.offline.objectphrases import ask_in_english
from eoagent.planner.offline.objectwords import noun_in_chinese, noun_in_english
from eoagent.planner.offline.offline_planner import OfflinePlanner

_SHIPS = "count_objects(raster=$1, classes=ship)"
_PLANS = {
    ("How many ships are there?", "shot1"): _SHIPS,
    ("How many ships are there in each image?", "shot1+shot2"): (
        "count_objects(raster=$1, classes=ship); count_objects(raster=$2, classes=ship)"
    ),
    ("Are there more airplanes or more storage tanks?", "flat1"): (
        "count_objects(raster=$1, classes=airplane+storage tank); "
        "rank(figures=$2.count_airplane+$2.count_storage_tank, order=highest)"
    ),
    ("Which scene has the fewest storage tanks?", "shot1+shot2"): (
        "count_objects(raster=$1, classes=storage tank); "
        "count_objects(raster=$2, classes=storage tank); "
        "rank(figures=$3.count+$4.count, order=lowest)"
    ),
    ("Which of these two pictures shows a bridge?", "shot1+shot2"): (
        "segment(raster=$1, phrase=bridge); segment(raster=$2, phrase=bridge); "
        "rank(figures=$3.presence+$4.presence, order=highest)"
    ),
    ("How many ships are within 500 m of the pier?", "shot1"): (
        "segment(raster=$1, phrase=pier); detect(raster=$1, classes=ship); "
        "relate(relation=within, first=$2.features, second=$3, distance_m=500.0)"
    ),
    ("How many ships are within 500 m of the harbour outlines?", "shot1+quays"): (
        "detect(raster=$1, classes=ship); "
        "relate(relation=within, first=$2, second=$3, distance_m=500.0)"
    ),
    ("How far is the nearest building from the river?", "aerial"): (
        "threshold(raster=$1, rule=water); regions(mask=$2); detect(raster=$1, classes=building); "
        "relate(relation=nearest, first=$3.features, second=$4)"
    ),
    ("How far is the nearest building from the water?", "shot1"): (
        "segment(raster=$1, phrase=water); detect(raster=$1, classes=building); "
        "relate(relation=nearest, first=$2.features, second=$3)"
    ),
    ("Segment the damaged roofs", "shot1"): (
        "segment(raster=$1, phrase=damaged roof); render_map(layers=$1+$2)"
    ),
    ("What area do buildings cover, and what share of the image is that?", "shot1"): (
        "segment(raster=$1, phrase=building)"
    ),
    ("How many buildings are new?", "flat1+flat2"): (
        "segment(raster=$1, phrase=building); segment(raster=$2, phrase=building); "
        "compare(first=$3, second=$4); regions(mask=$5.gained_mask)"
    ),
    ("How many buildings were demolished?", "shot1+shot2"): (
        "align(rasters=$2, onto=$1, resampling=bilinear); segment(raster=$3, phrase=building); "
        "combine(operation=not, first=$4); regions(mask=$5); "
        "detect(raster=$1, classes=building); relate(relation=inside, first=$6.features, second=$7)"
    ),
    ("What area do new buildings cover?", "shot1+shot2"): (
        "align(rasters=$2, onto=$1, resampling=bilinear); segment(raster=$1, phrase=building); "
        "segment(raster=$3, phrase=building); compare(first=$4, second=$5)"
    ),
    ("Describe the image", "shot1"): "describe_image(raster=$1)",
    ("Is there an airport?", "shot1"): "count_objects(raster=$1, classes=airport)",
    ("How many wheelie bins are there?", "shot1"): (
        "count_objects(raster=$1, classes=wheelie bin)"
    ),
    # what an index shows stays with the index, unless there is no band for one
    ("How much vegetation is there?", "aerial"): (
        "threshold(raster=$1, rule=vegetation); measure(target=$2, quantities=area+share)"
    ),
    ("How much vegetation is there?", "shot1"): (
        "segment(raster=$1, phrase=vegetation); measure(target=$2, quantities=area+share)"
    ),
}


@pytest.mark.parametrize(("asked", "steps"), _PLANS.items(), ids=lambda v: v[0])
def test_each_kind_of_question_has_its_plan(decide, asked, steps):
    assert decide(*asked).text == steps


@pytest.mark.parametrize(
    ("question", "given", "said"),
    [
        ("How many cars are there?", "scene", "Cars: about 4.5 m long, and the pixels of this"),
        (
            "How many ships are there, and what is their mean NDVI?",
            "shot1",
            "A model can find ships",
        ),
        ("What can be seen here?", "dem", "look at pictures, and dem is none"),
        ("Which image has the most cars?", "shot1", "one was given (shot1)"),
        ("Which of these three images shows a bridge?", "shot1+shot2", "3 images or dates, and 2"),
        ("How many buildings are new?", "shot1", "A change needs two dates"),
        ("How many buildings are new?", "shot2+shot1", "of 2023-05-01 and the second of 2021-05"),
        ("How many ships are there?", "", "Which image is meant?"),
        ("How many ships are there?", "shot1+zones", "zones came with the question"),
        (
            "How many ships are within 5 m of the pier outlines?",
            "shot1",
            "Which outlines of 'pier'",
        ),
        ("How many ships are within 5 m of the pier?", "flat1", "flat1 has no georeference"),
        ("How many ships are within 5 m of the pier?", "shot1+shot2", "2 images were given"),
        ("How many ships are within 5 m of the pier?", "shot1+zones+quays", "meant by 'pier'"),
        ("What area do buildings cover in ha?", "flat1", "How many metres is one pixel"),
    ],
)
def test_what_does_not_fit_is_asked_back_or_refused_with_the_reason(decide, question, given, said):
    decision = decide(question, given)
    assert decision.kind in {"ask", "refuse"}, decision.text
    assert said in decision.message


@pytest.mark.parametrize(
    ("question", "images", "said"),
    [
        ("How many wheelie bins are there?", ["shot1"], "'wheelie bin' is no class that"),
        ("How many boats are there?", ["shot1"], "'boats' is looked for as 'ship'"),
        ("What share is covered by new buildings?", ["shot1", "shot2"], "errors of both add up"),
        ("How many buildings are new?", ["shot1", "shot2"], "its box holds no pixel"),
        ("How many buildings are new?", ["flat1", "flat2"], "rims of shifted outlines"),
        ("How far is the nearest house from the river?", ["aerial"], "'river' is taken as water"),
        ("How much water is there?", ["shot1"], "no index shows 'water'"),
    ],
)
def test_choices_of_the_planner_are_told(first_plan, question, images, said):
    assert any(said in assumption for assumption in first_plan(question, images).assumptions)


def test_a_plain_class_assumes_nothing(first_plan):
    assert first_plan("How many ships are there?", ["shot1"]).assumptions == ()


def test_an_index_or_a_catalog_keeps_its_own_questions():
    for kind in ("index", "catalog"):
        view = View(question="Where are storage tanks?", inputs=(Input(kind=kind, href="x"),))
        assert OfflinePlanner().plan(view).steps[0].tool != "open_image"


_VOCABULARY = tomllib.loads(
    (files("eoagent.planner.offline") / "objectwords.toml").read_text(encoding="utf-8")
)


def test_each_word_has_one_meaning():
    words = [word for entry in _VOCABULARY.values() for word in (*entry["en"], *entry["zh"])]
    assert len(words) == len(set(words))


@pytest.mark.parametrize("key", _VOCABULARY)
def test_every_known_thing_is_read_in_both_languages(key):
    for word in _VOCABULARY[key]["en"]:
        assert noun_in_english(f"the {word}").key == key
    for word in _VOCABULARY[key]["zh"]:
        assert noun_in_chinese(word).key == key
        assert ask_in_chinese(f"图中有多少{word}？").nouns[0].key == key


@pytest.mark.parametrize(
    ("words", "phrase"),
    [
        ("the cherries", None),
        ("factories", "factory"),
        ("wharves", "pier"),
        ("beaches", "beach"),
        ("buses", "bus"),
        ("damaged roofs", "damaged roof"),
        ("red cars", "red car"),
        ("new cars", None),
        ("cars in Rome", None),
        ("Roman villas", "roman villa"),
        ("ships Titanic", None),
        ("five ships", None),
        ("", None),
    ],
)
def test_further_words_go_to_the_model_unless_they_say_more_than_what_is_looked_for(words, phrase):
    noun = noun_in_english(words)
    assert (noun.phrase if noun else None) == phrase


@pytest.mark.parametrize(
    ("words", "phrase"),
    [
        ("wheelie bins", "wheelie bin"),
        ("bus shelters", "bus shelter"),
        ("ships sank", None),
        ("ships rusting slowly badly", None),
        ("volcano", None),
        ("pixels", None),
        ("water bodies", None),
        ("Martians", None),
        ("happy people", None),
    ],
)
def test_open_phrases_are_plain_plural_nouns(words, phrase):
    noun = noun_in_english(words, is_open=True)
    assert (noun.phrase if noun else None) == phrase


def test_distances_are_read_in_metres():
    for words in ("500 m", "0.5 km", "500 metres", "half a km", "half a kilometre"):
        found = ask_in_english(f"How many ships are within {words} of the pier?")
        assert found is not None, words
        assert found.radius_m == 500.0, words
    assert ask_in_chinese("离码头0.5公里以内有多少艘船？").radius_m == 500.0
