"""Names that are the same, and names that are not."""

from __future__ import annotations

import pytest

from eoagent.io.placename import (
    AskedPlace,
    bare_name,
    close_names,
    fold_name,
    is_code,
    plain,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zürich", "ZURICH"),
        ("Saint-Étienne", "saint etienne"),
        ("Łódź", "Lodz"),
        ("Tromsø", "tromso"),
        ("Straße", "strasse"),
        ("Hà Nội", "Ha Noi"),
        ("N'Djamena", "N’Djamena"),
        ("Washington, D.C.", "washington dc"),
        ("Lake\rBaikal", " Lake  Baikal "),
        ("Ａｑｕｉｌｅｉａ", "aquileia"),
        ("Zu\u0308rich", "Zürich"),
    ],
)
def test_spellings_of_one_name_are_equal(one, other):
    assert fold_name(one) == fold_name(other)


@pytest.mark.parametrize(("one", "other"), [("पेरिस", "पेरस"), ("が", "か"), ("Bern", "Berne")])
def test_marks_that_are_letters_count(one, other):
    assert fold_name(one) != fold_name(other)


@pytest.mark.parametrize("text", ["", "   ", ".*", "()[]{}\\", "\u200b", "…", "_", "，"])
def test_a_text_without_letters_folds_to_nothing(text):
    assert fold_name(text) == ""


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("lake garda", "garda"),
        ("river", "river"),
        ("上海市", "上海"),
        ("湖", "湖"),
        ("paris", "paris"),
    ],
)
def test_words_for_the_kind_of_a_place_can_be_left_out(name, bare):
    assert bare_name(name) == bare


def test_codes_are_written_in_capitals():
    assert is_code("LUH")
    assert is_code("US")
    assert not is_code("Par")
    assert not is_code("PARIS")
    assert not is_code("巴黎")


def test_commas_part_a_name_from_its_region():
    whole, cut = AskedPlace.readings("Paris, Texas，USA", "North America")
    assert whole == AskedPlace("Paris, Texas，USA", ("North America",))
    assert cut == AskedPlace("Paris", ("Texas", "USA", "North America"))
    assert list(AskedPlace.readings(" Rome ")) == [AskedPlace("Rome")]


def test_near_names_are_proposed_and_far_ones_are_not():
    names = ["Pucallpa", "Puno", "Lima", "Paucartambo"]
    assert close_names("pucalpa", names) == ("Pucallpa",)
    assert close_names("x" * 200, names) == ()


def test_text_of_strangers_is_cut_to_one_short_line():
    assert plain("a\nb\x00\x1b[31mc") == "a b [31mc"
    assert len(plain("x" * 10_000)) == 60
