"""The planner that asks a language model: what it asks, and what it makes of the reply."""

from __future__ import annotations

import pytest

from eoagent.app.shelf import Shelf
from eoagent.contracts.draft import Draft, Spent
from eoagent.contracts.errors import BudgetExceeded, ModelError, SourceError
from eoagent.contracts.plan import Refusal, Step, StepRecord
from eoagent.contracts.planner import Line, Turn, View
from eoagent.planner.model.calling import Talk
from eoagent.planner.model.model_planner import ModelPlanner


@pytest.fixture(scope="module")
def tools():
    return Shelf().every()


@pytest.fixture
def planner(chatmodels, tools):
    """Make a planner with a scripted model."""

    def make(*script):
        model = chatmodels.ScriptedChat(script=list(script))
        talk = Talk(model=model, sleep=lambda _s: None)
        return ModelPlanner(talk, lambda: tools, name="test:scripted"), model

    return make


def _view(figure, **more):
    record = StepRecord(
        n=1,
        tool="measure",
        arguments={},
        references={},
        status="done",
        outputs={"area": "f1"},
        figures=("f1",),
    )
    plan = (Step(n=1, tool="measure", arguments={"target": "mask:0123456789ab"}),)
    given = {
        "question": "How much?",
        "plan": plan,
        "turns": (Turn(steps=(1,)),),
        "steps": (record,),
    }
    return View(**given | {"figures": (figure(1),)} | more)


def test_it_asks_with_rules_question_and_tools(planner, chatmodels, figure):
    asking, model = planner(chatmodels.calls(("measure", {"target": "$1"})))
    plan = asking.plan(_view(figure))
    assert [(step.n, step.arguments) for step in plan.steps] == [(2, {"target": "$1"})]
    assert plan.spent == Spent(model_calls=1, input_tokens=10, output_tokens=5)
    (request,) = model.requests
    assert chatmodels.flaws(request) == []
    assert [message.type for message in request] == ["system", "human", "ai", "tool"]
    assert "QUESTION: How much?" in request[1].text
    assert {"ask_user", "cannot_answer", "load_tools"} <= {
        d["function"]["name"] for d in model.bound[0]
    }


def test_numbers_go_on_after_refused_calls_too(planner, chatmodels, figure):
    turns = (Turn(steps=(1,), refused=(Refusal(n=2, tool="x", message="bad"),)),)
    asking, _ = planner(chatmodels.calls(("measure", {"target": "$1"})))
    assert [step.n for step in asking.plan(_view(figure, turns=turns)).steps] == [3]


def test_text_is_relayed_with_its_figures_filled_in(planner, chatmodels, figure):
    said = []
    asking, _ = planner(chatmodels.says("It is {f1}.\nRESULTS: f1"))
    from eoagent.contracts.planner import QUIET

    plan = asking.plan(_view(figure), Line(say=said.append, deadline=QUIET.deadline))
    assert plan.draft is not None
    assert plan.draft.results == ("f1",)
    assert "".join(said) == "It is 1.235 ± 0.0043 km²."


def test_tools_that_were_asked_for_or_failed_are_shown_in_full(planner, chatmodels, figure, specs):
    failed = StepRecord(
        n=2,
        tool="terrain",
        arguments={},
        references={},
        status="failed",
        error={"kind": "x", "message": "y", "hint": ""},
    )
    view = _view(figure)
    view = view.model_copy(
        update={
            "steps": (*view.steps, failed),
            "plan": (*view.plan, Step(n=2, tool="terrain")),
            "turns": (*view.turns, Turn(steps=(2,)), Turn(loads=("find_scenes",))),
        }
    )
    asking, model = planner(chatmodels.says("It is {f1}."))
    asking.plan(view)
    full = {spec.card.name: spec.definition for spec in specs}
    shown = {d["function"]["name"]: d for d in model.bound[0]}
    assert shown["terrain"] == full["terrain"]
    assert shown["find_scenes"] == full["find_scenes"]
    assert chatmodels.flaws(model.requests[0]) == []


def test_three_replies_in_a_row_that_are_no_use_are_enough(planner, figure):
    barren = Turn(refused=(Refusal(message="your reply was empty"),))
    asking, model = planner("never asked")
    with pytest.raises(ModelError, match="3 replies in a row.*your reply was empty") as caught:
        asking.plan(_view(figure, turns=(Turn(steps=(1,)), barren, barren, barren)))
    assert "tool calling" in caught.value.hint
    assert model.requests == []


@pytest.mark.parametrize("good", [Turn(steps=(1,)), Turn(loads=("terrain",))])
def test_a_good_reply_among_them_starts_the_count_anew(planner, chatmodels, figure, good):
    barren = Turn(refused=(Refusal(message="your reply was empty"),))
    asking, _ = planner(chatmodels.says("It is {f1}."))
    assert asking.plan(_view(figure, turns=(barren, barren, good, barren))).draft is not None


