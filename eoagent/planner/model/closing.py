"""An answer made of the figures alone, for a run whose language model can no longer be asked."""

from __future__ import annotations

from typing import Final

from eoagent.contracts.draft import Draft
from eoagent.contracts.planner import View
from eoagent.contracts.text import plain_text

__all__ = ["closing_draft"]

_MOST: Final = 12
_MAX_SAID: Final = 400


def closing_draft(view: View, reason: str) -> Draft:
    """Return a partial answer: why the run ended, and the newest figures it had by then.

    What was measured several times is told once.
    """
    measured = {(f.label, f.value, f.unit): f for f in view.figures}
    shown = sorted(measured.values(), key=lambda f: int(f.id[1:]))[-_MOST:]
    told = [f"{_plain(figure.label)}: {{{figure.id}}}" for figure in shown]
    text = f"Not finished: {_plain(reason)}."
    if told:
        text += f" Measured so far, not an answer yet: {'; '.join(told)}."
    else:
        text += " Nothing was measured."
    failed = [step for step in view.steps if step.status == "failed" and step.error]
    if failed and failed[-1].error:
        said = failed[-1].error["message"][:_MAX_SAID]
        text += f" The last step that failed said: {_plain(said)}"
    return Draft(text=text, status="partial")


def _plain(text: str) -> str:
    """Return a text that may come from a stranger without what would read as a reference."""
    return plain_text(text).replace("{", "(").replace("}", ")")
