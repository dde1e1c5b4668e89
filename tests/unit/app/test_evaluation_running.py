"""An evaluation from the questions to the report, over a small world and the real tools."""

from __future__ import annotations

import json

import pytest

from eoagent import Agent
from eoagent.app.evaluation.questions import read_questions
from eoagent.app.evaluation.running import evaluate_questions, select_questions
from eoagent.app.evaluation.scores import (
    Abstention,
    Evaluation,
    Tally,
    Verdict,
    tally,
    tally_by,
)
from eoagent.app.evaluation.showing import evaluation_lines, save_evaluation
from eoagent.contracts.errors import InputError, NotFound, SourceError

SHARE = "How much of it is water?"


def _line(name, family, question, expect, **more):
    made = {"id": name, "family": family, "question": question, "expect": expect, **more}
    return json.dumps(made, ensure_ascii=False)


def _share(value):
    figures = [
        {"name": "area", "value": 24e4 * value / 100, "unit": "m2", "rel_tol": 0.01},
        {"name": "share", "value": value, "unit": "percent", "abs_tol": 0.5},
    ]
    return {"status": "answered", "figures": figures, "any_of": True, "must_state": ["NDWI"]}


def _outcomes(own):
    """Return a tally without what abstention, calls and tokens amount to."""
    rest = ("abstention", "unverified", "measures", "usage")
    return own.model_copy(update={name: getattr(Tally(), name) for name in rest})


@pytest.fixture
def data(tmp_path, write_scene):
    """A data folder: a scene a third of which is water, and questions of three families."""
    folder = tmp_path / "data"
    write_scene(folder / "images" / "scene.tif", water=20)
    (folder / "images" / "broken.tif").write_text("no image")
    images = ["images/scene.tif"]
    cars = {
        "status": "answered",
        "figures": [{"name": "cars", "value": 3, "unit": "count", "abs_tol": 0}],
    }
    lines = [
        _line("a1", "a", SHARE, _share(100 / 3), images=images),
        _line("a2", "a", SHARE, _share(50.0), images=images, note="a wrong reference"),
        _line("a3", "a", "图中水体有多大？", _share(100 / 3) | {"must_state": []}, images=images),
        _line("b1", "b", "Gibberish of nothing at all?", _share(20.0), images=images),
        _line("b2", "b", SHARE, _share(20.0)),
        _line("h1", "h", SHARE, {"status": "clarify"}, images=None),
        _line("i1", "i", "How many cars are there?", cars, images=images, needs=["detector"]),
    ]
    (folder / "qa_multistep.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture
def agent(tmp_path):
    return Agent("offline", home=tmp_path / "home")


def test_questions_are_asked_judged_and_counted(agent, data):
    heard = []
    found = evaluate_questions(agent, data, on_verdict=lambda v, n: heard.append((v.id, n)))
    outcomes = {verdict.id: verdict.outcome for verdict in found.verdicts}
    assert outcomes == {
        "a1": "right",
        "a2": "wrong",
        "a3": "right",
        "b1": "declined",
        "b2": "asked",
        "h1": "right",
        "i1": "declined",
    }
    assert heard == [(name, 7) for name in outcomes]
    assert list(found.families) == ["a", "b", "h"]
    assert _outcomes(found.families["a"]) == Tally(questions=3, right=2, wrong=1, rate=2 / 3)
    assert found.families["a"].usage.tool_calls == sum(len(v.calls) for v in found.verdicts[:3])
    assert found.families["h"].abstention.recall == 1.0
    assert found.total.abstention == Abstention(
        due=1, abstained=3, rightly=1, recall=1.0, precision=1 / 3
    )
    assert found.total.questions == 6
    assert found.total.rate == 0.5
    assert list(found.with_models) == ["detector"]
    assert _outcomes(found.with_models["detector"]) == Tally(questions=1, declined=1, rate=0.0)
    assert [verdict.id for verdict in found.misses] == ["a2", "b1", "b2", "i1"]
    assert found.planner == "offline"
    first = found.verdicts[0]
    assert agent.workshop.ledger.get_run(first.run).summary.status == "answered"
    assert first.results[1].endswith("%")


def test_a_run_that_breaks_off_counts_as_failed_and_the_next_question_is_asked(data, tmp_path):
    class Breaks:
        """A planner that cannot plan."""

        name = "breaks"

        def plan(self, view, line=None):
            raise SourceError("the model is not there", href="http://x", hint="start it")

        def write(self, view, line=None):
            raise AssertionError

    found = evaluate_questions(Agent(Breaks(), home=tmp_path / "home"), data, families=["a"])
    assert [verdict.outcome for verdict in found.verdicts] == ["failed"] * 3
    assert found.verdicts[0].reason == "SourceError: the model is not there (start it)"
    assert _outcomes(found.total) == Tally(questions=3, failed=3, rate=0.0)
    assert found.total.usage.seconds == pytest.approx(sum(v.seconds for v in found.verdicts))


def test_only_some_families_are_asked(agent, data):
    found = evaluate_questions(agent, data, families=["h"])
    assert [verdict.id for verdict in found.verdicts] == ["h1"]
    with pytest.raises(InputError, match="no question of the family 'z'") as raised:
        select_questions(read_questions(data / "qa_multistep.jsonl"), ["z"])
    assert raised.value.hint == "families are: a, b, h, i"


def test_a_file_that_is_not_there_is_told_before_anything_is_asked(agent, data):
    (data / "images" / "scene.tif").unlink()
    asked = []
    with pytest.raises(NotFound, match="question a1 comes with"):
        evaluate_questions(agent, data, on_verdict=lambda *_: asked.append(1))
    assert asked == []


def test_a_catalog_is_passed_where_a_question_has_one(data, tmp_path):
    seen = []

    class Looks:
        """A planner that notes what came along."""

        name = "looks"

        def plan(self, view, line=None):
            seen.append([(given.kind, given.href) for given in view.inputs])
            raise InputError("enough", hint="")

        def write(self, view, line=None):
            raise AssertionError

    catalog = data / "catalog" / "catalog.json"
    catalog.parent.mkdir()
    catalog.write_text(
        json.dumps(
            {
                "type": "Catalog",
                "stac_version": "1.0.0",
                "id": "c",
                "description": "c",
                "links": [],
            }
        )
    )
    (data / "e.jsonl").write_text(
        _line("e1", "e", "Which?", {"status": "clarify"}, catalog=True), encoding="utf-8"
    )
    agent = Agent(Looks(), home=tmp_path / "home")
    evaluate_questions(agent, data, file=data / "e.jsonl")
    assert seen == [[("catalog", str(catalog))]]


def test_the_report_is_written_and_can_be_read_back(agent, data, tmp_path):
    found = evaluate_questions(agent, data)
    folder = save_evaluation(found, tmp_path / "out")
    again = Evaluation.model_validate_json((folder / "results.json").read_bytes())
    assert again == found
    document = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert document["schema"] == "eoagent/evaluation/1"
    assert document["families"]["a"]["right"] == 2
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<td>family a</td><td>3</td><td>2</td>" in page
    assert "图中水体有多大？" in page
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match="cannot be written"):
        save_evaluation(found, tmp_path / "file")


