"""Results by content: remembered while they stand, a miss otherwise."""

from __future__ import annotations

import pytest

from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.tool import ToolResult
from eoagent.io.ledger import Ledger
from eoagent.io.ledger_rows import check_of
from eoagent.io.store import FileStore


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    ledger = Ledger.open(path)
    yield ledger
    ledger.close()


def result_with(store, text="a"):
    artifact = store.put("table", title=text, payload={"rows": text}, preview={})
    draft = FigureDraft(name="area", value=2.5, unit="km2", label="area", method="counting")
    return ToolResult(
        artifacts={"zonal": artifact, "a_first": artifact}, figures=(draft,), warnings=("w",)
    )


def test_a_result_is_remembered_with_the_order_of_its_artifacts(ledger, path):
    store = FileStore(path.parent)
    result = result_with(store)
    assert ledger.cache_get("key", store) is None
    ledger.cache_put("key", result)
    found = ledger.cache_get("key", store)
    assert found == result
    assert list(found.artifacts) == ["zonal", "a_first"]
    assert ledger.cache_get("other key", store) is None
    store.close()


def test_a_later_result_replaces_the_earlier_one(ledger, path):
    store = FileStore(path.parent)
    ledger.cache_put("key", result_with(store, "a"))
    ledger.cache_put("key", result_with(store, "b"))
    assert ledger.cache_get("key", store) == result_with(store, "b")
    store.close()


def test_a_result_whose_artifact_is_gone_or_damaged_is_a_miss(ledger, path):
    store = FileStore(path.parent)
    result = result_with(store)
    ledger.cache_put("key", result)
    record_path = store.layout.record_path(result.artifacts["zonal"].handle)
    record_path.write_bytes(b"{}")
    assert ledger.cache_get("key", store) is None
    record_path.unlink()
    assert ledger.cache_get("key", store) is None
    result_with(store)
    assert ledger.cache_get("key", store) == result
    store.close()


@pytest.mark.parametrize("text", ["{}", '{"figures": [{"name": "x"}]}', "no json"])
def test_a_damaged_or_outdated_result_is_a_miss(ledger, path, text):
    store = FileStore(path.parent)
    ledger.cache_put("key", result_with(store))
    with ledger.file.writing() as connection:
        connection.execute("UPDATE cache SET result_json = ?", (text,))
    assert ledger.cache_get("key", store) is None
    if text != "{}":
        with ledger.file.writing() as connection:
            connection.execute("UPDATE cache SET row_check = ?", (check_of("key", text),))
        assert ledger.cache_get("key", store) is None
    store.close()
