"""Calls to look closer are read and written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.dialogue.grammars.calls import decode_zoom, encode_zoom

NUMBER = st.integers(-50, 20_000).map(float) | st.floats(-50, 20_000).map(lambda n: round(n, 3))


@settings(deadline=None)
@given(st.tuples(*[NUMBER] * 4))
def test_calls_come_back_as_they_were_written(box):
    asked = decode_zoom(encode_zoom(box))
    assert (asked.status, asked.box) == ("found", box)


def test_a_call_is_written_as_the_checkpoint_writes_it():
    assert encode_zoom((1, 2, 3, 4)) == (
        '<tool_call>\n{"name": "image_zoom_in", "arguments": {"bbox": [1, 2, 3, 4]}}\n</tool_call>'
    )


CALL = '{"name": "image_zoom_in", "arguments": {"bbox": [1, 2, 3, 4]}}'


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (f"<tool_call>{CALL}</tool_call>", "found"),
        (f"I look closer. <tool_call>\n{CALL}\n</tool_call>", "found"),
        (f"<tool_call>{CALL}", "found"),
        (f"<tool_call>```json\n{CALL}\n```</tool_call>", "found"),
        (f"<tool_call>{CALL.replace('bbox', 'bbox_2d')}</tool_call>", "found"),
        (CALL, "none"),
        ("It is a harbour.", "none"),
        ("", "none"),
        ("<tool_call></tool_call>", "unparseable"),
        ("<tool_call>zoom(1,2,3,4)</tool_call>", "unparseable"),
        (f"<tool_call>{CALL.replace('image_zoom_in', 'run_shell')}</tool_call>", "unparseable"),
        (f"<tool_call>{CALL.replace('[1, 2, 3, 4]', '[1, 2, 3]')}</tool_call>", "unparseable"),
        ('<tool_call>{"name": "image_zoom_in", "arguments": "x"}</tool_call>', "unparseable"),
        (f"<tool_call>{CALL[:-8]}", "truncated"),
        ('<tool_call>{"name": "ima', "truncated"),
    ],
)
def test_what_is_a_call(text, status):
    asked = decode_zoom(text)
    assert asked.status == status
    assert asked.box == ((1, 2, 3, 4) if status == "found" else ())
