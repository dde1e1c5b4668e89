"""Small pictures of what was made, for language models that can look at them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Final

from eoagent.contracts.artifact import handle_kind
from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.planner import Sight
from eoagent.contracts.store import ArtifactStore
from eoagent.io.previews import MapMaker

__all__ = ["sights_of"]

_MOST: Final = 2
_WIDTH_PX: Final = 512
_SHOWN: Final = frozenset({"raster", "mask", "features", "boxes", "aoi", "picture"})


def sights_of(maps: MapMaker, store: ArtifactStore) -> Callable[[Sequence[str]], tuple[Sight, ...]]:
    """Return what draws the last few of some artifacts; what cannot be drawn is left out.

    Args:
        maps: draws artifacts.
        store: tells their titles.
    """

    def look(handles: Sequence[str]) -> tuple[Sight, ...]:
        rasters = [handle for handle in handles if handle_kind(handle) == "raster"]
        sights: list[Sight] = []
        for handle in reversed([h for h in handles if handle_kind(h) in _SHOWN]):
            try:
                png = maps.picture(handle, over=rasters, width_px=_WIDTH_PX)
                title = store.get(handle).title
            except EoAgentError:  # a page, a point, or gone: the text tells of it
                continue
            shown = base64.b64encode(png).decode("ascii")
            sights.append(Sight(handle=handle, title=title, png_base64=shown))
            if len(sights) == _MOST:
                break
        return tuple(reversed(sights))

    return look
