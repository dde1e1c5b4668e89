"""The estimate of tokens beside a published tokenizer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.planner.model.tokens import estimate_tokens

CHINESE = (
    "图中水体面积是多少？请给出平方公里数，并说明误差。",
    "两期影像之间耕地增加了还是减少了，变化面积有多大？",
    "水体面积为 {f1}，占有效像元的 {f2}。",
)
DATA = (
    '{"title":"Coast of Ostavia","bands":["blue","green","red","nir08"],"size":[10980,10980]}',
    '{"geometry":{"type":"Polygon","coordinates":[[[13.123456,45.654321],[13.2,45.7]]]}}',
    "raster:4fd9af006f0e mask:54e9c7f54b15 features:0123456789ab",
    "https://earth-search.aws.element84.com/v1/collections/sentinel-2-l2a/items/S2B_33TUL_20190416",
    "/data/LC08_L2SP_191029_20240716_20240722_02_T1_SR_B4.TIF",
    "f1 area = 10.86 ± 0.49 km²: area of open water\nf2 share = 27.1 %: share of valid pixels",
    "NDVI, NDWI, MNDWI, NDBI, NBR, EVI, SAVI, NDMI, NDSI, BSI, GNDVI, NDRE",
    "😀🌍🛰️ 🗺️",
    "w" * 200,
    "camelCaseNames and SHOUTING_CONSTANTS_LIKE_THIS and snake_case_names_too",
)


@pytest.mark.parametrize("text", [*CHINESE, *DATA])
def test_the_estimate_is_not_below_the_tokenizer_by_more_than_a_tenth(text, tokens):
    assert estimate_tokens(text) >= 0.9 * tokens(text)


def test_on_every_definition_of_a_tool_together_it_is_at_least_the_tokenizers_count(specs, tokens):
    told = [json.dumps(spec.definition, ensure_ascii=False) for spec in specs]
    estimated, counted = sum(map(estimate_tokens, told)), sum(map(tokens, told))
    assert counted <= estimated <= 1.5 * counted


def test_on_real_requests_it_is_at_least_the_tokenizers_count_and_not_much_above(ten_steps, tokens):
    model, _ = ten_steps
    estimated = counted = 0
    for request, tools in zip(model.requests, model.bound, strict=True):
        texts = [str(message.text) for message in request]
        texts += [json.dumps(tools, ensure_ascii=False)]
        texts += [
            json.dumps(call["args"], ensure_ascii=False)
            for message in request
            for call in getattr(message, "tool_calls", [])
        ]
        texts += [*CHINESE, *DATA]
        here, there = sum(map(estimate_tokens, texts)), sum(map(tokens, texts))
        assert here >= there
        estimated, counted = estimated + here, counted + there
    assert estimated <= 1.5 * counted


def test_each_kind_of_message_of_a_real_request_is_not_estimated_too_low(ten_steps, tokens):
    model, _ = ten_steps
    for message in model.requests[-1]:
        if message.text:
            assert estimate_tokens(str(message.text)) >= tokens(str(message.text)), message.type


@settings(deadline=None)
@given(st.text(max_size=400))
def test_any_text_has_an_estimate(text):
    assert 0 <= estimate_tokens(text) <= 5 * len(text)


@settings(deadline=None)
@given(st.text(max_size=200), st.text(max_size=200))
def test_more_text_never_takes_fewer_tokens(one, other):
    assert (
        estimate_tokens(f"{one}\n{other}") >= max(estimate_tokens(one), estimate_tokens(other)) - 1
    )


def test_a_long_text_of_one_letter_is_estimated_in_no_time():
    assert estimate_tokens("a" * 200_000) == 100_000
    assert estimate_tokens(" " * 200_000) <= 1
