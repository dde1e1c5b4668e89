"""How much of a raster its quality rule leaves out, from a thinned-out look at the codes."""

from __future__ import annotations

from typing import Final

import numpy as np

from eoagent.contracts.raster import BandRef, RasterRef
from eoagent.contracts.store import Origins
from eoagent.contracts.tool import Options
from eoagent.io.raster import RasterReader
from eoagent.spectral.qa import decode

__all__ = ["masked_share"]

_MOST_PIXELS: Final = 64_000_000
_SIDE: Final = 1024


def masked_share(ref: RasterRef, origins: Origins, options: Options) -> tuple[float, bool] | None:
    """Return the share of the filled pixels that the quality rule leaves out, and if it is exact.

    At most 1024 pixels along a side are looked at. None where that is not cheap: the codes are not
    on this machine's disk, or are very many; and where there is no rule or no filled pixel.

    Returns:
        Percent, and whether every pixel was looked at.

    Raises:
        SourceError: if the codes could not be had.
        InputError: if the band holds no quality codes.
    """
    rule = ref.qa
    if rule is None or ref.grid.window.pixels > _MOST_PIXELS:
        return None
    if origins.admit(rule.href).scheme != "file":
        return None
    band = BandRef(name="codes", href=rule.href, index=rule.index)
    plain = {"bands": (band,), "alpha": None, "dataset_mask": False, "qa": None}
    with RasterReader(ref.model_copy(update=plain), origins, options) as reader:
        values, there = reader.preview(_SIDE)
    codes = np.nan_to_num(values[0])
    filled = there & ~decode(rule.kind, codes, ("fill",))
    count = int(np.count_nonzero(filled))
    if not count:
        return None
    out = int(np.count_nonzero(decode(rule.kind, codes, rule.exclude) & filled))
    return 100.0 * out / count, max(ref.grid.height, ref.grid.width) <= _SIDE
