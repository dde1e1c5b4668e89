"""Open the way in which a suite looks at pictures: the model, and how it is to look."""

from __future__ import annotations

from eoagent.app.evaluation.seeing.parity import ParitySight
from eoagent.app.evaluation.seeing.seen import WAYS, Sight
from eoagent.app.evaluation.seeing.tiles import TiledSight
from eoagent.app.evaluation.suiterequest import SuiteRequest
from eoagent.contracts.errors import InputError
from eoagent.contracts.models import Models
from eoagent.io.contours import CONTOUR_ABOVE, contour_model
from eoagent.runners.remotesam.detection import OURS

__all__ = ["open_sight"]


def open_sight(
    request: SuiteRequest,
    models: Models,
    *,
    needs_objects: bool = False,
    contour_above: float = CONTOUR_ABOVE,
    least_score: float = OURS.least_score,
) -> Sight:
    """Return the way to look that is asked for; no weights are loaded yet.

    Args:
        request: which model and way.
        models: the models that there are.
        needs_objects: whether objects count, so that a model of contours parts those that touch
            where it is installed; as published.
        contour_above: where the probability of a contour is above it, masks are cut.
        least_score: objects of a lower mean probability are dropped.

    Raises:
        InputError: if there is no such way, or the model is of no use at the pixel size.
        NotFound: if there is no such model.
        ModelMissing: if it is not installed; says the command.
    """
    segmenter = models.segmenter(request.model, gsd_m=request.gsd_m)
    guard = request.guard()
    if request.way == "tiles":
        return TiledSight(
            segmenter=segmenter, origins=guard, gsd_m=request.gsd_m, least_score=least_score
        )
    if request.way == "parity":
        return ParitySight(
            segmenter=segmenter,
            origins=guard,
            contour=contour_model(models) if needs_objects else None,
            contour_above=contour_above,
        )
    raise InputError(f"there is no way '{request.way}'", hint=f"there are: {', '.join(WAYS)}")
