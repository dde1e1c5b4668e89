"""Letters of a multiple choice: read where they are plain, never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.dialogue.grammars.choices import choice_of, encode_choice


@settings(deadline=None)
@given(st.lists(st.sampled_from("ABCDE"), min_size=1, max_size=5, unique=True).map(sorted))
def test_letters_come_back_as_they_were_written(letters):
    for text in (
        encode_choice(letters),
        ", ".join(letters),
        f"<answer>{' '.join(letters)}</answer>",
    ):
        choice = choice_of(text, "ABCDE")
        assert (choice.status, choice.letters) == ("found", tuple(letters))


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("B", "B"),
        ("b", "B"),
        ("b.", "B"),
        ("(B)", "B"),
        ("[B]", "B"),
        ("**B**", "B"),
        ("B.", "B"),
        ("B)", "B"),
        ("B. Forest", "B"),
        ("B: Forest", "B"),
        ("(B) Forest", "B"),
        ("**B.** Forest", "B"),
        ("The answer is B", "B"),
        ("The answer is B.", "B"),
        ("The answer is: (B) Forest", "B"),
        ("The best answer is:\nB", "B"),
        ("Answer: B", "B"),
        ("The correct option is **B**, because it is green.", "B"),
        ("The answer is B because A is wrong.", "B"),
        ("It must be (B), since there are trees.", "B"),
        ("<think>A or C? No.</think><answer>B</answer>", "B"),
        ("<think>A or C? No.</think>\nThe answer is B", "B"),
        ("A C", "AC"),
        ("C, A", "AC"),
        ("A and C", "AC"),
        ("A, B, and C", "ABC"),
        ("(A) (C)", "AC"),
        ("The answers are A and C.", "AC"),
        ("The answer is A", "A"),
        ("Answer: A, C", "AC"),
    ],
)
def test_ways_to_say_a_letter(text, letters):
    choice = choice_of(text, "ABCD")
    assert (choice.status, "".join(choice.letters)) == ("found", letters)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "E",
        "Forest",
        "A building is in the middle.",
        "The answer is a building.",
        "The answer is A building.",
        "I think so",
        "The answer is A or B",
        "A. Forest\nB. Water",
        "It is (A) or (B).",
        "Answer A is wrong, answer B is right.",
        "<think>The answer is B",
        "ABCDE",
        "12",
    ],
)
def test_what_can_be_read_in_two_ways_or_none_is_unparseable(text):
    choice = choice_of(text, "ABCD")
    assert (choice.status, choice.letters) == ("unparseable", ())


@pytest.mark.parametrize("text", ["None", "none of the above.", "None of these"])
def test_none_of_them_is_said_so(text):
    assert choice_of(text, "ABCD").status == "none"


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_ends_in_a_choice(text):
    choice = choice_of(text, "ABCD")
    assert (choice.status == "found") == bool(choice.letters)
    assert set(choice.letters) <= set("ABCD")


@pytest.mark.parametrize(
    "text",
    [
        "answer" + " " * 50_000 + "é",
        "answer is" + " \n" * 50_000,
        "A" + " and" * 20_000 + "!",
        "(" * 50_000,
        "A " * 30_000,
        "<think>" * 20_000,
    ],
)
def test_hostile_text_is_read_to_an_end(text):
    assert choice_of(text, "BCD").status == "unparseable"
