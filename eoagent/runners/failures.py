"""Tell what an error of a model means: out of memory, a lost device, a model that is gone."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from typing import Final

from eoagent.contracts.errors import ModelError

__all__ = ["RunnerLostError", "first_line", "free_unused", "is_device_lost", "is_out_of_memory"]

_MEMORY_WORDS: Final = (
    "out of memory",  # CUDA, HIP and MPS
    "can't allocate memory",  # torch on a CPU, Linux and macOS
    "not enough memory",  # the same on Windows
    "cannot allocate memory",  # errno 12
    "_status_alloc_failed",  # cuBLAS and cuDNN
    "std::bad_alloc",
)
_DEVICE_WORDS: Final = (
    "device-side assert",
    "illegal memory access",
    "unspecified launch failure",
    "illegal instruction was encountered",
    "misaligned address",
    "uncorrectable ecc error",
    "unrecoverable error",
    "gpu has fallen off",
)
_MOST_CAUSES: Final = 8
_MOST_SAID: Final = 200


class RunnerLostError(ModelError):
    """The model cannot be asked again: its process ended, hung or sent nonsense."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or what caused it, is that memory could not be had."""
    return any(
        isinstance(one, MemoryError)
        or type(one).__name__ == "OutOfMemoryError"
        or (isinstance(one, RuntimeError | ModelError) and _says(one, _MEMORY_WORDS))
        for one in _causes(error)
    )


def is_device_lost(error: BaseException) -> bool:
    """Whether an error, or what caused it, is that the GPU takes no more work of this process."""
    return any(
        isinstance(one, RuntimeError | ModelError) and _says(one, _DEVICE_WORDS)
        for one in _causes(error)
    )


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, else its name."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:_MOST_SAID]


def free_unused() -> None:
    """Give back what nothing refers to: to Python, and of a GPU's cache to the GPU."""
    gc.collect()
    torch = sys.modules.get("torch")  # where it was never imported there is no cache
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _causes(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if one is None:
            return
        yield one
        one = one.__cause__ or one.__context__


def _says(error: BaseException, words: tuple[str, ...]) -> bool:
    said = str(error).lower()
    return any(word in said for word in words)
