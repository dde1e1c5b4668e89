"""What indexing local images costs beyond reading the same windows and encoding them.

Run as `python tests/bench/indexing.py`; it makes cloud-optimised GeoTIFFs of its own and a ViT-B-32
with random weights (good for speed, not for quality) in a temporary folder. What counts is CPU time of
the whole process, the least of the repeats; wall time depends on who else is on the machine. Loading
the encoder is not counted on either side. `--free` puts an encoder that costs nothing in its place: what
is left is the work around it, in milliseconds a tile, which any encoder can be held against.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.encoder import Encoder
from eoagent.contracts.index import Surroundings
from eoagent.contracts.indexing import BuildRequest, EncoderSource
from eoagent.contracts.runner import Placement
from eoagent.io.origin import OriginGuard
from eoagent.plugins import load
from eoagent_indexes.build import builder
from eoagent_indexes.build.committing import Committer
from eoagent_indexes.build.tiling import make_tiling
from eoagent_indexes.upkeep import TileUpkeep

__all__ = ["Spent", "by_hand", "indexed", "random_encoder", "write_scenes"]


class Spent:
    """CPU and wall seconds of named stages."""

    def __init__(self) -> None:
        self.cpu: dict[str, float] = {}
        self.wall: dict[str, float] = {}

    @contextmanager
    def on(self, stage: str) -> Iterator[None]:
        """Count the block to a stage."""
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            yield
        finally:
            self.cpu[stage] = self.cpu.get(stage, 0.0) + time.process_time() - cpu
            self.wall[stage] = self.wall.get(stage, 0.0) + time.perf_counter() - wall

    def wrap(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that counts to a stage."""

        def wrapped(*given: Any, **named: Any) -> Any:
            with self.on(stage):
                return function(*given, **named)

        return wrapped


def write_scenes(folder: Path, count: int, side: int) -> None:
    """Write images of smooth noise, tiled and compressed as usual."""
    folder.mkdir()
    for number in range(count):
        random = np.random.default_rng(number)
        small = random.integers(20, 230, (3, side // 16, side // 16), dtype=np.uint8)
        values = small.repeat(16, axis=1).repeat(16, axis=2)
        values += random.integers(0, 12, values.shape, dtype=np.uint8)
        with rasterio.open(
            folder / f"scene{number}.tif",
            "w",
            driver="COG",
            width=side,
            height=side,
            count=3,
            dtype="uint8",
            compress="deflate",
            crs="EPSG:32633",
            transform=Affine(0.5, 0, 5e5 + 2e3 * number, 0, -0.5, 51e5),
        ) as file:
            file.write(values)


def random_encoder(folder: Path, *, dtype: str, batch: int) -> EncoderSource:
    """Write the weights of a ViT-B-32 as drawn at random, and return how it is made."""
    import open_clip
    import torch

    torch.manual_seed(0)
    path = folder / "random.pt"
    torch.save(open_clip.create_model("ViT-B-32-quickgelu").state_dict(), path)
    cards: dict[str, ModelCard] = {c.id: c for c in load("eoagent.runners", "clip").cards()}
    card = cards["remoteclip-vit-b-32"]
    unknown = card.weights.model_copy(update={"sha256": UNKNOWN})
    return EncoderSource(
        card=card.model_copy(update={"weights": unknown}),
        weights=str(path),
        placement=Placement(dtype=dtype, max_batch=batch),
    )


class FreeEncoder:
    """Gives one vector for every picture at no cost."""

    def __init__(self, encoder: Encoder) -> None:
        self.card, self.fingerprint = encoder.card, encoder.fingerprint
        vector = np.random.default_rng(0).normal(size=self.card.dimensions)
        self._vector = (vector / np.linalg.norm(vector)).astype(np.float32)

    def encode_images(self, pictures: Any) -> Any:
        """Return the vector, once for each picture."""
        return np.tile(self._vector, (len(pictures), 1))


def by_hand(scenes: Path, encoder: Encoder, batch: int) -> Spent:
    """Read the same windows with rasterio, encode them in the same batches, keep nothing else."""
    spent = Spent()
    waiting: list[np.ndarray[Any, Any]] = []
    for path in sorted(scenes.iterdir()):
        with rasterio.open(path) as file:
            px = encoder.card.input_px
            tiling = make_tiling((file.height, file.width), tile_px=px, stride_px=px)
            for number in range(len(tiling)):
                w = tiling.window(number)
                with spent.on("reads"):
                    window = rasterio.windows.Window(w.col, w.row, w.width, w.height)
                    waiting.append(file.read(window=window).transpose(1, 2, 0))
                if len(waiting) == batch:
                    with spent.on("encoder"):
                        encoder.encode_images(np.stack(waiting))
                    waiting = []
    if waiting:
        with spent.on("encoder"):
            encoder.encode_images(np.stack(waiting))
    return spent


def indexed(folder: Path, scenes: Path, source: EncoderSource, encoder: Encoder) -> Spent:
    """Build an index of the scenes."""
    spent = Spent()
    make, commit = builder.make_encoder, Committer.commit
    builder.make_encoder = lambda _source: encoder
    Committer.commit = spent.wrap("commits", commit)  # type: ignore[method-assign]
    try:
        around = Surroundings(origins=OriginGuard([str(scenes)]), encoder_source=source)
        with spent.on("all"):
            report = TileUpkeep(folder, around).build(BuildRequest(source=str(scenes)))
    finally:
        builder.make_encoder, Committer.commit = make, commit  # type: ignore[method-assign]
    spent.cpu["tiles"] = report.added
    return spent


def _dtype() -> str:
    """Return the type that this processor multiplies fastest."""
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return "bfloat16" if "avx512_bf16" in flags or "amx_bf16" in flags else "float32"


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dtype", default=_dtype())
    parser.add_argument("--free", action="store_true")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    import torch

    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_scenes(folder / "warm", 1, 512)
        write_scenes(folder / "scenes", asked.scenes, asked.side)
        source = random_encoder(folder, dtype=asked.dtype, batch=asked.batch)
        encoder = builder.make_encoder(source)
        if asked.free:
            encoder = FreeEncoder(encoder)
        indexed(folder / "first", folder / "warm", source, encoder)
        by_hand(folder / "warm", encoder, asked.batch)
        ours, hand = [], []
        for turn in range(asked.repeats):
            hand.append(by_hand(folder / "scenes", encoder, asked.batch))
            ours.append(indexed(folder / f"index{turn}", folder / "scenes", source, encoder))
    encode = min(one.cpu["encoder"] for one in hand)
    reads = min(one.cpu["reads"] for one in hand)
    whole = min(one.cpu["all"] for one in ours)
    commits = min(one.cpu["commits"] for one in ours)
    found = {
        "tiles": ours[0].cpu["tiles"],
        "encoder_cpu_s": encode,
        "reads_cpu_s": reads,
        "indexing_cpu_s": whole,
        "ratio": whole / (encode + reads),
        "around_ms_a_tile": 1e3 * (whole - encode - reads) / ours[0].cpu["tiles"],
        "commits_cpu_s": commits,
        "commits_pct": 100 * commits / whole,
        "commits_wall_s": min(one.wall["commits"] for one in ours),
        "indexing_wall_s": min(one.wall["all"] for one in ours),
        "by_hand_wall_s": min(sum(one.wall.values()) for one in hand),
    }
    sys.stdout.write(json.dumps({k: round(v, 4) for k, v in found.items()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
