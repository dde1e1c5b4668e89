"""Handles and previews: their form, and the bound on what a planner may see."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from eoagent.contracts.artifact import (
    KINDS,
    PREVIEW_CHARS,
    Artifact,
    FeaturesRef,
    TableRef,
    handle_kind,
    shorten_preview,
)
from eoagent.contracts.text import plain_text

_HEX = st.text("0123456789abcdef", min_size=12, max_size=12)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=300)),
    lambda inner: st.lists(inner, max_size=40),
    max_leaves=60,
)


def test_there_are_the_ten_kinds_of_the_contract():
    listed = "raster mask boxes features aoi scenes tiles table picture figure"
    assert set(KINDS) == set(listed.split())


@given(st.sampled_from(KINDS), _HEX)
def test_the_kind_of_a_handle_is_what_stands_before_its_id(kind, identity):
    artifact = Artifact(kind=kind, id=identity, title="t")
    assert artifact.handle == f"{kind}:{identity}"
    assert handle_kind(artifact.handle) == kind


@given(st.text(max_size=40))
def test_a_text_is_a_handle_only_if_kind_and_id_are_well_formed(text):
    kind, colon, identity = text.partition(":")
    wanted = kind in KINDS and bool(colon) and len(identity) == 12
    wanted = wanted and set(identity) <= set("0123456789abcdef")
    assert (handle_kind(text) is not None) == wanted


@pytest.mark.parametrize("identity", ["", "0123", "0123456789AB", "0123456789abc", "../../etc/pa"])
def test_an_id_is_twelve_hex_digits(identity):
    with pytest.raises(ValidationError, match="pattern"):
        Artifact(kind="mask", id=identity, title="t")


@given(st.dictionaries(st.text(max_size=20), _JSON, max_size=12))
def test_a_preview_never_holds_more_than_600_characters(preview):
    short = shorten_preview(preview)
    text = json.dumps(short, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert len(text) <= PREVIEW_CHARS == 600
    assert set(short) <= {plain_text(key) for key in preview}


def test_a_small_preview_stays_as_it_is_and_a_long_list_says_what_was_left_out():
    small = {"bands": ["red", "nir"], "gsd_m": [10.0, 10.0]}
    assert shorten_preview(small) == small
    cut = shorten_preview({"names": [f"name-{n:04d}" for n in range(500)], "count": 500})
    shown, rest = cut["names"][:-1], cut["names"][-1]
    assert shown == [f"name-{n:04d}" for n in range(len(shown))]
    assert rest == f"+{500 - len(shown)}"
    assert cut["count"] == 500


def test_an_artifact_cuts_its_own_preview():
    artifact = Artifact(kind="table", id="0123456789ab", title="t", preview={"text": "x" * 5000})
    assert artifact.preview["text"].endswith("…")
    assert len(json.dumps(artifact.preview)) <= 620


def test_counts_are_never_negative():
    with pytest.raises(ValidationError, match="count"):
        FeaturesRef(path="a.parquet", count=-1, crs="", geometry_types=(), columns=(), label="none")
    with pytest.raises(ValidationError, match="rows"):
        TableRef(path="a.json", columns=(), rows=-1, label="none")
