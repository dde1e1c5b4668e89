"""Look at pictures as the tools do: in tiles that overlap, through the same code."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.app.evaluation.measures.overlap import nearest_square
from eoagent.app.evaluation.seeing.peaks import PeakSegmenter
from eoagent.app.evaluation.seeing.pixels import open_picture
from eoagent.app.evaluation.seeing.seen import Seen, Way
from eoagent.app.session import Clock
from eoagent.contracts.card import ModelCard
from eoagent.contracts.raster import Grid
from eoagent.contracts.segmenter import PhraseSegmenter
from eoagent.contracts.store import Origins
from eoagent.geo.boxes import union
from eoagent.geo.sampling import Sampling
from eoagent.io.askedscene import scene_rules
from eoagent.io.mask import MaskReader
from eoagent.io.raster import RasterReader
from eoagent.io.scenesegment import SceneMask, Work, segment_scene
from eoagent.runners.remotesam.detection import OURS, Detection
from eoagent.vectors.classphrases import class_phrases

__all__ = ["TiledSight"]

_FRESH: Final = "eoagent-eval-"


@dataclass(frozen=True, slots=True, kw_only=True)
class TiledSight:
    """Looks at pictures tile by tile."""

    segmenter: PhraseSegmenter
    """The model."""
    origins: Origins
    """The guard, which trusts the data folder."""
    gsd_m: float | None = None
    """Ground sampling distance of pictures without georeference, metres."""
    least_score: float = OURS.least_score
    """Objects of a lower mean probability are dropped."""

    @property
    def card(self) -> ModelCard:
        """The model."""
        return self.segmenter.card

    @property
    def way(self) -> Way:
        """Which way it is."""
        return "tiles"

    @property
    def settings(self) -> Mapping[str, str]:
        """How it looks."""
        rules = scene_rules(self.card)
        said = {
            "way": (
                f"tiles: as the tools look, tiles of {rules.tile_px} pixels that share "
                f"{rules.overlap_px} or more, pixels above a probability of {rules.above:g}"
            ),
            "objects": (
                f"of a score of {self.least_score:g} or more, inner ones dropped, and of boxes "
                f"that overlap by more than {OURS.most_overlap:g} the better one kept"
            ),
            "touching": (
                "objects that touch count as one; the tools part them where the contour model is "
                "installed"
            ),
        }
        if self.gsd_m is not None:
            said["gsd"] = f"pictures without georeference have pixels of {self.gsd_m:g} m as stated"
        return said | dict(getattr(self.segmenter, "manner", {}))

    def phrases(self, names: Sequence[str]) -> dict[str, str]:
        """Return what is put to the model for each class, as the tools put it."""
        own = class_phrases(self.card, names)
        return {name: one.phrase for one in own for name in one.asked_as}

    def see(self, file: Path, phrases: Sequence[str]) -> Iterator[Seen]:
        """Yield what a picture shows of each phrase, in order."""
        ref = open_picture(file, self.origins, gsd_m=self.gsd_m)
        numbers = count()
        with (
            tempfile.TemporaryDirectory(prefix=_FRESH) as folder,
            RasterReader(ref, self.origins) as reader,
        ):
            work = Work(
                new_file=lambda: Path(folder) / f"{next(numbers)}.tif",
                deadline=Clock(math.inf),
                progress=lambda _done, _what: None,
            )
            rules = scene_rules(self.card)
            watched = PeakSegmenter(self.segmenter)
            scene = segment_scene(reader, watched, phrases, work, rules=rules)
            for mask in scene.masks:
                peak = watched.peaks.get(mask.phrase, 0.0)
                yield self._seen(mask, scene.sampling, ref.grid, peak)

    def _seen(self, mask: SceneMask, sampling: Sampling, own: Grid, peak: float) -> Seen:
        yes, valid = _on_picture(mask, sampling, own)
        table = mask.instances
        chosen = table.choose(
            least_score=self.least_score, drops_inner=True, most_overlap=OURS.most_overlap
        )
        scale = np.array([sampling.cols_per_px, sampling.rows_per_px] * 2)
        ends = np.array([own.width, own.height] * 2)
        boxes = np.minimum(np.rint(table.boxes * scale), ends).astype(np.int64)
        around = union(boxes[table.scores >= self.least_score])
        return Seen(
            phrase=mask.phrase,
            mask=yes,
            valid=valid,
            square=nearest_square(yes, self.card.input_px),
            objects=tuple(
                Detection(
                    box=_four(boxes[place]),
                    score=float(table.scores[place]),
                    pixels=int(table.table.pixels[place]),
                )
                for place in chosen
            ),
            box=None if around is None else _four(around),
            presence=mask.presence,
            peak=peak,
        )


def _on_picture(
    mask: SceneMask, sampling: Sampling, own: Grid
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return a mask in the pixels of the file, each the pixel of the lattice that it lies in."""
    with MaskReader(mask.path, grid=sampling.grid) as reader:
        yes, valid = reader.read()
    if sampling.is_own:
        return yes, valid
    rows = _places(own.height, sampling.rows_per_px, len(yes))
    cols = _places(own.width, sampling.cols_per_px, yes.shape[1])
    return yes[np.ix_(rows, cols)], valid[np.ix_(rows, cols)]


def _four(box: NDArray[np.int64]) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = map(int, box)
    return x1, y1, x2, y2


def _places(length: int, per_px: float, most: int) -> NDArray[np.intp]:
    found = np.floor((np.arange(length) + 0.5) / per_px).astype(np.intp)
    places: NDArray[np.intp] = np.minimum(found, most - 1)
    return places
