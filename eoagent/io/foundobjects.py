"""Objects that were found in a scene, by class: which count, what they cover, and how."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.figure import FigureDraft, Source
from eoagent.geo.sampling import Sampling
from eoagent.io.scenesegment import SceneMask
from eoagent.vectors.classphrases import ClassPhrase

__all__ = ["ClassObjects", "FoundObjects"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassObjects:
    """The objects of one class."""

    phrase: ClassPhrase
    """The class, and how the model was asked for it."""
    mask: SceneMask
    """All that was found; its file has gone into the store."""
    shown: NDArray[np.intp]
    """Places of its regions that are probable enough, which the mask of all classes shows."""
    objects: SceneMask
    """Its regions, or their parts where a model of contours parts what touches."""
    chosen: NDArray[np.intp]
    """Places of the objects that count, best first."""

    @property
    def area_m2(self) -> float | None:
        """Ground that the mask shows of the class, square metres; None where nobody knows."""
        sizes = self.mask.instances.table.area_m2
        return None if sizes is None else float(sizes[self.shown].sum())

    @property
    def pixels(self) -> int:
        """Pixels that the mask shows of the class."""
        return int(self.mask.instances.table.pixels[self.shown].sum())

    @property
    def mean_score(self) -> float | None:
        """Mean score of the objects that count; None where there is none."""
        scores = self.objects.instances.scores[self.chosen]
        return float(scores.mean()) if len(scores) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundObjects:
    """The objects of a scene, as artifacts and numbers."""

    classes: tuple[ClassObjects, ...]
    """By class, in the order asked."""
    sampling: Sampling
    """How the scene was looked at."""
    artifacts: dict[str, Artifact]
    """`boxes`, `mask` and `table`."""
    area: FigureDraft
    """Ground that the mask shows, each place counted once."""
    sources: tuple[Source, ...]
    """Files of the scene, and the model."""
    method: str
    """How the objects were found, in words."""
    assumptions: tuple[str, ...]
    """Choices that were made, each a sentence."""
    warnings: tuple[str, ...]
    """What the reader should know."""

    @property
    def count(self) -> int:
        """Objects of all classes."""
        return sum(len(one.chosen) for one in self.classes)
