"""`open_index`: an index opened for searches by words, pictures, tiles, place and time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from eoagent.app.hits import Hits
from eoagent.app.indexes import HomeIndexes
from eoagent.app.workshop import Workshop, open_workshop
from eoagent.contracts.errors import InputError
from eoagent.contracts.geometry import BBox
from eoagent.contracts.index import Index
from eoagent.contracts.indexing import IndexInfo
from eoagent.contracts.tilesearch import TileFilter, TileQuery, search_words
from eoagent.io.dates import parse_time
from eoagent.io.features import read_features
from eoagent.io.opening import open_described
from eoagent.io.origin import OriginGuard
from eoagent.io.raster import RasterReader
from eoagent.io.searcharea import search_area
from eoagent.io.stated import Stated
from eoagent.io.tileview import show_window
from eoagent.io.tilewords import coverage, left_out

__all__ = ["OpenIndex", "open_index", "query_words"]

_TILE_ID: Final = re.compile(r"[0-9a-f]{32}")
_SIDES: Final = 4
_PICTURE_PX: Final = 1024

Like = str | Path | NDArray[np.uint8] | Image.Image
"""A picture as a file, an array (height, width, 3) of uint8 or a Pillow image; or a tile's id."""


def open_index(
    name: str = "", *, home: Path | str | None = None, settings: Any = None
) -> OpenIndex:
    """Open an index at its committed version.

    Args:
        name: its name; empty takes the one of the settings, or the only one there is.
        home: folder of store and indexes; default `EOAGENT_HOME` or the platform's.
        settings: settings to use instead of those of file and environment.

    Raises:
        NotFound: if there is none of that name.
        InputError: if no name is given and there are several, or the settings are wrong.
        SourceError: if the index is damaged.
    """
    shop = open_workshop(home, settings)
    return OpenIndex(shop, name)


class OpenIndex:
    """An index at one version; a context manager. Later versions do not change what it finds."""

    def __init__(
        self, shop: Workshop, name: str = "", *, origins: OriginGuard | None = None
    ) -> None:
        self._shop = shop
        self._origins = origins or OriginGuard(
            allow_hosts=shop.settings.allow_hosts, access=shop.access
        )
        self._indexes: HomeIndexes = shop.indexes(self._origins)
        self.name = self._indexes.settle(name)
        """Name of the index."""
        self._index: Index = self._indexes.open(self.name)

    def info(self) -> IndexInfo:
        """Return what the index holds."""
        return self._index.info()

    def search(
        self,
        text: str | Sequence[str] = (),
        *,
        like: Like | Sequence[Like] = (),
        vector: Any = None,
        unlike: str | Sequence[str] = (),
        bbox: Sequence[float] | BBox | None = None,
        aoi: str | Path | Mapping[str, Any] | None = None,
        datetime: str = "",
        max_cloud: float | None = None,
        collections: Sequence[str] = (),
        within: Sequence[str] | Hits | None = None,
        k: int = 10,
        merge: bool = False,
        exact: bool = False,
    ) -> Hits:
        """Return the tiles that are most like what is looked for, within place and time.

        Args:
            text: words for it; several are averaged.
            like: pictures of it, or ids of tiles that look like it.
            vector: its embedding, (d,) or (n, d).
            unlike: words for what it is not, or ids of tiles that it does not look like.
            bbox: west, south, east, north in degrees; west > east crosses the antimeridian.
            aoi: a vector file, a GeoJSON polygon, or `W,S,E,N`; the tile's footprint meets it.
            datetime: `2019`, `2019-04`, `2019-04-16`, or `START/END`.
            max_cloud: most cloud, percent.
            collections: ids of collections; all if none is given.
            within: only these tiles: ids, or what an earlier search found.
            k: most tiles.
            merge: whether tiles that overlap or touch become one place.
            exact: compare every tile that meets the conditions, whatever it takes.

        Raises:
            InputError: if nothing is looked for, or a condition makes no sense.
            NotFound: if a file or a tile that is named is not there.
            ModelMissing: if the encoder of the index is not installed and is needed.
            SourceError: if a file cannot be read, or the index is damaged.
        """
        where = self._where(
            bbox=bbox,
            aoi=aoi,
            datetime=datetime,
            max_cloud=max_cloud,
            collections=tuple(collections),
            ids=within.ids if isinstance(within, Hits) else within,
        )
        query = self._query(_listed(text), _listed(like), _listed(unlike), vector)
        query = replace(query, where=where, k=k, merge=merge, plan="exact" if exact else "auto")
        return self._found(query, query_words(query, _listed(like)))

    def vectors(self, tile_ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the embeddings of tiles, (n, d).

        Raises:
            NotFound: if a tile is not there.
        """
        return self._index.vectors(list(tile_ids))

    def close(self) -> None:
        """Let go of the files, and of the encoder if one was loaded."""
        self._index.close()
        self._shop.close()

    def __enter__(self) -> Self:
        """Return the index."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _query(
        self, texts: list[Any], likes: list[Any], others: list[Any], vector: Any
    ) -> TileQuery:
        return TileQuery(
            texts=tuple(_words(one) for one in texts),
            pictures=tuple(self._picture(one) for one in likes if not _is_tile(one)),
            tile_ids=tuple(one for one in likes if _is_tile(one)),
            vectors=None if vector is None else _vectors(vector),
            unlike_texts=tuple(_words(one) for one in others if not _is_tile(one)),
            unlike_tile_ids=tuple(one for one in others if _is_tile(one)),
        )

    def _found(self, query: TileQuery, words: str) -> Hits:
        result = self._index.search(query)
        if not result.matched:
            lost = f"; {left_out(result)}" if left_out(result) else ""
            said = f"no tile meets the conditions{lost}; the index {coverage(self.info())}"
            result = result.model_copy(update={"warnings": (said, *result.warnings)})
        options = self._shop.settings.options(home=self._shop.home)
        return Hits(result, query=words, origins=self._origins, options=options)

    def _where(
        self,
        *,
        bbox: Sequence[float] | BBox | None,
        aoi: str | Path | Mapping[str, Any] | None,
        datetime: str,
        max_cloud: float | None,
        collections: tuple[str, ...],
        ids: Sequence[str] | None,
    ) -> TileFilter:
        box, area = _box(bbox), None
        if isinstance(aoi, Mapping):
            area = dict(aoi)
        elif aoi is not None:
            parts = str(aoi).split(",")
            if len(parts) == _SIDES and not Path(str(aoi)).exists():
                if box is not None:
                    raise InputError("two boxes were given", hint="give bbox or aoi")
                box = _box(parts)
            else:
                self._origins.type_in(str(aoi))
                place = self._origins.admit(str(aoi))
                area = search_area(read_features(place, self._origins))
        try:
            return TileFilter(
                bbox=box,
                area=area,
                time=parse_time(datetime) if datetime else None,
                max_cloud_pct=max_cloud,
                collections=collections,
                tile_ids=None if ids is None else tuple(ids),
            )
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise InputError(f"{name}: {first['msg']}", hint="mend the condition") from error

    def _picture(self, one: Like) -> NDArray[np.uint8]:
        if isinstance(one, np.ndarray):
            return one
        if isinstance(one, Image.Image):
            return np.asarray(one.convert("RGB"))
        href = str(one)
        if Path(href).is_dir():
            raise InputError(
                f"'{href}' is a folder", hint="give one picture, or the id of a tile of the index"
            )
        self._origins.type_in(href)
        ref = open_described([href], self._origins, stated=Stated()).ref
        with RasterReader(ref, self._origins) as reader:
            return show_window(reader, max_px=_PICTURE_PX).pixels


