"""Turn scenes into durable batches of tiles and vectors.

One worker has one encoder. This process, a pool of processes and Ray all run it by the same call.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from eoagent.contracts.encoder import Encoder
from eoagent.contracts.errors import InputError, ModelError, SourceError
from eoagent.contracts.store import Origins
from eoagent_indexes.build.batching import Batch, OpenUnit, shown, span_of
from eoagent_indexes.build.job import Job, Receipt, Span, Task, Tick
from eoagent_indexes.build.lookahead import Lanes, ahead
from eoagent_indexes.build.rows import tile_rows
from eoagent_indexes.build.spool import Spool, covered
from eoagent_indexes.build.tiles import Tile, TileReader
from eoagent_indexes.build.unit import prepare
from eoagent_indexes.schema import TILE_SCHEMA

__all__ = ["SPOOL", "Worker"]

SPOOL: Final = "spool"
"""Folder of the batches below that of the index."""
_Item = TypeVar("_Item")
_CHUNK: Final = 16
"""Windows that a thread reads at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """Windows of a unit that are read together."""

    unit: OpenUnit
    reader: TileReader
    start: int
    stop: int
    lane: int | None


class Worker:
    """Reads, embeds and spools; used by one thread."""

    def __init__(self, job: Job, origins: Origins, encoder: Encoder) -> None:
        """Make a worker.

        Raises:
            ModelError: if the encoder is not the one of the job.
        """
        differences = job.fingerprint.differences(encoder.fingerprint)
        if differences:
            raise ModelError(
                f"this worker's encoder is not that of the build: {'; '.join(differences)}",
                hint="give every worker the same weights and the same settings",
            )
        self.spool = Spool(Path(job.folder) / SPOOL)
        """Where its batches go."""
        self.seconds: dict[str, float] = defaultdict(float)
        """Seconds by stage."""
        self._job = job
        self._origins = origins
        self._encoder = encoder

    def run(
        self, tasks: Iterable[Task], leftovers: Mapping[str, tuple[Span, ...]]
    ) -> Generator[Receipt | Tick, None, None]:
        """Yield what became of each scene, once all its tiles are durable, and each batch's size.

        Args:
            tasks: the scenes.
            leftovers: what an interrupted build left in the spool, by unit.

        Raises:
            ModelError: if the encoder fails.
            SourceError: if the disk is full or cannot be written.
        """
        batch = Batch(self._job.encoder.placement.max_batch)
        with Lanes(self._job.readers) as lanes:
            depth = self._job.readers * 2
            open_readers: set[TileReader] = set()

            def open_one(task: Task) -> Receipt | OpenUnit:
                return self._open(task, leftovers)

            opened = ahead(lanes, open_one, tasks, depth=depth)
            chunks = self._chunks(opened, open_readers)
            read = ahead(lanes, self._read, chunks, depth=depth, lane_of=_lane)
            try:
                for found in self._timed(read):
                    if isinstance(found, Receipt):
                        yield found
                        continue
                    chunk, tiles = found
                    for tile in tiles:
                        if batch.add(chunk.unit, tile):
                            yield from self._settle(batch)
                            batch = Batch(batch.size)
                    if chunk.stop == len(chunk.unit.tiling):
                        lanes.everywhere(chunk.reader.close)
                        open_readers.discard(chunk.reader)
                        if chunk.unit.refused:
                            yield _receipt(chunk.unit)
                yield from self._settle(batch)
            finally:
                read.close()
                opened.close()
                for reader in open_readers:
                    lanes.everywhere(reader.close)

    def _open(self, task: Task, leftovers: Mapping[str, tuple[Span, ...]]) -> Receipt | OpenUnit:
        scene = task.scene
        names = {"collection": scene.collection, "item_id": scene.id, "item_href": scene.href}
        try:
            unit = prepare(scene, self._job, self._origins)
        except (InputError, SourceError) as error:
            return Receipt(**names, state="refused", reason=error.explain())
        if unit.key == task.known:
            return Receipt(**names, state="kept", unit=unit.key, recipe=unit.recipe.name)
        tiling = unit.tiling(self._job)
        spans = leftovers.get(unit.key, ())
        opened = OpenUnit(unit=unit, tiling=tiling, first=covered(spans), spans=list(spans))
        if opened.first >= len(tiling):
            return _receipt(opened)
        return opened

    def _chunks(
        self, opened: Iterator[Receipt | OpenUnit], readers: set[TileReader]
    ) -> Iterator[Receipt | _Chunk]:
        for number, found in enumerate(opened):
            if isinstance(found, Receipt):
                yield found
                continue
            reader = TileReader(found.unit, self._origins)
            readers.add(reader)
            count = len(found.tiling)
            # Blocks that one thread has decoded are of no use to the files of another, so a local
            # file is read by one; over the network waiting costs more than decoding.
            lane = None if "://" in found.unit.href else number
            for start in range(found.first, count, _CHUNK):
                stop = min(start + _CHUNK, count)
                yield _Chunk(unit=found, reader=reader, start=start, stop=stop, lane=lane)

    def _read(self, chunk: Receipt | _Chunk) -> Receipt | tuple[_Chunk, list[Tile]]:
        if isinstance(chunk, Receipt):
            return chunk
        if chunk.unit.refused:
            return chunk, []
        tiling, request = chunk.unit.tiling, self._job.request
        try:
            tiles = chunk.reader.read(
                [(number, tiling.window(number)) for number in range(chunk.start, chunk.stop)],
                out_shape=tiling.out_shape,
                max_cloud_pct=request.max_tile_cloud_pct,
                max_nodata_pct=request.max_nodata_pct,
            )
        except (InputError, SourceError) as error:
            chunk.unit.refused = error.explain()
            return chunk, []
        return chunk, tiles

    def _settle(self, batch: Batch) -> Iterator[Receipt | Tick]:
        """Embed a batch, make it durable, and yield the receipts of the units it completes."""
        groups = [(unit, tiles) for unit, tiles in batch.by_unit() if not unit.refused]
        if not groups:
            return
        pictures = [t.picture for _, tiles in groups for t in tiles if t.picture is not None]
        tables = [tile_rows(u.unit, shown(u, tiles), self._job) for u, tiles in groups]
        with self._stage("encode"):
            vectors = self._embed(pictures)
        with self._stage("spool"):
            table = pa.concat_tables(tables) if tables else TILE_SCHEMA.empty_table()
            spans = self.spool.write(table, vectors, [span_of(u, tiles) for u, tiles in groups])
        yield Tick(
            tiles=len(pictures), file=spans[0].file, units=tuple(span.unit for span in spans)
        )
        for (unit, tiles), span in zip(groups, spans, strict=True):
            unit.spans.append(span)
            unit.tiles += sum(tile.picture is not None for tile in tiles)
            if unit.is_settled:
                yield _receipt(unit)

    def _embed(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float16]:
        if not pictures:
            return np.empty((0, self._job.fingerprint.dimensions), np.float16)
        is_even = len({picture.shape for picture in pictures}) == 1
        vectors = self._encoder.encode_images(np.stack(pictures) if is_even else list(pictures))
        expected = (len(pictures), self._job.fingerprint.dimensions)
        if vectors.shape != expected or not np.isfinite(vectors).all():
            raise ModelError(
                f"{self._encoder.card.id} gave vectors of {vectors.shape} for {expected[0]} "
                f"pictures, where finite ones of {expected} were expected",
                hint="eoagent models verify tells whether its weights are whole",
            )
        return vectors.astype(np.float16)

    def _timed(self, items: Iterator[_Item]) -> Iterator[_Item]:
        """Yield items, and count the seconds that they are waited for."""
        while True:
            with self._stage("waiting for pixels"):
                item = next(items, None)
            if item is None:
                return
            yield item

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - began


def _lane(chunk: Receipt | _Chunk) -> int | None:
    return None if isinstance(chunk, Receipt) else chunk.lane


def _receipt(opened: OpenUnit) -> Receipt:
    unit = opened.unit
    skipped = opened.skipped
    return Receipt(
        collection=unit.collection,
        item_id=unit.item_id,
        item_href=unit.item_href,
        state="refused" if opened.refused else "done",
        unit=unit.key,
        tiles=len(opened.tiling) - sum(skipped.values()),
        embedded=opened.tiles,
        skipped=skipped,
        files=tuple(sorted({span.file for span in opened.spans})),
        has_place=unit.ref.grid.is_georeferenced,
        reason=opened.refused,
        recipe=unit.recipe.name,
        notes=(f"{unit.recipe.name}: {unit.recipe.said}", *unit.notes),
    )
