"""Gather tiles of many units into batches of one size, and say what each batch settles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from eoagent.contracts.geometry import Window
from eoagent_indexes.build.job import Span
from eoagent_indexes.build.spool import covered
from eoagent_indexes.build.tiles import Tile
from eoagent_indexes.build.tiling import Tiling
from eoagent_indexes.build.unit import Unit

__all__ = ["Batch", "OpenUnit", "shown", "span_of"]

_MOST_SETTLED: Final = 8192
"""Windows in one batch, those left out included: what a kill may lose of them."""


@dataclass(slots=True, kw_only=True)
class OpenUnit:
    """A unit on its way through a worker."""

    unit: Unit
    """The unit."""
    tiling: Tiling
    """How it is cut."""
    first: int
    """First window that is not settled yet by an earlier run."""
    spans: list[Span]
    """What is settled and durable."""
    tiles: int = 0
    """Tiles of it in durable batches of this run."""
    refused: str = ""
    """Why it could not be read to its end."""

    @property
    def is_settled(self) -> bool:
        """Whether every window of it is durable."""
        return not self.refused and covered(self.spans) >= len(self.tiling)

    @property
    def skipped(self) -> dict[str, int]:
        """Windows that were left out, by reason."""
        found: dict[str, int] = {}
        for span in self.spans:
            for reason, count in span.skipped.items():
                found[reason] = found.get(reason, 0) + count
        return found


@dataclass(slots=True)
class Batch:
    """Tiles that go through the encoder together, and windows that are left out with them."""

    size: int
    """Tiles of a full batch."""
    entries: list[tuple[OpenUnit, Tile]] = field(default_factory=list)
    """Windows in order, those of one unit together."""
    pictures: int = 0
    """How many of them have a picture."""

    def add(self, unit: OpenUnit, tile: Tile) -> bool:
        """Take a window and return whether the batch is full."""
        self.entries.append((unit, tile))
        self.pictures += tile.picture is not None
        return self.pictures >= self.size or len(self.entries) >= _MOST_SETTLED

    def by_unit(self) -> Iterator[tuple[OpenUnit, list[Tile]]]:
        """Yield the windows of each unit."""
        for _, group in groupby(self.entries, key=lambda entry: id(entry[0])):
            pairs = list(group)
            yield pairs[0][0], [tile for _, tile in pairs]


def span_of(unit: OpenUnit, tiles: list[Tile]) -> Span:
    """Return what consecutive windows of a unit settle."""
    skipped: dict[str, int] = {}
    for tile in tiles:
        if tile.skipped:
            skipped[tile.skipped] = skipped.get(tile.skipped, 0) + 1
    return Span(
        unit=unit.unit.key,
        start=tiles[0].number,
        stop=tiles[-1].number + 1,
        of=len(unit.tiling),
        skipped=skipped,
    )


def shown(unit: OpenUnit, tiles: list[Tile]) -> list[tuple[Tile, Window]]:
    """Return those windows that have a picture, with their place in the file."""
    return [(tile, unit.tiling.window(tile.number)) for tile in tiles if tile.picture is not None]
