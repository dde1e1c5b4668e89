"""Made-up indexes for the tests of search, and what is known of them beside their files."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.index import Surroundings
from eoagent.io.origin import OriginGuard
from eoagent_indexes.schema import TILE_SCHEMA
from eoagent_indexes.segment_write import write_segment
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.tile_index import TileIndex
from eoagent_indexes.writer import IndexWriter

DIMENSIONS = 32
DAY = timedelta(days=1)
FIRST = datetime(2019, 1, 1, tzinfo=UTC)


def fingerprint(dimensions=DIMENSIONS, **known):
    fill = {
        "card": "made-up",
        "weights_sha256": "a" * 64,
        "architecture": "ViT-B-32",
        "activation": "quickgelu",
        "preprocessing": "fast",
        "precision": "float32",
        "input_px": 224,
    }
    return EncoderFingerprint(dimensions=dimensions, **(fill | known))


@dataclass
class Made:
    """Tiles as Python values, an oracle for whatever reads them back."""

    tiles: list[dict]
    vectors: np.ndarray
    rows: dict[str, int] = field(default_factory=dict)

    def __post_init__(self):
        self.rows = {tile["tile_id"]: n for n, tile in enumerate(self.tiles)}

    def table(self):
        columns = {name: [tile[name] for tile in self.tiles] for name in TILE_SCHEMA.names}
        return pa.table(
            {f.name: pa.array(columns[f.name], f.type) for f in TILE_SCHEMA}, TILE_SCHEMA
        )

    def best(self, query, k, keep=None):
        """Ids and cosines of the best k by brute force in double precision, ties by id."""
        wide = self.vectors.astype(np.float16).astype(np.float64)
        scores = wide @ (query / np.linalg.norm(query)) / np.linalg.norm(wide, axis=1)
        keep = range(len(self.tiles)) if keep is None else keep
        named = sorted((-scores[n], self.tiles[n]["tile_id"]) for n in keep)
        return [name for _, name in named[:k]], [-score for score, _ in named[:k]]


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def a_tile(number, random, **given):
    west, south = float(random.uniform(-10, 10)), float(random.uniform(40, 55))
    start = FIRST + DAY * int(random.integers(365))
    tile = {
        "tile_id": random.bytes(16).hex(),
        "collection": str(random.choice(["s1", "s2"])),
        "item_id": f"item-{number % 17}",
        "item_href": f"https://example.org/item-{number % 17}.json",
        "href": f"https://example.org/item-{number % 17}.tif",
        "asset_key": "visual",
        "col": 224 * (number % 40),
        "row": 224 * (number // 40),
        "width": 224,
        "height": 224,
        "geometry": None,
        "bbox": {"xmin": west, "ymin": south, "xmax": west + 0.4, "ymax": south + 0.3},
        "start": start,
        "end": start,
        "gsd_m": 10.0,
        "cloud_pct": float(random.uniform(0, 100)),
        "nodata_pct": 0.0,
        "sensor": "sentinel-2",
        "recipe": "natural",
        "unit": "u",
        "chip_px": 224,
    }
    tile |= given
    if tile["bbox"] is not None and tile["geometry"] is None:
        tile["geometry"] = shapely.to_wkb(diamond(tile["bbox"]))
    return tile


def diamond(bbox):
    """A footprint that touches each edge of its box in one point only."""
    middle_x, middle_y = (bbox["xmin"] + bbox["xmax"]) / 2, (bbox["ymin"] + bbox["ymax"]) / 2
    return shapely.Polygon(
        [
            (bbox["xmin"], middle_y),
            (middle_x, bbox["ymin"]),
            (bbox["xmax"], middle_y),
            (middle_x, bbox["ymax"]),
        ]
    )


def clusters(rows, random, *, dimensions=DIMENSIONS, count=60, width=0.5):
    centres = random.standard_normal((count, dimensions))
    made = centres[random.integers(count, size=rows)]
    made = made + width * random.standard_normal((rows, dimensions)) + 0.7
    return unit(made)


def some_tiles(rows, seed=0, **given):
    random = np.random.default_rng(seed)
    tiles = [a_tile(n, random, **given) for n in range(rows)]
    return Made(tiles, clusters(rows, random))


def write_index(folder, made, *, encoder=None, segments=1, drop=()):
    """Write tiles as an index of some segments; returns its folder."""
    encoder = encoder or fingerprint(made.vectors.shape[1])
    table = made.table()
    parts = np.array_split(np.arange(len(made.tiles)), segments)
    with IndexWriter(Path(folder), encoder=encoder) as writer:
        entries = [
            write_segment(Path(folder), table.take(pa.array(p)), made.vectors[p], encoder=encoder)
            for p in parts
        ]
        writer.commit(add=entries)
        if drop:
            writer.commit(drop_tiles=list(drop))
    return Path(folder)


def surroundings(**given):
    return Surroundings(origins=OriginGuard(), **given)


def open_index(folder, *, encoder=None, **settings):
    around = surroundings(encoder_for=None if encoder is None else lambda _: encoder)
    return TileIndex(Snapshot.open(folder), around, **settings)


class Words:
    """Everything above that tests use, handed over by a fixture."""

    DIMENSIONS = DIMENSIONS
    DAY = DAY
    FIRST = FIRST
    Made = Made
    a_tile = staticmethod(a_tile)
    clusters = staticmethod(clusters)
    diamond = staticmethod(diamond)
    fingerprint = staticmethod(fingerprint)
    open_index = staticmethod(open_index)
    some_tiles = staticmethod(some_tiles)
    surroundings = staticmethod(surroundings)
    unit = staticmethod(unit)
    write_index = staticmethod(write_index)


@pytest.fixture(scope="session")
def made():
    """What makes tiles, vectors and indexes."""
    return Words


@pytest.fixture(scope="session")
def coast(tmp_path_factory):
    """1,500 tiles in three segments, of which some are deleted, and the oracle of those that live.

    Every 11th has no place, every 13th no time, every 7th no cloud share.
    """
    random = np.random.default_rng(5)
    tiles = []
    for n in range(1500):
        given = {}
        if n % 11 == 0:
            given |= {"bbox": None}
        if n % 13 == 0:
            given |= {"start": None, "end": None}
        if n % 7 == 0:
            given |= {"cloud_pct": None}
        tiles.append(a_tile(n, random, **given))
    whole = Made(tiles, clusters(1500, random))
    dead = [tile["tile_id"] for tile in tiles[::9]]
    folder = write_index(tmp_path_factory.mktemp("i") / "coast", whole, segments=3, drop=dead)
    alive = [n for n in range(1500) if n % 9]
    return folder, Made([tiles[n] for n in alive], whole.vectors[alive])
