"""Google-style docstrings, read into their parts."""

from __future__ import annotations

import pytest

from eoagent.app.docstring import read_docstring

WHOLE = """Tell how green
    a place is.

    A second paragraph: it is passed over.

    Args:
        place: Where, with a colon: like this.
        size (float, optional): How large,
            over two lines.

            And a paragraph.
        bare:
            Below its name.

    Returns:
        The share, of
        the whole.

    Raises:
        InputError: if there is none.
    """


def test_every_part_comes_in_one_line():
    told = read_docstring(WHOLE)
    assert told.summary == "Tell how green a place is."
    assert told.returns == "The share, of the whole."
    assert dict(told.parameters) == {
        "place": "Where, with a colon: like this.",
        "size": "How large, over two lines. And a paragraph.",
        "bare": "Below its name.",
    }


@pytest.mark.parametrize("text", ["", "   ", "\n\n"])
def test_an_empty_docstring_has_no_parts(text):
    told = read_docstring(text)
    assert (told.summary, dict(told.parameters), told.returns) == ("", {}, "")


def test_a_docstring_of_one_line_has_a_summary_alone():
    told = read_docstring("Count ships.")
    assert (told.summary, dict(told.parameters), told.returns) == ("Count ships.", {}, "")


def test_a_docstring_that_begins_with_a_section_has_no_summary():
    told = read_docstring("Args:\n    x: The value.")
    assert (told.summary, dict(told.parameters)) == ("", {"x": "The value."})


def test_lines_of_a_section_that_name_nothing_are_passed_over():
    told = read_docstring("Do it.\n\nArgs:\n    just some words\n    x: The value.")
    assert dict(told.parameters) == {"x": "The value."}


def test_a_sentence_with_a_colon_is_no_heading():
    told = read_docstring("Do it.\n\nNote this: it matters.\nArguments:\n    x: The value.")
    assert dict(told.parameters) == {"x": "The value."}
