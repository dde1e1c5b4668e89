"""RemoteSAM on a device: prompts a second, flipped pixels, and how much of its speed is used."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

__all__ = ["flipped_pct", "measure_device"]

_BATCHES: Final = {"cuda": (1, 8, 32), "cpu": (1, 2)}
_DTYPES: Final = {"cuda": ("float32", "bfloat16", "float16"), "cpu": ("float32", "bfloat16")}
_NOUNS: Final = ("airplane", "ship", "the", "harbor", "bridge", "in", "image", "dam")


def measure_device(asked: argparse.Namespace, *, picture: Callable[[int], Any]) -> dict[str, Any]:
    """Return prompts a second by batch and precision; nothing where there is no such device.

    Args:
        asked: `device`, `weights` (with the vocabulary beside them) and `repeats`.
        picture: gives another picture for each number.
    """
    import torch

    from eoagent.contracts.runner import Placement
    from eoagent.runners.remotesam.segmenter import Segmenter

    if asked.device == "cuda" and not torch.cuda.is_available():
        return {"device": asked.device, "skipped": "there is none"}
    flop = _flop_per_prompt(asked.weights)
    rows, exact = [], None
    for dtype in _DTYPES[asked.device]:
        most = _matrix_flop_per_s(asked.device, dtype)
        for batch in _BATCHES[asked.device]:
            place = Placement(device=asked.device, dtype=dtype)
            segmenter = Segmenter.load(asked.weights, placement=place, max_batch=batch)
            texts = [f"{_NOUNS[n // 8 % 8]} {_NOUNS[n % 8]}" for n in range(max(batch, 8))]
            segmenter.segment(picture(0), texts)
            walls = []
            for seed in range(1, asked.repeats + 1):
                began = time.perf_counter()
                margins = [one.margin for one in segmenter.segment(picture(seed), texts)]
                walls.append(time.perf_counter() - began)
            exact = exact or margins[:8]
            rate = len(texts) / min(walls)
            rows.append({
                "dtype": dtype, "batch": batch, "prompts_per_s": round(rate, 2),
                "flipped_pct": flipped_pct(exact, margins[:8]),
                "matrix_speed_pct": round(100 * rate * flop / most, 1),
            })  # fmt: skip
    return {"device": asked.device, "gflop_per_prompt": round(flop / 1e9, 1), "rows": rows}


def _flop_per_prompt(weights: Path) -> float:
    """Return the operations of one prompt by the plain convolutions, which a GPU takes."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from eoagent.runners.remotesam.network import RemoteSam

    network = RemoteSam.from_checkpoint(weights)
    side = network.shape.side
    ids = torch.ones(1, 8, dtype=torch.long)
    with FlopCounterMode(display=False) as counted:  # gradients on: no short way is taken
        network(torch.zeros(1, 3, side, side), ids, ids)
    return float(counted.get_total_flops())


def _matrix_flop_per_s(device: str, dtype: str) -> float:
    import torch

    side = 8192 if device == "cuda" else 1024
    one = torch.randn(side, side, device=device, dtype=getattr(torch, dtype))
    walls = []
    for _ in range(4):
        began = time.perf_counter()
        found = one @ one
        float(found[0, 0])  # waits for the device
        walls.append(time.perf_counter() - began)
    return 2 * side**3 / min(walls)


def flipped_pct(exact: list[Any], found: list[Any]) -> float:
    """Return the share of pixels on another side of the exact median, percent."""
    import numpy as np

    sides = [(a > np.median(a)) != (b > np.median(a)) for a, b in zip(exact, found, strict=True)]
    return round(100 * float(np.mean(sides)), 4)
