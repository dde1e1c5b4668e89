"""Tiles made from a seed, and processes that write and read them; run as a script by fault tests."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent_indexes.parts import UnitRecord
from eoagent_indexes.schema import TILE_SCHEMA
from eoagent_indexes.segment_write import write_segment
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.writer import IndexWriter

DIMENSIONS = 16
ENCODER = EncoderFingerprint(card="made-up", dimensions=DIMENSIONS)
PER_UNIT = 12
"""Tiles of a work unit of the commit loop."""
KEPT_UNITS = 3
"""Units before that of a commit that it leaves."""
_DAY_US = 86_400_000_000


def ids_of(seed, count):
    """Tile ids, a digest each."""
    return [hashlib.sha256(f"{seed} {n}".encode()).hexdigest()[:32] for n in range(count)]


def unit_vectors(seed, count, dimensions=DIMENSIONS):
    """Vectors of length 1, float32."""
    made = np.random.default_rng(seed).standard_normal((count, dimensions)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def boxes(seed, count):
    """Boxes (count, 4) of 0.2 degrees; one in eight crosses the antimeridian."""
    rng = np.random.default_rng([seed, 1])
    west, south = rng.uniform(-179.9, 179.7, count), rng.uniform(-80, 79, count)
    west[::8] = 179.9
    east = np.where(west + 0.2 > 180, west + 0.2 - 360, west + 0.2)
    return np.stack([west, south, east, south + 0.2], axis=1)


def tiles(seed, count, *, ids=None, holes=True, unit="u"):
    """A tile table; with `holes`, every fifth has no place, every seventh no time."""
    box = boxes(seed, count)
    geometry = shapely.to_wkb(shapely.box(*box.T)).tolist()
    start = np.random.default_rng([seed, 2]).integers(0, 20_000, count) * _DAY_US
    no_place = np.arange(count) % 5 == 3 if holes else np.zeros(count, dtype=bool)
    no_time = np.arange(count) % 7 == 2 if holes else np.zeros(count, dtype=bool)
    columns = {
        "tile_id": ids or ids_of(seed, count),
        "collection": ["sentinel-2" if n % 3 else "landsat" for n in range(count)],
        "item_id": [f"item-{n // 4}" for n in range(count)],
        "item_href": ["https://example.org/item.json"] * count,
        "href": [f"https://example.org/{n // 4}.tif" for n in range(count)],
        "asset_key": ["visual"] * count,
        "col": list(range(count)),
        "row": [0] * count,
        "width": [224] * count,
        "height": [224] * count,
        "geometry": [None if gone else wkb for gone, wkb in zip(no_place, geometry, strict=True)],
        "bbox": [
            None if gone else dict(zip(("xmin", "ymin", "xmax", "ymax"), row, strict=True))
            for gone, row in zip(no_place, box.tolist(), strict=True)
        ],
        "start": pa.array(start, pa.timestamp("us", tz="UTC"), mask=no_time),
        "end": pa.array(start + 1000, pa.timestamp("us", tz="UTC"), mask=no_time),
        "gsd_m": [10.0] * count,
        "cloud_pct": [None if n % 4 == 1 else n % 101 + 0.5 for n in range(count)],
        "nodata_pct": [0.0] * count,
        "sensor": ["sentinel-2"] * count,
        "recipe": ["rgb"] * count,
        "unit": [unit] * count,
        "chip_px": [224] * count,
    }
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for field, column in zip(TILE_SCHEMA, columns.values(), strict=True)
    ]
    return pa.table(arrays, schema=TILE_SCHEMA)


def write(folder, seed, count, **about):
    """Write a segment of made-up tiles, not yet committed."""
    return write_segment(
        folder, tiles(seed, count, **about), unit_vectors(seed, count), encoder=ENCODER
    )


def commit_unit(writer, n):
    """Commit work unit `n`, and drop the tiles of one that is `KEPT_UNITS` older."""
    entry = write(writer.layout.root, n, PER_UNIT, unit=f"u{n}")
    old = ids_of(n - KEPT_UNITS, PER_UNIT) if n > KEPT_UNITS else []
    records = [UnitRecord(unit=f"u{n}", state="done", tiles=PER_UNIT)]
    if old:
        records.append(UnitRecord(unit=f"u{n - KEPT_UNITS}", state="gone"))
    return writer.commit(add=[entry], drop_tiles=old, ledger=records)


def assert_whole(snapshot):
    """Check that a version holds just the units that its ledger says, with their vectors."""
    done = sorted(int(unit[1:]) for unit in snapshot.units_done())
    assert snapshot.manifest.live == PER_UNIT * len(done), (snapshot.version, done)
    if done:
        last = max(done)
        assert done == list(range(max(1, last - KEPT_UNITS + 1), last + 1)), done
    for n in done:
        found = snapshot.find(ids_of(n, PER_UNIT))
        assert found.is_there.all(), (snapshot.version, n)
        (number,) = set(found.segments.tolist())
        stored = snapshot.segments[number].vectors(found.rows)
        np.testing.assert_array_equal(stored, unit_vectors(n, PER_UNIT).astype(np.float16))
    return done


def _commit_until_killed(folder):
    with IndexWriter(folder, encoder=ENCODER) as writer:
        standing = writer.snapshot.units() if writer.snapshot else {}
        n = max((int(unit[1:]) for unit in standing), default=0)
        while True:
            n += 1
            commit_unit(writer, n)
            os.write(1, f"{n}\n".encode())


def _commit_in_turns(folder, times):
    for _ in range(times):
        with IndexWriter(folder, encoder=ENCODER, timeout_s=120) as writer:
            standing = writer.snapshot.units() if writer.snapshot else {}
            commit_unit(writer, max((int(unit[1:]) for unit in standing), default=0) + 1)
        time.sleep(0.02)  # so that the other writer, who looks every 5 ms, has its turn


def _open_often(folder, times):
    last = 0
    for _ in range(times):
        with Snapshot.open(folder) as snapshot:
            assert snapshot.version >= last
            last = snapshot.version
            assert_whole(snapshot)
    os.write(1, f"{last}\n".encode())


def _hold(folder):
    with IndexWriter(folder, encoder=ENCODER) as writer:
        write(folder, 77, 5)
        os.write(1, f"{writer.layout.writer}\n".encode())
        time.sleep(60)


JOBS = {
    "commit": _commit_until_killed,
    "turns": _commit_in_turns,
    "open": _open_often,
    "hold": _hold,
}


class Nursery:
    """A process that forks children for jobs, since importing takes longer than they run."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, job, folder, *arguments):
        """Start a job and return its process id; what it says goes to `FOLDER.out`."""
        self._process.stdin.write(" ".join(["start", job, str(folder), *map(str, arguments)]))
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def wait(self, child):
        """Return the exit status of a child, negative for a signal."""
        self._process.stdin.write(f"wait {child}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def kill(self, child):
        """Kill a child and wait for its end."""
        os.kill(child, signal.SIGKILL)
        return self.wait(child)

    def close(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


def said(folder, child):
    """What a child has written, line by line, without a last one that is not whole."""
    path = Path(f"{folder}.{child}.out")
    text = path.read_text(encoding="ascii") if path.exists() else ""
    return [line.rstrip("\n") for line in text.splitlines(keepends=True) if line.endswith("\n")]


def complaints(folder, child):
    """What a child has written to its error stream."""
    return Path(f"{folder}.{child}.err").read_text(encoding="utf-8")


def _nurse():
    for line in sys.stdin:
        order, *words = line.split()
        if order == "wait":
            _, status = os.waitpid(int(words[0]), 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = os.fork()
            if answer == 0:
                _work(*words)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _work(job, folder, *arguments):
    for number, name in ((1, "out"), (2, "err")):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(f"{folder}.{os.getpid()}.{name}", flags, 0o600), number)
    status = 1
    try:
        JOBS[job](Path(folder), *map(int, arguments))
        status = 0
    except Exception as error:  # noqa: BLE001  the parent reads it
        os.write(2, repr(error).encode())
    finally:
        os._exit(status)


if __name__ == "__main__":
    _nurse()
