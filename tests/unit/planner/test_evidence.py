"""The evidence of a run: numbered once, written once, and had again after a restart."""

from __future__ import annotations

import pytest

from eoagent.contracts.figure import FigureDraft, Fingerprint, Source
from eoagent.planner.evidence import Casebook, Evidence


class _Book:
    """A recorder that counts what it is asked."""

    def __init__(self):
        self.written = []
        self.recalled = []

    def append(self, run, record, figures):
        self.written.append((run, record, tuple(figures)))

    def recall(self, run):
        self.recalled.append(run)
        return [(record, figures) for name, record, figures in self.written if name == run]


def _outcome(n, *names):
    source = Source(href="/data/a.tif", fingerprint=Fingerprint(kind="none", value=""))
    drafts = [
        FigureDraft(name=name, value=n, unit="m2", label=name, method="m", sources=(source,))
        for name in names
    ]
    record = {
        "n": n,
        "tool": "measure",
        "arguments": {},
        "references": {},
        "status": "done",
        "outputs": {},
    }
    return {"record": record, "figures": [draft.to_dict() for draft in drafts]}


def _run(evidence, *outcomes, base=0):
    steps = [evidence.hand_in(outcome) for outcome in outcomes]
    for record in evidence.number(steps, base).values():
        evidence.write(record)


def test_figures_are_numbered_on_from_those_of_earlier_questions():
    evidence = Evidence("r1", _Book(), ())
    _run(evidence, _outcome(2, "area"), _outcome(1, "mean", "std"), base=7)
    _run(evidence, _outcome(3, "last"), base=7)
    findings = evidence.findings([3, 1, 2], {})
    assert list(findings.records) == [1, 2, 3]
    assert [(f.id, f.name) for f in findings.figures.values()] == [
        ("f8", "mean"),
        ("f9", "std"),
        ("f10", "area"),
        ("f11", "last"),
    ]
    assert all(figure.sources for figure in findings.figures.values())


def test_a_step_is_written_once_however_often_the_gate_comes_by():
    book = _Book()
    evidence = Evidence("r1", book, ())
    _run(evidence, _outcome(1, "area"))
    again = evidence.number([1], 0)
    evidence.write(again[1])
    assert [record.n for _, record, _ in book.written] == [1]
    assert [figure.id for figure in book.written[0][2]] == ["f1"]


def test_only_the_steps_that_are_asked_for_are_found():
    evidence = Evidence("r1", _Book(), ())
    _run(evidence, _outcome(1, "area"), _outcome(2, "mean"))
    findings = evidence.findings([2], {})
    assert (list(findings.records), list(findings.figures)) == ([2], ["f2"])


def test_after_a_restart_the_evidence_is_read_from_the_ledger_once():
    book = _Book()
    first = Casebook(book)
    first.begin("r1")
    _run(first.of("r1"), _outcome(1, "area"))
    second = Casebook(book)
    assert second.of("r1").findings([1], {}) == first.of("r1").findings([1], {})
    assert second.of("r1") is second.of("r1")
    assert book.recalled == ["r1"]


def test_an_outcome_that_was_lost_with_the_process_is_to_be_had_again():
    evidence = Casebook(_Book()).of("r1")
    assert evidence.number([1, 2], 0) == {}


def test_a_new_run_begins_without_evidence_and_an_ended_one_is_let_go():
    book = _Book()
    casebook = Casebook(book)
    casebook.begin("r1")
    _run(casebook.of("r1"), _outcome(1, "area"))
    casebook.begin("r1")
    with pytest.raises(KeyError):
        casebook.of("r1").findings([1], {})
    casebook.end("r1")
    assert list(casebook.of("r1").findings([1], {}).figures) == ["f1"]


def test_many_runs_at_once_do_not_fill_the_memory():
    book = _Book()
    casebook = Casebook(book)
    for n in range(100):
        casebook.begin(f"r{n}")
    casebook.of("r99")
    assert book.recalled == []
    casebook.of("r0")
    assert book.recalled == ["r0"]


def test_earlier_figures_come_before_the_runs_own():
    evidence = Evidence("r1", _Book(), ())
    _run(evidence, _outcome(1, "area"), base=1)
    old = Evidence("r0", _Book(), ())
    _run(old, _outcome(1, "old"))
    raw = {i: f.to_dict() for i, f in old.figures({}).items()}
    assert list(evidence.figures(raw)) == ["f1", "f2"]
    assert list(evidence.findings([1], raw).known) == ["f1", "f2"]
    assert list(evidence.findings([1], raw).earlier) == ["f1"]
