"""Check what a build is asked for, and whether it is what an index was begun with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import InputError
from eoagent.contracts.indexing import BuildRequest
from eoagent.contracts.record import Record
from eoagent_indexes.build.recipe import AUTO, find_recipe

__all__ = ["MADE_BY_BUILD", "begun_with", "check_request", "differences", "recipe_of"]

MADE_BY_BUILD: Final = "build"
"""Mark in the recipe of an index that a build made, and no import."""
_ANYHOW: Final = frozenset({"engine", "workers"})
"""What may differ from run to run: it changes no tile."""


class Begun(Record):
    """What an index was begun with."""

    made: str
    """`build`."""
    request: BuildRequest
    """What was asked for; engine and workers do not count."""
    tile_px: int
    """Edge of a tile."""
    stride_px: int
    """Pixels from tile to tile."""


def check_request(request: BuildRequest, card: ModelCard) -> BuildRequest:
    """Return a request with its source as an absolute place, if it can be carried out.

    Raises:
        InputError: if it contradicts itself, or the encoder is of no use for it.
        NotFound: if there is no such recipe.
    """
    tile_px = request.tile_px or card.input_px
    if request.recipe != AUTO:
        find_recipe(request.recipe)
    if request.stride_px > tile_px:
        raise InputError(
            f"tiles of {tile_px} pixels every {request.stride_px} pixels leave gaps",
            hint=f"give a --stride of at most {tile_px}",
        )
    why = card.refusal(request.gsd_m)
    if why:
        raise InputError(
            f"tiles of {request.gsd_m:g} m per pixel were asked for: {why}",
            hint="ask for another --gsd, or take another --encoder",
        )
    box = request.bbox
    if box is not None and (box.west == box.east or box.south == box.north):
        raise InputError(
            f"the area {box.west:g},{box.south:g},{box.east:g},{box.north:g} is empty",
            hint="give west, south, east and north, degrees",
        )
    if not request.source.strip():
        raise InputError("an index is built from a source, and none was given", hint="give --from")
    place = request.source
    if "://" not in place:
        place = os.path.abspath(os.path.expanduser(place))  # noqa: PTH100, PTH111  links stay as named
    return request.model_copy(update={"source": place})


def recipe_of(request: BuildRequest, card: ModelCard) -> dict[str, Any]:
    """Return what a manifest keeps of a request."""
    tile_px = request.tile_px or card.input_px
    begun = Begun(
        made=MADE_BY_BUILD,
        request=request.model_copy(update={"engine": "local", "workers": 1}),
        tile_px=tile_px,
        stride_px=request.stride_px or tile_px,
    )
    return begun.to_dict()


def begun_with(name: str, recipe: Mapping[str, Any]) -> BuildRequest:
    """Return the request that an index was begun with.

    Raises:
        InputError: if it was not built here.
    """
    try:
        begun = Begun.model_validate(dict(recipe))
    except ValidationError:
        raise InputError(
            f"index '{name}' was not built from a source: there is nothing to look at again",
            hint="import newer embeddings under another name, or build an index anew",
        ) from None
    return begun.request


def differences(begun: BuildRequest, asked: BuildRequest) -> tuple[str, ...]:
    """Return in which respects two requests differ, each `name: begun with, now`."""
    first, second = begun.to_dict(), asked.to_dict()
    return tuple(
        f"{name}: {_short(first[name])}, now {_short(second[name])}"
        for name in first
        if name not in _ANYHOW and first[name] != second[name]
    )


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 60 else text[:59] + "…"
