"""Questions with known answers: what is read, and how each fault is told with its line."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from eoagent.app.evaluation.questions import Question, files_of, read_questions
from eoagent.contracts.errors import InputError, NotFound, SourceError

FIGURE = {"name": "area", "value": 1.0, "unit": "km2", "rel_tol": 0.02}


def _question(**fields):
    made = {
        "id": "q1",
        "family": "a",
        "question": "How much?",
        "images": ["scene.tif"],
        "catalog": False,
        "expect": {"status": "answered", "figures": [FIGURE]},
        "needs": ["spectral"],
        "reference_method": "by hand",
    }
    return made | fields


def _write(path, *documents):
    lines = [d if isinstance(d, str) else json.dumps(d, ensure_ascii=False) for d in documents]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_questions_are_read_in_order_and_blank_lines_passed_over(tmp_path):
    second = _question(id="q2", images=None, question="图中水体有多大？")
    found = read_questions(_write(tmp_path / "q.jsonl", _question(), "", second))
    assert [question.id for question in found] == ["q1", "q2"]
    assert found[0].images == ("scene.tif",)
    assert found[1].images == ()
    assert found[1].question == "图中水体有多大？"
    assert not found[0].needs_a_model


def test_a_mark_at_the_start_of_the_file_is_no_fault(tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(_question()).encode() + b"\r\n")
    assert read_questions(path)[0].id == "q1"


def test_an_index_is_a_plain_number_and_a_choice_a_list_of_one(tmp_path):
    figure = {"name": "ndvi", "value": 0.3, "unit": "index", "abs_tol": 0.01}
    expect = {"status": "answered", "figures": [figure], "choice": "2010"}
    found = read_questions(_write(tmp_path / "q.jsonl", _question(expect=expect)))[0].expect
    assert found.figures[0].unit == "1"
    assert found.figures[0].room == 0.01
    assert found.choice == ("2010",)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ('{"id": "q2",', "line 2: Invalid JSON: EOF"),
        ("[1]", "line 2: Input should be an object"),
        (_question(id=""), "line 2: id: String should have at least 1 character"),
        ({"id": "q2"}, "line 2: family: Field required"),
        (_question(id="q2", expect={"status": "done"}), r"line 2: expect\.status: Input should be"),
        (
            _question(id="q2", expect={"status": "answered", "must_say": ["x"]}),
            r"line 2: expect\.must_say: Extra inputs are not permitted",
        ),
        (
            _question(id="q2", expect={"status": "answered", "figures": [FIGURE | {"abs_tol": 1}]}),
            r"line 2: expect\.figures\.0: Value error, one of rel_tol and abs_tol is wanted",
        ),
        (
            _question(
                id="q2", expect={"status": "answered", "figures": [FIGURE | {"unit": "acre"}]}
            ),
            r"line 2: expect\.figures\.0\.unit: Value error, 'acre' is not a unit of numbers",
        ),
        (
            _question(
                id="q2", expect={"status": "answered", "figures": [FIGURE | {"unit": "choice"}]}
            ),
            "'choice' is not a unit of numbers",
        ),
        (_question(id="q2", images=["../secret.tif"]), r"'\.\./secret\.tif' lies outside"),
        (_question(id="q2", images=["/etc/passwd"]), "'/etc/passwd' lies outside"),
        (_question(), "line 2: the id 'q1' is there already"),
    ],
)
def test_a_line_that_is_no_question_is_named(tmp_path, document, message):
    path = _write(tmp_path / "q.jsonl", _question(), document)
    with pytest.raises(InputError, match=message) as raised:
        read_questions(path)
    assert str(path) in str(raised.value)
    assert raised.value.hint


def test_files_that_are_not_there_empty_or_not_text_are_told(tmp_path):
    with pytest.raises(NotFound, match="there is no file") as raised:
        read_questions(tmp_path / "none.jsonl")
    assert raised.value.hint == "name the folder (--data) and the file (--file)"
    with pytest.raises(InputError, match="holds no question"):
        read_questions(_write(tmp_path / "empty.jsonl", "", ""))
    (tmp_path / "latin.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not UTF-8"):
        read_questions(tmp_path / "latin.jsonl")
    with pytest.raises(SourceError, match="cannot be read"):
        read_questions(tmp_path)


def test_files_of_a_question_are_looked_for(tmp_path):
    path = _write(tmp_path / "q.jsonl", _question(catalog=True))
    question = read_questions(path)[0]
    with pytest.raises(NotFound, match=r"question q1 comes with .*scene\.tif"):
        files_of(question, tmp_path)
    (tmp_path / "scene.tif").touch()
    with pytest.raises(NotFound, match=r"catalog\.json"):
        files_of(question, tmp_path)
    catalog = tmp_path / "catalog" / "catalog.json"
    catalog.parent.mkdir()
    catalog.touch()
    assert files_of(question, tmp_path) == ((tmp_path / "scene.tif",), catalog)


def test_every_question_of_the_shared_file_is_read(shared_data):
    questions = read_questions(shared_data / "qa_multistep.jsonl")
    assert len(questions) >= 60
    for question in questions:
        files_of(question, shared_data)
    assert {q.needs_a_model for q in questions} == {True, False}


def test_a_folder_of_rasters_lies_inside_the_data_folder_and_is_there(tmp_path):
    made = {"id": "a", "family": "f", "question": "?", "expect": {"status": "clarify"}}
    question = Question.model_validate({**made, "folder": "scenes"})
    with pytest.raises(NotFound, match="question a comes with"):
        files_of(question, tmp_path)
    (tmp_path / "scenes").mkdir()
    assert files_of(question, tmp_path) == ((), tmp_path / "scenes")
    with pytest.raises(ValidationError, match="'../scenes' lies outside the data folder"):
        Question.model_validate({**made, "folder": "../scenes"})
