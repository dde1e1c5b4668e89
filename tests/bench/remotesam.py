"""RemoteSAM side by side: ours, and the published way of calling it, with our network.

Weights are drawn at random and read from a file; each part runs in a process of its own, whose
peak memory is the largest resident set that the kernel saw (`ru_maxrss`: torch itself and pages of
mapped files count). Seconds are CPU seconds, the least of the repeats, beside wall seconds.

* `ours`: a segmenter asked for all prompts on a picture, then boxes of each.
* `published`: autograd on, the tokenizer read at every call, the picture prepared twice, texts
  filled up to 20 tokens, both logits enlarged, probabilities made where only a mask is asked for,
  a full comparison of the picture for each region, and the whole network for each prompt.
* `boxes`: boxes and scores of a mask with 500 regions, by both ways.
* `half` (where asked for): the share of pixels that bfloat16 brings to the other side of the median
  margin, for with weights drawn at random nearly all margins have one sign.
* `device` (where asked for): prompts a second by batch and precision, with flipped pixels and the share of the
  speed that a large matrix product reaches there.

Run as `remotesam.py --size small` (a minute) or `--size full` (many minutes on a CPU); `--half` and
`--device cuda` add the last parts, and `--device cpu --size small` only tries it out.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from remotesam_device import flipped_pct, measure_device

__all__ = ["main"]

_SIZES: Final = {
    "small": {
        "embed_dim": 32,
        "depths": [2, 2, 4, 2],
        "num_heads": [1, 2, 4, 8],
        "side": 224,
        "bert": {"vocab_size": 1000, "num_hidden_layers": 2, "intermediate_size": 512},
    },
    "full": {},
}
_CLASSES: Final = ("airplane", "ship", "vehicle", "harbor", "bridge", "stadium", "dam", "windmill")
_ANCHORS: Final = {
    "[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "airplane": 13297,
    "the": 1996, "in": 1999, "image": 3746,
}  # fmt: skip


def _ours(asked: argparse.Namespace) -> dict[str, Any]:
    from eoagent.runners.remotesam.detection import detect
    from eoagent.runners.remotesam.segmenter import Segmenter

    segmenter = Segmenter.load(asked.weights)
    loaded_mb = _peak_mb()

    def once(seed: int) -> list[Any]:
        found = segmenter.segment(_picture(seed), _texts(asked))
        for one in found:
            detect(one)
        return [one.margin for one in found]

    return _timed(once, asked) | {"loaded_mb": loaded_mb}


def _published(asked: argparse.Namespace) -> dict[str, Any]:
    from eoagent.runners.remotesam.network import RemoteSam

    network = RemoteSam.from_checkpoint(asked.weights).requires_grad_(requires_grad=True)
    loaded_mb = _peak_mb()

    def once(seed: int) -> list[Any]:
        return [_published_once(network, asked, _picture(seed), text) for text in _texts(asked)]

    return _timed(once, asked) | {"loaded_mb": loaded_mb}


def _published_once(network: Any, asked: argparse.Namespace, picture: Any, text: str) -> Any:
    import torch
    from torch.nn.functional import interpolate

    from eoagent.runners.remotesam.pictures import prepare
    from eoagent.runners.remotesam.tokens import Vocabulary

    vocabulary = asked.weights.with_name("vocab.txt")
    words = Vocabulary.read(vocabulary, size=network.shape.bert.vocab_size)
    ids = torch.zeros(1, 20, dtype=torch.long)
    tokens, _ = words.split(text)
    ids[0, : len(tokens)] = torch.tensor(tokens)
    prepare(picture, network.shape.side)
    pixels = prepare(picture, network.shape.side)
    logits = network(pixels, ids, (ids > 0).long())
    both = interpolate(logits.softmax(1), picture.shape[:2])
    mask = interpolate(logits.argmax(1)[:, None].float(), picture.shape[:2])
    _scored_one_by_one(mask[0, 0].numpy() > 0, both[0, 1].detach().numpy())
    return (logits[0, 1] - logits[0, 0]).detach().numpy()


def _scored_one_by_one(mask: Any, probability: Any) -> list[tuple[float, ...]]:
    import numpy as np
    import scipy

    labels, count = scipy.ndimage.label(mask, structure=np.ones((3, 3)))
    found = []
    for number in range(1, count + 1):
        rows, cols = np.where(labels == number)
        box = (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)
        found.append((*map(float, box), float(probability[rows, cols].mean())))
    return found


def _boxes(asked: argparse.Namespace) -> dict[str, Any]:
    import numpy as np

    from eoagent.geo.blobs import find_blobs

    rng = np.random.default_rng(4)
    mask = np.zeros((896, 896), bool)
    places = rng.permutation(28 * 28)[:500]
    for row, col in zip(places // 28 * 32, places % 28 * 32, strict=True):
        height, width = rng.integers(4, 28, 2)
        mask[row : row + height, col : col + width] = True
    probability = rng.random(mask.shape, np.float32)
    spent = {}
    for name, way in (("ours", find_blobs), ("published", _scored_one_by_one)):
        spent[name] = _least(lambda way=way: way(mask, probability), asked.repeats)
    blobs, theirs = find_blobs(mask, probability), _scored_one_by_one(mask, probability)
    apart = float(np.abs(blobs.scores - np.array(theirs)[:, 4]).max())
    assert len(blobs) == len(theirs) == 500
    assert np.array_equal(blobs.boxes, np.array(theirs)[:, :4])
    times = round(spent["published"] / spent["ours"], 1)
    return {"regions": 500, "cpu_s": spent, "times_faster": times, "scores_apart": apart}


def _half(asked: argparse.Namespace) -> dict[str, Any]:
    from eoagent.contracts.runner import Placement
    from eoagent.runners.remotesam.segmenter import Segmenter

    spent, found = {}, {}
    for dtype in ("float32", "bfloat16"):
        segmenter = Segmenter.load(asked.weights, placement=Placement(dtype=dtype))
        began = time.process_time()
        found[dtype] = [one.margin for one in segmenter.segment(_picture(0), _texts(asked))]
        spent[dtype] = round((time.process_time() - began) / asked.prompts, 3)
    flipped = flipped_pct(found["float32"], found["bfloat16"])
    return {"cpu_s_per_prompt": spent, "flipped_pct": flipped}


def _timed(once: Callable[[int], list[Any]], asked: argparse.Namespace) -> dict[str, Any]:
    import numpy as np

    cpu, wall = [], []
    for seed in range(asked.repeats):  # another picture each time, so that none is known
        began, spent = time.perf_counter(), time.process_time()
        margins = once(seed)
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - spent)
    return {
        "cpu_s_per_prompt": round(min(cpu) / asked.prompts, 3),
        "wall_s_per_prompt": round(min(wall) / asked.prompts, 3),
        "peak_mb": _peak_mb(),
        "checksums": [float(np.abs(margin).mean()) for margin in margins],
    }


def _least(act: Callable[[], object], repeats: int) -> float:
    spent = []
    for _ in range(repeats + 1):
        began = time.process_time()
        act()
        spent.append(time.process_time() - began)
    return min(spent)


def _picture(seed: int) -> Any:
    import numpy as np

    return np.random.default_rng(seed).integers(0, 256, (896, 896, 3), dtype=np.uint8)


def _texts(asked: argparse.Namespace) -> list[str]:
    return [f"{name} in the image" for name in _CLASSES[: asked.prompts]]


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _write(asked: argparse.Namespace) -> dict[str, Any]:
    """Write weights drawn at random, and a vocabulary beside them."""
    import torch
    from safetensors.torch import save_file

    from eoagent.runners.remotesam.checkpoint import CONFIG_KEY, SLIM_FORMAT
    from eoagent.runners.remotesam.names import may_be_absent, published
    from eoagent.runners.remotesam.network import RemoteSam
    from eoagent.runners.remotesam.shape import NetworkShape

    torch.manual_seed(1)
    network = RemoteSam(NetworkShape.of(_SIZES[asked.size]))
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(std=0.02)
    state = {published(name): value for name, value in network.state_dict().items()}
    state = {name: value for name, value in state.items() if not may_be_absent(name)}
    stated = {"format": SLIM_FORMAT, CONFIG_KEY: json.dumps(network.shape.mapping())}
    save_file(state, asked.weights, metadata=stated)
    size = network.shape.bert.vocab_size
    at = {place: word for word, place in _ANCHORS.items() if place < size}
    at |= {200 + n: name for n, name in enumerate(_CLASSES) if name not in at.values()}
    lines = [at.get(place, f"[unused{place}]") for place in range(size)]
    asked.weights.with_name("vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {}


_PARTS: Final = {
    "weights": _write,
    "ours": _ours,
    "published": _published,
    "boxes": _boxes,
    "half": _half,
    "device": lambda asked: measure_device(asked, picture=_picture),
}


def main() -> None:
    """Measure all parts and print one document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=sorted(_SIZES), default="small")
    parser.add_argument("--prompts", type=int, default=4, choices=range(1, len(_CLASSES) + 1))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--device", choices=["", "cpu", "cuda"], default="")
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--part", choices=list(_PARTS))
    parser.add_argument("--weights", type=Path)
    asked = parser.parse_args()
    if asked.part:
        import torch

        torch.set_num_threads(asked.threads)
        sys.stdout.write(json.dumps(_PARTS[asked.part](asked)) + "\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        weights = str(Path(folder) / "weights.safetensors")
        wanted = {"half": asked.half, "device": bool(asked.device)}
        names = [name for name in _PARTS if wanted.get(name, True)]
        found = {name: _in_child(name, weights) for name in names}
    found.pop("weights")
    ours, published = found["ours"], found["published"]
    sums = zip(ours.pop("checksums"), published.pop("checksums"), strict=True)
    found["mean_margin_apart"] = max(abs(a - b) for a, b in sums)
    found["times_faster"] = round(published["cpu_s_per_prompt"] / ours["cpu_s_per_prompt"], 2)
    sys.stdout.write(json.dumps({"size": asked.size, **found}, indent=1) + "\n")


def _in_child(part: str, weights: str) -> dict[str, Any]:
    command = [sys.executable, __file__, *sys.argv[1:], "--part", part, "--weights", weights]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
