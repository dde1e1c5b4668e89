"""Rules of other benchmarks: words, options and tools, by hand-made answers."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from eoagent.app.evaluation.judging import judge
from eoagent.app.evaluation.options import NUMBER_TOLERANCE, option_meant
from eoagent.app.evaluation.questions import Expectation
from eoagent.contracts.answer import AnswerRecord, AnswerStep
from eoagent.contracts.figure import Figure

KELVIN = ("2.77K", "5.64K", "7.25K", "8.11K")


def _answer(text="Said.", *results, status="answered", tools=()):
    figures = tuple(
        Figure(id=f"f{n}", step=1, name="x", value=value, unit=unit, label="x", method="made")
        for n, (value, unit) in enumerate(results, 1)
    )
    steps = tuple(
        AnswerStep(
            n=n,
            tool=tool,
            arguments={},
            references={},
            status="done",
            seconds=0,
            artifacts=(),
            figures=(),
        )
        for n, tool in enumerate(tools, 1)
    )
    return AnswerRecord(
        schema="eoagent/answer/1",
        question="?",
        status=status,
        text=text,
        results=figures,
        figures=figures,
        steps=steps,
    )


def _judged(rule, answer, **expect):
    made = {"status": "answered", "rule": rule, **expect}
    return judge(Expectation.model_validate(made), answer)


@pytest.mark.parametrize(
    ("text", "outcome", "reason"),
    [
        ("There are 12 boats near the north quay.", "right", ""),
        ("TWELVE boats at the Northern pier", "right", ""),
        ("12 boats", "wrong", "does not say north or northern"),
        ("112 boats in the north", "wrong", "does not say 12 or twelve"),
        ("None.", "wrong", "does not say 12 or twelve; does not say north or northern"),
        ("12 in the north, none in the south", "wrong", "says south, which is wrong"),
        ("about 3.12 in the north", "right", ""),
    ],
)
def test_one_word_of_each_group_and_no_wrong_one_is_wanted(text, outcome, reason):
    groups = [["12", "twelve"], ["north", "northern"]]
    found = _judged({"kind": "words", "groups": groups, "wrong": ["south"]}, _answer(text))
    assert (found.outcome, found.reason) == (outcome, reason)


def test_how_a_figure_was_computed_is_not_what_is_answered():
    text = "3 ha. Method: made (17 of 40 rows, option C)"
    answer = _answer(text, (3, "ha"))
    method = "made (17 of 40 rows, option C)"
    figures = tuple(figure.model_copy(update={"method": method}) for figure in answer.figures)
    answer = answer.model_copy(update={"figures": figures})
    assert _judged({"kind": "words", "groups": [["3"]]}, answer).outcome == "right"
    assert _judged({"kind": "words", "groups": [["17"]]}, answer).outcome == "wrong"
    assert option_meant(("2 ha", "3 ha", "9 ha"), answer) == "B"


def test_words_are_taken_literally_and_thousands_may_be_grouped():
    rule = {"kind": "words", "groups": [["1234.5", "a+b"]]}
    assert _judged(rule, _answer("It is 1,234.5 m²")).outcome == "right"
    assert _judged(rule, _answer("It is 1234x5 m²")).outcome == "wrong"
    assert _judged(rule, _answer("aab")).outcome == "wrong"
    assert _judged(rule, _answer("so a+b it is")).outcome == "right"
    assert _judged({"kind": "words", "groups": [["1,234"]]}, _answer("1,234 m")).outcome == "right"


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("<Answer>B<Answer>", "B"),
        ("<answer> c. 7.25K</answer>", "C"),
        ("First <Answer>A<Answer>, no: <Answer>D<Answer>", "D"),
        ("B", "B"),
        ("(B)", "B"),
        ("B. 5.64K", "B"),
        ("The answer is C.", "C"),
        ("So option D fits.", "D"),
        ("Either option A or option B.", None),
        ("A river runs there.", None),
        ("The difference is 5.64 K.", "B"),
        ("Not 15.64K.", None),
        ("Between 2.77K and 5.64K.", None),
        ("E", None),
        ("Nothing.", None),
    ],
)
def test_an_option_is_meant_by_its_letter_or_its_words(text, letter):
    assert option_meant(KELVIN, _answer(text)) == letter


@pytest.mark.parametrize(
    ("options", "results", "letter"),
    [
        (KELVIN, [(5.61, "K")], "B"),
        (KELVIN, [(5.64 * (1 + NUMBER_TOLERANCE) - 1e-9, "K")], "B"),
        (KELVIN, [(5.95, "K")], None),
        (KELVIN, [(5.64, "m")], None),
        (KELVIN, [(5.64, "K"), (2.77, "K")], None),
        (("62.74%", "54.79%"), [(0.6274, "1")], "A"),
        (("62.74%", "54.79%"), [(54.8, "percent")], "B"),
        (("About 500 m^2", "About 1500 m^2", "About 80119 m^2"), [(0.15, "ha")], "B"),
        (("About 80,119 m²", "1 km"), [(8.0, "ha")], "A"),
        (("About (350, 350)", "About (550, 550)"), [(548.0, "px"), (561.0, "px")], "B"),
        (("About (350, 350)", "About (550, 550)"), [(548.0, "px"), (351.0, "px")], None),
        (("3 ships", "4 ships", "5 ships"), [(4, "count")], "B"),
        (("3", "3.0"), [(3.0, "count")], None),
        (("1 to 2", "3"), [(3.1, "1")], "B"),
        (("none", "all"), [(3.1, "1")], None),
        (("0.005", "0.02"), [(0.0051, "1")], "A"),
        (("1.5e3 m", "2 km"), [(1480.0, "m")], "A"),
    ],
)
def test_an_option_is_meant_by_numbers_near_to_its_own(options, results, letter):
    assert option_meant(options, _answer("As measured.", *results)) == letter


def test_a_result_that_is_a_choice_names_an_option():
    options = ("Increasing", "Decreasing", "No trend.")
    assert option_meant(options, _answer("Hm.", ("decreasing", "choice"))) == "B"
    assert option_meant(options, _answer("Hm.", ("no trend", "choice"))) == "C"
    assert option_meant(options, _answer("Hm.", ("b", "choice"))) == "B"
    assert option_meant(options, _answer("Hm.", ("up", "choice"))) is None


def test_words_inside_a_longer_option_do_not_count_for_the_shorter():
    options = ("increase", "slight increase", "decrease")
    assert option_meant(options, _answer("There is a slight increase.")) == "B"
    assert option_meant(options, _answer("There is an increase.")) == "A"
    assert option_meant(options, _answer("An increase, then a decrease.")) is None


def test_the_judge_tells_which_option_was_meant_and_which_is_right():
    rule = {"kind": "option", "options": KELVIN, "letter": "B"}
    assert _judged(rule, _answer("x", (5.6, "K"))).outcome == "right"
    found = _judged(rule, _answer("x", (7.2, "K")))
    assert found.outcome == "wrong"
    assert found.reason == "means C (7.25K), and B (5.64K) is right"
    found = _judged(rule, _answer("Warm."))
    assert found.reason == "means none of A to D; B (5.64K) is right"


def test_a_question_without_tools_is_not_answered_by_tools():
    assert _judged({"kind": "no_tools"}, _answer("It is.")).outcome == "right"
    found = _judged({"kind": "no_tools"}, _answer("It is.", tools=["find_place", "measure"]))
    assert found.reason == "calls find_place, measure, and no tool is needed"


def test_what_only_a_model_could_judge_is_unjudged_unless_it_is_declined():
    rule = {"kind": "unjudged", "why": "a model compares"}
    found = _judged(rule, _answer("Anything."))
    assert (found.outcome, found.reason) == ("unjudged", "a model compares")
    assert _judged(rule, _answer("No.", status="cannot_answer")).outcome == "declined"
    assert _judged(rule, _answer("Which?", status="clarify")).outcome == "asked"
    declined = _answer("No.", status="cannot_answer")
    assert _judged(rule, declined, also_accept=["cannot_answer"]).outcome == "right"


def test_numbers_and_rules_stand_side_by_side():
    rule = {"kind": "words", "groups": [["two"]]}
    assert _judged(rule, _answer("two", (2, "count"))).outcome == "right"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"kind": "option", "options": ["a", "b"], "letter": "C"}, "there is no option C among 2"),
        ({"kind": "option", "options": ["a"], "letter": "A"}, "at least 2 items"),
        ({"kind": "taste"}, "'taste'"),
        ({"kind": "unjudged"}, "Field required"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused(rule, message):
    with pytest.raises(ValidationError, match=message):
        Expectation.model_validate({"status": "answered", "rule": rule})
