"""Read STAC documents side by side, each over connections of its own, within one deadline."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from eoagent.contracts.errors import SourceError
from eoagent.contracts.store import Admitted, Origins
from eoagent.io.fetch import Wires
from eoagent.io.stac_document import StacDocument, read_document
from eoagent.io.stac_limits import CatalogLimits
from eoagent.io.wire import Deadline

__all__ = ["DocumentReaders"]


class DocumentReaders:
    """Reads documents: those of the network at the same time, each over connections of its own."""

    def __init__(self, origins: Origins, limits: CatalogLimits, deadline: Deadline) -> None:
        """Make readers; nothing is connected yet."""
        self._origins = origins
        self._limits = limits
        self._deadline = deadline
        self._closing = ExitStack()
        self._wires: list[Wires] = []
        self._pool: ThreadPoolExecutor | None = None

    def read(self, places: Sequence[Admitted]) -> list[StacDocument | SourceError]:
        """Return the documents in the order of the places, or why each could not be had."""
        while len(self._wires) < len(places):
            self._wires.append(self._closing.enter_context(Wires()))
        if len(places) < 2:
            return [self._one(*pair) for pair in zip(places, self._wires, strict=False)]
        if self._pool is None:
            self._pool = self._closing.enter_context(ThreadPoolExecutor(self._limits.concurrency))
        return list(self._pool.map(self._one, places, self._wires))

    def _one(self, admitted: Admitted, wires: Wires) -> StacDocument | SourceError:
        try:
            return read_document(
                admitted,
                self._origins,
                max_bytes=self._limits.max_document_bytes,
                deadline_s=min(self._limits.document_s, self._deadline.left_s),
                wires=wires,
                max_items=self._limits.max_scenes + 1,
            )
        except SourceError as error:
            return error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()
