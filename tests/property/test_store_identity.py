"""Identities of the store: content decides the handle, and what goes in comes out."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.io.store import FileStore

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
PAYLOAD = st.dictionaries(TEXT.filter(lambda key: key != "path"), JSON, max_size=4)


@pytest.fixture(scope="module")
def store():
    with tempfile.TemporaryDirectory() as root:
        store = FileStore(Path(root))
        yield store
        store.close()


def shuffled(value):
    """The same JSON value with the keys of all objects in reverse order."""
    if isinstance(value, dict):
        return {key: shuffled(item) for key, item in reversed(value.items())}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=60, deadline=None)
@given(payload=PAYLOAD, data=st.binary(max_size=64), title=TEXT)
def test_what_goes_in_comes_out(store, payload, data, title):
    file = store.scratch(".bin")
    file.write_bytes(data)
    put = store.put("features", title=title, payload=payload, preview={}, file=file)
    got = store.verify(put.handle)
    assert got == put
    assert got.payload == payload
    assert store.locate(got.path).read_bytes() == data


@settings(max_examples=60, deadline=None)
@given(payload=PAYLOAD, titles=st.tuples(TEXT, TEXT))
def test_the_handle_hangs_on_content_alone(store, payload, titles):
    first = store.put("raster", title=titles[0], payload=payload, preview={})
    second = store.put("raster", title=titles[1], payload=shuffled(payload), preview={"n": 1})
    assert first.handle == second.handle


@settings(max_examples=60, deadline=None)
@given(one=PAYLOAD, other=PAYLOAD)
def test_different_payloads_have_different_handles(store, one, other):
    handles = [store.put("raster", title="", payload=p, preview={}).handle for p in (one, other)]
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (handles[0] == handles[1]) == same
