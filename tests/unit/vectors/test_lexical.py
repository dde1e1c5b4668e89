"""Ranking by words, beside BM25 written out term by term."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.vectors.lexical import LexicalIndex, words_of

_TEXTS = (
    "The lighthouse of Alexandria stood on the island of Pharos.",
    "The harbour of Trieste has three piers; ships moor at the old pier.",
    "Glaciers of the Alps lost a third of their ice.",
    "The old harbour of Rhodes.",
)


def _by_hand(texts, question):
    """Score each text with the published formula, one term after the other."""
    held = [words_of(text) for text in texts]
    mean = sum(map(len, held)) / len(held)
    scores = []
    for words in held:
        total = 0.0
        for term in dict.fromkeys(words_of(question)):
            n = sum(term in other for other in held)
            idf = math.log(1 + (len(held) - n + 0.5) / (n + 0.5))
            f = words.count(term)
            total += idf * f * 2.2 / (f + 1.2 * (0.25 + 0.75 * len(words) / mean))
        scores.append(total)
    return scores


@pytest.mark.parametrize("question", ["Which ships moor at the old harbour?", "ice", "three piers"])
def test_scores_are_those_of_the_published_formula(question):
    scores = _by_hand(_TEXTS, question)
    hits = LexicalIndex(_TEXTS).search(question, 10)
    assert [hit.row for hit in hits] == sorted(
        (row for row, score in enumerate(scores) if score > 0), key=lambda row: -scores[row]
    )
    for hit in hits:
        assert hit.score == pytest.approx(scores[hit.row])


def test_a_text_that_holds_every_word_covers_the_question():
    best, *_ = LexicalIndex(_TEXTS).search("the harbour of Rhodes", 10)
    assert best.row == 3
    assert best.coverage == pytest.approx(1)


def test_rare_words_cover_more_than_common_ones():
    hits = {hit.row: hit.coverage for hit in LexicalIndex(_TEXTS).search("harbour of Rhodes", 9)}
    assert hits[3] > hits[1] > 0
    assert hits[1] < 0.5


def test_a_question_without_words_that_carry_meaning_finds_nothing():
    assert LexicalIndex(_TEXTS).search("what is the", 5) == ()
    assert LexicalIndex(_TEXTS).search("", 5) == ()
    assert LexicalIndex(()).search("harbour", 5) == ()


def test_plurals_case_and_width_do_not_matter():
    assert words_of("Harbours HARBOUR ｈarbour") == ("harbour",) * 3
    assert words_of("cities, buses, glass, status, axes") == (
        "city",
        "buse",
        "glass",
        "status",
        "axe",
    )


def test_chinese_is_read_in_pairs():
    assert words_of("水库面积") == ("水库", "库面", "面积")
    (hit,) = LexicalIndex(["丹江口水库", "黄河"]).search("水库有多大", 5)
    assert hit.row == 0


@given(st.lists(st.text("abcd ", max_size=30), max_size=8), st.text("abcd ", max_size=12))
def test_hits_are_sorted_and_coverage_is_a_share(texts, question):
    hits = LexicalIndex(texts).search(question, 20)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 < hit.coverage <= 1 + 1e-9 for hit in hits)
