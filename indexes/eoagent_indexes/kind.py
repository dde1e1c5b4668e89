"""The kind of index that `eoagent.indexes` names `tiles`."""

from __future__ import annotations

from pathlib import Path

from eoagent.contracts.index import Index, IndexExchange, IndexUpkeep, Surroundings
from eoagent_indexes.exchange.tile_exchange import TileExchange
from eoagent_indexes.tile_index import TileIndex
from eoagent_indexes.upkeep import TileUpkeep

__all__ = ["KIND", "TileKind"]


class TileKind:
    """An `IndexKind`: tiles of images, found by meaning, place and time."""

    def open(self, folder: Path, around: Surroundings) -> Index:
        """Open the committed version of an index.

        Raises:
            NotFound: if there is none.
            SourceError: if a file of it is damaged.
        """
        return TileIndex.open(folder, around)

    def upkeep(self, folder: Path, around: Surroundings) -> IndexUpkeep:
        """Return what builds and looks after the index of a folder, which need not exist yet."""
        return TileUpkeep(folder, around)

    def exchange(self, folder: Path, around: Surroundings) -> IndexExchange:
        """Return what brings embeddings in and out of the index of a folder."""
        return TileExchange(folder, around)


KIND = TileKind()
