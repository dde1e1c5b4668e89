"""What figures are about: an artifact as something on the ground, with label and sources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry

from eoagent.contracts.figure import FigureDraft, Source
from eoagent.contracts.geometry import BBox

__all__ = ["Makers", "Subject"]

Makers = dict[str, Callable[[], list[FigureDraft]]]
"""Quantity to what makes its figures when it is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An artifact as something on the ground."""

    label: str
    """What it is, in words."""
    sources: tuple[Source, ...]
    """Files behind it."""
    centre: Callable[[], tuple[float, float]]
    """Gives its centre, degrees; what it raises says why there is none."""
    geometry: Callable[[], BaseGeometry] | None = None
    """Gives it in longitude and latitude; None where only the centre counts."""

    def figure(
        self, name: str, value: float | str, unit: str, *, method: str, error: float | None = None
    ) -> FigureDraft:
        """Return a figure about it, labelled with the name in words."""
        words = name.replace("_", " ")
        return FigureDraft(
            name=name,
            value=value,
            unit=unit,
            label=f"{words} of {self.label}"[:200],
            method=method[:600],
            error=error,
            sources=self.sources,
        )

    def centroid(self, *, method: str) -> list[FigureDraft]:
        """Return longitude and latitude of the centre."""
        lon, lat = self.centre()
        return [
            self.figure("centroid_lon", lon, "deg", method=method),
            self.figure("centroid_lat", lat, "deg", method=method),
        ]

    def bounds(self, box: BBox, *, method: str) -> list[FigureDraft]:
        """Return the four sides of a box; west is greater than east over the antimeridian."""
        sides = {"west": box.west, "south": box.south, "east": box.east, "north": box.north}
        return [
            self.figure(f"bounds_{side}", value, "deg", method=method)
            for side, value in sides.items()
        ]
