"""`eval index` and the table of suites: recall against brute force, through the real store."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eoagent.app.evaluation import suites
from eoagent.app.evaluation.indexeval import evaluate_index
from eoagent.app.evaluation.suites import SUITES, SuiteRequest, run_suite
from eoagent.app.workshop import open_workshop
from eoagent.cli.evaluating import _PROMPTS, _SUITES
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.index import Surroundings
from eoagent.io.origin import OriginGuard
from eoagent.plugins import load
from eoagent.runners.wording import USUAL_ENSEMBLE
from eoagent.settings import Settings


def _tell(done, what):
    assert 0 <= done <= 1
    assert what


def _import(folder, count, *, timed, seed=0):
    random = np.random.default_rng(seed)
    rows = random.normal(size=(count, 16)) + 1
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    columns = {"id": [f"t{n}" for n in range(count)], "embedding": list(rows.astype(np.float32))}
    if timed:
        columns["datetime"] = [
            datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(count)
        ]
    folder.parent.mkdir(parents=True, exist_ok=True)
    file = folder.parent.parent / "made.parquet"
    pq.write_table(pa.table(columns), file)
    around = Surroundings(origins=OriginGuard(typed=[str(file)]))
    tiles = load("eoagent.indexes", "tiles")
    tiles.exchange(folder, around).bring_in(file, card="e")
    return tiles.open(folder, around), tiles.exchange(folder, around)


@pytest.mark.parametrize("timed", [True, False])
def test_an_exact_search_finds_all_of_the_best_ten(tmp_path, timed):
    index, exchange = _import(tmp_path / "home/indexes/made", 400, timed=timed)
    ticks = itertools.count()
    found = evaluate_index(
        index, exchange, name="made", queries=12, tell=_tell, clock=lambda: next(ticks) / 1000
    )
    index.close()
    recalls = {n: v for n, v in found.metrics.items() if n.startswith("recall10_exact")}
    assert len(recalls) == 3
    assert min(recalls.values()) >= 0.99
    spent = [v for n, v in found.metrics.items() if n.startswith("cpu_ms")]
    assert spent == pytest.approx([1.0] * 6)
    (table,) = found.tables
    by = "time" if timed else "id"
    assert [row[0] for row in table.rows] == [
        "100% by nothing, auto", "100% by nothing, exact", f"10% by {by}, auto",
        f"10% by {by}, exact", f"1% by {by}, auto", f"1% by {by}, exact",
    ]  # fmt: skip
    assert table.rows[0][1] == "400"
    assert 30 <= int(table.rows[2][1]) <= 50
    assert all(row[-1] == "0" for row in table.rows)


def test_a_search_that_misses_is_seen(tmp_path):
    index, exchange = _import(tmp_path / "home/indexes/made", 200, timed=False)

    class Worse:
        """Finds the best ten and hands back the second five twice as far down."""

        info = index.info

        def search(self, query):
            found = index.search(query)
            wide = index.search(
                type(query)(vectors=query.vectors, where=query.where, k=20, plan=query.plan)
            )
            hits = (*found.hits[:5], *wide.hits[15:])
            return found.model_copy(update={"hits": hits[: len(found.hits)]})

    found = evaluate_index(Worse(), exchange, name="made", queries=10, tell=_tell)
    assert found.metrics["recall10_exact_1"] == pytest.approx(0.5)


def test_an_index_of_one_tile_cannot_be_ranked(tmp_path):
    index, exchange = _import(tmp_path / "home/indexes/made", 1, timed=False)
    with pytest.raises(InputError, match="index 'made' holds 1 tiles, and a ranking takes two"):
        evaluate_index(index, exchange, name="made", tell=_tell)
    with pytest.raises(InputError, match="0 queries were asked for"):
        evaluate_index(index, exchange, name="made", queries=0, tell=_tell)


def test_the_suites_stand_in_one_table_that_the_command_knows():
    assert tuple(SUITES) == _SUITES
    assert _PROMPTS == USUAL_ENSEMBLE
    assert SUITES["qa"].run is None
    assert all(re.match(r"[a-z]", suite.about) for suite in SUITES.values())


def test_a_suite_is_run_by_its_name(tmp_path):
    _import(tmp_path / "home/indexes/made", 50, timed=False)[0].close()
    workshop = open_workshop(tmp_path / "home", Settings())
    found = run_suite("index", SuiteRequest(index="made", queries=3), workshop, _tell)
    assert (found.suite, found.data) == ("index", "made")
    workshop.close()


def test_what_a_suite_needs_is_told(tmp_path):
    workshop = open_workshop(tmp_path / "home", Settings())
    for name in ("retrieval", "zeroshot"):
        with pytest.raises(InputError, match="no folder was named to measure on") as caught:
            run_suite(name, SuiteRequest(), workshop, _tell)
        assert "--data" in caught.value.hint
    with pytest.raises(NotFound, match="there is no suite 'qa'"):
        run_suite("qa", SuiteRequest(), workshop, _tell)
    with pytest.raises(NotFound, match="there is no index 'absent'"):
        run_suite("index", SuiteRequest(index="absent"), workshop, _tell)
    workshop.close()
    assert suites.SuiteRequest().prompts == USUAL_ENSEMBLE
