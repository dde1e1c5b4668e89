"""Turn words into one vector each: the mean over the sentences of a prompt ensemble."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eoagent.contracts.encoder import Encoder, Vectors
from eoagent.vectors.prompts import USUAL_ENSEMBLE, prompts
from eoagent.vectors.zeroshot import class_vectors

__all__ = ["encode_words"]


def encode_words(
    encoder: Encoder, words: Sequence[str], *, ensemble: str = USUAL_ENSEMBLE
) -> Vectors:
    """Return a unit vector for each of some words or phrases, (n, d).

    Args:
        encoder: the model.
        words: what is looked for; at least one.
        ensemble: name of the prompt ensemble.

    Raises:
        InputError: if a text is empty.
        NotFound: if there is no such ensemble.
        ModelError: if the model fails.
    """
    sentences = [prompts(one, ensemble) for one in words]
    flat = encoder.encode_texts([sentence for own in sentences for sentence in own])
    each = len(sentences[0])
    stacked = flat.reshape(len(words), each, flat.shape[1])
    return class_vectors(np.moveaxis(stacked, 0, 1))
