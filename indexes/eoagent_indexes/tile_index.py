"""An index of tiles, opened at one committed version and searched by many threads at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import NotFound
from eoagent.contracts.index import Surroundings
from eoagent.contracts.indexing import IndexInfo
from eoagent.contracts.tilesearch import SearchResult, TileHit, TileQuery
from eoagent_indexes.ann import AnnStructure
from eoagent_indexes.background import Background
from eoagent_indexes.conditions import Conditions
from eoagent_indexes.hits import hits_of, order_of, rows_of
from eoagent_indexes.once import Once
from eoagent_indexes.places import merge_places
from eoagent_indexes.querying import (
    MOST_TILES,
    QueryVector,
    Sight,
    check_query,
    make_query,
    usual_templates,
)
from eoagent_indexes.reporting import describe
from eoagent_indexes.resident import ResidentVectors
from eoagent_indexes.searching import Asked, Ranked, Resources, search_segments
from eoagent_indexes.snapshot import Found, Snapshot
from eoagent_indexes.zones import Zones

__all__ = ["TileIndex"]

_SPARE = 4


class TileIndex:
    """Searches one version of an index."""

    def __init__(
        self,
        snapshot: Snapshot,
        around: Surroundings,
        *,
        recall: float = 0.99,
        templates: Sequence[str] = (),
        device: str = "cpu",
    ) -> None:
        """Search a version that is open; `close` closes it.

        Args:
            snapshot: the version.
            around: the models, and the time left.
            recall: least recall of the best ten where ranking is approximate.
            templates: sentences that texts are put into, `{}` standing for the text; none means the
                usual ones.
            device: `cpu`, or `cuda:0` and the like to keep all vectors there.
        """
        self.snapshot = snapshot
        """The version that is searched."""
        self._recall = recall
        self._zones: Once[Zones] = Once()
        self._structures: Once[AnnStructure] = Once()
        self._residents: Once[ResidentVectors] = Once()
        self._background: Once[Background | None] = Once()
        self._sight = Sight(
            encoder_for=around.encoder_for,
            fingerprint=self.snapshot.manifest.encoder,
            tile_vectors=self.vectors,
            background=self.background,
            templates=tuple(templates) or usual_templates(),
        )
        residents, structures, zones = self._residents, self._structures, self._zones
        self._resources = Resources(
            zones=lambda s: zones.get(s.entry.id, lambda: Zones.of(s.columns)),
            structure=lambda s: structures.get(s.entry.id, lambda: AnnStructure.load(s)),
            resident=None
            if device == "cpu"
            else lambda s: residents.get(s.entry.id, lambda: ResidentVectors(s, device)),
            deadline=around.deadline,
        )

    @classmethod
    def open(cls, folder: Path, around: Surroundings, *, recall: float = 0.99) -> TileIndex:
        """Open the version of an index that stands.

        Args:
            folder: the index folder.
            around: the models, and the time left.
            recall: least recall of the best ten where ranking is approximate.

        Raises:
            NotFound: if no version was committed there.
            SourceError: if a file is missing or damaged.
        """
        return cls(Snapshot.open(folder), around, recall=recall)

    @property
    def name(self) -> str:
        """Name of the index."""
        return self.snapshot.folder.name

    def info(self) -> IndexInfo:
        """Return what the index holds.

        Raises:
            SourceError: if a file is damaged.
        """
        return describe(self.snapshot)

    def background(self) -> Background | None:
        """Return how random tiles of the index lie; None if it holds none.

        Raises:
            SourceError: if a file is damaged.
        """
        return self._background.get(0, lambda: Background.of(self.snapshot.segments))

    def search(self, query: TileQuery) -> SearchResult:
        """Return the tiles that are most like a query.

        Raises:
            InputError: if the query asks for nothing, or for what the index cannot tell.
            NotFound: if a tile that it names is not there.
            ModelMissing: if it needs the encoder and its weights are not installed.
            ModelError: if the encoder is not the one of the index, or FAISS is installed twice.
            BudgetExceeded: if the time is over.
            SourceError: if a file of the index is damaged.
        """
        began = time.perf_counter()
        check_query(query, index=self.name)
        conditions = Conditions.of(query.where)
        meant = make_query(query, self._sight)
        encoded = time.perf_counter()
        among, absent = self._among(query.where.tile_ids)
        wanted = query.k
        while True:
            asked = Asked(
                vector=meant.vector,
                conditions=conditions,
                among=among,
                k=wanted * _SPARE if query.merge else wanted,
                kind=meant.kind,
                plan=query.plan,
                recall=self._recall,
            )
            ranked = search_segments(self.snapshot.segments, asked, self._resources)
            ranked_at = time.perf_counter()
            hits = self._hits(ranked, asked.k, meant.vector)
            is_settled = True
            if query.merge:
                whole = len(hits)
                hits, is_open = merge_places(hits, query.k)
                is_settled = not is_open or whole >= ranked.matched or asked.k >= MOST_TILES
            if is_settled:
                break
            wanted = min(wanted * _SPARE, MOST_TILES)
        seconds = {
            "query": encoded - began,
            **ranked.seconds,
            "show": time.perf_counter() - ranked_at,
            "all": time.perf_counter() - began,
        }
        return self._result(ranked, hits, meant, seconds=seconds, warnings=absent)

    def vectors(self, tile_ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of tiles, (n, d), of length 1.

        Raises:
            NotFound: if a tile is not there.
            SourceError: if a file of the index is damaged.
        """
        found = self._find(tile_ids)
        made = np.empty((len(tile_ids), self.snapshot.manifest.encoder.dimensions), np.float32)
        for number in np.unique(found.segments).tolist():
            mine = found.segments == number
            made[mine] = self.snapshot.segments[number].vectors(found.rows[mine])
        lengths = np.linalg.norm(made, axis=1, keepdims=True)
        unit: NDArray[np.float32] = made / lengths
        return unit

    def tiles(self, tile_ids: Sequence[str]) -> tuple[TileHit, ...]:
        """Return tiles by id, in the order asked for, each with a score of 1.

        Raises:
            NotFound: if a tile is not there.
            SourceError: if a file of the index is damaged.
        """
        if not tile_ids:
            return ()
        found = self._find(tile_ids)
        table = rows_of(self.snapshot.segments, found.segments, found.rows)
        return hits_of(table, [1.0] * len(tile_ids), [None] * len(tile_ids))

    def close(self) -> None:
        """Let go of the files; a search that runs still ends."""
        for kept in (self._zones, self._structures, self._residents, self._background):
            kept.clear()
        self.snapshot.close()

    def _find(self, tile_ids: Sequence[str]) -> Found:
        found = self.snapshot.find(tile_ids)
        absent = [name for name, there in zip(tile_ids, found.is_there, strict=True) if not there]
        if absent:
            raise NotFound(
                f"index '{self.name}' has no tile {absent[0]}"
                + (f" and no {len(absent) - 1} more of those asked for" * (len(absent) > 1)),
                hint="take ids from a search in this index; an update may have replaced the tile",
            )
        return found

    def _among(
        self, tile_ids: tuple[str, ...] | None
    ) -> tuple[dict[int, NDArray[np.int64]] | None, tuple[str, ...]]:
        """Return rows to choose from by segment, and what to say of tiles that are not there."""
        if tile_ids is None:
            return None, ()
        found = self.snapshot.find(tuple(dict.fromkeys(tile_ids)))
        rows = {
            number: np.sort(found.rows[found.segments == number])
            for number in np.unique(found.segments[found.is_there]).tolist()
        }
        absent = int((~found.is_there).sum())
        said = f"{absent} of the {len(found.rows)} tiles to choose from are not in the index"
        return rows, (said,) if absent else ()

    def _hits(self, ranked: Ranked, k: int, vector: NDArray[np.float32]) -> tuple[TileHit, ...]:
        """Return the best k of ranked rows as hits, in order."""
        segments, rows, scores = ranked.segments, ranked.rows, ranked.scores
        if not len(rows):
            return ()
        names = None
        if len(np.unique(scores)) < len(scores):  # ids decide between equal scores
            names = rows_of(self.snapshot.segments, segments, rows, ["tile_id"])
        order = order_of(scores, None if names is None else names.column(0).to_pylist())[:k]
        table = rows_of(self.snapshot.segments, segments[order], rows[order])
        ordered = scores[order]
        background = self.background()
        zs = [None] * len(ordered) if background is None else background.z(ordered, vector)
        return hits_of(table, ordered.tolist(), zs)

    def _result(
        self,
        ranked: Ranked,
        hits: tuple[TileHit, ...],
        meant: QueryVector,
        *,
        seconds: dict[str, float],
        warnings: tuple[str, ...],
    ) -> SearchResult:
        is_exact = "ann" not in ranked.ways
        manifest = self.snapshot.manifest
        return SearchResult(
            hits=hits,
            matched=ranked.matched,
            total=manifest.live,
            without_place=ranked.without[0],
            without_time=ranked.without[1],
            without_cloud=ranked.without[2],
            exact=is_exact,
            recall=None if is_exact else ranked.recall,
            plan=" and ".join(sorted(ranked.ways)) or "exact",
            index=self.name,
            version=self.snapshot.version,
            encoder=manifest.encoder,
            texts_as=meant.texts_as,
            seconds={stage: round(spent, 6) for stage, spent in seconds.items()},
            warnings=(*meant.warnings, *warnings, *ranked.warnings),
        )
