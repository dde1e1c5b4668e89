"""Load FAISS when an approximate search needs it, and refuse an environment that holds it twice."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib import metadata
from typing import Any, Final

from eoagent.contracts.errors import ModelError, ModelMissing

__all__ = ["bounded_threads", "is_installed", "load_faiss"]

_CPU: Final = "faiss-cpu"
_GPU: Final = ("faiss-gpu", "faiss-gpu-cu11", "faiss-gpu-cu12", "faiss-gpu-cuvs")


def is_installed() -> bool:
    """Return whether a distribution of FAISS is installed; nothing is imported."""
    return any(_version(name) for name in (_CPU, *_GPU))


def load_faiss() -> Any:
    """Return the module `faiss`.

    Raises:
        ModelMissing: if it is not installed.
        ModelError: if distributions for processors and for GPUs are both installed: they share
            their files, and which of them runs is chance.
    """
    gpus = [name for name in _GPU if _version(name)]
    if gpus and _version(_CPU):
        names = [_CPU, *gpus]
        found = " and ".join(f"{name} {_version(name)}" for name in names)
        raise ModelError(
            f"{found} are both installed and overwrite each other's files",
            hint=f"run: pip uninstall -y {' '.join(names)}; then install one of them, "
            "eoagent[faiss] or eoagent[faiss-gpu]",
        )
    try:
        import faiss  # noqa: PLC0415  heavy, and an extra
    except ImportError as error:
        raise ModelMissing(
            "approximate search needs FAISS, which is not installed",
            command="pip install 'eoagent[faiss]'",
        ) from error
    return faiss


@contextlib.contextmanager
def bounded_threads(faiss: Any, threads: int) -> Iterator[None]:
    """Let FAISS use at most so many threads inside the block."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
