"""Implicit questions from the command line, where no model is there to answer them."""

from __future__ import annotations


def test_a_question_without_a_reasoner_ends_with_five_and_the_command(run, scene):
    ended = run("ask", "Where would rescue boats best land?", "--image", scene)
    assert ended.code == 5
    assert "eoagent models pull remotereasoner-7b" in " ".join((ended.out + ended.err).split())
