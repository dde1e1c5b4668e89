"""Real embeddings, imported and searched, give exactly what numpy gives on the same vectors.

The shared folder holds arrays of pictures (n, d) and texts (prompts, classes, d) of encoders, as
float16. Turning one into an embedding file takes two columns, `id` and `embedding`. Ties are
pictures whose cosines differ by less than float32 tells apart.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eoagent.contracts.index import Surroundings
from eoagent.contracts.tilesearch import TileFilter, TileQuery
from eoagent.io.origin import OriginGuard
from eoagent.plugins import load
from eoagent.vectors.unit import unit_vectors
from eoagent.vectors.zeroshot import class_vectors

_TIE = 1e-6


@pytest.fixture(scope="module", params=["float16 as stored", "float32 of unit length"])
def searched(request, shared_data, tmp_path_factory):
    """An index of real embeddings and what it was made from."""
    source = min((shared_data / "embeddings").glob("*.npz"))
    with np.load(source, allow_pickle=False) as arrays:
        images, labels, texts = (arrays[name] for name in ("images", "labels", "texts"))
    if request.param == "float32 of unit length":
        images = unit_vectors(images, "pictures")
    home = tmp_path_factory.mktemp("shared")
    kind = pa.list_(pa.from_numpy_dtype(images.dtype), images.shape[1])
    columns = {
        "id": [f"{n:05d}" for n in range(len(images))],
        "embedding": pa.array(list(images), type=kind),
    }
    pq.write_table(pa.table(columns), home / "embeddings.parquet")
    around = Surroundings(origins=OriginGuard(typed=[str(home)]))
    tiles = load("eoagent.indexes", "tiles")
    report = tiles.exchange(home / "index", around).bring_in(
        home / "embeddings.parquet", card="remoteclip-vit-b-32"
    )
    assert report.added == len(images)
    index = tiles.open(home / "index", around)
    yield index, unit_vectors(images, "pictures").astype(np.float64), labels, texts
    index.close()


def _rows(result):
    return [int(hit.item_id) for hit in result.hits]


def _assert_same_but_for_ties(found, scores, expected):
    for own, best in zip(found, expected, strict=True):
        assert own == best or abs(scores[own] - scores[best]) < _TIE


def test_class_prompts_find_the_pictures_that_brute_force_finds(searched):
    index, images, labels, texts = searched
    classes = class_vectors(
        unit_vectors(texts.reshape(-1, texts.shape[2]), "texts").reshape(texts.shape)
    )
    precisions, expected_precisions = [], []
    for label, query in enumerate(classes):
        scores = images @ query.astype(np.float64)
        expected = np.argsort(-scores, kind="stable")[:10]
        found = index.search(TileQuery(vectors=query[None], k=10))
        assert found.exact
        _assert_same_but_for_ties(_rows(found), scores, expected)
        assert [hit.score for hit in found.hits] == pytest.approx(scores[_rows(found)], abs=1e-6)
        precisions.append(np.mean(labels[_rows(found)] == label))
        expected_precisions.append(np.mean(labels[expected] == label))
    assert np.mean(precisions) == pytest.approx(np.mean(expected_precisions))
    assert np.mean(precisions) >= 0.95


def test_the_nearest_picture_is_that_of_brute_force(searched):
    index, images, labels, _ = searched
    scores = images @ images.T
    np.fill_diagonal(scores, -1)
    hits = 0
    for row in range(len(images)):
        query = images[row][None].astype(np.float32)
        first = next(n for n in _rows(index.search(TileQuery(vectors=query, k=3))) if n != row)
        best = int(np.argmax(scores[row]))
        assert first == best or scores[row, best] - scores[row, first] < _TIE
        hits += labels[first] == labels[row]
    assert hits / len(images) >= 0.989


def test_a_search_within_some_tiles_is_brute_force_over_them(searched):
    index, images, _, _ = searched
    everything = index.search(TileQuery(vectors=images[:1].astype(np.float32), k=1005))
    some = [hit for hit in everything.hits if int(hit.item_id) % 7 == 0]
    where = TileFilter(tile_ids=tuple(hit.tile_id for hit in some))
    query = images[5].astype(np.float32)[None]
    found = index.search(TileQuery(vectors=query, k=20, where=where))
    rows = np.array(sorted(int(hit.item_id) for hit in some))
    scores = images @ images[5]
    expected = rows[np.argsort(-scores[rows], kind="stable")[:20]]
    assert found.matched == len(rows)
    _assert_same_but_for_ties(_rows(found), scores, expected)
