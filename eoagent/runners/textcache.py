"""Keep the vectors of texts on the disk, by the hash of the text and of the encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import EncoderFingerprint, Vectors
from eoagent.contracts.record import digest
from eoagent.io.bytecache import ByteCache

__all__ = ["TextCache"]

_MOST_BYTES: Final = 1 << 20
_SWEEP_EVERY: Final = 256


class TextCache:
    """Vectors of texts in a folder; may be shared by threads and processes."""

    def __init__(self, folder: Path, *, most_entries: int = 20_000) -> None:
        """Use a folder, which is made when the first entry is written.

        Args:
            folder: where the entries lie.
            most_entries: entries that stay when more were written; the oldest go.
        """
        self._entries = ByteCache(
            folder,
            suffix=".vec",
            most_entries=most_entries,
            most_bytes=_MOST_BYTES,
            sweep_every=_SWEEP_EVERY,
        )

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
        keys = {text: f"{about}\n{text}" for text in texts}
        found = {text: self._read(key, fingerprint.dimensions) for text, key in keys.items()}
        missing = [text for text, vector in found.items() if vector is None]
        if missing:
            for text, vector in zip(missing, encode(missing), strict=True):
                found[text] = vector
                self._entries.put(keys[text], vector.astype("<f4").tobytes())
        rows = [found[text] for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), fingerprint.dimensions)

    def _read(self, key: str, dimensions: int) -> NDArray[np.float32] | None:
        values = self._entries.get(key)
        if values is None or len(values) != 4 * dimensions:
            return None
        vector: NDArray[np.float32] = np.frombuffer(values, "<f4").astype(np.float32)
        return vector
