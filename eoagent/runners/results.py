"""Check what a model gave before anybody sees it: as many, of that form, and finite."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import ModelError
from eoagent.contracts.runner import ResultForm

__all__ = ["check_results"]


def check_results(
    results: Sequence[Any], *, count: int, form: ResultForm | None, name: str
) -> None:
    """Check the results of a pass.

    Args:
        results: what the model gave.
        count: items that it was given.
        form: what the runner states that a result looks like; None states nothing, and only
            numbers that are not finite are refused.
        name: what the model is called in messages.

    Raises:
        ModelError: if there are more or fewer, or one is of another form or not finite.
    """
    if len(results) != count:
        raise ModelError(f"{name} gave {len(results)} results for {count} items")
    for place, result in enumerate(results):
        problem = _problem(result, form)
        if problem:
            raise ModelError(
                f"{name} gave a result that cannot be used, of item {place} of {count}: {problem}",
                hint=f"check the weights: eoagent models verify {name}; or take float32",
            )


def _problem(result: Any, form: ResultForm | None) -> str:
    if form is not None:
        if not isinstance(result, np.ndarray):
            return f"it is a {type(result).__name__}, not an array"
        if str(result.dtype) != form.dtype:
            return f"it is of {result.dtype}, not {form.dtype}"
        if len(result.shape) != len(form.shape) or any(
            wanted not in {None, found}
            for wanted, found in zip(form.shape, result.shape, strict=True)
        ):
            return f"its shape is {_shown(result.shape)}, not {_shown(form.shape)}"
    if not _is_finite(result):
        return "it is not finite"
    if form is not None and form.is_direction and not result.any():
        return "it is zero"
    return ""


def _is_finite(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic):
        return not _has_fractions(value) or bool(np.isfinite(value).all())
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(_is_finite(one) for one in value.values())
    if isinstance(value, list | tuple):
        return all(_is_finite(one) for one in value)
    return True


def _has_fractions(value: NDArray[Any] | np.generic) -> bool:
    return bool(np.issubdtype(value.dtype, np.inexact))


def _shown(shape: Sequence[int | None]) -> str:
    return " x ".join("n" if size is None else str(size) for size in shape) or "a number"
