"""A kind of runner that doubles numbers and, when told, does what no model should."""

from __future__ import annotations

import os
import signal
import stat
import struct
import sys
import time
from pathlib import Path

import numpy as np

from eoagent.contracts.card import ModelCard, WeightsSource
from eoagent.contracts.errors import InputError, ModelError
from eoagent.contracts.runner import Placement, ResultForm

NAME = "faulty"


class OutOfMemoryError(RuntimeError):
    """Named as torch names it."""


class Runner:
    """Items are numbers, or pairs of a number and what to do with it."""

    memory_mb = 100

    def __init__(self, card, most=10**9):
        self.card, self.most, self.passes, self.is_closed = card, most, [], False

    def run(self, task, items):
        self.passes.append((task, len(items)))
        tricks = [item[1] for item in items if isinstance(item, tuple | list)]
        if "large" in tricks and len(items) > 1:
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        if len(items) > self.most or "huge" in tricks:
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        for trick in tricks:
            if trick in TRICKS:
                TRICKS[trick]()
        results = [np.array([2 * _number(item)], np.float32) for item in items]
        if "few" in tricks:
            return results[:-1]
        for place, item in enumerate(items):
            if isinstance(item, tuple | list) and item[1] in WRONG:
                results[place] = WRONG[item[1]]
        return results

    def result_form(self, task):
        return ResultForm(shape=(1,), is_direction=True)

    def close(self):
        self.is_closed = True


def _number(item):
    return item[0] if isinstance(item, tuple | list) else item


def _raise(error):
    raise error


def _pipes():
    """Descriptors of the pipes that this process writes to, standard ones left out."""
    found = []
    for number in range(3, 32):
        try:
            if stat.S_ISFIFO(os.fstat(number).st_mode):
                found.append(number)
        except OSError:
            continue
    return found


def _write(data):
    for number in _pipes():
        try:
            os.write(number, data)
        except OSError:
            continue
    time.sleep(60)


def _fill():
    sys.stdout.write("a library that talks\n" * 20_000)
    sys.stdout.flush()


def _device_assert():
    """Break the GPU's context of this process for real."""
    import torch

    table, place = torch.zeros(4, device="cuda"), torch.tensor([9], device="cuda")
    table[place].cpu()


def _device_sum():
    import torch

    assert float(torch.ones(8, device="cuda").sum()) == 8.0


WRONG = {
    "nan": np.array([np.nan], np.float32),
    "inf": np.array([np.inf], np.float32),
    "zero": np.zeros(1, np.float32),
    "shape": np.ones(3, np.float32),
    "dtype": np.ones(1, np.float64),
    "text": "a text",
}
TRICKS = {
    "input": lambda: _raise(InputError("that is no number")),
    "fails": lambda: _raise(ModelError("the model failed")),
    "torch": lambda: _raise(RuntimeError("expected scalar type Float but found Half")),
    "bug": lambda: _raise(ZeroDivisionError("a bug")),
    "exit": lambda: sys.exit(1),
    "exits": lambda: os._exit(3),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segv": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "hang": lambda: time.sleep(60),
    "garbage": lambda: _write(b"Traceback (most recent call last):\n"),
    "2 GB": lambda: _write(struct.pack("<4sQQ", b"EOA1", 30, 2 << 30) + bytes(1000)),
    "cut": lambda: (_write_now(struct.pack("<4sQQ", b"EOA1", 30, 0) + b"{"), os._exit(0)),
    "no json": lambda: _write(struct.pack("<4sQQ", b"EOA1", 5, 0) + b"{]}{["),
    "assert": lambda: _raise(RuntimeError("CUDA error: device-side assert triggered")),
    "talks": _fill,
    "device": _device_assert,
    "sum": _device_sum,
}


def _write_now(data):
    for number in _pipes():
        try:
            os.write(number, data)
        except OSError:
            continue


def make_card(start="", **changes):
    about = {
        "id": "faulty",
        "kind": NAME,
        "title": "Faulty",
        "summary": "Doubles numbers.",
        "licence": "none",
        "homepage": "https://example.com/faulty",
        "weights": WeightsSource(repository="someone/faulty", file="faulty.pt"),
        "architecture": "none",
        "input_px": 1,
        "memory_mb": 100,
        "options": {"start": start},
    }
    return ModelCard.model_validate(about | changes)


class Kind:
    def cards(self):
        return (make_card(),)

    def load(self, card, weights: Path, placement: Placement):
        start = card.options.get("start", "")
        if start:
            TRICKS[start]()
        return Runner(card, most=card.options.get("most", 10**9))


KIND = Kind()


def install(folder, monkeypatch):
    """Make the kind a plugin, for this process and for those that it starts."""
    (folder / "faulty_models.py").write_text(Path(__file__).read_text())
    about = folder / "faulty_models-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty-models\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[eoagent.runners]\n{NAME} = faulty_models:KIND\n")
    monkeypatch.syspath_prepend(folder)
