"""The vector of a query: means, negatives, two modalities, and every refusal."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import InputError, ModelError, ModelMissing, NotFound
from eoagent.contracts.tilesearch import TileQuery
from eoagent_indexes.background import Background
from eoagent_indexes.querying import Sight, check_query, make_query, usual_templates

D = 32


class MadeUpEncoder:
    """Texts and pictures as vectors that a seed decides, texts apart from pictures."""

    card = None

    def __init__(self, fingerprint):
        self.fingerprint = fingerprint
        self.said = []

    def encode_texts(self, texts):
        self.said += texts
        return np.stack([self.text(t) for t in texts])

    def encode_images(self, pictures):
        return np.stack([self.picture(p) for p in pictures])

    @staticmethod
    def text(text):
        random = np.random.default_rng(list(text.encode()))
        vector = random.standard_normal(D) - 1.0
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    @staticmethod
    def picture(picture):
        random = np.random.default_rng(picture.ravel().tolist())
        vector = random.standard_normal(D) + 1.0
        return (vector / np.linalg.norm(vector)).astype(np.float32)


@pytest.fixture
def encoder(made):
    return MadeUpEncoder(made.fingerprint())


@pytest.fixture
def coast_index(made, coast, encoder):
    index = made.open_index(coast[0], encoder=encoder)
    yield index
    index.close()


def sight(made, encoder=None, fingerprint=None, background=None):
    return Sight(
        encoder_for=None if encoder is None else lambda _: encoder,
        fingerprint=fingerprint or made.fingerprint(),
        tile_vectors=lambda ids: np.stack([MadeUpEncoder.text(name) for name in ids]),
        background=lambda: background,
    )


PICTURE = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)


def test_a_text_is_the_mean_of_its_sentences(made, encoder):
    found = make_query(TileQuery(texts=("a harbour.",)), sight(made, encoder))
    sentences = [t.replace("{}", "a harbour") for t in usual_templates()]
    assert encoder.said == sentences
    mean = np.mean([encoder.text(s) for s in sentences], axis=0)
    np.testing.assert_allclose(found.vector, made.unit(mean), atol=1e-6)
    assert found.texts_as == usual_templates()
    assert found.warnings == ()


def test_what_is_looked_for_less_half_of_what_is_not(made, encoder):
    query = TileQuery(tile_ids=("a", "b"), unlike_tile_ids=("c", "d"))
    likes = (encoder.text("a") + encoder.text("b")) / 2
    unlikes = (encoder.text("c") + encoder.text("d")) / 2
    found = make_query(query, sight(made))
    np.testing.assert_allclose(found.vector, made.unit(likes - 0.5 * unlikes), atol=1e-6)
    assert found.texts_as == ()


def test_vectors_of_any_length_count_alike(made):
    random = np.random.default_rng(0)
    given = random.standard_normal((2, D)).astype(np.float32) * np.float32([[3.0], [0.01]])
    found = make_query(TileQuery(vectors=given), sight(made))
    np.testing.assert_allclose(found.vector, made.unit(made.unit(given).mean(axis=0)), atol=1e-6)
    assert np.linalg.norm(found.vector) == pytest.approx(1)


def test_a_text_and_a_picture_rank_as_the_sum_of_their_z_scores(made, coast, encoder, coast_index):
    _, tiles = coast
    result = coast_index.search(TileQuery(texts=("harbour",), pictures=(PICTURE,), k=50))
    text = make_query(TileQuery(texts=("harbour",)), sight(made, encoder)).vector
    scores = np.stack([tiles.vectors @ text, tiles.vectors @ encoder.picture(PICTURE)])
    sums = ((scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True)).sum(
        0
    )
    expected = [tiles.tiles[n]["tile_id"] for n in np.argsort(-sums)[:50]]
    found = [hit.tile_id for hit in result.hits]
    assert found[:5] == expected[:5]
    assert len(set(found) & set(expected)) >= 48
    assert any("two scales" in said for said in result.warnings)


def test_a_picture_less_a_text_is_balanced_too(made, encoder, coast_index):
    background = coast_index.background()
    query = TileQuery(pictures=(PICTURE,), unlike_texts=("cloud",))
    found = make_query(query, sight(made, encoder, background=background))
    text = make_query(TileQuery(texts=("cloud",)), sight(made, encoder)).vector
    picture = encoder.picture(PICTURE)
    spreads = [background.of_query(vector)[1] for vector in (picture, text)]
    expected = picture / spreads[0] - 0.5 * text / spreads[1]
    np.testing.assert_allclose(found.vector, made.unit(expected), atol=1e-5)
    assert found.texts_as == usual_templates()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, "the search in index 'coast' asks for nothing"),
        ({"vectors": np.empty((0, D), np.float32)}, "asks for nothing"),
        ({"unlike_texts": ("cloud",)}, "asks for nothing"),
        ({"texts": ("  ",)}, "a text of the search is empty"),
        ({"texts": ("ship",), "unlike_texts": ("",)}, "a text of the search is empty"),
        ({"texts": ("ship",), "k": 0}, "k is 0, and a search returns from 1 to 10,000 tiles"),
        ({"texts": ("ship",), "k": 10_001}, "k is 10001"),
    ],
)
def test_a_query_that_asks_for_nothing_or_too_much_is_refused(query, message):
    with pytest.raises(InputError, match=message) as caught:
        check_query(TileQuery(**query), index="coast")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones((1, 31), np.float32), r"have the shape \(1, 31\), and those of the index have 32"),
        (np.ones((1, 2, 32), np.float32), r"have the shape \(1, 2, 32\)"),
        (np.full((1, 32), np.nan, np.float32), "not finite"),
        (np.full((1, 32), np.inf, np.float32), "not finite"),
        (np.zeros((1, 32), np.float32), "is zero and points nowhere"),
    ],
)
def test_a_vector_that_does_not_fit_is_refused(made, vectors, message):
    with pytest.raises(InputError, match=message):
        make_query(TileQuery(vectors=vectors), sight(made))


def test_terms_that_cancel_out_are_refused(made):
    one = np.zeros((2, D), np.float32)
    one[0, 0], one[1, 0] = 1, -1
    with pytest.raises(InputError, match="cancel out"):
        make_query(TileQuery(vectors=one), sight(made))


def test_an_unknown_tile_is_named(made, coast_index):
    with pytest.raises(NotFound, match=f"index 'coast' has no tile {'0' * 32}") as caught:
        coast_index.search(TileQuery(tile_ids=("0" * 32,)))
    assert "ids from a search" in caught.value.hint
    with pytest.raises(InputError, match="'harbour' is no tile id"):
        coast_index.search(TileQuery(tile_ids=("harbour",)))


def test_a_deleted_tile_is_not_there(made, coast, coast_index):
    _folder, tiles = coast
    snapshot = coast_index.snapshot
    segment = next(s for s in snapshot.segments if s.tombstones is not None)
    dead = np.flatnonzero(~segment.live)[:2]
    names = segment.table(dead, ["tile_id"]).column(0).to_pylist()
    with pytest.raises(NotFound, match=f"no tile {names[0]} and no 1 more of those asked for"):
        coast_index.vectors(names)
    assert not set(names) & set(tiles.rows)


def test_another_encoder_is_refused_with_its_differences(made):
    other = MadeUpEncoder(made.fingerprint(weights_sha256="b" * 64, activation="gelu"))
    message = r"differs \(index, encoder\) in weights_sha256: a+, b+; activation: quickgelu, gelu"
    with pytest.raises(ModelError, match=message) as caught:
        make_query(TileQuery(texts=("ship",)), sight(made, other))
    assert "install the weights that the index names" in caught.value.hint


def test_words_need_models_and_an_index_that_says_what_made_it(made):
    with pytest.raises(InputError, match="was given no models"):
        make_query(TileQuery(texts=("ship",)), sight(made))
    unknown = EncoderFingerprint(card="unknown", dimensions=D)
    with pytest.raises(InputError, match="does not say which model made its vectors") as caught:
        make_query(TileQuery(pictures=(PICTURE,)), sight(made, fingerprint=unknown))
    assert "--encoder ID" in caught.value.hint
    found = make_query(TileQuery(tile_ids=("a",)), sight(made, fingerprint=unknown))
    assert found.warnings == ()


def test_a_missing_model_is_said_by_whoever_makes_it(made):
    def refuse(_):
        raise ModelMissing("not here", command="eoagent models pull made-up")

    looking = Sight(
        encoder_for=refuse,
        fingerprint=made.fingerprint(),
        tile_vectors=lambda _: None,
        background=lambda: None,
    )
    with pytest.raises(ModelMissing, match="not here"):
        make_query(TileQuery(texts=("ship",)), looking)


def test_what_is_not_known_of_the_encoder_is_said(made):
    partly = EncoderFingerprint(card="made-up", architecture="ViT-B-32", dimensions=D)
    found = make_query(
        TileQuery(texts=("ship",)), sight(made, MadeUpEncoder(made.fingerprint()), partly)
    )
    (warning,) = found.warnings
    assert "weights_sha256, activation, preprocessing, precision, input_px" in warning


def test_z_is_that_of_scoring_every_tile_of_a_small_index(coast, coast_index, made):
    _, tiles = coast
    query = made.unit(np.random.default_rng(1).standard_normal(D))
    result = coast_index.search(TileQuery(vectors=query[None], k=20))
    scores = tiles.vectors.astype(np.float16).astype(np.float64) @ query
    for hit in result.hits:
        assert hit.z == pytest.approx((hit.score - scores.mean()) / scores.std(), abs=2e-3)


def test_the_background_is_the_same_however_the_index_is_cut(made, tmp_path):
    tiles = made.some_tiles(300, seed=2)
    backgrounds = []
    for parts in (1, 3):
        folder = made.write_index(tmp_path / f"cut{parts}", tiles, segments=parts)
        index = made.open_index(folder)
        backgrounds.append(Background.of(index.snapshot.segments, sample=50))
    first = sorted(range(300), key=lambda n: tiles.tiles[n]["tile_id"])[:50]
    sample = tiles.vectors[first].astype(np.float16).astype(np.float64)
    for background in backgrounds:
        assert background.tiles == 50
        np.testing.assert_allclose(background.mean, sample.mean(axis=0), atol=1e-6)
        expected = np.cov(sample.T, bias=True)
        np.testing.assert_allclose(background.covariance, expected, atol=1e-6)


def test_tiles_that_are_all_alike_have_no_z(made, tmp_path):
    tiles = made.some_tiles(6)
    same = made.Made(tiles.tiles, np.repeat(tiles.vectors[:1], 6, axis=0))
    index = made.open_index(made.write_index(tmp_path / "same", same))
    result = index.search(TileQuery(vectors=same.vectors[:1]))
    assert [hit.z for hit in result.hits] == [None] * 6
    assert [hit.tile_id for hit in result.hits] == sorted(same.rows)
