"""Which column of an embedding file means what: recognised by name, as published files have them.

Sources: the dataset cards of Major TOM's embeddings (unique_id, embedding, timestamp, product_id,
grid_cell, geometry, pixel_bbox); https://github.com/cloudnativegeo/geo-embeddings-survey for Clay
(index, source_url, date, embeddings, geometry) and Earth Index (id, embedding, geometry).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from eoagent.contracts.errors import InputError
from eoagent_indexes.exchange.footer import Footer

__all__ = ["Layout", "recognise"]

_IDS: Final = ("id", "unique_id", "tile_id", "chip_id", "index")
_VECTORS: Final = ("embedding", "embeddings", "vector", "vectors")
_STARTS: Final = ("start_datetime", "start")
_ENDS: Final = ("end_datetime", "end")
_INSTANTS: Final = ("datetime", "timestamp", "date")
_MAJOR_TOM: Final = frozenset({"unique_id", "embedding", "grid_cell", "product_id"})
_CLAY: Final = frozenset({"index", "embeddings", "source_url"})
_STAC: Final = frozenset({"stac_version"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Columns by what they mean; an empty name where the file has none."""

    name: str
    """Whose layout it is."""
    id: str
    """What names a row."""
    embedding: str
    """Its vector."""
    geometry: str = ""
    bbox: str = ""
    lon_lat: tuple[str, str] = ("", "")
    """Longitude and latitude of the centre, where there is no geometry."""
    start: str = ""
    end: str = ""
    instant: str = ""
    collection: str = ""
    item: str = ""
    href: str = ""
    item_href: str = ""
    asset: str = ""
    window: tuple[str, ...] = ()
    """Column, row, width and height, or one column with first and last pixels."""
    gsd: str = ""
    cloud: str = ""
    nodata: str = ""
    sensor: str = ""
    recipe: str = ""
    unit: str = ""
    chip: str = ""
    ids_by_file: bool = False
    """Whether ids count rows of one file, so that its name belongs to them."""

    @property
    def columns(self) -> list[str]:
        """Columns that are read."""
        texts = (
            self.id, self.embedding, self.geometry, self.bbox, *self.lon_lat, self.start, self.end,
            self.instant, self.collection, self.item, self.href, self.item_href, self.asset,
            *self.window, self.gsd, self.cloud, self.nodata, self.sensor, self.recipe, self.unit,
            self.chip,
        )  # fmt: skip
        return list(dict.fromkeys(name for name in texts if name))


def recognise(columns: Collection[str], footer: Footer, href: str) -> Layout:
    """Return which column means what.

    Raises:
        InputError: if there is no column for ids or vectors.
    """
    names = set(columns)
    own_id, vector = _first(names, *_IDS), _first(names, *_VECTORS)
    if not own_id or not vector:
        lacking = " and ".join(
            text for text, found in (("`id`", own_id), ("`embedding`", vector)) if not found
        )
        raise InputError(
            f"{href} has no column {lacking}; it holds {', '.join(sorted(names)[:20])}",
            hint="an embedding file has the columns `id` and `embedding`; geometry and datetime "
            "if any",
        )
    geometry = _first(names, *filter(None, (footer.geometry, "geometry")))
    has_centre = not geometry and {"centre_lon", "centre_lat"} <= names
    window = ("col", "row", "width", "height")
    return Layout(
        name=_name(names, footer),
        id=own_id,
        embedding=vector,
        geometry=geometry,
        bbox=_first(names, "bbox"),
        lon_lat=("centre_lon", "centre_lat") if has_centre else ("", ""),
        start=_first(names, *_STARTS),
        end=_first(names, *_ENDS),
        instant=_first(names, *_INSTANTS),
        collection=_first(names, "collection"),
        item=_first(names, "item", "item_id", "product_id"),
        href=_first(names, "href", "source_url", "asset_href"),
        item_href=_first(names, "item_href"),
        asset=_first(names, "asset_key"),
        window=window if names.issuperset(window) else tuple(names & {"pixel_bbox"}),
        gsd=_first(names, "gsd_m", "gsd"),
        cloud=_first(names, "cloud_pct", "eo:cloud_cover", "cloud_cover"),
        nodata=_first(names, "nodata_pct"),
        sensor=_first(names, "sensor", "constellation", "platform"),
        recipe=_first(names, "recipe"),
        unit=_first(names, "unit") if footer.is_own else "",
        chip=_first(names, "chip_px"),
        ids_by_file=own_id == "index",
    )


def _name(names: set[str], footer: Footer) -> str:
    if footer.is_own:
        return "eoagent"
    if names >= _MAJOR_TOM:
        return "Major TOM"
    if names >= _CLAY:
        return "Clay"
    if "stac-geoparquet" in footer.keys or names >= _STAC:
        return "stac-geoparquet"
    return "Earth Index or another with an `emb` footer" if "emb" in footer.keys else "plain"


def _first(names: set[str], *wanted: str) -> str:
    return next((name for name in wanted if name in names), "")
