"""Exact search with all vectors on a device, here the processor."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from eoagent.contracts.errors import ModelMissing
from eoagent.contracts.geometry import BBox
from eoagent.contracts.tilesearch import TileFilter, TileQuery
from eoagent_indexes.resident import ResidentVectors


def test_a_device_that_keeps_all_vectors_gives_the_exact_answer(made, coast):
    pytest.importorskip("torch")
    folder, _tiles = coast
    plain = made.open_index(folder)
    held = made.open_index(folder, device="cpu:0")  # any name but cpu keeps vectors resident
    where = TileFilter(bbox=BBox(west=-6, south=42, east=6, north=52))
    for n in range(10):
        query = made.unit(np.random.default_rng(n).standard_normal(made.DIMENSIONS))
        for said in ({}, {"where": where}, {"k": 400}, {"k": 5000}):
            asked = TileQuery(vectors=query[None], **said)
            assert held.search(asked).hits == plain.search(asked).hits


def test_resident_vectors_propose_every_row_that_may_be_best(made, coast):
    pytest.importorskip("torch")
    segment = made.open_index(coast[0]).snapshot.segments[0]
    held = ResidentVectors(segment, "cpu")
    query = made.unit(np.random.default_rng(1).standard_normal(made.DIMENSIONS))
    proposed = held.propose(query, k=10)
    exact = segment.vectors(np.arange(segment.rows)).astype(np.float64) @ query
    assert set(np.argsort(-exact)[:10].tolist()) <= set(proposed.tolist())
    assert len(proposed) < segment.rows / 2
    few = np.array([3, 5])
    assert held.propose(query, k=10, allowed=few).tolist() == [3, 5]


def test_a_device_without_torch_says_what_to_install(made, coast, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    held = made.open_index(coast[0], device="cuda:0")
    with pytest.raises(ModelMissing, match="a search on a device needs torch") as caught:
        held.search(TileQuery(vectors=np.ones((1, made.DIMENSIONS), np.float32)))
    assert caught.value.command == "pip install 'eoagent[models]'"
