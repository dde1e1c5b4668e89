"""Names of items: a path as it is, or a document with the id of one item behind `#`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.io.stac_item import member_href, names_item, split_member


@pytest.mark.parametrize(
    ("href", "parts"),
    [
        ("/a/items.json#s2%2F1", ("/a/items.json", "s2/1")),
        ("https://h.example/items.parquet#a", ("https://h.example/items.parquet", "a")),
        ("/a/100%#1/item.json", ("/a/100%#1/item.json", "")),
        ("/a/b#2.json", ("/a/b#2.json", "")),
        ("/a/scene.tif#x", ("/a/scene.tif#x", "")),
        ("/a/item.json", ("/a/item.json", "")),
    ],
)
def test_an_id_stands_behind_the_last_mark_of_a_document_of_items(href, parts):
    assert split_member(href) == parts


@pytest.mark.parametrize(
    ("href", "is_item"),
    [
        ("/a/what?/item.json", True),
        ("/a/it's 100%#1/item.json", True),
        ("https://h.example/item.json?sig=1", True),
        ("https://h.example/scene.tif?of=item.json", False),
        ("/a/scene.tif", False),
        ("/a/items.parquet", False),
        ("/a/items.parquet#one", True),
    ],
)
def test_an_item_is_told_from_a_raster_by_its_name(href, is_item):
    assert names_item(href) is is_item


@given(st.text(min_size=1))
def test_an_id_comes_back_whole(identity):
    assert split_member(member_href("/a#b/items.json", identity)) == ("/a#b/items.json", identity)
