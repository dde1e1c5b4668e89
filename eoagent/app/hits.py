"""What a search of an index found: ids and scores, and the same as GeoJSON, GeoParquet or sheet."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from eoagent.contracts.errors import EoAgentError, InputError
from eoagent.contracts.store import Origins
from eoagent.contracts.tilesearch import SearchResult, TileHit
from eoagent.contracts.tool import Options
from eoagent.io.atomic import disk_errors, publish, write_atomic
from eoagent.io.contactsheet import SheetTile, contact_sheet
from eoagent.io.previews import png_bytes
from eoagent.io.raster import RasterReader
from eoagent.io.tilepart import note_places, open_tile_colours
from eoagent.io.tileset import tiles_geojson, time_label, write_tiles_geoparquet
from eoagent.io.tileview import show_window
from eoagent.io.tilewords import SCORE_NOTE, centre_of

__all__ = ["Hits"]

_SHEET_PX: Final = 384
_READERS: Final = 4


class Hits:
    """The tiles that a search found, best first; a sequence of `TileHit`.

    Args:
        result: what the search found.
        query: what was looked for, in words.
        origins: the guard, for pictures of the tiles.
        options: how files are read.
    """

    def __init__(
        self, result: SearchResult, *, query: str, origins: Origins, options: Options | None = None
    ) -> None:
        self.result = result
        """The result as a record: plan, encoder, seconds and counts besides the tiles."""
        self.query = query
        """What was looked for, in words."""
        self._origins = origins
        self._options = options or Options()

    def __len__(self) -> int:
        """Return how many tiles there are."""
        return len(self.result.hits)

    def __iter__(self) -> Iterator[TileHit]:
        """Return the tiles, best first."""
        return iter(self.result.hits)

    def __getitem__(self, place: int) -> TileHit:
        """Return a tile by its place, from 0."""
        return self.result.hits[place]

    def __repr__(self) -> str:
        """Return what it holds in a line."""
        how = "exact" if self.exact else f"recall {self.recall}"
        return f"<Hits {len(self)} of {self.matched} in '{self.result.index}', {how}>"

    @property
    def ids(self) -> list[str]:
        """Ids of the tiles."""
        return [hit.tile_id for hit in self]

    @property
    def scores(self) -> list[float]:
        """Cosine of each tile and the query; comparable within this search only."""
        return [hit.score for hit in self]

    @property
    def z(self) -> list[float | None]:
        """Standard deviations that each score is above that of a random tile of the index."""
        return [hit.z for hit in self]

    @property
    def matched(self) -> int:
        """Tiles that met the conditions and were ranked."""
        return self.result.matched

    @property
    def exact(self) -> bool:
        """Whether every one of them was compared."""
        return self.result.exact

    @property
    def recall(self) -> float | None:
        """Measured share of the true best that such a search finds; None for an exact one."""
        return self.result.recall

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the reader should know."""
        return self.result.warnings

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON types."""
        return {"query": self.query, **self.result.to_dict()}

    def to_geojson(self) -> dict[str, Any]:
        """Return a GeoJSON FeatureCollection; a tile without a place has no geometry."""
        return tiles_geojson(self.result.hits, self._about())

    def to_geoparquet(self, path: Path | str) -> None:
        """Write a GeoParquet file, a row per tile; one without a place has no geometry.

        Raises:
            SourceError: if the file cannot be written.
        """
        target = Path(path)
        part = target.with_name(f".{target.name}.part")
        try:
            with disk_errors(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                write_tiles_geoparquet(part, self.result.hits, self._about())
                publish(part, target)
        finally:
            with contextlib.suppress(OSError):  # gone when it was renamed
                part.unlink()

    def sheet(self, path: Path | str | None = None) -> bytes:
        """Return a contact sheet as PNG, and write it where a path is given.

        A tile whose file cannot be read stands there with the reason.

        Raises:
            InputError: if nothing was found, or more than fits on a sheet.
            SourceError: if the file cannot be written.
        """
        if not len(self):
            raise InputError("a sheet of no tiles was asked for", hint="search for something else")
        note_places(self.result.hits, self._origins)
        with ThreadPoolExecutor(_READERS, thread_name_prefix="sheet") as pool:
            tiles = list(pool.map(self._tile, self.result.hits))
        png = png_bytes(contact_sheet(tiles, title=self._title(), footer=self._footer()))
        if path is not None:
            write_atomic(Path(path), png)
        return png

    @staticmethod
    def check_form(path: Path | str) -> None:
        """Check that the ending of a file names a form that tiles are written in.

        Raises:
            InputError: if it does not.
        """
        target = Path(path)
        if target.suffix.casefold() not in _FORMS:
            raise InputError(
                f"{target.name} has no ending that tiles are written to",
                hint=f"end it in {', '.join(_FORMS)}",
            )

    def save(self, path: Path | str) -> None:
        """Write a file whose ending names the form: .json, .geojson, .parquet or .png.

        Raises:
            InputError: if the ending is another, or a sheet of nothing is wanted.
            SourceError: if the file cannot be written.
        """
        target = Path(path)
        self.check_form(target)
        _FORMS[target.suffix.casefold()](self, target)

    def _tile(self, hit: TileHit) -> SheetTile:
        lines = _lines(hit)
        try:
            part = open_tile_colours(hit, self._origins)
            with RasterReader(part.ref, self._origins, self._options) as reader:
                shown = show_window(reader, part.window, max_px=_SHEET_PX)
        except EoAgentError as error:
            return SheetTile(pixels=None, lines=lines, reason=str(error))
        return SheetTile(pixels=shown.pixels, lines=lines)

    def _title(self) -> str:
        return f"{self.query or 'tiles'} - index {self.result.index}"

    def _footer(self) -> list[str]:
        result, encoder = self.result, self.result.encoder
        how = "all compared" if result.exact else f"approximate, recall {result.recall}"
        items = dict.fromkeys(hit.item_id for hit in result.hits)
        shown = ", ".join(list(items)[:6]) + (", ..." if len(items) > 6 else "")
        of_all = f"{len(self)} of {result.matched} tiles that meet the conditions ({how})"
        return [
            f"{of_all}; index {result.index}, version {result.version}",
            f"{SCORE_NOTE}; encoder {encoder.card}",
            f"from: {shown}",
        ]

    def _about(self) -> dict[str, Any]:
        result = self.result
        return {
            "query": self.query,
            "index": result.index,
            "version": result.version,
            "matched": result.matched,
            "exact": result.exact,
            "encoder": result.encoder.to_dict(),
        }


def _lines(hit: TileHit) -> tuple[str, ...]:
    z = "" if hit.z is None else f"  z {hit.z:+.1f}"
    col, row, width, height = hit.window
    place = ""
    if hit.bbox is not None:
        lon, lat = centre_of(hit.bbox)
        place = f"{lat:.4f}, {lon:.4f}"
    merged = f"  {hit.merged} tiles" if hit.merged > 1 else ""
    gsd = f"  {hit.gsd_m:.3g} m" if hit.gsd_m else ""
    return (
        f"{hit.rank}.  {hit.score:.3f}{z}{merged}",
        hit.item_id,
        f"{time_label(hit) or 'no date'}{gsd}",
        place or f"no place: {col},{row} {width}x{height}",
    )


def _write_json(hits: Hits, path: Path) -> None:
    text = json.dumps(hits.to_dict(), ensure_ascii=False, indent=1)
    write_atomic(path, text.encode())


def _write_geojson(hits: Hits, path: Path) -> None:
    write_atomic(path, json.dumps(hits.to_geojson(), ensure_ascii=False).encode())


def _write_sheet(hits: Hits, path: Path) -> None:
    hits.sheet(path)


_FORMS: Final[Mapping[str, Callable[[Hits, Path], None]]] = MappingProxyType(
    {
        ".json": _write_json,
        ".geojson": _write_geojson,
        ".parquet": Hits.to_geoparquet,
        ".png": _write_sheet,
    }
)
"""How tiles are written, by the ending of the file."""
