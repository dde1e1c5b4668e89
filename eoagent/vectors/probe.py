"""Fit a linear probe: multinomial logistic regression with an L2 penalty, by Newton's method.

The objective is that of scikit-learn's `LogisticRegression(C=c)`: the sum of the cross entropies
times c, plus half the squared length of the weights; the bias is not penalised. It is convex, so
the answer depends on no random number. Each Newton step is solved by conjugate gradients from
products with the Hessian, which is never formed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError
from eoagent.vectors.unit import require_labels, require_unit

__all__ = ["Probe", "fit_probe"]

_Array = NDArray[np.float64]
_STRENGTH: Final = 100.0
"""Unit vectors of one encoder lie in a narrow cone: weights must be large to part them."""
_STEPS: Final = 100
_CG_STEPS: Final = 250
_TOLERANCE: Final = 1e-6
_ARMIJO: Final = 1e-4
_HALVINGS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A linear classifier of unit vectors."""

    weights: NDArray[np.float64]
    """(classes, d)."""
    bias: NDArray[np.float64]
    """(classes,)."""
    steps: int
    """Newton steps that were taken."""
    has_converged: bool
    """Whether the gradient vanished; where not, a result near the optimum."""

    def scores(self, pictures: NDArray[Any]) -> NDArray[np.float64]:
        """Return the score of each class, (pictures, classes); no probability.

        Raises:
            InputError: if something is no unit vector of the probe's dimensions.
        """
        found = require_unit(pictures, "pictures", dimensions=self.weights.shape[1])
        return np.asarray(found.astype(np.float64) @ self.weights.T + self.bias)

    def labels(self, pictures: NDArray[Any]) -> NDArray[np.intp]:
        """Return the class of each picture; of equal scores the lower index."""
        return np.asarray(np.argmax(self.scores(pictures), axis=1))


def fit_probe(
    train: NDArray[Any],
    labels: NDArray[Any],
    *,
    classes: int,
    strength: float = _STRENGTH,
) -> Probe:
    """Return the linear probe of labelled vectors.

    Args:
        train: unit vectors, (n, d).
        labels: class of each, from 0; every class must have one.
        classes: number of classes, at least two.
        strength: weight of the data against the penalty (scikit-learn's C).

    Raises:
        InputError: if something is no unit vector, a class has no vector, or `strength` is not
            above 0.
    """
    vectors = require_unit(train, "training vectors").astype(np.float64)
    own = require_labels(labels, "training vectors", rows=len(vectors), classes=classes)
    missing = np.flatnonzero(np.bincount(own, minlength=classes) == 0)
    if classes < 2 or missing.size:
        what = f"class {missing[0]} has no vector" if missing.size else "a choice takes two"
        raise InputError(f"a probe of {classes} classes cannot be fitted: {what}")
    if not (np.isfinite(strength) and strength > 0):
        raise InputError(f"a strength of {strength} was given; it must be above 0")
    # One column of ones carries the bias; only the penalty must know of it.
    loss = _Loss(
        np.hstack([vectors, np.ones((len(vectors), 1))]), np.eye(classes)[own], 1 / strength
    )
    weights, steps, done = _minimise(loss, np.zeros((classes, vectors.shape[1] + 1)))
    return Probe(weights=weights[:, :-1], bias=weights[:, -1], steps=steps, has_converged=done)


class _Loss:
    """The objective, its gradient, and products with its Hessian."""

    def __init__(self, inputs: _Array, targets: _Array, penalty: float) -> None:
        self._inputs = inputs
        self._targets = targets
        self._penalty = np.full(inputs.shape[1], penalty)
        self._penalty[-1] = 0.0

    def value(self, weights: _Array) -> float:
        scores = self._inputs @ weights.T
        top = scores.max(axis=1, keepdims=True)
        logs = np.log(np.exp(scores - top).sum(axis=1)) + top[:, 0]
        right = np.einsum("ij,ij->i", scores, self._targets)
        return float((logs - right).sum() + 0.5 * (self._penalty * weights**2).sum())

    def slope(self, weights: _Array) -> tuple[_Array, _Array]:
        """Return the gradient and the shares that the Hessian is made from."""
        scores = self._inputs @ weights.T
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares = raised / raised.sum(axis=1, keepdims=True)
        gradient = (shares - self._targets).T @ self._inputs + self._penalty * weights
        return gradient, shares

    def curve(self, shares: _Array, way: _Array) -> _Array:
        """Return the product of the Hessian with a direction."""
        moved = shares * (self._inputs @ way.T)
        moved -= shares * moved.sum(axis=1, keepdims=True)
        return np.asarray(moved.T @ self._inputs + self._penalty * way)


def _minimise(loss: _Loss, weights: _Array) -> tuple[_Array, int, bool]:
    value = loss.value(weights)
    for step in range(_STEPS):
        gradient, shares = loss.slope(weights)
        if np.abs(gradient).max() <= _TOLERANCE:
            return weights, step, True
        way = _newton(loss, shares, gradient)
        fall = float((gradient * way).sum())
        length = 1.0
        for _ in range(_HALVINGS):
            reached = loss.value(weights + length * way)
            if reached <= value + _ARMIJO * length * fall:
                break
            length /= 2
        else:  # nothing lower can be told apart in float64
            return weights, step, True
        weights, value = weights + length * way, reached
    return weights, _STEPS, False


def _newton(loss: _Loss, shares: _Array, gradient: _Array) -> _Array:
    """Return the Newton step, solved as finely as the gradient is small."""
    size = float(np.linalg.norm(gradient))
    enough = min(0.1, np.sqrt(size)) * size
    way = np.zeros_like(gradient)
    rest, along = -gradient, -gradient
    square = size**2
    for _ in range(_CG_STEPS):
        bent = loss.curve(shares, along)
        curvature = float((along * bent).sum())
        if curvature <= 0:  # rounding; the objective is convex
            break
        way = way + square / curvature * along
        rest = rest - square / curvature * bent
        left = float((rest * rest).sum())
        if np.sqrt(left) <= enough:
            break
        along, square = rest + left / square * along, left
    return way if way.any() else -gradient
