"""Duplicates, diversity and number words beside brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from eoagent.contracts.errors import InputError
from eoagent.vectors.diversity import diverse_rows
from eoagent.vectors.duplicates import duplicate_groups, duplicate_pairs
from eoagent.vectors.numberwords import number_sentences, pick_counts
from eoagent.vectors.unit import unit_vectors


def _vectors(count, dimensions=8, seed=0):
    return unit_vectors(np.random.default_rng(seed).normal(size=(count, dimensions)), "made")


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
@pytest.mark.parametrize("cosine", [0.5, 0.9, 1.0])
def test_pairs_are_those_of_brute_force_whatever_the_block(block, cosine):
    rows = _vectors(90)
    rows[40:45] = rows[3]
    scores = (rows.astype(np.float64) @ rows.astype(np.float64).T).astype(np.float32)
    near = np.triu(scores >= np.float32(cosine), k=1)
    if cosine == 1.0:  # a float32 vector times itself may miss 1 by a rounding
        near = np.triu(scores >= np.float32(scores[3, 40]), k=1)
        cosine = float(scores[3, 40])
    first, second = np.nonzero(near)
    pairs = duplicate_pairs(rows, cosine=min(cosine, 1.0), block_rows=block)
    assert pairs.first.tolist() == first.tolist()
    assert pairs.second.tolist() == second.tolist()
    assert np.array_equal(pairs.cosines, scores[first, second])


def test_groups_are_the_connected_components_of_scipy():
    rows = _vectors(150, 3, seed=2)
    pairs = duplicate_pairs(rows, cosine=0.97)
    links = coo_matrix((np.ones(len(pairs.first)), (pairs.first, pairs.second)), shape=(150, 150))
    _, parts = connected_components(links, directed=False)
    expected = [int(np.flatnonzero(parts == part)[0]) for part in parts]
    assert duplicate_groups(pairs, 150).tolist() == expected


def test_a_long_chain_is_one_group():
    angles = np.random.default_rng(0).permutation(np.linspace(0, 3, 60))
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    pairs = duplicate_pairs(rows, cosine=float(np.cos(0.06)))
    assert set(duplicate_groups(pairs, 60).tolist()) == {0}


def test_duplicates_without_end_or_sense_are_refused():
    rows = np.repeat(_vectors(1), 50, axis=0)
    with pytest.raises(InputError, match=r"more than 10 pairs have a cosine of 0\.9"):
        duplicate_pairs(rows, cosine=0.9, block_rows=5, most=10)
    with pytest.raises(InputError, match="a cosine lies within"):
        duplicate_pairs(rows, cosine=1.5)


def _mmr(scores, rows, k, relevance):
    chosen = [int(np.argmax(scores))]
    while len(chosen) < k:
        worth = {
            i: relevance * scores[i]
            - (1 - relevance) * max(float(rows[i] @ rows[j]) for j in chosen)
            for i in range(len(rows))
            if i not in chosen
        }
        chosen.append(max(worth, key=lambda i: (worth[i], -i)))
    return chosen


@pytest.mark.parametrize("relevance", [0.2, 0.5, 0.8])
def test_diverse_rows_are_those_of_the_definition(relevance):
    rows = _vectors(40)
    scores = (rows @ _vectors(1, seed=9)[0]).astype(np.float64)
    assert diverse_rows(scores, rows, k=12, relevance=relevance).tolist() == _mmr(
        scores, rows, 12, relevance
    )


def test_full_relevance_is_the_ranking_and_copies_come_last():
    rows = _vectors(20)
    scores = (rows @ rows[0]).astype(np.float64)
    ranking = np.argsort(-scores, kind="stable")
    assert diverse_rows(scores, rows, k=50, relevance=1).tolist() == ranking.tolist()
    doubled = np.concatenate([rows[:3], rows[:1]])
    assert diverse_rows(np.full(4, 0.5), doubled, k=4, relevance=0.3).tolist()[-1] == 3


@pytest.mark.parametrize(
    ("scores", "k", "relevance", "said"),
    [
        (np.ones(2), 1, 0.5, "3 scores are needed"),
        (np.array([1, np.nan, 1]), 1, 0.5, "without NaN"),
        (np.ones(3), 0, 0.5, "0 rows at a relevance of 0.5"),
        (np.ones(3), 1, 1.5, "a weight within 0..1"),
    ],
)
def test_nonsense_of_diversity_is_refused(scores, k, relevance, said):
    with pytest.raises(InputError, match=said):
        diverse_rows(scores, _vectors(3), k=k, relevance=relevance)


def test_a_caption_gives_ten_sentences_in_its_own_style():
    words = number_sentences("Three planes are parked.")
    assert words[0] == "One planes are parked."
    assert words[9] == "Ten planes are parked."
    assert number_sentences("there are 4 ships")[1] == "there are 2 ships"
    assert number_sentences("there are 4 ships", digits=False)[1] == "there are two ships"
    assert number_sentences("there are four ships", digits=True)[9] == "there are 10 ships"
    assert len(set(words)) == 10


@pytest.mark.parametrize(
    ("caption", "said"),
    [
        ("some planes", "it holds none"),
        ("two planes and three ships", "it holds two, three"),
        ("twenty planes", "'twenty' cannot be told by number words: they end at ten"),
        ("12 planes", "'12' cannot be told"),
        ("0 planes", "'0' cannot be told"),
    ],
)
def test_a_caption_without_one_number_up_to_ten_is_refused(caption, said):
    with pytest.raises(InputError, match=said):
        number_sentences(caption)


def test_the_nearest_sentence_tells_the_number():
    sentences = _vectors(10, 32)
    pictures = unit_vectors(sentences[[6, 0]] + 0.1 * _vectors(2, 32, seed=4), "pictures")
    found = pick_counts(pictures, sentences)
    scores = pictures.astype(np.float64) @ sentences.astype(np.float64).T
    assert found.counts.tolist() == [7, 1]
    assert np.array_equal(found.ranking, np.argsort(-scores, axis=1, kind="stable") + 1)
    ranked = -np.sort(-scores, axis=1)
    assert np.allclose(found.cosines, ranked, atol=1e-6)
    assert np.allclose(found.margins, ranked[:, 0] - ranked[:, 1], atol=1e-6)
    with pytest.raises(InputError, match="9 sentences were given"):
        pick_counts(pictures, sentences[:9])
