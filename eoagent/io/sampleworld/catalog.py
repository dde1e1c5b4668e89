"""Describe the scenes as a static STAC 1.1 catalog whose links and assets are relative."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from eoagent.contracts.raster import Grid
from eoagent.io.sampleworld.covers import BANDS
from eoagent.io.sampleworld.imaging import Encoding
from eoagent.io.sampleworld.names import ORIGIN, TITLE
from eoagent.io.sampleworld.terrain import PIXEL_M
from eoagent.io.sampleworld.vectors import VECTOR_FILES, Mapper

__all__ = ["COLLECTIONS", "Collection", "SceneCard", "write_catalog"]

_STAC: Final = "1.1.0"
_COG: Final = "image/tiff; application=geotiff; profile=cloud-optimized"
_EXTENSIONS: Final = [
    "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A kind of scene."""

    id: str
    """Collection id."""
    title: str
    """Title."""
    platform: str
    """What the invented satellite is called."""
    instrument: str
    """What the invented instrument is called."""
    quality: str
    """Asset key of the quality band."""
    nir: str
    """Common name of the near infrared band."""


COLLECTIONS: Final = (
    Collection(
        id="ostavia-s2",
        title="Ostavia, 10 m scenes in the manner of Sentinel-2 level 2A",
        platform="sample-a",
        instrument="sample-msi",
        quality="scl",
        nir="nir",
    ),
    Collection(
        id="ostavia-l8",
        title="Ostavia, 30 m scene in the manner of Landsat 8 Collection 2 level 2",
        platform="sample-b",
        instrument="sample-oli",
        quality="qa_pixel",
        nir="nir08",
    ),
)
"""The two collections; all scenes of the first are on one grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneCard:
    """What the catalog says of a scene."""

    id: str
    """Item id; also the file's stem and folder."""
    collection: Collection
    """Kind of scene."""
    time: datetime
    """When it was taken, UTC."""
    grid: Grid
    """Size and place."""
    encoding: Encoding
    """Scale and offset of the bands."""
    cloud_pct: float
    """Cloud cover, per cent of valid pixels."""

    @property
    def folder(self) -> str:
        """Folder of the scene, relative to the catalog."""
        return f"{self.collection.id}/{self.id}"

    @property
    def bands_href(self) -> str:
        """File with the bands, relative to the catalog."""
        return f"{self.folder}/{self.id}.tif"

    @property
    def quality_href(self) -> str:
        """File with the quality band, relative to the catalog."""
        return f"{self.folder}/{self.id}_{self.collection.quality}.tif"

    def band_names(self) -> tuple[str, ...]:
        """Return the common names of the bands in file order."""
        names = {"nir": self.collection.nir}
        return tuple(names.get(band.name, band.name) for band in BANDS)


def write_catalog(folder: Path, cards: Sequence[SceneCard], mapper: Mapper) -> None:
    """Write catalog.json, a collection.json per kind and a JSON file per item.

    Args:
        folder: root of the catalog; the scenes' folders exist.
        cards: the scenes, in order of time.
        mapper: from pixels to longitude and latitude.
    """
    children = []
    for collection in COLLECTIONS:
        own = [card for card in cards if card.collection.id == collection.id]
        for card in own:
            _write(folder / card.folder / f"{card.id}.json", _item(card, mapper))
        _write(folder / collection.id / "collection.json", _collection(collection, own, mapper))
        children.append(_link("child", f"./{collection.id}/collection.json", collection.title))
    root = {
        "type": "Catalog",
        "stac_version": _STAC,
        "id": "ostavia",
        "title": TITLE,
        "description": (
            "A small world made by a generator, for tours and tests. Nothing in it is real; "
            "truth.json beside this file holds the exact answers."
        ),
        "links": [_link("root", "./catalog.json", TITLE), *children],
    }
    _write(folder / "catalog.json", root)


def _write(path: Path, document: Mapping[str, object]) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def _link(rel: str, href: str, title: str = "", kind: str = "application/json") -> dict[str, str]:
    link = {"rel": rel, "href": href, "type": kind}
    return {**link, "title": title} if title else link


