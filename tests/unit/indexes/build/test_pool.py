"""Several processes give the index that one gives, whatever happens to them."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import ModelError, ModelMissing, NotFound
from eoagent.contracts.indexing import BuildRequest
from eoagent_indexes.build.faults import Fault
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.upkeep import TileUpkeep


def held(folder):
    with Snapshot.open(folder) as snapshot:
        found = {}
        for segment in snapshot.segments:
            rows = np.flatnonzero(segment.live)
            ids = segment.table(rows, ["tile_id"]).column(0).to_pylist()
            found |= dict(zip(ids, segment.vectors(rows).tolist(), strict=True))
    return found


@pytest.fixture
def whole(around, pictures, tmp_path):
    folder = tmp_path / "one"
    TileUpkeep(folder, around()).build(BuildRequest(source=str(pictures)))
    return held(folder)


def test_two_workers_of_which_one_is_killed_give_the_index_of_one(
    around, pictures, tmp_path, whole, monkeypatch
):
    once, log = tmp_path / "kill", tmp_path / "log"
    once.touch()
    monkeypatch.setenv("TOY_ONCE", str(once))
    monkeypatch.setenv("TOY_LOG", str(log))
    folder = tmp_path / "many"
    report = TileUpkeep(folder, around()).build(BuildRequest(source=str(pictures), workers=2))
    assert not once.exists()
    assert held(folder) == whole
    assert report.added == report.embedded == 36
    assert len(log.read_text().split()) <= 36 + 8
    assert set(report.seconds) > {"encode", "spool", "waiting for pixels"}
    again = TileUpkeep(folder, around()).build(BuildRequest(source=str(pictures)))
    assert again.kept == 3


def test_what_goes_wrong_in_a_worker_is_raised_as_what_it_was(
    around, pictures, tmp_path, monkeypatch
):
    monkeypatch.setenv("TOY_FAIL", "1")
    with pytest.raises(ModelError, match="the toy broke") as caught:
        TileUpkeep(tmp_path / "many", around()).build(BuildRequest(source=str(pictures), workers=2))
    assert caught.value.hint == "mend it"


@pytest.mark.parametrize(
    "error",
    [
        ModelError("broke", hint="mend it"),
        NotFound("gone", hint="look"),
        ModelMissing("not there", command="pip install it"),
    ],
)
def test_an_error_survives_the_way_between_processes(error):
    back = Fault.model_validate_json(Fault.of(error).model_dump_json()).error()
    assert type(back) is type(error)
    assert back.explain() == error.explain()
    assert getattr(back, "command", "") == getattr(error, "command", "")
