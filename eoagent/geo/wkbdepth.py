"""How deep collections are nested in well-known binary, told without building anything.

GEOS reads collections within collections by calling itself, so that a short text of a hundred
thousand of them ends the process. Who reads geometries of strangers asks here first.
"""

from __future__ import annotations

import struct
from typing import Final

__all__ = ["wkb_depth"]

_SRID: Final = 0x20000000
_HEIGHT: Final = 0x80000000
_MEASURE: Final = 0x40000000
_ORDERS: Final = (">", "<")
_POINT: Final = 1
_LINES: Final = frozenset({2, 8})
_POLYGONS: Final = frozenset({3, 17})
_COLLECTIONS: Final = frozenset({4, 5, 6, 7, 9, 10, 11, 12, 15, 16})
"""Those of curves and surfaces too."""


def wkb_depth(blob: bytes, *, most: int) -> int:
    """Return how many collections lie within each other, counted no further than past `most`.

    Args:
        blob: well-known binary as OGC, ISO or PostGIS write it.
        most: depth past which it is not read on.

    Raises:
        ValueError: if it ends too early or holds a kind of geometry that is not known.
    """
    at, deepest = 0, 0
    left: list[int] = []  # geometries that are still to come in each collection that is open
    try:
        while True:
            at, inside = _step(blob, at)
            if inside:
                left.append(inside)
                deepest = max(deepest, len(left))
                if deepest > most:
                    return deepest
                continue
            while left and left[-1] == 1:
                left.pop()
            if not left:
                return deepest
            left[-1] -= 1
    except (struct.error, IndexError) as error:
        raise ValueError("the geometry ends too early") from error


def _step(blob: bytes, at: int) -> tuple[int, int]:
    """Return where a geometry's own numbers end, and how many geometries lie within it."""
    if blob[at] > 1:
        raise ValueError(f"a geometry has the byte order {blob[at]}")
    order = _ORDERS[blob[at]]
    (stated,) = struct.unpack_from(f"{order}I", blob, at + 1)
    at += 5 + (4 if stated & _SRID else 0)
    kind, dims = stated & 0xFFFF, (stated & 0xFFFF) // 1000
    wide = 2 + bool(stated & _HEIGHT or dims in (1, 3)) + bool(stated & _MEASURE or dims in (2, 3))
    kind %= 1000
    if kind == _POINT:
        return at + 8 * wide, 0
    (count,) = struct.unpack_from(f"{order}I", blob, at)
    at += 4
    if kind in _COLLECTIONS:
        return at, count
    if kind in _LINES:
        return at + 8 * wide * count, 0
    if kind not in _POLYGONS:
        raise ValueError(f"a geometry is of the kind {kind}")
    for _ in range(count):
        (points,) = struct.unpack_from(f"{order}I", blob, at)
        at += 4 + 8 * wide * points
    return at, 0
