"""What a model saw of one phrase in one picture, in the pixels of the picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.card import ModelCard
from eoagent.runners.remotesam.detection import Detection

__all__ = ["WAYS", "Seen", "Sight", "Way"]

Way = Literal["tiles", "parity"]
WAYS: tuple[Way, ...] = ("tiles", "parity")
"""As the tools look, tile by tile; and as the published code does, each picture stretched."""
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Seen:
    """What was seen of one phrase."""

    phrase: str
    """What was put to the model."""
    mask: Bools
    """Where it is, (height, width) of the picture."""
    valid: Bools
    """Which pixels of the picture count, (height, width)."""
    square: Bools
    """Where it is on the grid of the network, (side, side)."""
    objects: tuple[Detection, ...]
    """Objects, best first, in pixels of the picture."""
    box: tuple[int, int, int, int] | None
    """Box around all of it; None where nothing was found."""
    presence: float
    """How likely it is anywhere, where a picture may show several classes, 0 to 1."""
    peak: float
    """Likewise where it shows one class."""


class Sight(Protocol):
    """A way to look at pictures with a model."""

    @property
    def card(self) -> ModelCard:
        """The model."""

    @property
    def way(self) -> Way:
        """Which way it is."""

    @property
    def settings(self) -> Mapping[str, str]:
        """How it looks, for the report."""

    def phrases(self, names: Sequence[str]) -> dict[str, str]:
        """Return what is put to the model for each class.

        Raises:
            InputError: if a name is empty, or there is none.
        """

    def see(self, file: Path, phrases: Sequence[str]) -> Iterator[Seen]:
        """Yield what a picture shows of each phrase, in order.

        Raises:
            InputError: if the picture is of no use to the model.
            NotFound: if it is not there.
            SourceError: if it is damaged.
            ModelError: if the model fails.
        """
