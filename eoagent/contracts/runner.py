"""Runners: what every model stands behind, and what the pool that keeps them is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import Field

from eoagent.contracts.card import ModelCard
from eoagent.contracts.record import Record

__all__ = [
    "CheckingKind",
    "Counters",
    "Dtype",
    "Placement",
    "ResultForm",
    "Runner",
    "RunnerKind",
    "SlimmingKind",
]

Dtype = Literal["float32", "bfloat16", "float16"]


class Placement(Record):
    """Where and how a model runs."""

    device: str = "cpu"
    """`cpu`, or `cuda:0` and the like."""
    dtype: Dtype = "float32"
    """Type of its weights and of its arithmetic."""
    preprocessing: Literal["strict", "fast"] = "fast"
    """`strict` prepares pictures one by one as the published code does, `fast` as a batch."""
    max_batch: int = Field(default=32, ge=1)
    """Most items in one pass."""

    @property
    def precision(self) -> Literal["float32", "half"]:
        """Class of precision: vectors of one class can be compared, whatever device made them."""
        return "float32" if self.dtype == "float32" else "half"


class Counters(Record):
    """What one model has done since it was first asked."""

    requests: int = 0
    """Requests taken."""
    items: int = 0
    """Items in them."""
    batches: int = 0
    """Passes through the model."""
    largest_batch: int = 0
    """Most items in one pass."""
    failures: int = 0
    """Requests that ended in an error of the model."""
    timeouts: int = 0
    """Requests that were given up at their deadline."""
    loads: int = 0
    """Times that its weights were loaded."""
    busy_s: float = 0.0
    """Seconds in the model."""
    waiting_s: float = 0.0
    """Seconds that requests waited for their turn, summed."""
    cancelled: int = 0
    """Requests that their caller took back."""
    out_of_memory: int = 0
    """Passes that ran out of memory; each was tried again with half as many items."""
    refused_results: int = 0
    """Passes whose results were of another form, or not finite."""
    hangs: int = 0
    """Passes that took longer than any may, and were given up with the model that ran them."""
    restarts: int = 0
    """Times that the model was given up: it hung, died, or ran out of memory again and again."""
    evictions: int = 0
    """Times that it gave its memory back to make room for another."""


class ResultForm(Record):
    """What a result of a task looks like; what does not is refused before anybody sees it."""

    shape: tuple[int | None, ...]
    """Length of each axis of the array; None where any will do."""
    dtype: str = "float32"
    """Type of its values."""
    is_direction: bool = False
    """Whether it is a vector whose direction counts, so that one of zeros is none."""


class Runner(Protocol):
    """A loaded model; used by one thread at a time."""

    @property
    def card(self) -> ModelCard:
        """What the model can do."""

    @property
    def memory_mb(self) -> int:
        """Memory that it holds now, MB."""

    def run(self, task: str, items: Sequence[Any]) -> Sequence[Any]:
        """Run one batch of one task and return a result for each item, in order.

        Raises:
            InputError: if the runner knows no such task, or an item does not fit it.
            ModelError: if the model fails on the batch.
        """

    def close(self) -> None:
        """Give its memory back; it is not used afterwards."""

    def result_form(self, task: str) -> ResultForm | None:
        """Return what a result of a task looks like; None where it is no array of one form.

        Numbers that are not finite are refused either way.
        """


class RunnerKind(Protocol):
    """A kind of model: what an entry point of `eoagent.runners` names."""

    def cards(self) -> tuple[ModelCard, ...]:
        """Return the cards of the models that it can run; nothing heavy is imported for it."""

    def load(self, card: ModelCard, weights: Path, placement: Placement) -> Runner:
        """Load weights, tensors only, and return the model ready to run.

        Raises:
            NotFound: if the file is not there.
            ModelMissing: if a library that it needs is not installed.
            ModelError: if the file does not hold the weights that the card describes.
        """


@runtime_checkable
class SlimmingKind(Protocol):
    """A kind of runner that need not keep the published file; what it writes it can load."""

    def slim(
        self, card: ModelCard, weights: Path, folder: Path, *, dtype: Literal["float32", "float16"]
    ) -> Path:
        """Write what the model needs of a weights file into a folder, and return that file.

        Raises:
            ModelMissing: if a library that it needs is not installed.
            ModelError: if the file does not hold the weights that the card describes.
            SourceError: if it cannot be written.
        """


@runtime_checkable
class CheckingKind(Protocol):
    """A kind of runner that can tell what files hold without loading all of it into memory."""

    def check(self, card: ModelCard, weights: Path) -> None:
        """Check that files hold the weights that a card describes.

        Raises:
            NotFound: if a file is not there.
            ModelMissing: if a library that it needs is not installed.
            ModelError: if they do not.
        """
