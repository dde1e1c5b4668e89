"""What stands behind a number: the whole of it, from the answer whose step made it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eoagent.cli.tracing import figure_lines, figure_table
from eoagent.contracts.answer import AnswerRecord, AnswerStep
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.figure import Figure, Fingerprint, Source
from eoagent.contracts.geometry import TimeRange, Window

DAY = datetime(2020, 6, 1, tzinfo=UTC)
SOURCE = Source(
    href="/data/a.tif",
    item_id="scene-a",
    fingerprint=Fingerprint(kind="sha256", value="ab" * 32),
    window=Window(row=10, col=0, height=5, width=20),
    time=TimeRange(start=DAY, end=DAY),
)


def _figure(n: int, value: float | str, unit: str, **more) -> Figure:
    return Figure(
        id=f"f{n}",
        step=1,
        name="a",
        value=value,
        unit=unit,
        label=f"label {n}",
        **{"method": "by rule"} | more,
    )


def _step(n: int, *figures: str, **more) -> AnswerStep:
    plain = {
        "tool": "measure",
        "arguments": {"target": "mask:0123456789ab"},
        "references": {"target": "$2"},
        "status": "done",
        "seconds": 0.25,
        "artifacts": (),
    }
    return AnswerStep(n=n, figures=figures, **plain | more)


def _answer(*figures: Figure, steps=(), results=()) -> AnswerRecord:
    return AnswerRecord(
        question="q", status="answered", text="t", figures=figures, results=results, steps=steps
    )


AREA = _figure(1, 1_234_567.5, "m2", error=12_345.0, sources=(SOURCE,))
SHARE = _figure(2, 21.094, "percent")


def test_the_table_names_every_figure_and_marks_those_that_answer():
    lines = figure_table(_answer(AREA, SHARE, results=(SHARE,)))
    assert lines == ["  f1  1.235 ± 0.012 km²  label 1", "* f2            21.09 %  label 2"]


def test_an_answer_without_figures_has_no_table():
    with pytest.raises(InputError, match="no figures"):
        figure_table(_answer())


def test_a_figure_shows_value_error_unit_method_step_and_sources():
    assert figure_lines("f1", [_answer(AREA, steps=(_step(3, "f1"),))]) == [
        "f1  label 1: 1.235 ± 0.012 km²",
        "  value   1234567.5 m2",
        "  error   ± 12345.0 m2",
        "  method  by rule",
        "  step    3. measure, done in 0.25 s",
        '          {"target":"mask:0123456789ab"}',
        "          target is $2",
        "  source  scene-a (/data/a.tif), sha256 abababababababab…, rows 10-14, columns 0-19, 2020-06-01",
    ]


@pytest.mark.parametrize("wanted", ["21.09", "21.09 %", "F2", "f2"])
def test_a_figure_may_be_named_by_the_number_that_is_shown(wanted):
    assert figure_lines(wanted, [_answer(AREA, SHARE)])[0].startswith("f2  label 2")


def test_a_choice_has_no_error_and_a_number_may_have_none_stated():
    choice = _figure(3, "increased", "choice")
    assert figure_lines("f3", [_answer(choice)]) == [
        "f3  label 3: increased",
        "  value   increased",
        "  method  by rule",
    ]
    assert "  error   none stated" in figure_lines("f2", [_answer(SHARE)])


def test_a_figure_of_an_earlier_answer_comes_with_its_own_step_and_sources():
    carried = AREA.model_copy(update={"sources": (), "method": "measured earlier"})
    newest = _answer(carried, steps=(_step(3, "f9", tool="rank"),))
    oldest = _answer(AREA, steps=(_step(4, "f1"),))
    lines = figure_lines("f1", [newest, _answer(SHARE), oldest])
    assert "  step    4. measure, done in 0.25 s" in lines
    assert any("scene-a" in line for line in lines)
    assert "  method  measured earlier" in figure_lines("1.235", [newest])


def test_a_step_over_a_list_and_long_arguments_are_told_in_short():
    step = _step(2, "f1", each="table:0123456789ab", arguments={"text": "x" * 5000}, references={})
    lines = figure_lines("f1", [_answer(AREA, steps=(step,))])
    assert "  step    2. measure for each of table:0123456789ab, done in 0.25 s" in lines
    assert max(map(len, lines)) < 700


def test_many_sources_are_counted():
    bare = Source(href="https://h/x.tif", fingerprint=Fingerprint(kind="none", value=""))
    figure = _figure(1, 1.0, "m", sources=(bare,) * 15)
    lines = figure_lines("f1", [_answer(figure)])
    assert lines[-2:] == ["  source  https://h/x.tif, no fingerprint", "          and 3 more"]


def test_a_figure_that_is_not_there_names_those_that_are():
    with pytest.raises(NotFound, match="no figure 'f7'") as caught:
        figure_lines("f7", [_answer(AREA, SHARE), _answer(_figure(7, 1.0, "m2"))][:1])
    assert caught.value.hint == "the last answer has: f1, f2"
    with pytest.raises(NotFound) as caught:
        figure_lines("12", [])
    assert caught.value.hint == "the last answer has: none"
