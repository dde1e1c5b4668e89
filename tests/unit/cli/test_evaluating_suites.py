"""`eoagent eval` of models and indexes: what it prints and how it ends."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eoagent.contracts.index import Surroundings
from eoagent.io.origin import OriginGuard
from eoagent.plugins import load


@pytest.fixture
def index(tmp_path):
    """An index of fifty made-up vectors in the home of the command line."""
    rows = np.random.default_rng(0).normal(size=(50, 8))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    file = tmp_path / "made.parquet"
    pq.write_table(pa.table({"id": [*map(str, range(50))], "embedding": list(rows)}), file)
    around = Surroundings(origins=OriginGuard(typed=[str(file)]))
    folder = tmp_path / "home/indexes/made"
    load("eoagent.indexes", "tiles").exchange(folder, around).bring_in(file, card="e")
    return "made"


def test_an_index_is_measured_and_kept(run, index, tmp_path):
    ended = run("eval", "index", "--index", index, "--out", tmp_path / "out")
    assert ended.code == 0
    assert ended.out.splitlines()[0].split()[:3] == ["tiles", "matched", "recall@10"]
    assert "kept in:" in ended.err
    assert (tmp_path / "out/results.json").is_file()


def test_json_of_a_suite_is_one_document_and_nothing_else(run, index):
    ended = run("eval", "index", "--json")
    assert ended.code == 0
    document = json.loads(ended.out)
    assert (document["suite"], document["data"]) == ("index", index)


def test_a_suite_without_its_data_or_model_ends_with_its_own_code(run, tmp_path):
    assert run("eval", "zeroshot").code == 3
    ended = run("eval", "index", "--index", "absent")
    assert ended.code == 3
    assert "there is no index 'absent'" in ended.err
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
    ended = run("eval", "zeroshot", "--data", tmp_path / "data")
    assert ended.code == 5
    assert "eoagent models" in ended.err