def _ring(grid: Grid, mapper: Mapper) -> list[list[float]]:
    """Return the outline of a grid whose corner is the world's, counter-clockwise."""
    scale = grid.transform[0] / PIXEL_M
    height, width = grid.height * scale, grid.width * scale
    return mapper.lon_lat([0, height, height, 0, 0], [0, 0, width, width, 0])


def _bbox(ring: list[list[float]]) -> list[float]:
    lons, lats = [p[0] for p in ring], [p[1] for p in ring]
    return [min(lons), min(lats), max(lons), max(lats)]


def _item(card: SceneCard, mapper: Mapper) -> dict[str, Any]:
    ring = _ring(card.grid, mapper)
    gsd = card.grid.transform[0]
    step = gsd * card.grid.width, gsd * card.grid.height
    return {
        "type": "Feature",
        "stac_version": _STAC,
        "stac_extensions": _EXTENSIONS,
        "id": card.id,
        "collection": card.collection.id,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": _bbox(ring),
        "properties": {
            "title": f"{TITLE}, {card.time.date().isoformat()}",
            "datetime": card.time.isoformat().replace("+00:00", "Z"),
            "platform": card.collection.platform,
            "instruments": [card.collection.instrument],
            "gsd": gsd,
            "eo:cloud_cover": round(card.cloud_pct, 4),
            "proj:code": card.grid.crs,
            "proj:shape": [card.grid.height, card.grid.width],
            "proj:transform": list(card.grid.transform),
            "proj:bbox": [ORIGIN[0], ORIGIN[1] - step[1], ORIGIN[0] + step[0], ORIGIN[1]],
        },
        "links": [
            _link("root", "../../catalog.json", TITLE),
            _link("parent", "../collection.json", card.collection.title),
            _link("collection", "../collection.json", card.collection.title),
        ],
        "assets": {"bands": _bands_asset(card), card.collection.quality: _quality_asset(card)},
    }


def _bands_asset(card: SceneCard) -> dict[str, Any]:
    bands = [
        {
            "name": name,
            "description": band.title,
            "eo:common_name": name,
            "eo:center_wavelength": band.wavelength_um,
            "eo:full_width_half_max": band.width_um,
            "data_type": "uint16",
            "nodata": 0,
            "raster:scale": card.encoding.scale,
            "raster:offset": card.encoding.offset,
        }
        for name, band in zip(card.band_names(), BANDS, strict=True)
    ]
    return {
        "href": f"./{Path(card.bands_href).name}",
        "type": _COG,
        "title": "Surface reflectance, six bands",
        "roles": ["data", "reflectance"],
        "gsd": card.grid.transform[0],
        "bands": bands,
    }


def _quality_asset(card: SceneCard) -> dict[str, Any]:
    is_scl = card.collection.quality == "scl"
    return {
        "href": f"./{Path(card.quality_href).name}",
        "type": _COG,
        "title": "Scene classification" if is_scl else "Pixel quality bits",
        "roles": ["data", "quality"],
        "gsd": card.grid.transform[0],
        "data_type": "uint8" if is_scl else "uint16",
        "nodata": 0 if is_scl else 1,
        "bands": [{"name": card.collection.quality}],
    }


def _collection(
    collection: Collection, cards: Sequence[SceneCard], mapper: Mapper
) -> dict[str, Any]:
    times = [card.time.isoformat().replace("+00:00", "Z") for card in cards]
    boxes = [_bbox(_ring(card.grid, mapper)) for card in cards]
    assets = {
        Path(name).stem: {
            "href": f"../vectors/{name}",
            "type": "application/geo+json",
            "title": Path(name).stem.capitalize(),
            "roles": ["metadata"],
        }
        for name in VECTOR_FILES
    }
    return {
        "type": "Collection",
        "stac_version": _STAC,
        "id": collection.id,
        "title": collection.title,
        "description": f"{collection.title}. Invented: made by a generator from a seed.",
        "license": "CC0-1.0",
        "keywords": ["sample", "invented", "coast", "lake", "town", "fire"],
        "extent": {
            "spatial": {"bbox": boxes[:1]},
            "temporal": {"interval": [[min(times), max(times)]]},
        },
        "assets": assets,
        "links": [
            _link("root", "../catalog.json", TITLE),
            _link("parent", "../catalog.json", TITLE),
            *(
                _link("item", f"./{card.id}/{card.id}.json", kind="application/geo+json")
                for card in cards
            ),
        ],
    }
