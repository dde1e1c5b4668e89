"""Label many pictures of one area together: zero-shot labels that neighbours and clusters correct.

Each picture's shares of the classes start from its prompts. Then they follow three things at once:
the prompts, how well the picture fits a cluster for each class (Gaussian, one diagonal spread for
all), and the shares of its nearest neighbours. No label is needed and nothing random is drawn.

Source: the update rules of TransCLIP, Zanella et al., NeurIPS 2024, https://arxiv.org/abs/2406.01837
(sections 3 and 4), as RS-TransCLIP applies them to scenes, https://arxiv.org/abs/2409.00698.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import Vectors
from eoagent.contracts.errors import InputError
from eoagent.vectors.ranking import best_rows, cosines
from eoagent.vectors.unit import require_unit

__all__ = ["joint_shares"]

_Array = NDArray[np.float64]
_SHARPNESS: Final = 100.0
"""What cosines with prompts are multiplied by before the softmax: CLIP's learnt scale."""
_NEIGHBOURS: Final = 3
_SEEDS: Final = 8
"""Pictures that a class starts from: those whose prompts are surest."""
_ROUNDS: Final = 10
_STEPS: Final = 5
_BLOCK: Final = 256
_LEAST: Final = 1e-12


def joint_shares(pictures: NDArray[Any], classes: NDArray[Any]) -> _Array:
    """Return the share of each class in each picture, (pictures, classes); rows sum to 1.

    The shares order the classes and are no calibrated probability. A picture's labels depend on
    the others that it is labelled with.

    Args:
        pictures: unit vectors of pictures from one area or set, (n, d).
        classes: unit vectors of at least two classes, from their prompts, (c, d).

    Raises:
        InputError: if there are fewer than two classes, something is no unit vector, or dimensions
            differ.
    """
    vectors = require_unit(pictures, "pictures")
    words = require_unit(classes, "classes", dimensions=vectors.shape[1])
    if len(words) < 2:
        raise InputError(f"{len(words)} class was given; a label is a choice among two or more")
    prior = _softmax(_SHARPNESS * cosines(vectors, words).astype(np.float64))
    log_prior = np.log(np.maximum(prior, _LEAST))
    near, weights = _neighbours(vectors)
    wide = vectors.astype(np.float64)
    centres = _first_centres(wide, prior)
    spread = np.full(wide.shape[1], 1.0 / wide.shape[1])
    shares = prior
    for _ in range(_ROUNDS):
        fit = _log_fit(wide, centres, spread)
        for _ in range(_STEPS):
            pull = np.einsum("nk,nkc->nc", weights, shares[near])
            shares = _softmax(log_prior + fit + pull)
        centres = _centres(wide, shares, centres)
        spread = _spread(wide, shares, centres)
    return shares


def _neighbours(vectors: Vectors) -> tuple[NDArray[np.intp], _Array]:
    """Return the nearest other pictures of each, and their cosines, not below 0."""
    count = min(_NEIGHBOURS, len(vectors) - 1)
    near = np.zeros((len(vectors), count), dtype=np.intp)
    weights = np.zeros((len(vectors), count))
    if not count:
        return near, weights
    for start in range(0, len(vectors), _BLOCK):
        scores = cosines(vectors[start : start + _BLOCK], vectors)
        for row, found in enumerate(scores, start):
            found[row] = -np.inf
            near[row] = best_rows(found, count)
            weights[row] = np.maximum(found[near[row]], 0)
    return near, weights


def _first_centres(vectors: _Array, prior: _Array) -> _Array:
    picked = [best_rows(own, _SEEDS) for own in prior.T]
    return _unit(np.stack([vectors[rows].mean(axis=0) for rows in picked]))


def _centres(vectors: _Array, shares: _Array, before: _Array) -> _Array:
    """Return the means of the classes; one that nothing is left of stays where it was."""
    weight = shares.sum(axis=0)
    means = shares.T @ vectors / np.maximum(weight, _LEAST)[:, None]
    return np.asarray(np.where(weight[:, None] > _LEAST, _unit(means), before))


def _spread(vectors: _Array, shares: _Array, centres: _Array) -> _Array:
    """Return the variance along each dimension around the centres, weighed by the shares."""
    squares = vectors**2
    found = squares.mean(axis=0)
    found = found - 2 * np.einsum("nc,nd,cd->d", shares, vectors, centres, optimize=True) / len(
        vectors
    )
    found = found + (shares.sum(axis=0) @ centres**2) / len(vectors)
    return np.asarray(np.maximum(found, _LEAST))


def _log_fit(vectors: _Array, centres: _Array, spread: _Array) -> _Array:
    """Return the log density of each picture in each class, up to a constant of the picture."""
    scaled = vectors / spread
    products = scaled @ centres.T
    return np.asarray(products - 0.5 * (centres**2 / spread).sum(axis=1))


def _softmax(logs: _Array) -> _Array:
    raised = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _unit(rows: _Array) -> _Array:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _LEAST))
