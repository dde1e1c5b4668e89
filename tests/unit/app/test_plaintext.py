"""Text made safe to look at: letters of every script stay, what moves the cursor does not."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from eoagent.app.plaintext import printable


def test_letters_of_every_script_stay():
    text = "Wasserfläche 水体面积 مساحة המים Ωκεανός 30.85 ± 0.21 km²\n\ttab 🌊"
    assert printable(text) == text


def test_control_characters_are_spelled_out():
    assert printable("a\x1b[31mb\x00c\x9bd\re") == "a\\x1b[31mb\\x00c\\x9bd\\x0de"
    assert printable("\u202e123\u2069\u2028") == "\\u202e123\\u2069\\u2028"


@given(st.text())
def test_nothing_that_controls_is_left(text):
    shown = printable(text)
    assert all(c in "\n\t" or unicodedata.category(c) not in {"Cc", "Zl", "Zp"} for c in shown)
    assert printable(shown) == shown
