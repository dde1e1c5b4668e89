"""Make vectors and tiles for benchmarks of search: clustered as those of pictures are, or diffuse.

2,000 Gaussian clusters on 48 hidden directions, a little noise in all directions, and one direction
that all share, so that random pairs have a cosine of 0.34, as they have in the space of an encoder.
`diffuse` has clusters of twice the width, which overlap. Real tiles lie between the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import shapely

from eoagent_indexes.schema import TILE_SCHEMA

__all__ = ["WIDTHS", "Generator", "tiles_table"]

WIDTHS = {"clustered": 0.5, "diffuse": 1.0}
"""Spread of a cluster beside that of the clusters' centres."""
_CLUSTERS = 2000
_HIDDEN = 48
_NOISE = 0.2
_COSINE = 0.34
_BLOCK = 20_000
_DATES = 12
_MONTH_US = 30 * 86_400 * 1_000_000
_START_US = 1_546_300_800_000_000  # 2019-01-01


@dataclass(frozen=True)
class Generator:
    """Draws unit vectors of one distribution; draws of one seed follow each other."""

    dimensions: int = 512
    width: float = WIDTHS["clustered"]
    seed: int = 0

    def blocks(self, *sizes: int) -> Iterator[np.ndarray]:
        """Yield (size, d) float32 for each size."""
        random = np.random.default_rng(self.seed)
        axes = np.linalg.qr(random.standard_normal((self.dimensions, _HIDDEN + 1)))[0]
        axes = axes.astype(np.float32)
        centres = random.standard_normal((_CLUSTERS, _HIDDEN), dtype=np.float32)
        shared = np.sqrt(_COSINE / (1 - _COSINE) * (1 + self.width**2 + _NOISE**2))
        for size in sizes:
            hidden = centres[random.integers(_CLUSTERS, size=size)]
            hidden = hidden + np.float32(self.width) * random.standard_normal(
                (size, _HIDDEN), dtype=np.float32
            )
            made = (hidden / np.float32(np.sqrt(_HIDDEN))) @ axes[:, :_HIDDEN].T
            made += np.float32(shared) * axes[:, _HIDDEN]
            made += random.standard_normal(made.shape, dtype=np.float32) * np.float32(
                _NOISE / np.sqrt(self.dimensions)
            )
            made /= np.linalg.norm(made, axis=1, keepdims=True)
            yield made

    def draw(self, rows: int, queries: int) -> tuple[np.ndarray, np.ndarray]:
        """Return vectors (rows, d) float16 and held-out queries (queries, d) float32."""
        sizes = [min(_BLOCK, rows - at) for at in range(0, rows, _BLOCK)]
        blocks = self.blocks(queries, *sizes)
        asked = next(blocks)
        stored = np.empty((rows, self.dimensions), np.float16)
        at = 0
        for block in blocks:
            stored[at : at + len(block)] = block
            at += len(block)
        return stored, asked


def tiles_table(rows: int, seed: int = 0) -> pa.Table:
    """Return tiles of twelve months each at places over Europe, a scene for each degree."""
    random = np.random.default_rng(seed)
    places = -(-rows // _DATES)
    at = np.arange(rows)
    lon = (-10 + 40 * random.random(places))[at // _DATES]
    lat = (35 + 30 * random.random(places))[at // _DATES]
    month = at % _DATES
    moment = pa.array(_START_US + month * _MONTH_US, pa.timestamp("us", tz="UTC"))
    boxes = np.stack([lon, lat, lon + 0.02, lat + 0.02])
    scene = np.char.add(
        np.char.add("S2_", np.floor(lon).astype(int).astype(str)),
        np.char.add(
            np.char.add("_", np.floor(lat).astype(int).astype(str)),
            np.char.add("_", month.astype(str)),
        ),
    )
    files = np.char.add(np.char.add("https://example.org/s2/", scene), ".tif")
    halves = random.integers(0, 2**64, (rows, 2), dtype=np.uint64)
    names = [f"{a:016x}{b:016x}" for a, b in halves.tolist()]
    fill = {
        "tile_id": names,
        "collection": ["s2"] * rows,
        "item_id": scene,
        "item_href": np.char.add(files, ".json"),
        "href": files,
        "asset_key": ["visual"] * rows,
        "col": (at % 400) * 224,
        "row": (at // 400 % 40) * 224,
        "width": np.full(rows, 224),
        "height": np.full(rows, 224),
        "geometry": shapely.to_wkb(shapely.box(*boxes)),
        "bbox": pa.StructArray.from_arrays(
            [pa.array(edge) for edge in boxes], ["xmin", "ymin", "xmax", "ymax"]
        ),
        "start": moment,
        "end": moment,
        "gsd_m": np.full(rows, 10.0),
        "cloud_pct": 100 * random.random(rows),
        "nodata_pct": np.zeros(rows),
        "sensor": ["s2"] * rows,
        "recipe": ["natural"] * rows,
        "unit": ["u"] * rows,
        "chip_px": np.full(rows, 224),
    }
    return pa.table({f.name: pa.array(fill[f.name]).cast(f.type) for f in TILE_SCHEMA}, TILE_SCHEMA)