def _words(text: object) -> str:
    try:
        return search_words(str(text))
    except ValueError as error:
        raise InputError(
            str(error), hint="give like=PICTURE, on the command line --like FILE"
        ) from error


def query_words(query: TileQuery, likes: Sequence[object]) -> str:
    """Return what is looked for, in words.

    Args:
        query: the query.
        likes: the pictures and tiles in it, as they were given.
    """
    parts = [*query.texts]
    for one in likes:
        is_named = isinstance(one, (str, Path))
        parts.append(f"like {Path(str(one)).name if is_named else 'a picture'}")
    parts += ["like a vector"] if query.vectors is not None else []
    others = (*query.unlike_texts, *query.unlike_tile_ids)
    return " and ".join(parts) + (f", not {', '.join(others)}" if others else "")


def _listed(given: Any) -> list[Any]:
    if isinstance(given, (str, Path, np.ndarray, Image.Image)):
        return [given]
    return list(given)


def _is_tile(one: object) -> bool:
    return isinstance(one, str) and _TILE_ID.fullmatch(one) is not None


def _vectors(given: Any) -> NDArray[np.float32]:
    try:
        made = np.atleast_2d(np.asarray(given, dtype=np.float32))
    except (TypeError, ValueError) as error:
        raise InputError("the vector is no array of numbers", hint="give (d,) or (n, d)") from error
    if made.ndim != 2 or not np.isfinite(made).all():
        raise InputError(
            f"a vector of shape {made.shape} was given, or it is not finite",
            hint="give (d,) or (n, d) finite numbers",
        )
    return made


def _box(given: Sequence[float] | Sequence[str] | BBox | None) -> BBox | None:
    if given is None or isinstance(given, BBox):
        return given
    try:
        west, south, east, north = (float(side) for side in given)
        return BBox(west=west, south=south, east=east, north=north)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{','.join(str(s) for s in given)} is no box of longitudes and latitudes",
            hint="write west,south,east,north in degrees",
        ) from error
