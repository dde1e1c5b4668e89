"""A small deterministic encoder as a plugin of its own, found by entry point like a stranger's.

`install` writes the distribution into a folder; any process that has the folder on its path finds
the kind `toy`. Each picture that it encodes is noted in the file that the variable `TOY_LOG` names.
The process that finds the file of `TOY_ONCE` removes it and is killed; `TOY_FAIL` makes it
fail, and `TOY_PAUSE` wait so many seconds before each batch.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from eoagent.contracts.card import ModelCard, WeightsSource
from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.indexing import EncoderSource
from eoagent.contracts.runner import Placement

DIMENSIONS = 24
INPUT_PX = 32

_PLUGIN = f"""
import hashlib, os, signal, time
from pathlib import Path
import numpy as np
from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import ModelError

D = {DIMENSIONS}

class Toy:
    def __init__(self, card, weights, placement):
        self.card, self.memory_mb = card, 1
        data = Path(weights).read_bytes()
        self.fingerprint = EncoderFingerprint(
            card=card.id, weights_sha256=hashlib.sha256(data).hexdigest(), architecture="toy",
            activation="none", preprocessing=placement.preprocessing,
            precision=placement.precision, input_px=card.input_px, dimensions=D)
        self.plane = np.random.default_rng(len(data)).normal(size=(4 * 4 * 3 + 3, D))

    def encode_images(self, pictures):
        once = os.environ.get("TOY_ONCE")
        if once and Path(once).exists():
            Path(once).unlink(missing_ok=True)
            os.kill(os.getpid(), signal.SIGKILL)
        if os.environ.get("TOY_FAIL"):
            raise ModelError("the toy broke", hint="mend it")
        time.sleep(float(os.environ.get("TOY_PAUSE", "0")))
        vectors = np.stack([self._one(np.asarray(picture)) for picture in pictures])
        if log := os.environ.get("TOY_LOG"):
            with open(log, "a") as file:
                file.write("".join(f"{{hashlib.sha256(p.tobytes()).hexdigest()}}\\n" for p in pictures))
        return vectors.astype(np.float32)

    def _one(self, picture):
        rows = np.array_split(picture.astype(np.float64) / 255, 4, axis=0)
        cells = [c.mean(axis=(0, 1)) for r in rows for c in np.array_split(r, 4, axis=1)]
        features = np.concatenate([*cells, picture.std(axis=(0, 1)) / 255 + 0.01])
        vector = features @ self.plane
        return vector / np.linalg.norm(vector)

    def encode_texts(self, texts):
        rows = [np.random.default_rng(len(text)).normal(size=D) for text in texts]
        return np.stack([r / np.linalg.norm(r) for r in rows]).astype(np.float32)

    def run(self, task, items):
        return self.encode_images(items) if task == "images" else self.encode_texts(items)

    def result_form(self, task):
        return None

    def close(self):
        pass

class Kind:
    def cards(self):
        return ()

    def load(self, card, weights, placement):
        return Toy(card, weights, placement)

KIND = Kind()
"""


def install(folder: Path) -> Path:
    """Write the plugin and its weights into a folder and return the folder."""
    info = folder / "toyencoder-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "toyencoder.py").write_text(_PLUGIN)
    (folder / "weights.bin").write_bytes(b"fixed")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toyencoder\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[eoagent.runners]\ntoy = toyencoder:KIND\n")
    return folder


def card(**fields: object) -> ModelCard:
    """Return the card of the encoder."""
    given = {
        "id": "toy-encoder",
        "kind": "toy",
        "title": "Toy",
        "summary": "Colours of sixteen cells.",
        "licence": "none",
        "homepage": "none",
        "weights": WeightsSource(file="weights.bin"),
        "architecture": "toy",
        "dimensions": DIMENSIONS,
        "input_px": INPUT_PX,
        "memory_mb": 1,
    }
    return ModelCard(**(given | fields))


def source(folder: Path, *, max_batch: int = 8, **fields: object) -> EncoderSource:
    """Return how the encoder that `install` wrote is made."""
    return EncoderSource(
        card=card(**fields),
        weights=str(folder / "weights.bin"),
        placement=Placement(max_batch=max_batch),
    )


def fingerprint(folder: Path) -> EncoderFingerprint:
    """Return the fingerprint of the encoder, worked out without it."""
    sha256 = hashlib.sha256((folder / "weights.bin").read_bytes()).hexdigest()
    return EncoderFingerprint(
        card="toy-encoder",
        weights_sha256=sha256,
        architecture="toy",
        activation="none",
        preprocessing="fast",
        precision="float32",
        input_px=INPUT_PX,
        dimensions=DIMENSIONS,
    )


def on_path(folder: Path) -> None:
    """Put the folder onto the path of this process."""
    sys.path.insert(0, str(folder))
