"""Boxes, windows and spans of time: order and units are part of the type."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator

from eoagent.contracts.record import Record

__all__ = ["COORDINATES", "BBox", "LonLat", "LonLatBox", "TimeRange", "Window"]

COORDINATES: Final = "x-coordinates"
"""Key in the JSON schema of an argument that holds longitudes and latitudes."""
_MARKED: Final[Any] = Field(json_schema_extra={COORDINATES: True})
_Longitude = Annotated[float, Field(ge=-180, le=180)]
_Latitude = Annotated[float, Field(ge=-90, le=90)]
LonLat = Annotated[tuple[_Longitude, _Latitude], _MARKED]
"""Longitude and latitude, degrees; a language model may give only the user's or measured ones."""
LonLatBox = Annotated[tuple[_Longitude, _Latitude, _Longitude, _Latitude], _MARKED]
"""West, south, east, north, degrees, likewise; a west above the east crosses the antimeridian."""


class BBox(Record):
    """A box in degrees of longitude and latitude on WGS84.

    A box whose west is greater than its east crosses the antimeridian.
    """

    west: float
    """Western edge, degrees, -180 to 180."""
    south: float
    """Southern edge, degrees, -90 to 90."""
    east: float
    """Eastern edge, degrees, -180 to 180."""
    north: float
    """Northern edge, degrees, -90 to 90."""

    @model_validator(mode="after")
    def _refuse_nonsense(self) -> Self:
        values = (self.west, self.south, self.east, self.north)
        if not all(math.isfinite(v) for v in values):
            msg = f"bbox {values} holds a value that is not finite"
            raise ValueError(msg)
        if not (-180 <= self.west <= 180 and -180 <= self.east <= 180):
            msg = f"bbox longitudes {self.west}, {self.east} are outside -180..180"
            raise ValueError(msg)
        if not -90 <= self.south <= self.north <= 90:
            msg = f"bbox latitudes {self.south}, {self.north} are not south <= north within -90..90"
            raise ValueError(msg)
        return self

    @property
    def crosses_antimeridian(self) -> bool:
        """Whether the box runs over 180 degrees of longitude."""
        return self.west > self.east

    def intersects(self, other: BBox) -> bool:
        """Return whether two boxes share at least a point, across the antimeridian too."""
        if self.north < other.south or other.north < self.south:
            return False
        turns = (-360.0, 0.0, 360.0)  # 180 and -180 degrees are one meridian
        return any(
            a[0] + turn <= b[1] and b[0] <= a[1] + turn
            for a in self._spans()
            for b in other._spans()
            for turn in turns
        )

    def _spans(self) -> list[tuple[float, float]]:
        if self.crosses_antimeridian:
            return [(self.west, 180.0), (-180.0, self.east)]
        return [(self.west, self.east)]


class TimeRange(Record):
    """A span of time with both ends included; an instant has equal ends.

    Ends are timezone-aware. `None` at one end leaves it open.
    """

    start: datetime | None
    """First instant, UTC."""
    end: datetime | None
    """Last instant, UTC."""

    @model_validator(mode="after")
    def _refuse_nonsense(self) -> Self:
        for moment in (self.start, self.end):
            if moment is not None and moment.tzinfo is None:
                msg = f"time {moment} has no time zone"
                raise ValueError(msg)
        if self.start is not None and self.end is not None and self.start > self.end:
            msg = f"time range starts at {self.start} after its end {self.end}"
            raise ValueError(msg)
        return self

    def overlaps(self, other: TimeRange) -> bool:
        """Return whether two spans share at least an instant."""
        starts_in_time = self.start is None or other.end is None or self.start <= other.end
        ends_in_time = other.start is None or self.end is None or other.start <= self.end
        return starts_in_time and ends_in_time

    @property
    def label(self) -> str:
        """The span as a person writes it: a day, a year, or `start/end`."""
        if self.start is None or self.end is None:
            ends = (m.date().isoformat() if m else ".." for m in (self.start, self.end))
            return "/".join(ends)
        first, last = self.start.date(), self.end.date()
        if first == last:
            return first.isoformat()
        is_year = (first.month, first.day) == (1, 1) and (last.month, last.day) == (12, 31)
        if is_year and first.year == last.year:
            return str(first.year)
        return f"{first.isoformat()}/{last.isoformat()}"


class Window(Record):
    """A rectangle of whole pixels: rows downward, columns rightward, from the upper left."""

    row: int
    """First row, >= 0."""
    col: int
    """First column, >= 0."""
    height: int
    """Number of rows, >= 1."""
    width: int
    """Number of columns, >= 1."""

    @model_validator(mode="after")
    def _refuse_nonsense(self) -> Self:
        if self.row < 0 or self.col < 0 or self.height < 1 or self.width < 1:
            msg = (
                f"window row={self.row} col={self.col} height={self.height} width={self.width} "
                "has a negative offset or no pixels"
            )
            raise ValueError(msg)
        return self

    @property
    def pixels(self) -> int:
        """Number of pixels inside."""
        return self.height * self.width
