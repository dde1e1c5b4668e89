"""Which of some labels a scene shows, by a model that finds phrases in pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.card import ModelCard
from eoagent.contracts.figure import FigureDraft, Source
from eoagent.contracts.segmenter import PhraseMask, PhraseSegmenter
from eoagent.contracts.store import ArtifactStore
from eoagent.contracts.tool import Services
from eoagent.io.askedscene import SceneToAsk, asked_scene, check_valid
from eoagent.io.plaintable import store_table
from eoagent.vectors.classphrases import class_phrases, phrases_stated

__all__ = [
    "LEAST",
    "SEEN_LABELS",
    "SeenLabel",
    "SeenLabels",
    "see_labels",
    "seen_figures",
    "seen_table",
]

LEAST: Final = 0.5
"""What a label's score has to reach for the scene to be of it, and its presence to exceed for the
scene to show it, as the authors of RemoteSAM have it."""

SEEN_LABELS: Final = (
    "airport",
    "beach",
    "bridge",
    "farmland",
    "forest",
    "golf course",
    "harbour",
    "lake",
    "mountain",
    "parking lot",
    "railway station",
    "residential area",
    "river",
    "stadium",
    "storage tanks",
)
"""Labels that a model of phrases is asked for where none are given: fewer, as each takes a pass."""
_SCORES: Final = (
    "the score of a label is the highest probability of any pixel, and the scene is of none where "
    f"no score is {LEAST:g} or more; it shows those of which half the highest and half the mean "
    f"probability come to more than {LEAST:g}"
)
_NONE: Final = "none"
"""Value of a choice where there is nothing to choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLabel:
    """A label and how far a scene shows it."""

    label: str
    """The label as it was given."""
    score: float
    """Highest probability of any pixel, 0 to 1."""
    presence: float
    """Half of that and half of the mean probability, in the tile where that is highest, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLabels:
    """Labels of a scene."""

    labels: tuple[SeenLabel, ...]
    """Best score first; of equal scores, the better presence."""
    tiles: int
    """Tiles in which the scene was asked."""
    assumptions: tuple[str, ...]
    """Choices that were made."""

    @property
    def shown(self) -> tuple[str, ...]:
        """Labels that the scene shows; a scene may show several, or none."""
        return tuple(one.label for one in self.labels if one.presence > LEAST)


def see_labels(
    services: Services, scene: SceneToAsk, segmenter: PhraseSegmenter, labels: Sequence[str]
) -> SeenLabels:
    """Return how far a scene of any size shows each of some labels.

    Labels that come to one phrase are one, under the first of their names.

    Raises:
        InputError: if the model is of no use at that pixel size, or no pixel is valid.
        ModelError: if the model fails.
        BudgetExceeded: if the time is over.
        SourceError: if pixels could not be had.
    """
    classes = class_phrases(segmenter.card, labels)
    watched = _Watched(segmenter)
    phrases = [one.phrase for one in classes]
    with asked_scene(services, scene, watched, phrases, is_kept=False) as asked:
        check_valid(scene, asked)
        seen = [
            SeenLabel(
                label=one.asked_as[0], score=watched.peaks[mask.phrase], presence=mask.presence
            )
            for one, mask in zip(classes, asked.masks, strict=True)
        ]
    return SeenLabels(
        labels=tuple(sorted(seen, key=lambda one: (-one.score, -one.presence))),
        tiles=asked.tiles,
        assumptions=(
            phrases_stated(segmenter.card, classes),
            *scene.notes,
            *asked.assumptions[:-1],
            _SCORES,
        ),
    )


def seen_figures(
    seen: SeenLabels, title: str, *, model: str, sources: tuple[Source, ...]
) -> tuple[FigureDraft, ...]:
    """Return the best label and the next with their scores, and all that is shown."""
    first, *rest = seen.labels
    rows: list[tuple[str, float | str, str, str]] = [
        ("label", first.label if first.score >= LEAST else _NONE, "choice", "label"),
        ("score", first.score, "1", "highest probability of the best label"),
        ("shown", ", ".join(seen.shown) or _NONE, "choice", "all labels that are shown"),
    ]
    if rest:
        rows.append(("second", rest[0].label, "choice", "next label"))
        rows.append(("margin", first.score - rest[0].score, "1", "lead over the next label"))
    if seen.tiles > 1:
        rows.append(("windows", seen.tiles, "count", "tiles"))
    return tuple(
        FigureDraft(
            name=name,
            value=value,
            unit=unit,
            label=f"{what} in {title}"[:200],
            method=f"{model} asked for {len(seen.labels)} labels",
            sources=sources,
        )
        for name, value, unit, what in rows
    )


def seen_table(store: ArtifactStore, seen: SeenLabels, title: str) -> Artifact:
    """Keep all labels with score and presence as a table, best first."""
    rows = [(one.label, one.score, one.presence) for one in seen.labels]
    columns = {"label": "", "score": "1", "presence": "1"}
    return store_table(store, columns, rows, label=f"labels of {title}, best first")


class _Watched:
    """A segmenter that notes the highest probability for each phrase."""

    def __init__(self, segmenter: PhraseSegmenter) -> None:
        self.peaks: dict[str, float] = {}
        self._segmenter = segmenter

    @property
    def card(self) -> ModelCard:
        """What the model can do."""
        return self._segmenter.card

    def segment(self, picture: NDArray[np.uint8], phrases: Sequence[str]) -> Iterator[PhraseMask]:
        """Yield what the model finds."""
        found = self._segmenter.segment(picture, phrases)
        for phrase, mask in zip(phrases, found, strict=False):  # too few are told later
            peak = float(mask.probability.max())
            self.peaks[phrase] = max(self.peaks.get(phrase, 0.0), peak)
            yield mask
