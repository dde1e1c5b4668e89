"""Where and how the models of a pool run: the device and habits that were set for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eoagent.contracts.runner import Placement
from eoagent.runners.devices import Precision, choose_placement

__all__ = ["Places", "Preprocessing"]

Preprocessing = Literal["strict", "fast"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What was set for all models; torch is imported when it is first asked."""

    device: str = ""
    """`cpu`, `cuda`, `cuda:1`; empty takes the first GPU, else the CPU."""
    precision: Precision = "auto"
    """Precision where nothing speaks for another."""
    preprocessing: Preprocessing = "fast"
    """How pictures are prepared where nothing speaks for another."""
    max_batch: int = 0
    """Most items in one pass; 0 takes the usual for the device and model."""

    @property
    def exact(self) -> Precision:
        """Precision of models whose results change with it: float32 unless half is asked for."""
        return "half" if self.precision == "half" else "float32"

    def place(
        self, precision: Precision | None = None, preprocessing: Preprocessing | None = None
    ) -> Placement:
        """Return where and how a model runs.

        Raises:
            ModelMissing: if torch is not installed.
            InputError: if there is no such device.
        """
        return choose_placement(
            self.device,
            precision=precision or self.precision,
            preprocessing=preprocessing or self.preprocessing,
            max_batch=self.max_batch,
        )

    def few(self, precision: Precision, *, cpu: int, gpu: int) -> Placement:
        """Return where a model runs that takes few items at once; errors as `place`."""
        placement = self.place(precision)
        if self.max_batch:
            return placement
        most = cpu if placement.device == "cpu" else gpu
        return placement.model_copy(update={"max_batch": most})
