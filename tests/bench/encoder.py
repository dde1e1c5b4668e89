"""How fast the encoder is, beside a plain loop over open_clip, in one process on the same weights.

    python tests/bench/encoder.py [--card remoteclip-vit-b-32] [--batch 16] [--pixels 256]
                                  [--repeats 5] [--threads 1] [--device cpu] [--out FILE]

The weights are random, which is valid for speed and for nothing else. The ways take turns, so that
a busy machine slows them alike; the least of the repeats stands. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rows import Row, as_documents, as_table

from eoagent.contracts.card import ModelCard
from eoagent.contracts.runner import Placement
from eoagent.runners.clip import KIND
from eoagent.runners.clip.pictures import make_preparation
from eoagent.runners.devices import arithmetic, choose_placement
from eoagent.runners.pool import ModelPool
from eoagent.runners.registry import card_by_id
from eoagent.runners.weights import ModelStore

__all__ = ["main"]

_TEXTS = ("a satellite photo of a harbour with ships.", "an aerial photo of terraced rice fields.")


@dataclass(slots=True)
class Way:
    """One way to do the same work, and what it took."""

    what: str
    who: str
    items: int
    run: Callable[[], Any]
    note: str = ""
    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)

    def once(self) -> None:
        """Do it and note what it took."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.run()
        self.wall_s.append(time.perf_counter() - wall)
        self.cpu_s.append(time.process_time() - cpu)

    @property
    def row(self) -> Row:
        """The line of the table: the least of the repeats."""
        cpu, wall = min(self.cpu_s), min(self.wall_s)
        rate = f"{self.items / cpu:.1f} per CPU s, {self.items / wall:.1f} per wall s"
        return Row(
            what=self.what,
            who=self.who,
            runs=len(self.cpu_s),
            wall_s=wall,
            cpu_s=cpu,
            note=f"{rate}; {self.note}".rstrip("; "),
        )


def _pictures(count: int, pixels: int) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(11)
    return [rng.integers(0, 256, (pixels, pixels, 3), dtype=np.uint8) for _ in range(count)]


def _plain(card: ModelCard, weights: Path, pictures: list[Any], device: str) -> list[Way]:
    """What one would write by hand with open_clip: its transform, its model, float32."""
    import open_clip
    import torch
    from PIL import Image

    quick = "-quickgelu" if card.activation == "quickgelu" else ""
    model, _, transform = open_clip.create_model_and_transforms(
        f"{card.architecture}{quick}", pretrained=str(weights), device=device
    )
    model.eval()
    tokenize = open_clip.get_tokenizer(card.architecture)

    def images() -> Any:
        with torch.inference_mode():
            batch = torch.stack([transform(Image.fromarray(one)) for one in pictures])
            found = model.encode_image(batch.to(device))
            return torch.nn.functional.normalize(found, dim=-1).cpu().numpy()

    def texts() -> Any:
        with torch.inference_mode():
            found = model.encode_text(tokenize(list(_TEXTS)).to(device))
            return torch.nn.functional.normalize(found, dim=-1).cpu().numpy()

    def prepare() -> Any:
        return torch.stack([transform(Image.fromarray(one)) for one in pictures])

    count = len(pictures)
    return [
        Way("pictures", "open_clip", count, images, "float32"),
        Way("texts", "open_clip", len(_TEXTS), texts, "float32"),
        Way("preparing", "open_clip", count, prepare, "PIL, one by one"),
    ]


def _ours(card: ModelCard, weights: Path, pictures: list[Any], device: str) -> list[Way]:
    ways = []
    count = len(pictures)
    half = choose_placement(device, precision="half", max_batch=count)
    for placement in (
        Placement(device=half.device, preprocessing="strict", max_batch=count),
        Placement(device=half.device, preprocessing="fast", max_batch=count),
        half,
    ):
        encoder = KIND.load(card, weights, placement)
        note = f"{placement.dtype} in {arithmetic(placement)}, {placement.preprocessing}"
        ways.append(
            Way("pictures", "eoagent", count, lambda e=encoder: e.encode_images(pictures), note)
        )
        if placement.preprocessing == "fast":
            ways.append(
                Way("texts", "eoagent", len(_TEXTS), lambda e=encoder: e.encode_texts(_TEXTS), note)
            )
    prepare = make_preparation(card, half)
    ways.append(Way("preparing", "eoagent", count, lambda: prepare(pictures), "uint8, as a batch"))
    return ways


def _pooled(
    card: ModelCard, weights: Path, pictures: list[Any], home: Path, device: str
) -> tuple[ModelPool, Way]:
    """The same through the pool, its queue and its thread: what a tool gets."""
    ModelStore(home).import_weights(card, weights)
    pool = ModelPool(home, device=device, precision="float32", max_batch=len(pictures))
    encoder = pool.encoder(card.id)
    note = "float32, fast, through the queue"
    return pool, Way(
        "pictures", "eoagent", len(pictures), lambda: encoder.encode_images(pictures), note
    )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="Speed of the encoder beside plain open_clip.")
    parser.add_argument("--card", default="remoteclip-vit-b-32", help="card to measure")
    parser.add_argument("--batch", type=int, default=16, help="pictures in one pass")
    parser.add_argument("--pixels", type=int, default=256, help="side of the pictures")
    parser.add_argument("--repeats", type=int, default=5, help="repeats, of which the least stands")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:NUMBER")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    asked = parser.parse_args()
    import open_clip
    import torch

    torch.set_num_threads(asked.threads)
    card = card_by_id(asked.card)
    pictures = _pictures(asked.batch, asked.pixels)
    with tempfile.TemporaryDirectory(prefix="eoagent-bench-") as temporary:
        weights = Path(temporary) / "weights.pt"
        quick = "-quickgelu" if card.activation == "quickgelu" else ""
        torch.manual_seed(0)
        torch.save(open_clip.create_model(f"{card.architecture}{quick}").state_dict(), weights)
        ways = _plain(card, weights, pictures, asked.device)
        ways += _ours(card, weights, pictures, asked.device)
        pool, pooled = _pooled(card, weights, pictures, Path(temporary) / "home", asked.device)
        ways.append(pooled)
        with pool:
            for way in ways:
                way.run()  # warm: memory, kernels, and loading of the pool
            for _ in range(asked.repeats):
                for way in ways:
                    way.once()
    ways.sort(key=lambda way: way.what)
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
        "torch": torch.__version__,
        "open_clip": open_clip.__version__,
        "torch_threads": torch.get_num_threads(),
        "device": asked.device,
        "card": card.id,
        "batch": asked.batch,
        "pixels": asked.pixels,
    }
    rows = [way.row for way in ways]
    sys.stdout.write(f"{json.dumps(machine)}\n\n{as_table(rows)}\n")
    if asked.out is not None:
        document = {"schema": "eoagent/bench/1", **machine, "rows": as_documents(rows)}
        asked.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
