"""Text from strangers: letters of every script pass, what cannot be seen does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.contracts.text import plain_text, plain_values

JOINED = (
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"  # a Persian word, written with a non-joiner
)


@pytest.mark.parametrize(
    "text",
    ["", "Lago d'Idro", "Łódź", "北京市", "कोलकाता", JOINED, "m²  (± 3)", "👩\u200d🌾", "a\u00a0b"],
)
def test_what_can_be_seen_stays_as_it_is(text):
    assert plain_text(text) == text


@pytest.mark.parametrize(
    "hidden",
    [
        "\x1b",
        "\x00",
        "\n",
        "\r",
        "\t",
        "\x7f",
        "\x9b",
        "\u200b",
        "\u202e",
        "\u2028",
        "\u2066",
        "\ufeff",
        "\ue000",
        "\U000e0041",
        "\U000e0100",
        "\ud800",
    ],
)
def test_what_cannot_be_seen_becomes_a_space(hidden):
    assert plain_text(f"a{hidden}b") == "a b"


def test_a_line_feed_stays_where_it_is_wanted():
    assert plain_text("one\ntwo\x07", keep="\n") == "one\ntwo "


@given(st.text(max_size=50), st.integers(1, 60))
def test_a_text_is_cut_to_its_length_and_says_so(text, limit):
    short = plain_text(text, limit)
    assert len(short) <= limit
    assert (short == plain_text(text)) == (len(text) <= limit)
    assert len(text) <= limit or short.endswith("…")


@given(st.text())
def test_a_plain_text_is_plain_already(text):
    assert plain_text(plain_text(text)) == plain_text(text)


def test_texts_inside_a_value_are_made_plain_and_numbers_stay():
    value = {"na\x1bme": ["\u202ex", 1.5, None, True, {"deep": ("a\nb",)}]}
    assert plain_values(value) == {"na me": [" x", 1.5, None, True, {"deep": ["a b"]}]}