def _verdict(name="q", outcome="right", **more):
    return Verdict(id=name, family="a", needs=("spectral",), question="?", outcome=outcome, **more)


def test_a_page_and_its_lines_let_no_text_of_strangers_do_anything(tmp_path):
    bad = _verdict("<s>\x1b[2J", "wrong", reason="<script>\u202e\n", text="<i>", results=("<u>",))
    found = Evaluation(
        schema="eoagent/evaluation/1",
        suite="qa",
        file="<img>",
        sha256="0",
        planner="<p>",
        versions={},
        created="",
        seconds=0,
        families=tally_by([("<a>", bad)]),
        total=tally([bad]),
        with_models={},
        verdicts=(bad,),
    )
    save_evaluation(found, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    body = page.partition("<body>")[2]
    assert not any(tag in body for tag in ("<script", "<img", "<i>", "<u>", "<s>", "<a>"))
    text = "\n".join(evaluation_lines(found))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_tallies_count_outcomes_and_nothing_has_no_rate():
    outcomes = ["right", "right", "wrong", "asked", "declined", "failed"]
    assert tally(_verdict(outcome=o) for o in outcomes) == Tally(
        questions=6, right=2, wrong=1, asked=1, declined=1, failed=1, rate=1 / 3
    )
    assert tally([]).rate is None


def test_a_long_reason_is_cut_in_a_line_and_kept_in_the_record():
    verdict = _verdict("q", "wrong", reason="why " * 200)
    assert len(verdict.line()) < 320
    assert verdict.line().endswith("…")
    assert len(verdict.reason) == 800
