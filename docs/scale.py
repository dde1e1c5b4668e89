"""Reckon what an index of very many tiles takes, without writing its vectors.

`python docs/scale.py` rewrites the tables of docs/scale.md; a test makes the first of them again
and compares. Segments are cut from a simulated collection and described by real records, which the
real filter prunes; bytes a tile are those of a segment that is really written; rates of models are
parameters, measured elsewhere.
"""  # noqa: INP001 - a script, not a package

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.geometry import BBox, TimeRange
from eoagent.contracts.tilesearch import TileFilter
from eoagent_indexes.build.committing import MERGE_SEGMENTS
from eoagent_indexes.cells import month_numbers
from eoagent_indexes.conditions import Conditions
from eoagent_indexes.filters import may_match
from eoagent_indexes.hilbert import hilbert_keys
from eoagent_indexes.hot import ROW_BYTES
from eoagent_indexes.manifest import AnnEntry, FileEntry, Manifest, PartEntry, SegmentEntry
from eoagent_indexes.merging import spans
from eoagent_indexes.pointer import parse_manifest
from eoagent_indexes.schema import TILE_SCHEMA
from eoagent_indexes.segment import Segment, SegmentFiles
from eoagent_indexes.segment_write import write_segment

__all__ = ["LAYOUTS", "World", "bytes_a_tile", "fan_out_table", "make_segments", "size_table"]

_T = TypeVar("_T")
DOCUMENT: Final = Path(__file__).resolve().parent / "scale.md"
START: Final = datetime(2023, 1, 1, tzinfo=UTC)
LAYOUTS: Final = ("as taken", "by month and place", "by place")
_QUERIES: Final = ((0.0001, 1), (0.01, 1), (0.01, 0), (0.1, 1), (1.0, 1))
"""Share of the tiles of the world that lie in the box, and months; 0 is all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is assumed; each is a parameter of the script."""

    tiles: int = 10**9
    """Tiles."""
    months: int = 36
    """Months that they were taken in, evenly."""
    segment_rows: int = 1_000_000
    """Most tiles of a segment after compaction."""
    commit_rows: int = 65_536
    """Tiles that a build commits at once."""
    tiles_an_item: int = 2_401
    """Tiles of an item: 49 by 49 of 224 pixels in a Sentinel-2 image of 10,980."""
    dimensions: int = 512
    """Length of a vector."""
    ann_bytes: float = 84.2
    """Bytes a tile of the search structure: RaBitQ of 512 numbers, measured at a million."""
    core_ms: float = 17.0
    """Time of one core for one tile, milliseconds: ViT-B/32 in bfloat16 with AMX."""
    gpu_tiles_s: float = 1_500.0
    """Tiles a second of one graphics card."""
    sample: int = 200_000
    """Places that are drawn to stand for all tiles."""
    queries: int = 8
    """Boxes that are drawn for each kind of query."""
    seed: int = 20_240_701
    """Decides places, times and boxes."""


