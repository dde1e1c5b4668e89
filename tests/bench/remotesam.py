"""CPU seconds per prompt and peak memory of RemoteSAM: ours, and the published way of calling it.

Both use our network with weights drawn at random, so only the way of calling differs. The published
way keeps autograd on, reads the tokenizer at every call, prepares the picture twice, pads texts to
20 tokens, enlarges both logits, makes probabilities where only a mask is asked for, and runs the
whole network for each prompt. Each way runs in a process of its own.

Run as `remotesam.py --size small` (seconds) or `--size full` (minutes, and 10 GB of memory).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

__all__ = ["main", "measure"]

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


def measure(way: str, size: str, *, prompts: int, threads: int) -> dict[str, Any]:
    """Return CPU and wall seconds per prompt and the peak memory of one way, in this process."""
    import numpy as np
    import torch

    from eoagent.runners.remotesam.network import RemoteSam
    from eoagent.runners.remotesam.shape import NetworkShape

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    network = RemoteSam(NetworkShape.of(_SIZES[size]))
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(std=0.02)
    picture = np.random.default_rng(1).integers(0, 256, (800, 800, 3), dtype=np.uint8)
    texts = [f"{name} in the image" for name in _CLASSES[:prompts]]
    with tempfile.TemporaryDirectory() as folder:
        vocabulary = _write_vocabulary(Path(folder), network.shape.bert.vocab_size)
        loaded_mb = _peak_mb()
        asked = {"ours": _ours, "published": _published}[way]
        wall, spent = time.perf_counter(), time.process_time()
        margins = asked(network, vocabulary, picture, texts)
        wall, spent = time.perf_counter() - wall, time.process_time() - spent
    return {
        "way": way,
        "cpu_s_per_prompt": round(spent / prompts, 3),
        "wall_s_per_prompt": round(wall / prompts, 3),
        "peak_mb": _peak_mb(),
        "loaded_mb": loaded_mb,
        "checksums": [float(np.abs(margin).mean()) for margin in margins],
    }


def _ours(network: Any, vocabulary: Path, picture: Any, texts: list[str]) -> list[Any]:
    from eoagent.runners.remotesam.detection import detect
    from eoagent.runners.remotesam.segmenter import Segmenter
    from eoagent.runners.remotesam.tokens import Vocabulary

    words = Vocabulary.read(vocabulary, size=network.shape.bert.vocab_size)
    network.requires_grad_(requires_grad=False)
    found = Segmenter(network, words).segment(picture, texts)
    for one in found:
        detect(one)
    return [one.margin for one in found]


def _published(network: Any, vocabulary: Path, picture: Any, texts: list[str]) -> list[Any]:
    import torch

    from eoagent.runners.remotesam.pictures import prepare
    from eoagent.runners.remotesam.tokens import Vocabulary

    network.requires_grad_(requires_grad=True)
    margins = []
    for text in texts:
        words = Vocabulary.read(vocabulary, size=network.shape.bert.vocab_size)
        ids = torch.zeros(1, 20, dtype=torch.long)
        tokens, _ = words.split(text)
        ids[0, : len(tokens)] = torch.tensor(tokens)
        prepare(picture, network.shape.side)
        pixels = prepare(picture, network.shape.side)
        margins.append(_published_once(network, pixels, ids, picture.shape[:2]))
    return margins


def _published_once(network: Any, pixels: Any, ids: Any, size: tuple[int, int]) -> Any:
    from torch.nn.functional import interpolate

    logits = network(pixels, ids, (ids > 0).long())
    both = interpolate(logits.softmax(1), size)
    mask = interpolate(logits.argmax(1)[:, None].float(), size)
    _scored_one_by_one(mask[0, 0].numpy() > 0, both[0, 1].detach().numpy())
    return (logits[0, 1] - logits[0, 0]).detach().numpy()


def _scored_one_by_one(mask: Any, probability: Any) -> list[float]:
    import numpy as np
    import scipy

    labels, count = scipy.ndimage.label(mask, structure=np.ones((3, 3)))
    return [float(probability[np.where(labels == n)].mean()) for n in range(1, count + 1)]


def _write_vocabulary(folder: Path, size: int) -> Path:
    at = {place: word for word, place in _ANCHORS.items() if place < size}
    known = set(at.values())
    at |= {200 + n: name for n, name in enumerate(_CLASSES) if name not in known}
    lines = [at.get(place, f"[unused{place}]") for place in range(size)]
    path = folder / "vocab.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Measure both ways and print one document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=sorted(_SIZES), default="small")
    parser.add_argument("--prompts", type=int, default=4, choices=range(1, len(_CLASSES) + 1))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--way", choices=["ours", "published"])
    asked = parser.parse_args()
    if asked.way:
        found = measure(asked.way, asked.size, prompts=asked.prompts, threads=asked.threads)
        sys.stdout.write(json.dumps(found) + "\n")
        return
    ours, published = (_in_child(way) for way in ("ours", "published"))
    apart = max(
        abs(a - b) for a, b in zip(ours.pop("checksums"), published.pop("checksums"), strict=True)
    )
    found = {
        "size": asked.size,
        "prompts": asked.prompts,
        "ours": ours,
        "published": published,
        "cpu_share": round(ours["cpu_s_per_prompt"] / published["cpu_s_per_prompt"], 3),
        "mean_margin_apart": apart,
    }
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


def _in_child(way: str) -> dict[str, Any]:
    command = [sys.executable, __file__, *sys.argv[1:], "--way", way]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
