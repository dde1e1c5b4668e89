"""What a call gave in the protocol's words, always as the schema promises."""

from __future__ import annotations

import pytest

from eoagent.app.session import Done
from eoagent.contracts.errors import BudgetExceeded, InputError, ModelMissing, SourceError
from eoagent.contracts.figure import Figure
from eoagent.contracts.tool import ToolResult
from eoagent.io.store import FileStore

NEW, OLD = "2026-07-28", "2024-11-05"


@pytest.fixture
def results():
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    from eoagent.mcp import results

    return results


@pytest.fixture
def fits(results):
    """Hold a result against the schema that every tool lists."""
    import jsonschema

    schema = results.CallReport.model_json_schema(mode="serialization")

    def check(result):
        jsonschema.validate(result.structured_content, schema)

    return check


def _done(count=0, **result):
    figures = tuple(
        Figure(id=f"f{n}", step=1, name="n", value=n, unit="m2", label="n", method="m", error=0.5)
        for n in range(1, count + 1)
    )
    return Done(n=1, result=ToolResult(**result), figures=figures)


def test_an_old_client_is_given_no_links_that_it_does_not_know(results, fits, tmp_path):
    store = FileStore(tmp_path)
    made = store.put("scenes", title="two days", payload={"items": []}, preview={"count": 2})
    for version, kinds in ((NEW, ["text", "resource_link"]), (OLD, ["text"])):
        done = _done(artifacts={"scenes": made, "again": made})
        result = results.finished(done, store, version=version)
        assert [block.type for block in result.content] == kinds
        fits(result)


def test_figures_without_end_are_cut_and_counted(results, fits, tmp_path):
    result = results.finished(_done(500), FileStore(tmp_path), version=NEW)
    fits(result)
    assert len(result.structured_content["figures"]) == 200
    assert result.structured_content["figures_made"] == 500
    lines = result.content[0].text.splitlines()
    assert lines[0].startswith("f1 n = 1.00 ± 0.50 m²")
    assert len(lines) == 41
    assert lines[-1].startswith("and 460 more figures")


@pytest.mark.parametrize(
    ("ended", "status"), [(None, "done"), ("clarify", "asked"), ("cannot_answer", "cannot_answer")]
)
def test_how_a_call_ended_is_said(results, fits, tmp_path, ended, status):
    result = results.finished(
        _done(ended_as=ended, message="why"), FileStore(tmp_path), version=NEW
    )
    fits(result)
    assert result.structured_content["status"] == status
    assert ("why" in result.content[0].text) is (ended is not None)


def test_replies_fit_the_schema_too(results, fits):
    for reply in ("Ohio", None):
        fits(results.replied(3, reply))


@pytest.mark.parametrize(
    "error",
    [
        InputError("no band", hint="name one"),
        SourceError("refused", href="https://h/?sig=CANARY", hint="see https://h/?sig=CANARY"),
        ModelMissing("no model", command="pip install it"),
        BudgetExceeded("too late"),
    ],
)
def test_errors_fit_the_schema_too(results, fits, error):
    result = results.failed(error)
    fits(result)
    assert result.is_error
    assert result.structured_content["error"]["kind"] == type(error).__name__
    assert result.content[0].text.startswith(f"{type(error).__name__}: {error}")
    assert ("hint: " in result.content[0].text) is bool(error.hint)
    assert "CANARY" not in result.model_dump_json()
