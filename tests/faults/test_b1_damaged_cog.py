"""Fault row B1: a damaged COG gives the right pixels or one typed error, never a signal or a hang.

Reads run in a child process, so that a signal or a hang is seen as such. Where a file carries no
checksum a flipped byte can change pixels unseen: such differences are counted and printed, and
bounded for codecs that notice damage.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

CODECS = {
    "deflate": {"compress": "deflate"},
    "zstd": {"compress": "zstd"},
    "jpeg": {"compress": "jpeg", "quality": 90},
    "none": {"compress": "none"},
}
CHECKED = ("deflate",)
MOST_SILENT_SHARE = 0.03
"""A deflate block ends in an Adler-32; headers and tags (a CRS parameter, a tile's place) have no
checksum in any codec, and neither have the blocks of the other codecs."""

_CHILD = """
import json, sys, warnings
import numpy as np
from pathlib import Path
warnings.simplefilter("error")
from eoagent.contracts.errors import EoAgentError, SourceError
from eoagent.io.origin import OriginGuard
from eoagent.io.raster import RasterReader, open_raster

path, truncations, flips, seed = Path(sys.argv[1]), *map(int, sys.argv[2:5])
whole = path.read_bytes()
work = path.with_name("damaged.tif")
guard = OriginGuard(typed=[str(work)])

def look():
    ref = open_raster([str(work)], guard)
    with RasterReader(ref, guard) as reader:
        values, valid = reader.read(ref.band_names)
        small, _ = reader.preview(64)
    return ref, values, valid, small

def same(a, b):
    return (
        a[0].grid == b[0].grid
        and a[0].bands == b[0].bands
        and all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in zip(a[1:], b[1:]))
    )

work.write_bytes(whole)
truth = look()
rng = np.random.default_rng(seed)
cuts = [("cut", int(n)) for n in np.linspace(0, len(whole) - 1, truncations)]
spots = [("flip", int(n)) for n in rng.integers(0, len(whole), flips)]
for kind, at in cuts + spots:
    print(json.dumps(["start", kind, at]), flush=True)
    if kind == "cut":
        work.write_bytes(whole[:at])
    else:
        damaged = bytearray(whole)
        damaged[at] ^= int(rng.integers(1, 256))
        work.write_bytes(damaged)
    try:
        found = "same" if same(truth, look()) else "silent"
        said = ""
    except SourceError as error:
        found, said = "refused", str(error)
    except EoAgentError as error:
        found, said = type(error).__name__, str(error)
    print(json.dumps(["end", kind, at, found, said]), flush=True)
"""


def _write_cog(path: Path, codec: str) -> Path:
    rng = np.random.default_rng(5)
    rows, cols = np.mgrid[0:512, 0:512]
    smooth = (np.sin(rows / 40) + np.cos(cols / 30) + 2) * 50
    pixels = np.stack([smooth + rng.integers(0, 20, (512, 512)) + 10 * n for n in range(3)])
    profile = {
        "driver": "COG",
        "width": 512,
        "height": 512,
        "count": 3,
        "dtype": "uint8",
        "crs": "EPSG:32633",
        "transform": Affine(10, 0, 5e5, 0, -10, 5e6),
        "blocksize": 128,
        **CODECS[codec],
    }
    with rasterio.open(path, "w", **profile) as out:
        out.write(pixels.astype(np.uint8))
    return path


def _damage(
    folder: Path, codec: str, truncations: int, flips: int, seed: int = 11
) -> list[list[object]]:
    """Damage a COG in many ways and return what each read ended in: kind, place, verdict, said."""
    path = _write_cog(folder / "whole.tif", codec)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path), str(truncations), str(flips), str(seed)],
        capture_output=True,
        text=True,
        timeout=60 + (truncations + flips),
        check=False,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    last = rows[-1] if rows else None
    assert done.returncode == 0, f"exit {done.returncode} after {last}: {done.stderr[-2000:]}"
    return [row[1:] for row in rows if row[0] == "end"]


def _check(codec: str, rows: list[list[object]], truncations: int, flips: int) -> str:
    """Check every verdict and return the counts in words."""
    assert len(rows) == truncations + flips
    verdicts = [str(row[2]) for row in rows]
    assert set(verdicts) <= {"same", "silent", "refused"}, set(verdicts)
    silent = [row for row in rows if row[2] == "silent"]
    assert not [row for row in silent if row[0] == "cut"], "a cut file gave other pixels"
    if codec in CHECKED:
        assert len(silent) <= max(1, MOST_SILENT_SHARE * len(rows)), silent[:5]
    for row in rows:
        if row[2] == "refused":
            assert "damaged.tif" in str(row[3])
    return (
        f"\nB1 {codec}: {verdicts.count('refused')} refused, {verdicts.count('same')} unharmed, "
        f"{len(silent)} silently different of {len(rows)}\n"
    )


@pytest.mark.parametrize("codec", CODECS)
def test_a_damaged_cog_gives_its_pixels_or_a_typed_error(codec: str, tmp_path: Path) -> None:
    sys.stdout.write(_check(codec, _damage(tmp_path, codec, 5, 10), 5, 10))


@pytest.mark.full
@pytest.mark.parametrize("codec", CODECS)
def test_a_hundred_cuts_and_three_hundred_flips_end_well(
    codec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = _check(codec, _damage(tmp_path, codec, 100, 300), 100, 300)
    with capsys.disabled():
        sys.stdout.write(counts)


def test_an_error_says_what_was_asked_and_what_was_found(tmp_path: Path) -> None:
    rows = _damage(tmp_path, "deflate", 4, 0)
    empty, third, two_thirds, _ = (str(row[3]) for row in rows)
    assert "is no raster that is opened here: it begins with b''" in empty
    for said in (third, two_thirds):
        assert "damaged.tif': bands [1, 2, 3] of rows 0 to 512, columns 0 to 512 could not" in said
        assert "is damaged: it unpacks to" in said
