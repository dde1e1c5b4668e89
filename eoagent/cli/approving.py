"""Approval at the command line: given beforehand by an option, or asked for at a terminal."""

from __future__ import annotations

from collections.abc import Callable

from eoagent.planner.approval import Approval

__all__ = ["approver"]


def approver(ask: Callable[[str], bool], *, is_approved: bool) -> bool | Callable[[Approval], bool]:
    """Return what a request takes as its `approve`.

    Args:
        ask: puts a question that is answered by yes or no.
        is_approved: whether everything is approved beforehand.
    """
    if is_approved:
        return True
    return lambda approval: ask(_question(approval))


def _question(approval: Approval) -> str:
    tools = ", ".join(dict.fromkeys(approval.tools))
    return f"{tools}: {approval.price.text} in all. Asked because of: {approval.reason}. Go on?"
