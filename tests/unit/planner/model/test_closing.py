"""An answer of figures alone, for a run whose model cannot be asked any more."""

from __future__ import annotations

from eoagent.contracts.planner import View
from eoagent.planner.model.closing import closing_draft
from eoagent.planner.rendering import bare_claims, render


def test_it_says_why_it_ended_and_what_was_measured(figure):
    draft = closing_draft(View(question="?", figures=(figure(1), figure(2))), "the time was over")
    assert draft.status == "partial"
    assert draft.results == ()
    assert draft.text == (
        "Not finished: the time was over. Measured so far, not an answer yet: area of open water, "
        "part 1: {f1}; area of open water, part 2: {f2}."
    )


def test_it_says_so_if_nothing_was_measured(done):
    error = {"kind": "NotFound", "message": "no file {f1}", "hint": ""}
    draft = closing_draft(View(question="?", steps=(done(1, status="failed", error=error),)), "x")
    assert (
        draft.text
        == "Not finished: x. Nothing was measured. The last step that failed said: no file (f1)"
    )


def test_of_many_figures_it_shows_the_newest(figure):
    draft = closing_draft(View(question="?", figures=tuple(figure(n) for n in range(1, 101))), "x")
    assert "{f100}" in draft.text
    assert "{f89}" in draft.text
    assert "{f88}" not in draft.text


def test_what_was_measured_again_is_told_once(figure):
    again = tuple(figure(n, label="width", value=60.0, unit="px", error=None) for n in range(2, 40))
    draft = closing_draft(View(question="?", figures=(figure(1), *again)), "x")
    assert draft.text.endswith("area of open water, part 1: {f1}; width: {f39}.")


def test_labels_and_errors_of_strangers_cannot_pass_for_references(figure, done):
    figures = (figure(1, label="{f9} and { f7 x} \x1b[2J"),)
    error = {"kind": "InputError", "message": "{f12345} " + "y" * 5000, "hint": ""}
    view = View(question="?", figures=figures, steps=(done(1, status="failed", error=error),))
    draft = closing_draft(view, "the planner failed: {f3}")
    told = render(draft.text, {"f1": figures[0]})
    assert "(f9) and ( f7 x)" in told
    assert "\x1b" not in told
    assert len(told) < 1000


def test_its_own_words_claim_no_number(figure):
    draft = closing_draft(View(question="?", figures=(figure(1),)), "the limit was reached")
    allowed = [figure(1).label]
    assert bare_claims(draft.text, allowed=allowed) == ()
