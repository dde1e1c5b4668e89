"""Approval: one question with its price, or none where all is approved beforehand."""

from __future__ import annotations

from eoagent.cli.approving import approver
from eoagent.contracts.price import Price
from eoagent.planner.approval import Approval

ASKED = Approval(
    reason="2 GB to read, more than 500 MB",
    price=Price(scenes=24, bytes=2_000_000_000, seconds=40),
    tools=("open_image", "open_image", "threshold"),
)


def test_what_is_approved_beforehand_asks_nobody():
    assert approver(None, is_approved=True) is True


def test_the_question_names_tools_price_and_reason_and_gives_the_reply():
    asked = []

    def ask(text):
        asked.append(text)
        return len(asked) == 1

    approve = approver(ask, is_approved=False)
    assert approve(ASKED) is True
    assert approve(ASKED) is False
    assert asked[0] == (
        "open_image, threshold: 24 scenes, 2 GB to read, about 40 s in all. "
        "Asked because of: 2 GB to read, more than 500 MB. Go on?"
    )
