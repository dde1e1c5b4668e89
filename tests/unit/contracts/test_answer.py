"""The document `answer.json`: its fields are those that were promised, no more and no fewer."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from eoagent.contracts.answer import (
    ANSWER_SCHEMA,
    AnswerArtifact,
    AnswerRecord,
    AnswerStep,
    PlanStep,
    Usage,
)
from eoagent.contracts.figure import Figure, Fingerprint, Source

_FIELDS = """schema question status text plan results figures artifacts steps assumptions warnings
question_back unverified usage planner versions created"""
_FIGURE = "id label value unit error method step sources"
_ARTIFACT = "id kind path title"
_STEP = "n tool arguments references status seconds artifacts figures error"
_USAGE = "model_calls tool_calls input_tokens output_tokens cost_usd seconds"


@pytest.fixture
def record() -> AnswerRecord:
    source = Source(href="/data/a.tif", fingerprint=Fingerprint(kind="sha256", value="0a"))
    figure = Figure(
        id="f1",
        step=1,
        name="area",
        value=2.5e6,
        unit="m2",
        label="water",
        method="NDWI > 0",
        error=1.5,
        sources=(source,),
    )
    step = AnswerStep(
        n=1,
        tool="measure",
        arguments={"target": "mask:0123456789ab"},
        references={"target": "$1"},
        status="done",
        seconds=0.5,
        artifacts=("mask:0123456789ab",),
        figures=("f1",),
        each="scenes:0123456789ab",
    )
    return AnswerRecord(
        question="多少 water?",
        status="answered",
        text="2.5 km²",
        plan=(PlanStep(n=1, tool="measure", arguments={"target": "$1"}),),
        results=(figure,),
        figures=(figure,),
        artifacts=(
            AnswerArtifact(id="mask:0123456789ab", kind="mask", path="mask.tif", title="water"),
        ),
        steps=(step,),
        assumptions=("threshold 0",),
        unverified=("42",),
        usage=Usage(tool_calls=1, seconds=0.5),
        planner="offline",
        versions={"eoagent": "0.1"},
        created="2026-01-01T00:00:00+00:00",
        run="r1",
        inputs=({"kind": "image", "href": "/data/a.tif"},),
    )


def test_the_document_has_the_promised_fields_at_every_level(record):
    document = json.loads(record.document())
    assert set(document) == set(_FIELDS.split())
    assert set(document["figures"][0]) == set(_FIGURE.split())
    assert set(document["results"][0]) == set(_FIGURE.split())
    assert set(document["artifacts"][0]) == set(_ARTIFACT.split())
    assert set(document["steps"][0]) == set(_STEP.split())
    assert set(document["usage"]) == set(_USAGE.split())
    assert document["schema"] == ANSWER_SCHEMA == "eoagent/answer/1"


def test_an_empty_answer_has_all_fields_too():
    document = json.loads(AnswerRecord(question="?", status="cannot_answer", text="").document())
    assert set(document) == set(_FIELDS.split())
    assert set(document["usage"]) == set(_USAGE.split())


def test_the_values_stand_in_the_document_as_they_are(record):
    document = json.loads(record.document())
    assert document["question"] == "多少 water?"
    assert document["figures"][0]["value"] == 2.5e6
    assert document["figures"][0]["sources"][0]["href"] == "/data/a.tif"
    assert document["unverified"] == ["42"]


def test_a_document_can_be_read_back_and_written_again(record):
    read = AnswerRecord.model_validate_json(record.document())
    assert read.document() == record.document()
    assert (read.run, read.inputs, read.steps[0].each) == ("", (), None)
    assert read.figures[0].name == ""


def test_the_ledger_keeps_what_the_document_leaves_out(record):
    kept = AnswerRecord.model_validate(json.loads(record.model_dump_json(by_alias=True)))
    assert kept == record
    assert kept.run == "r1"


@pytest.mark.parametrize("status", ["answered", "clarify", "cannot_answer", "partial"])
def test_an_answer_ends_in_one_of_four_ways(status):
    assert AnswerRecord(question="?", status=status, text="").status == status
    with pytest.raises(ValidationError, match="status"):
        AnswerRecord(question="?", status=f"{status}!", text="")


def test_a_document_with_a_field_of_its_own_is_refused(record):
    document = json.loads(record.document()) | {"confidence": 0.9}
    with pytest.raises(ValidationError, match="extra"):
        AnswerRecord.model_validate(document)
