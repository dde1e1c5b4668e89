"""What is recorded with marks comes back as it was, whatever a model wrote."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from eoagent.app.marks import Marks

HANDLE = "raster:0123456789ab"
_PIECES = st.sampled_from(
    ["{", "}", "=", "data", "handle-1", "$2", ".mask", "/here/data", "/", "a", " ", HANDLE, "\n"]
)


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_every_text_comes_back(text):
    marks = Marks(Path("/here/data"))
    marks.see([HumanMessage(content=f"$2.mask = {HANDLE}")])
    assert marks.show(marks.hide(text)) == text
