"""What is done to indexes besides searching them: built, brought in, looked after, removed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from eoagent.app.indexes import index_kind, remove_index
from eoagent.app.workshop import Workshop
from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.index import IndexUpkeep
from eoagent.contracts.indexing import BuildReport, BuildRequest, EncoderSource, IndexInfo
from eoagent.contracts.progress import Progress
from eoagent.io.origin import OriginGuard

__all__ = ["IndexKeeper"]


class IndexKeeper:
    """Builds and looks after the indexes of a home folder.

    Args:
        shop: the home folder, opened.
        progress: told how far long work is.
    """

    def __init__(self, shop: Workshop, progress: Progress | None = None) -> None:
        self._shop = shop
        self._progress = progress
        self._origins = OriginGuard(allow_hosts=shop.settings.allow_hosts, access=shop.access)
        self._indexes = shop.indexes(self._origins)

    def build(self, name: str, request: BuildRequest, *, encoder: str = "") -> BuildReport:
        """Build an index, or go on with a build that broke off.

        Args:
            name: its name.
            request: what it is built from; its source counts as typed.
            encoder: id of the model; empty takes that of the index, else the default.

        Raises:
            InputError: if an index of another request has the name, or nothing matches.
            ModelMissing: if the model is not installed; says the command.
            SourceError: if the source cannot be read, or the index not be written.
        """
        folder = self._indexes.folder(name)
        self._type_in(request.source)
        source = self._encoder(name, encoder, request.gsd_m)
        around = self._indexes.around(source=source, progress=self._progress)
        return index_kind().upkeep(folder, around).build(request)

    def update(self, name: str) -> BuildReport:
        """Look at the source of an index again: add what is new, renew, drop what has gone.

        Raises:
            NotFound: if there is no such index.
            ModelMissing: if its model is not installed; says the command.
            SourceError: if the source cannot be read, or the index not be written.
        """
        info = self.info(name)
        self._type_in(_source_of(info))
        source = self._shop.models.pool.source(like=info.encoder)
        around = self._indexes.around(source=source, progress=self._progress)
        return index_kind().upkeep(self._indexes.existing(name), around).update()

    def bring_in(self, name: str, file: Path, *, card: str = "") -> BuildReport:
        """Make or extend an index from a file of embeddings made elsewhere.

        Raises:
            NotFound: if there is no such file or card.
            InputError: if the file lacks a column, or its vectors do not fit.
            SourceError: if it cannot be read, or the index not be written.
        """
        self._origins.type_in(str(file))
        around = self._indexes.around(progress=self._progress)
        return index_kind().exchange(self._indexes.folder(name), around).bring_in(file, card=card)

    def write_out(self, name: str, file: Path) -> int:
        """Write tiles and embeddings of an index into a GeoParquet file and return how many.

        Raises:
            NotFound: if there is no such index.
            SourceError: if the file cannot be written.
        """
        around = self._indexes.around(progress=self._progress)
        return index_kind().exchange(self._indexes.existing(name), around).write_out(file)

    def info(self, name: str) -> IndexInfo:
        """Return what an index holds.

        Raises:
            NotFound: if there is none of that name.
            SourceError: if it is damaged.
        """
        index = self._indexes.open(name)
        try:
            return index.info()
        finally:
            index.close()

    def every(self) -> tuple[tuple[str, IndexInfo | EoAgentError], ...]:
        """Return each index by name with what it holds, or with what is wrong with it."""
        found: list[tuple[str, IndexInfo | EoAgentError]] = []
        for name in self._indexes.names():
            try:
                found.append((name, self.info(name)))
            except EoAgentError as error:
                found.append((name, error))
        return tuple(found)

    def verify(self, name: str, *, samples: int = 0) -> tuple[str, ...]:
        """Check every file and row of an index, and return what is wrong; none if all is well.

        Args:
            name: the index.
            samples: tiles that are read and embedded again.

        Raises:
            NotFound: if there is no such index.
            ModelMissing: if tiles are to be embedded and the model is not installed.
        """
        source = None
        if samples:
            info = self.info(name)
            self._type_in(_source_of(info))
            source = self._shop.models.pool.source(like=info.encoder)
        return self._upkeep(name, source).verify(samples=samples)

    def vacuum(self, name: str, *, dry_run: bool = True) -> Iterable[tuple[str, int]]:
        """Return the files that no kept version needs, with their bytes, and remove them.

        Raises:
            NotFound: if there is no such index.
            SourceError: if a file cannot be removed.
        """
        return self._upkeep(name).vacuum(dry_run=dry_run)

    def remove(self, name: str) -> None:
        """Remove an index with all its versions.

        Raises:
            NotFound: if there is none of that name.
            SourceError: if it cannot be removed.
        """
        remove_index(self._shop.home, name)

    def _upkeep(self, name: str, source: EncoderSource | None = None) -> IndexUpkeep:
        around = self._indexes.around(source=source, progress=self._progress)
        return index_kind().upkeep(self._indexes.existing(name), around)

    def _encoder(self, name: str, encoder: str, gsd_m: float | None) -> EncoderSource:
        pool = self._shop.models.pool
        if not encoder and name in self._indexes.names():
            return pool.source(like=self.info(name).encoder)
        return pool.source(encoder or self._shop.settings.encoder, gsd_m=gsd_m)

    def _type_in(self, source: str) -> None:
        if source:
            self._origins.type_in(source)


def _source_of(info: IndexInfo) -> str:
    """Return what an index was built from, as the user typed it then; empty if not known."""
    request = info.recipe.get("request", info.recipe)
    return str(request.get("source", "")) if isinstance(request, dict) else ""
