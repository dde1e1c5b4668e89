"""Asks one picture for many texts, and does once what they share.

A text is encoded once, whatever the number of pictures; the part of the network before the first
word is read runs once for a picture. Results equal those of asking one by one.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from eoagent.contracts.errors import InputError, ModelError
from eoagent.contracts.runner import Placement
from eoagent.runners.remotesam.backbone import Looked
from eoagent.runners.remotesam.fusion import Words
from eoagent.runners.remotesam.network import RemoteSam
from eoagent.runners.remotesam.pictures import prepare
from eoagent.runners.remotesam.segmented import Segmented
from eoagent.runners.remotesam.tokens import VOCABULARY_FILE, Tokens, Vocabulary

__all__ = ["Segmenter"]

_KEPT_TEXTS = 128
_KEPT_LOOKS = 2
"""Pictures of which the part before the first word is kept; about 100 MB each."""


class Segmenter:
    """A network with its vocabulary, ready to be asked; used by one thread at a time.

    Args:
        network: with its weights, on the device of `placement`.
        vocabulary: of its text encoder.
        placement: where and how it runs.
        max_batch: texts in one pass; more than one pays on a GPU, and costs memory on a CPU.
        kept_texts: encoded texts that are kept, the latest ones.
    """

    def __init__(
        self,
        network: RemoteSam,
        vocabulary: Vocabulary,
        *,
        placement: Placement | None = None,
        max_batch: int = 1,
        kept_texts: int = _KEPT_TEXTS,
    ) -> None:
        self._network = network
        self._vocabulary = vocabulary
        self._placement = placement or Placement()
        self._max_batch = max(1, max_batch)
        self._kept_texts = max(1, kept_texts)
        self._texts: OrderedDict[Tokens, tuple[Words, ...]] = OrderedDict()
        self._looks: OrderedDict[bytes, Looked] = OrderedDict()

    @classmethod
    def load(
        cls,
        weights: Path,
        *,
        config: Mapping[str, Any] | None = None,
        sha256: str = "",
        vocabulary: Path | None = None,
        placement: Placement | None = None,
        max_batch: int = 1,
    ) -> Self:
        """Return the model of a weights file, on its device.

        Args:
            weights: the published file or a slim one.
            config: sizes of the network; None takes those of the file.
            sha256: what the file must hash to; empty takes any file.
            vocabulary: file of the vocabulary; None takes `vocab.txt` beside the weights.
            placement: where and how it runs.
            max_batch: texts in one pass.

        Raises:
            NotFound: if there is no weights file.
            ModelMissing: if there is no vocabulary.
            ModelError: if either is not what it should be.
        """
        placement = placement or Placement()
        network = RemoteSam.from_checkpoint(weights, config, sha256=sha256)
        words = Vocabulary.read(
            vocabulary or weights.with_name(VOCABULARY_FILE),
            size=network.shape.bert.vocab_size,
        )
        network.to(placement.device)
        return cls(network, words, placement=placement, max_batch=max_batch)

    @property
    def side(self) -> int:
        """Edge of the grid that results come on, pixels."""
        return self._network.shape.side

    @property
    def memory_mb(self) -> int:
        """Memory of the weights, MB; a pass takes about 650 MB more at the published size."""
        held = (*self._network.parameters(), *self._network.buffers())
        return round(sum(value.nbytes for value in held) / 1e6)

    def segment(self, picture: NDArray[np.uint8], texts: Sequence[str]) -> list[Segmented]:
        """Return what a picture (height, width, 3) of uint8 shows for each text, in order.

        Raises:
            InputError: if it is no picture, or a text is empty.
            ModelError: if the network fails on it.
        """
        return list(self.segment_each(picture, texts))

    def segment_each(self, picture: NDArray[np.uint8], texts: Sequence[str]) -> Iterator[Segmented]:
        """Yield what `segment` returns, each as soon as it is there, so that one can stop early.

        Raises:
            InputError: if it is no picture, or a text is empty.
            ModelError: if the network fails on it.
        """
        split = [self._vocabulary.split(text) for text in texts]
        key = _key(picture)
        pixels = None if key in self._looks else prepare(picture, self._network.shape.side)
        if not split:
            return
        height, width = picture.shape[:2]
        looked = self._look(key, pixels)
        known: dict[Tokens, NDArray[np.float32]] = {}
        for number, (tokens, was_cut) in enumerate(split):
            if tokens not in known:
                coming = dict.fromkeys(other for other, _ in split[number:] if other not in known)
                known.update(self._margins(looked, list(coming)[: self._max_batch]))
            yield Segmented(
                text=texts[number],
                margin=known[tokens],
                height=height,
                width=width,
                was_cut=was_cut,
            )

    def encode_text(self, texts: Sequence[str]) -> list[tuple[Words, ...]]:
        """Return texts as each stage of the network reads them; known ones are not encoded again.

        Raises:
            InputError: if a text is empty.
        """
        split = [self._vocabulary.split(text)[0] for text in texts]
        return [self._encode(tokens) for tokens in split]

    @torch.inference_mode()
    def _encode(self, tokens: Tokens) -> tuple[Words, ...]:
        if tokens not in self._texts:
            numbers = torch.tensor([tokens], device=self._placement.device)
            with self._precision():
                self._texts[tokens] = self._network.read(numbers, torch.ones_like(numbers))
        self._texts.move_to_end(tokens)
        while len(self._texts) > self._kept_texts:
            self._texts.popitem(last=False)
        return self._texts[tokens]

    @torch.inference_mode()
    def _look(self, key: bytes, pixels: Tensor | None) -> Looked:
        if pixels is not None:
            with _failures(), self._precision():
                self._looks[key] = self._network.look(pixels.to(self._placement.device))
        self._looks.move_to_end(key)
        while len(self._looks) > _KEPT_LOOKS:
            self._looks.popitem(last=False)
        return self._looks[key]

    @torch.inference_mode()
    def _margins(self, looked: Looked, batch: list[Tokens]) -> dict[Tokens, NDArray[np.float32]]:
        with _failures(), self._precision():
            words = _joined([self._encode(tokens) for tokens in batch])
            margins = self._network.margin(looked, words).float().cpu().numpy()
        if not np.isfinite(margins).all():
            raise ModelError("the network gave values that are not finite")
        return dict(zip(batch, margins, strict=True))

    def _precision(self) -> contextlib.AbstractContextManager[object]:
        if self._placement.dtype == "float32":
            return contextlib.nullcontext()
        device = torch.device(self._placement.device).type
        return torch.autocast(device, getattr(torch, self._placement.dtype))


def _key(picture: NDArray[np.uint8]) -> bytes:
    """Return what tells one picture from another; what is no picture is refused later."""
    if not isinstance(picture, np.ndarray):
        return b""
    told = hashlib.blake2b(f"{picture.dtype} {picture.shape} ".encode())
    told.update(picture.tobytes())
    return told.digest()


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except RuntimeError as error:
        raise ModelError(f"the network failed: {str(error).splitlines()[0][:200]}") from error


def _joined(texts: Sequence[tuple[Words, ...]]) -> tuple[Words, ...]:
    """Return texts as one batch, filled up to the longest; the filling changes nothing."""
    if len(texts) == 1:
        return texts[0]
    longest = max(text[0].mask.shape[1] for text in texts)
    return tuple(
        _filled([text[stage] for text in texts], longest) for stage in range(len(texts[0]))
    )


def _filled(texts: Sequence[Words], length: int) -> Words:
    def fill(part: Tensor) -> Tensor:
        missing = length - part.shape[1]
        return functional.pad(part, (0, 0, 0, missing) if part.ndim == 3 else (0, missing))

    return Words(
        keys=torch.cat([fill(text.keys) for text in texts]),
        values=torch.cat([fill(text.values) for text in texts]),
        mask=torch.cat([fill(text.mask) for text in texts]),
    )
