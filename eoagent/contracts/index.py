"""Indexes: what one is, what is done to it, and what a kind of index offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import Encoder, EncoderFingerprint
from eoagent.contracts.indexing import BuildReport, BuildRequest, EncoderSource, IndexInfo
from eoagent.contracts.progress import Deadline, Progress
from eoagent.contracts.store import Origins
from eoagent.contracts.tilesearch import SearchResult, TileHit, TileQuery

__all__ = ["Index", "IndexExchange", "IndexKind", "IndexUpkeep", "Surroundings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an index may ask for while it is built or searched."""

    origins: Origins
    """The guard in front of every read."""
    encoder_for: Callable[[EncoderFingerprint], Encoder] | None = None
    """Makes the encoder that an index was built with, for searches by text or picture."""
    encoder_source: EncoderSource | None = None
    """The encoder of a build."""
    deadline: Deadline | None = None
    """Time left."""
    progress: Progress | None = None
    """Where to report progress."""
    host_access: Mapping[str, Any] = field(default_factory=dict)
    """Access by host, as the settings state it."""
    allow_hosts: tuple[str, ...] = ()
    """Hosts that may be private, as the settings list them: for processes that read in a build."""


class Index(Protocol):
    """An index opened at one committed version; later versions do not change it."""

    def info(self) -> IndexInfo:
        """Return what the index holds."""

    def search(self, query: TileQuery) -> SearchResult:
        """Return the tiles that are most like a query.

        Raises:
            InputError: if the query asks for nothing, or for what the index cannot tell.
            NotFound: if a tile that it names is not there.
            ModelMissing: if it needs the encoder and its weights are not installed.
            SourceError: if a file of the index is damaged.
        """

    def vectors(self, tile_ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of tiles, (n, d).

        Raises:
            NotFound: if a tile is not there.
        """

    def tiles(self, tile_ids: Sequence[str]) -> tuple[TileHit, ...]:
        """Return tiles by id, in the order asked for, each with a score of 1.

        Raises:
            NotFound: if a tile is not there.
        """

    def close(self) -> None:
        """Let go of the files."""


class IndexUpkeep(Protocol):
    """What is done to an index besides searching it."""

    def build(self, request: BuildRequest) -> BuildReport:
        """Build an index, or go on with an interrupted build of the same request.

        Raises:
            InputError: if an index of another request has the name, or nothing matches.
        """

    def update(self) -> BuildReport:
        """Look at the source again: add what is new, renew what changed, drop what has gone."""

    def verify(self, *, samples: int = 0) -> tuple[str, ...]:
        """Check every file and row, and return what is wrong, each a sentence; none if all is well.

        Args:
            samples: tiles that are read and embedded again.
        """

    def vacuum(self, *, dry_run: bool = True) -> Iterable[tuple[str, int]]:
        """Return the files that no kept version needs, with their bytes, and remove them."""


class IndexExchange(Protocol):
    """How embeddings come from and go to files that others read."""

    def bring_in(self, file: Path, *, card: str = "") -> BuildReport:
        """Make or extend an index from a GeoParquet file of embeddings made elsewhere.

        Args:
            file: the file, with columns `id` and `embedding`; geometry and datetime if any.
            card: the card of the model that made them, where the file does not say.

        Raises:
            InputError: if the file lacks a column, or its vectors do not fit.
            SourceError: if it cannot be read.
        """

    def write_out(self, file: Path) -> int:
        """Write tiles and embeddings into a GeoParquet file and return how many.

        Raises:
            SourceError: if the file cannot be written.
        """


class IndexKind(Protocol):
    """A kind of index: what an entry point of `eoagent.indexes` names."""

    def open(self, folder: Path, around: Surroundings) -> Index:
        """Open the committed version of an index.

        Raises:
            NotFound: if there is none.
            SourceError: if a file of it is damaged.
        """

    def upkeep(self, folder: Path, around: Surroundings) -> IndexUpkeep:
        """Return what builds and looks after the index of a folder, which need not exist yet."""

    def exchange(self, folder: Path, around: Surroundings) -> IndexExchange:
        """Return what brings embeddings in and out of the index of a folder."""
