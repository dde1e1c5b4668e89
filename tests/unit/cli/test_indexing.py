"""`eoagent index`: real indexes of embeddings made elsewhere, and what goes wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from eoagent.app.workshop import open_workshop
from eoagent.contracts.errors import ModelMissing


@pytest.fixture
def embeddings(tmp_path):
    """A GeoParquet file of twelve embeddings, and their vectors."""
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(12, 512)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    boxes = [shapely.box(10 + n, 45, 10.5 + n, 45.5) for n in range(12)]
    table = pa.table(
        {
            "id": [f"cell-{n}" for n in range(12)],
            "embedding": pa.array(vectors.tolist(), type=pa.list_(pa.float32())),
            "geometry": pa.array(shapely.to_wkb(boxes).tolist(), type=pa.binary()),
            "datetime": pa.array(
                [datetime(2020, n + 1, 10, tzinfo=UTC) for n in range(12)],
                type=pa.timestamp("us", tz="UTC"),
            ),
        }
    )
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Polygon"]}},
    }
    path = tmp_path / "made-elsewhere.parquet"
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    return path, vectors


@pytest.fixture
def imported(run, embeddings):
    model = ("--encoder", "remoteclip-vit-b-32")
    ended = run("index", "import", "cells", "--from", embeddings[0], *model, "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["added"] == 12
    return embeddings


def tile_ids(run):
    found = run("index", "export", "cells", "--to", "all.parquet", "--json")
    assert found.code == 0, found.err
    return pq.read_table("all.parquet").column("id").to_pylist()


def test_embeddings_made_elsewhere_are_listed_and_told(run, imported):
    (listed,) = json.loads(run("index", "list", "--json").out)
    assert listed["name"] == "cells"
    assert listed["tiles"] == 12
    assert "cells" in run("index", "list").out
    info = json.loads(run("index", "info", "cells", "--json").out)
    assert info["bbox"]["west"] == pytest.approx(10)
    assert info["encoder"]["dimensions"] == 512
    plain = run("index", "info", "cells").out
    assert "12 of 12 items" in plain
    assert "2020" in plain


def test_a_search_by_tile_gives_what_numpy_gives(run, imported):
    _, vectors = imported
    ids = tile_ids(run)
    assert len(ids) == 12
    ended = run("index", "search", "cells", "--like", ids[0], "-k", "5", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["matched"] == 12
    assert found["exact"] is True
    names = [hit["item_id"] for hit in found["hits"]]
    first = int(names[0].rpartition("-")[2])
    best = np.argsort(-(vectors @ vectors[first]))[:5]
    assert names == [f"cell-{n}" for n in best]
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == pytest.approx(np.sort(vectors @ vectors[first])[::-1][:5], abs=2e-3)


def test_place_and_time_narrow_a_search(run, imported):
    ids = tile_ids(run)
    near = json.loads(
        run("index", "search", "cells", "--like", ids[0], "--bbox=12,45,13.2,46", "--json").out
    )
    assert sorted(h["item_id"] for h in near["hits"]) == ["cell-2", "cell-3"]
    when = json.loads(
        run("index", "search", "cells", "--like", ids[0], "--datetime", "2020-05", "--json").out
    )
    assert [h["item_id"] for h in when["hits"]] == ["cell-4"]


def test_an_empty_place_says_what_the_index_covers(run, imported):
    ids = tile_ids(run)
    ended = run("index", "search", "cells", "--like", ids[0], "--bbox=-60,-10,-59,-9")
    assert ended.code == 0
    assert "0 of 0 matching tiles (12 in all)" in ended.out
    assert "no tile meets the conditions" in ended.err
    assert "10,45" in ended.err


def test_the_ending_of_out_decides_the_form(run, imported, tmp_path):
    ids = tile_ids(run)
    for ending in ("json", "geojson", "parquet"):
        path = tmp_path / f"hits.{ending}"
        ended = run("index", "search", "cells", "--like", ids[0], "-k", "3", "--out", path)
        assert ended.code == 0, ended.err
        assert path.stat().st_size > 0
        assert f"written: {path}" in ended.err
    assert len(json.loads((tmp_path / "hits.geojson").read_text())["features"]) == 3
    wrong = run("index", "search", "cells", "--like", ids[0], "--out", "hits.txt")
    assert wrong.code == 3
    assert ".geojson" in wrong.err


def test_an_index_is_checked_cleared_and_removed(run, imported):
    well = run("index", "verify", "cells")
    assert well.code == 0
    assert "all well" in well.out
    assert "could be removed with --yes" in run("index", "vacuum", "cells").out
    assert json.loads(run("index", "vacuum", "cells", "--yes", "--json").out)["removed"] is True
    kept = run("index", "delete", "cells")
    assert kept.code == 3
    assert "--yes" in kept.err
    gone = run("index", "delete", "cells", "--yes")
    assert gone.code == 0
    assert json.loads(run("index", "list", "--json").out) == []
    assert "no index yet" in run("index", "list").err


def test_a_damaged_index_is_listed_with_what_is_wrong(run, imported):
    folder = open_workshop().home / "indexes" / "cells"
    (folder / "CURRENT").write_text("no pointer")
    (told,) = json.loads(run("index", "list", "--json").out)
    assert told["name"] == "cells"
    assert told["error"]
    assert "DAMAGED" in run("index", "list").out


@pytest.mark.parametrize("command", ["info", "verify", "vacuum", "update", "search"])
def test_a_wrong_name_lists_those_there_are(run, imported, command):
    ended = run("index", command, "cell")
    assert ended.code == 3
    assert "there is no index 'cell'" in ended.err
    assert "there are: cells" in ended.err


def test_nothing_to_look_for_is_said(run, imported):
    ended = run("index", "search", "cells")
    assert ended.code == 3
    assert "text" in ended.err


def test_words_without_the_model_say_what_is_missing(run, imported):
    ended = run("index", "search", "cells", "a harbour", "--json")
    assert ended.code == 5
    error = json.loads(ended.out)["error"]
    assert "eoagent models pull remoteclip-vit-b-32" in error["hint"]


def test_a_build_without_weights_says_the_command(run, tmp_path):
    ended = run("index", "build", "coast", "--from", tmp_path)
    assert ended.code == 5
    assert "eoagent models pull remoteclip-vit-b-32" in ended.err
    assert "eoagent models import" in ended.err
    assert not (open_workshop().home / "indexes" / "coast").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--encoder", "clap"], "remoteclip-vit-b-32"),
        (["--bbox", "1,2,3"], "is no box"),
        (["--datetime", "soon"], "is not a date"),
        (["--engine", "spark"], "--engine"),
    ],
)
def test_options_that_make_no_sense_are_refused(run, tmp_path, arguments, said):
    ended = run("index", "build", "coast", "--from", tmp_path, *arguments)
    assert ended.code == 3
    assert said in ended.err


def test_a_name_that_is_a_path_is_refused(run, tmp_path):
    ended = run("index", "build", "../coast", "--from", tmp_path)
    assert ended.code == 3
    assert "cannot name an index" in ended.err


def test_ask_says_at_once_that_an_index_is_not_there(run, imported):
    ended = run("ask", "Where are ships?", "--index", "boats", "--json")
    assert ended.code == 3
    assert json.loads(ended.out)["error"]["hint"] == "there are: cells"


def test_ask_without_the_model_ends_with_5_and_the_reason(run, imported, monkeypatch):
    from eoagent.app.modelling import HomeModels

    def none(self, card="", *, gsd_m=None, like=None):
        raise ModelMissing("the weights of x are not installed", command="eoagent models pull x")

    monkeypatch.setattr(HomeModels, "encoder", none)
    ended = run("ask", "Where are ships?", "--index", "cells")
    assert ended.code == 5
    assert "eoagent models pull x" in ended.out