def test_a_run_that_a_tool_ended_needs_no_words_of_the_model(planner, done, figure):
    asking, model = planner("never asked")
    asked = done(2, tool="ask_user", ended_as="clarify", message="Which lake?")
    draft = asking.write(_view(figure, steps=(asked,)))
    assert (draft.text, draft.status, draft.question_back) == (
        "Which lake?",
        "clarify",
        "Which lake?",
    )
    ended = done(2, tool="cannot_answer", ended_as="cannot_answer", message="No band for it.")
    assert asking.write(_view(figure, steps=(ended,))).status == "cannot_answer"
    assert model.requests == []


def test_a_run_that_must_end_is_closed_by_the_model_in_words(planner, chatmodels, figure):
    asking, model = planner(chatmodels.says("So far {f1}."))
    draft = asking.write(_view(figure, stopped="the limit of 4 steps was reached"))
    assert (draft.text, draft.status, draft.results) == ("So far {f1}.", "partial", ("f1",))
    assert draft.spent.model_calls == 1
    (request,) = model.requests
    assert chatmodels.flaws(request) == []
    assert "The run ends here: the limit of 4 steps was reached." in request[-1].text
    empty, model = planner(chatmodels.says("Nothing yet."))
    assert empty.write(View(question="?", stopped="x")).status == "partial"
    assert chatmodels.flaws(model.requests[0]) == []


@pytest.mark.parametrize("kind", ["empty", "calls", "in text", "cut", "filtered", "fails", "over"])
def test_a_model_that_closes_badly_is_closed_for_with_the_figures(
    planner, chatmodels, figure, kind
):
    says, calls = chatmodels.says, chatmodels.calls
    script = {
        "empty": says(""),
        "calls": calls(("measure", {"target": "$1"}), text="One more:"),
        "in text": says('measure(target="$1")'),
        "cut": says("It is", response_metadata={"finish_reason": "length"}),
        "filtered": says("", response_metadata={"finish_reason": "content_filter"}),
        "fails": RuntimeError("no"),
        "over": BudgetExceeded("the time is over"),
    }
    asking, _ = planner(script[kind])
    draft = asking.write(_view(figure, stopped="the limit was reached"))
    assert draft.status == "partial"
    assert draft.text.startswith("Not finished: the limit was reached. Measured so far")
    assert "{f1}" in draft.text
    assert draft.spent.model_calls == (0 if kind in {"fails", "over"} else 1)


def test_a_model_that_may_not_be_asked_is_not(planner, figure):
    asking, model = planner("never asked")
    draft = asking.write(_view(figure, stopped="the limit of 10 tokens was reached", may_ask=False))
    assert "the limit of 10 tokens was reached" in draft.text
    assert model.requests == []


def test_a_rewrite_shows_the_draft_and_the_complaint(planner, chatmodels, figure):
    asking, model = planner(chatmodels.says("It is {f1}.\nRESULTS: f1"))
    view = _view(figure, complaint="no figure stands behind: 42", draft=Draft(text="It is 42."))
    draft = asking.write(view)
    assert (draft.text, draft.results, draft.status) == ("It is {f1}.", ("f1",), "answered")
    (request,) = model.requests
    assert chatmodels.flaws(request) == []
    assert request[-2].text == "It is 42.\nRESULTS: none"
    assert "no figure stands behind: 42" in request[-1].text
    assert "RESULTS" in request[-1].text


def test_a_rewrite_keeps_how_the_run_ended(planner, chatmodels, figure):
    for status in ("cannot_answer", "partial"):
        asking, _ = planner(chatmodels.says("It cannot be said."))
        old = Draft(text="42 reasons.", status=status)
        assert asking.write(_view(figure, complaint="x", draft=old)).status == status


@pytest.mark.parametrize("bad", [SourceError("x", href=""), "", 'measure(target="$1")'])
def test_a_rewrite_that_fails_leaves_the_draft_as_it_was(planner, chatmodels, figure, bad):
    asking, _ = planner(chatmodels.says(bad) if isinstance(bad, str) else bad)
    old = Draft(text="It is 42 or {f1}.", results=("f1",))
    draft = asking.write(_view(figure, complaint="x", draft=old))
    assert (draft.text, draft.results) == (old.text, old.results)


def test_the_tools_are_looked_up_once_and_not_before_the_first_question(chatmodels, tools, figure):
    looked = []

    def look():
        looked.append(1)
        return tools

    model = chatmodels.ScriptedChat(script=[chatmodels.says("It is {f1}.")])
    planner = ModelPlanner(Talk(model=model), look, name="test:scripted")
    assert looked == []
    planner.plan(_view(figure))
    planner.plan(_view(figure))
    assert looked == [1]
