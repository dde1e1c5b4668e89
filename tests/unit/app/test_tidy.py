"""What tools hand back is fit to show, and otherwise as it was."""

from __future__ import annotations

import pytest

from eoagent.app.tidy import tidy_error, tidy_result
from eoagent.contracts.artifact import Artifact
from eoagent.contracts.errors import NotFound, SourceError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.tool import ToolResult

HOSTILE = "clear \x1b[2J and \u202eback\U000e0041"
PLAIN = "clear  [2J and  back "


def _figure(**more):
    fields = {"name": "best", "value": "x", "unit": "choice", "label": "l", "method": "m"}
    return FigureDraft(**(fields | more))


def test_texts_of_a_result_lose_what_cannot_be_seen():
    result = ToolResult(
        artifacts={"raster": Artifact(kind="raster", id="0" * 12, title=HOSTILE)},
        figures=(_figure(value=HOSTILE, label=HOSTILE, method=HOSTILE),),
        assumptions=(HOSTILE,),
        warnings=(HOSTILE,),
        message=f"{HOSTILE}\n{HOSTILE}",
    )
    plain = tidy_result(result)
    figure = plain.figures[0]
    assert plain.artifacts["raster"].title == PLAIN
    assert plain.artifacts["raster"].handle == f"raster:{'0' * 12}"
    assert (figure.value, figure.label, figure.method) == (PLAIN,) * 3
    assert (*plain.assumptions, *plain.warnings) == (PLAIN, PLAIN)
    assert plain.message == f"{PLAIN}\n{PLAIN}"


def test_a_result_that_is_plain_stays_as_it_is():
    figure = _figure(value=3.5, unit="m2", error=0.5)
    result = ToolResult(figures=(figure,), assumptions=("water is NDWI > 0",))
    assert tidy_result(result) == result
    assert tidy_result(result).figures[0] is figure


def test_long_texts_are_cut():
    artifact = Artifact(kind="raster", id="0" * 12, title="t" * 1000)
    plain = tidy_result(ToolResult(artifacts={"r": artifact}, warnings=("w" * 5000,)))
    assert len(plain.artifacts["r"].title) == 200
    assert len(plain.warnings[0]) == 600


def test_a_label_of_nothing_that_can_be_seen_says_so():
    plain = tidy_result(ToolResult(figures=(_figure(label="\x1b\u202e"),)))
    assert plain.figures[0].label == "(no visible text)"


@pytest.mark.parametrize(
    "error", [NotFound(HOSTILE, hint=HOSTILE), SourceError(HOSTILE, href="x", hint=HOSTILE)]
)
def test_an_error_says_the_same_without_what_cannot_be_seen(error):
    tidy_error(error)
    assert (str(error), error.hint) == (PLAIN, PLAIN)
    assert error.explain() == f"{PLAIN} ({PLAIN})"