Points = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Longitude and latitude in degrees, and days since the start, each (n,)."""


def draw(world: World) -> Points:
    """Return tiles drawn evenly over the globe between 56 S and 72 N and over the months."""
    random = np.random.default_rng(world.seed)
    low, high = math.sin(math.radians(-56)), math.sin(math.radians(72))
    lat = np.degrees(np.arcsin(random.uniform(low, high, world.sample)))
    lon = random.uniform(-180, 180, world.sample)
    days = np.sort(random.uniform(0, world.months * 30.4375, world.sample))
    return lon, lat, days


def cut(points: Points, layout: str, world: World) -> Iterator[NDArray[np.int64]]:
    """Yield the sampled tiles of each segment.

    Args:
        points: the sample, in order of time.
        layout: how tiles are shared out between segments.
        world: how many a segment holds.
    """
    lon, lat, days = points
    groups = [np.arange(len(days))]
    if layout == "by month and place":
        groups = list(_months_together(days, world))
    for group in groups:
        share = world.tiles * len(group) / len(days)
        inside = group if layout == "as taken" else group[np.argsort(_keys(lon, lat, group))]
        yield from np.array_split(inside, max(1, math.ceil(share / world.segment_rows)))


def _months_together(days: NDArray[np.float64], world: World) -> Iterator[NDArray[np.int64]]:
    """Yield the sampled tiles of each month, or of several that fill one segment together."""
    month = _month(days)
    numbers, counts = np.unique(month, return_counts=True)
    share = world.tiles / len(days)
    rows = {
        ("", number): round(share * count)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)
    }
    for span in spans(Counter(rows), world.segment_rows):
        yield np.flatnonzero(np.isin(month, [number for _, number in span]))


def _month(days: NDArray[np.float64]) -> NDArray[np.int64]:
    since = int(START.timestamp()) * 1_000_000 + (days * 86_400_000_000).astype(np.int64)
    return month_numbers(since)


def _keys(
    lon: NDArray[np.float64], lat: NDArray[np.float64], group: NDArray[np.int64]
) -> NDArray[np.int64]:
    return hilbert_keys(lon[group], lat[group])


def make_segments(
    points: Points, layout: str, world: World, sizes: dict[str, float]
) -> tuple[SegmentEntry, ...]:
    """Return real entries of the segments that a collection would have."""
    random = np.random.default_rng(world.seed + 1)
    lon, lat, days = points
    entries = []
    parts = list(cut(points, layout, world))
    keys, months = hilbert_keys(lon, lat), _month(days)
    for part in parts:
        rows = max(1, round(world.tiles * len(part) / len(days)))
        name = random.bytes(16).hex()
        files = tuple(
            FileEntry(
                path=f"segments/{name}/{file}",
                bytes=round(rows * size),
                sha256=random.bytes(32).hex(),
            )
            for file, size in sizes.items()
        )
        box = BBox(
            west=float(lon[part].min()),
            south=float(lat[part].min()),
            east=float(lon[part].max()),
            north=float(lat[part].max()),
        )
        span = TimeRange(start=_moment(days[part].min()), end=_moment(days[part].max()))
        entries.append(
            SegmentEntry(
                id=name,
                rows=rows,
                dimensions=world.dimensions,
                block_bytes=65_536,
                files=files,
                bbox=box,
                time=span,
                collections=("sentinel-2-l2a",),
                without_place=0,
                without_time=0,
                months=(int(months[part].min()), int(months[part].max())),
                curve=(int(keys[part].min()), int(keys[part].max())),
                norms=(0.9995117, 1.000488),
            )
        )
    return tuple(entries)


def _moment(days: float) -> datetime:
    return START + timedelta(days=float(days))


def make_manifest(segments: Sequence[SegmentEntry], world: World) -> Manifest:
    """Return the manifest of these segments, each with a search structure."""
    random = np.random.default_rng(world.seed + 2)

    def file(path: str, size: int) -> FileEntry:
        return FileEntry(path=path, bytes=size, sha256=random.bytes(32).hex())

    def structure(entry: SegmentEntry) -> AnnEntry:
        name = random.bytes(16).hex()
        size = round(entry.rows * world.ann_bytes)
        return AnnEntry(
            segment=entry.id,
            generation=name,
            kind="IVF2000,RaBitQ",
            rows=entry.rows,
            file=file(f"ann/{name}/{entry.id}.faiss", size),
            curve=file(f"ann/{name}/{entry.id}.json", 2_500),
            recall=0.9931,
            cpu_ms=4.125,
        )

    parts = (
        PartEntry(file=file(f"ledger/{random.bytes(16).hex()}.parquet", 4_000_000), rows=60_000)
        for _ in range(32)
    )
    return Manifest(
        version=math.ceil(world.tiles / world.commit_rows),
        parent=1,
        parent_sha256="0" * 64,
        created=START,
        fence=1,
        tool="eoagent",
        encoder=EncoderFingerprint(card="remoteclip-vit-b-32", dimensions=world.dimensions),
        recipe={},
        segments=tuple(segments),
        ann=tuple(structure(entry) for entry in segments),
        ledger=tuple(parts),
    )


def bytes_a_tile(dimensions: int, *, rows: int = 9_604, seed: int = 7) -> dict[str, float]:
    """Return the bytes a tile of each file of a segment, from one that is written."""
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((rows, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    encoder = EncoderFingerprint(card="remoteclip-vit-b-32", dimensions=dimensions)
    with tempfile.TemporaryDirectory() as folder:
        entry = write_segment(Path(folder), _tiles(rows), vectors, encoder=encoder)
    return {file.path.rpartition("/")[2]: file.bytes / rows for file in entry.files}


def _tiles(rows: int) -> pa.Table:
    """Return rows as a build of Sentinel-2 images makes them: 49 by 49 tiles an item."""
    random = np.random.default_rng(11)
    number = np.arange(rows)
    item, tile = number // 2401, number % 2401
    west = item * 1.5 + tile % 49 * 0.0287
    south = 40 + tile // 49 * 0.0202
    edges = {"xmin": west, "ymin": south, "xmax": west + 0.0287, "ymax": south + 0.0202}
    names = [f"S2A_T33TX{chr(65 + i)}_20240701T100031_L2A" for i in range(item[-1] + 1)]
    root = "https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs/33/T/XG/2024/7"
    start = [START + timedelta(days=int(i)) for i in item]
    values = {
        "tile_id": [random.bytes(16).hex() for _ in range(rows)],
        "collection": ["sentinel-2-l2a"] * rows,
        "item_id": [names[i] for i in item],
        "item_href": [f"{root}/{names[i]}/{names[i]}.json" for i in item],
        "href": [f"{root}/{names[i]}/TCI.tif" for i in item],
        "asset_key": ["visual"] * rows,
        "col": tile % 49 * 224,
        "row": tile // 49 * 224,
        "width": [224] * rows,
        "height": [224] * rows,
        "geometry": _polygons(edges),
        "bbox": [dict(zip(edges, box, strict=True)) for box in zip(*edges.values(), strict=True)],
        "start": start,
        "end": start,
        "gsd_m": [10.0] * rows,
        "cloud_pct": random.uniform(0, 20, rows).round(2),
        "nodata_pct": [0.0] * rows,
        "sensor": ["sentinel-2"] * rows,
        "recipe": ["s2-tci"] * rows,
        "unit": [f"{names[i]}/visual/{i:032x}" for i in item],
        "chip_px": [224] * rows,
    }
    return pa.table(values, schema=TILE_SCHEMA)


def _polygons(edges: dict[str, NDArray[np.float64]]) -> list[bytes]:
    """Return footprints as WKB, a little askew as those of projected tiles are."""
    west, south, east, north = edges.values()
    lean = np.linspace(0, 0.004, len(west))
    ring = [(west + lean, south), (east + lean, south), (east, north), (west, north)]
    corners = np.stack([np.stack(c, axis=1) for c in (*ring, ring[0])], axis=1)
    head = b"\x01" + (3).to_bytes(4, "little") + (1).to_bytes(4, "little")
    return [head + (5).to_bytes(4, "little") + part.tobytes() for part in corners]


def draw_filters(points: Points, world: World, share: float, months: int) -> list[TileFilter]:
    """Return filters whose boxes hold about a share of the tiles, around tiles that are drawn."""
    random = np.random.default_rng(world.seed + 3)
    lon, lat, _ = points
    thin = slice(None, None, max(1, len(lon) // 100_000))
    found = []
    for _ in range(world.queries):
        at = int(random.integers(len(lon)))
        month = int(random.integers(world.months))
        low, high = 0.0, 180.0
        for _ in range(30):
            half = (low + high) / 2
            box = _box(lon[at], lat[at], half)
            held = (lon[thin] >= box.west) & (lon[thin] <= box.east)
            held &= (lat[thin] >= box.south) & (lat[thin] <= box.north)
            low, high = (half, high) if held.mean() < share else (low, half)
        year, number = divmod(12 * START.year + START.month - 1 + month, 12)
        first = datetime(year, number + 1, 1, tzinfo=UTC)
        span = TimeRange(start=first, end=first + timedelta(days=27.9 * months))
        found.append(TileFilter(bbox=None if share >= 1 else box, time=span if months else None))
    return found


def _box(lon: float, lat: float, half: float) -> BBox:
    """Return a box around a place, as wide as it is high on the ground; it ends at the edges."""
    wide = half / max(0.05, math.cos(math.radians(lat)))
    return BBox(
        west=max(-180.0, lon - wide),
        south=max(-90.0, lat - half),
        east=min(180.0, lon + wide),
        north=min(90.0, lat + half),
    )


def fan_out(
    segments: Sequence[SegmentEntry], filters: Sequence[TileFilter], tiles: int
) -> tuple[float, int, float]:
    """Return the median and the greatest number of segments touched, and the share of tiles there.

    The share is that of the tiles of the touched segments among all, the mean over the filters.
    """
    opened = [Segment(SegmentFiles(Path(), entry)) for entry in segments]
    counts, shares = [], []
    for where in filters:
        wanted = Conditions.of(where)
        touched = [one.entry.rows for one in opened if may_match(one, wanted)]
        counts.append(len(touched))
        shares.append(sum(touched) / tiles)
    return float(np.median(counts)), max(counts), float(np.mean(shares))


def fan_out_table(world: World) -> str:
    """Return the table of how many segments queries touch, by layout."""
    points = draw(world)
    sizes = {"tiles.parquet": 1.0}
    made = {layout: make_segments(points, layout, world, sizes) for layout in LAYOUTS}
    heads = [f"{layout} ({len(made[layout]):,})" for layout in LAYOUTS]
    rows = [["tiles in the box", "months", *heads]]
    for share, months in _QUERIES:
        filters = draw_filters(points, world, share, months)
        cells = []
        for layout in LAYOUTS:
            middle, most, held = fan_out(made[layout], filters, world.tiles)
            cells.append(f"{middle:.0f} to {most} ({held:.2%})")
        rows.append([f"{share:.2%}", str(months or "all"), *cells])
    return _table(rows)


def size_table(worlds: Sequence[World]) -> str:
    """Return the table of what indexes of some sizes take."""
    columns = [_sizes(world) for world in worlds]
    heads = ["", *(f"{world.tiles:.0e}".replace("e+0", "e") + " tiles" for world in worlds)]
    return _table([heads, *([name, *(c[name] for c in columns)] for name in columns[0])])


def _sizes(world: World) -> dict[str, str]:
    sizes = bytes_a_tile(world.dimensions)
    points = draw(world)
    segments = make_segments(points, "by month and place", world, sizes)
    manifest = make_manifest(segments, world)
    commits = math.ceil(world.tiles / world.commit_rows)
    whole, bare = _bytes(manifest), _bytes(manifest.model_copy(update={"ann": ()}))
    entry = (bare - _bytes(manifest.model_copy(update={"ann": (), "segments": ()}))) / len(segments)
    per_merge = world.segment_rows // world.commit_rows
    numbers = np.arange(1, commits + 1)
    written = {
        often: entry * float((numbers // often * often // per_merge + numbers % often).sum())
        for often in (MERGE_SEGMENTS, commits + 1)
    }
    store = {name: world.tiles * size for name, size in sizes.items()}
    hours = world.tiles / 3600
    return {
        "segments after compaction": f"{len(segments):,}",
        **{f"`{name}`": _amount(size) for name, size in store.items()},
        "search structures, in memory": _amount(world.tiles * world.ann_bytes),
        "whole index on disk": _amount(sum(store.values()) + world.tiles * world.ann_bytes),
        "filter columns, hashed as they are used": _amount(world.tiles * ROW_BYTES),
        "calibrations, in files of their own": _amount(2_500.0 * len(segments)),
        "manifest": _amount(whole),
        "of it without search structures": _amount(bare),
        "commits of a build": f"{commits:,}",
        f"manifests written, merging {MERGE_SEGMENTS} small segments": _amount(
            written[MERGE_SEGMENTS]
        ),
        "manifests written, never merging": _amount(written[commits + 1]),
        "items in the ledger": f"{math.ceil(world.tiles / world.tiles_an_item):,}",
        "embedding, core-hours": f"{hours * world.core_ms / 1000:,.0f}",
        "embedding, graphics-card-hours": f"{hours / world.gpu_tiles_s:,.1f}",
    }


def _text(manifest: Manifest) -> bytes:
    """Return a manifest as a writer stores it."""
    return manifest.model_dump_json().encode()


def _bytes(manifest: Manifest) -> int:
    return len(_text(manifest))


def _amount(size: float) -> str:
    power = min(5, max(0, int(math.log10(max(1.0, size)) // 3)))
    return f"{size / 1000**power:.3g} {('B', 'kB', 'MB', 'GB', 'TB', 'PB')[power]}"


def time_table(world: World) -> str:
    """Return the table of times taken here; they differ from machine to machine."""
    rows = [["segments", "manifest", "to write", "to parse", "to prune (1 % box, a month)"]]
    for count in (100, 1_000, 2_000, 16_000):
        here = replace(world, tiles=count * world.segment_rows)
        points = draw(here)
        segments = make_segments(points, "as taken", here, bytes_a_tile(8, rows=2_401))
        manifest = make_manifest(segments, here)
        text, write_s = _timed(partial(_text, manifest))
        _, parse_s = _timed(partial(parse_manifest, Path(), Path(), text))
        filters = draw_filters(points, replace(here, queries=1), 0.01, 1)
        _, prune_s = _timed(partial(fan_out, segments, filters, 1))
        times = [f"{seconds * 1000:,.0f} ms" for seconds in (write_s, parse_s, prune_s)]
        rows.append([f"{len(segments):,}", _amount(len(text)), *times])
    return _table(rows)


def _timed(work: Callable[[], _T]) -> tuple[_T, float]:
    """Return what some work gives and the least processor time of three runs, seconds."""
    taken = []
    for _ in range(3):
        begin = time.process_time()
        result = work()
        taken.append(time.process_time() - begin)
    return result, min(taken)


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def replace_part(text: str, name: str, new: str) -> str:
    """Return a document with what stands between `<!-- name -->` and `<!-- /name -->` replaced."""
    begin, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    assert tail, f"the part '{name}' is missing"
    return f"{head}{begin}{new}{end}{tail}"


def worlds_of(world: World) -> list[World]:
    """Return the sizes that the document compares."""
    return [replace(world, tiles=tiles) for tiles in (10**6, 10**8, 10**9)]


def main() -> None:
    """Bring the tables of the document up to date, or print those for other assumptions."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in _defaults().items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    world = World(**vars(parser.parse_args()))
    tables = {
        "sizes": size_table(worlds_of(world)),
        "fan-out": fan_out_table(world),
        "times": time_table(world),
    }
    if world != World():
        print("\n\n".join(tables.values()))  # noqa: T201 - what a script is for
        return
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, table in tables.items():
        text = replace_part(text, name, table)
    DOCUMENT.write_text(text, encoding="utf-8")


def _defaults() -> dict[str, float]:
    return {name: getattr(World(), name) for name in World.__slots__}


if __name__ == "__main__":
    main()
