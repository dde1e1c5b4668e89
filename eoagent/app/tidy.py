"""Make what a tool hands back fit to show: no hidden characters, no text without end.

Titles, labels and messages quote metadata, file names and attributes, which strangers wrote.
Numbers, units and handles stay as they are.
"""

from __future__ import annotations

from typing import Final

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.text import plain_text
from eoagent.contracts.tool import ToolResult

__all__ = ["tidy_error", "tidy_result"]

_TITLE_CHARS: Final = 200
_LINE_CHARS: Final = 600
_ERROR_CHARS: Final = 1200
_BLANK: Final = "(no visible text)"


def tidy_result(result: ToolResult) -> ToolResult:
    """Return a result whose texts are fit to show."""
    return result.model_copy(
        update={
            "artifacts": {name: _artifact(a) for name, a in result.artifacts.items()},
            "figures": tuple(_figure(figure) for figure in result.figures),
            "assumptions": tuple(plain_text(line, _LINE_CHARS) for line in result.assumptions),
            "warnings": tuple(plain_text(line, _LINE_CHARS) for line in result.warnings),
            "message": plain_text(result.message, keep="\n"),
        }
    )


def tidy_error(error: EoAgentError) -> None:
    """Make message and hint of an error fit to show, in place, so that its traceback stays."""
    error.args = (plain_text(str(error), _ERROR_CHARS),)
    error.hint = plain_text(error.hint, _ERROR_CHARS)


def _artifact(artifact: Artifact) -> Artifact:
    title = plain_text(artifact.title, _TITLE_CHARS)
    return artifact if title == artifact.title else artifact.model_copy(update={"title": title})


def _figure(figure: FigureDraft) -> FigureDraft:
    said = {"label": figure.label, "method": figure.method}
    if isinstance(figure.value, str):
        said["value"] = figure.value
    plain = {name: plain_text(text) for name, text in said.items()}
    if plain == said:
        return figure
    return figure.model_copy(update={k: v if v.strip() else _BLANK for k, v in plain.items()})
