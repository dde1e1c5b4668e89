"""The exchange of one index: embeddings of others in, our own out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from eoagent.contracts.index import Surroundings
from eoagent.contracts.indexing import BuildReport
from eoagent_indexes.exchange.bringing import bring_in
from eoagent_indexes.exchange.writing import write_out

__all__ = ["TileExchange"]


class TileExchange:
    """Brings embeddings in and out of the index of a folder."""

    def __init__(
        self,
        folder: Path,
        around: Surroundings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder, self._around, self._now = folder, around, now

    def bring_in(self, file: Path, *, card: str = "") -> BuildReport:
        """Make or extend the index from a GeoParquet file of embeddings made elsewhere.

        Args:
            file: the file, with columns `id` and `embedding`, or those of Major TOM, Clay or
                Earth Index; geometry and datetime if any.
            card: the card of the model that made them, where the file does not say.

        Raises:
            InputError: if the file lacks a column, or its vectors do not fit.
            SourceError: if it cannot be read.
        """
        return bring_in(self._folder, self._around, file, card=card, now=self._now)

    def write_out(self, file: Path) -> int:
        """Write tiles and embeddings into a GeoParquet file and return how many.

        Raises:
            SourceError: if the file cannot be written.
        """
        return write_out(self._folder, self._around, file)
