"""Keep the vectors of texts on the disk, by the hash of the text and of the encoder.

An entry is a file of its own with a checksum; one that is damaged counts as none and is made
again. Losing the folder loses time only, so a disk that refuses is no error.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import EncoderFingerprint, Vectors
from eoagent.contracts.record import digest
from eoagent.io.atomic import make_folder

__all__ = ["TextCache"]

_SUFFIX: Final = ".vec"
_SUM_BYTES: Final = 32
_SWEEP_EVERY: Final = 256
"""Entries written between two looks at how many there are."""


class TextCache:
    """Vectors of texts in a folder; may be shared by threads and processes."""

    def __init__(self, folder: Path, *, most_entries: int = 20_000) -> None:
        """Use a folder, which is made when the first entry is written.

        Args:
            folder: where the entries lie.
            most_entries: entries that stay when more were written; the oldest go.
        """
        self._folder = folder
        self._most = most_entries
        self._written = 0

    def vectors(
        self,
        texts: Sequence[str],
        fingerprint: EncoderFingerprint,
        encode: Callable[[list[str]], Vectors],
    ) -> Vectors:
        """Return the vectors of texts, (n, d), and encode only those that are not kept.

        An encoder whose weights are unknown keeps nothing: its vectors could be another's.

        Args:
            texts: the texts; one that comes twice is encoded once.
            fingerprint: what decides the vectors.
            encode: makes the vectors of the texts that it is given, in order.
        """
        if "weights_sha256" in fingerprint.unknowns:
            return encode(list(texts))
        # The name of a card decides nothing: the same weights under another name give the same.
        about = digest({k: v for k, v in fingerprint.to_dict().items() if k != "card"})
        paths = {text: self._path(text, about) for text in texts}
        found = {text: _read(path, fingerprint.dimensions) for text, path in paths.items()}
        missing = [text for text, vector in found.items() if vector is None]
        if missing:
            for text, vector in zip(missing, encode(missing), strict=True):
                found[text] = vector
                self._keep(paths[text], vector)
        rows = [found[text] for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), fingerprint.dimensions)

    def _path(self, text: str, about: str) -> Path:
        key = hashlib.sha256(f"{about}\n{text}".encode(errors="surrogatepass")).hexdigest()
        return self._folder / key[:2] / f"{key}{_SUFFIX}"

    def _keep(self, path: Path, vector: NDArray[np.float32]) -> None:
        data = vector.astype("<f4").tobytes()
        part = path.with_name(f".{secrets.token_hex(8)}.part")
        # Not synced: what a power cut spoils fails its checksum and is encoded again.
        with contextlib.suppress(OSError):
            make_folder(path.parent)
            part.write_bytes(hashlib.sha256(data).digest() + data)
            part.replace(path)
        if self._written % _SWEEP_EVERY == 0:
            self._sweep()
        self._written += 1

    def _sweep(self) -> None:
        """Remove the oldest entries beyond the most that there may be."""
        with contextlib.suppress(OSError):  # another process sweeps, or the disk refuses
            entries = [(file.stat().st_mtime_ns, file) for file in self._folder.glob("*/*")]
            entries.sort(key=lambda entry: entry[0])
            for _, file in entries[: max(0, len(entries) - self._most)]:
                file.unlink(missing_ok=True)


def _read(path: Path, dimensions: int) -> NDArray[np.float32] | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    values = data[_SUM_BYTES:]
    if len(values) != 4 * dimensions or hashlib.sha256(values).digest() != data[:_SUM_BYTES]:
        return None
    vector: NDArray[np.float32] = np.frombuffer(values, "<f4").astype(np.float32)
    return vector
