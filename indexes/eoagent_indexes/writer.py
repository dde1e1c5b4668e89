"""The one writer of an index: whatever it changes becomes visible in one step, or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import InputError, SourceError
from eoagent.io.atomic import disk_errors
from eoagent_indexes.changes import Changes, apply
from eoagent_indexes.draft import Draft
from eoagent_indexes.layout import IndexLayout
from eoagent_indexes.lease import STALE_S, Lease
from eoagent_indexes.manifest import AnnEntry, Manifest, SegmentEntry
from eoagent_indexes.parts import QuarantineRecord, UnitRecord
from eoagent_indexes.pointer import Pointer, read_pointer, store_manifest, swap
from eoagent_indexes.refusals import no_index
from eoagent_indexes.snapshot import Snapshot

__all__ = ["IndexWriter"]


class IndexWriter:
    """Writes one index; a context manager that holds the right to write."""

    def __init__(
        self,
        folder: Path,
        *,
        encoder: EncoderFingerprint | None = None,
        recipe: Mapping[str, Any] | None = None,
        timeout_s: float = 0.0,
        stale_s: float = STALE_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare to write; nothing is touched before the block is entered.

        Args:
            folder: the index folder.
            encoder: what makes the vectors; needed for a new index, compared with an old one's.
            recipe: what a new index is built from.
            timeout_s: how long to wait for another writer, seconds.
            stale_s: seconds without a sign of life that make a writer of another machine dead.
            now: the clock.
        """
        self.layout = IndexLayout(folder.absolute())
        """Where everything lies."""
        self._lease = Lease(self.layout, timeout_s=timeout_s, stale_s=stale_s, now=now)
        self._encoder, self._recipe, self._now = encoder, dict(recipe or {}), now
        self._snapshot: Snapshot | None = None
        self._fence = 0

    def __enter__(self) -> Self:
        """Take the right to write.

        Raises:
            SourceError: if another process writes, or the folder is damaged or cannot be written.
            NotFound: if there is no index, and no encoder to begin one with.
            InputError: if the index was made by another encoder.
        """
        if self._encoder is None and read_pointer(self.layout) is None:
            raise no_index(self.layout.root)
        with contextlib.ExitStack() as undo:
            undo.enter_context(self._lease)
            if read_pointer(self.layout) is not None:
                self._snapshot = Snapshot.open(self.layout.root, pin=False)
                self._refuse_other_encoder(self._snapshot.manifest.encoder)
            self._fence = self._lease.begin(self._snapshot.manifest.fence if self._snapshot else 0)
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the right to write back."""
        self._lease.__exit__(kind, error, trace)

    @property
    def snapshot(self) -> Snapshot | None:
        """The version that stands; None before the first commit of a new index."""
        return self._snapshot

    def commit(
        self,
        *,
        add: Iterable[SegmentEntry] = (),
        drop_tiles: Iterable[str] = (),
        drop_segments: Iterable[str] = (),
        ledger: Sequence[UnitRecord] = (),
        quarantine: Sequence[QuarantineRecord] = (),
        ann: Mapping[str, AnnEntry | None] | None = None,
        recipe: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
    ) -> Manifest:
        """Make one new version of all this together, and return its manifest.

        Tiles are dropped first. Then each tile of `add` whose id is live already, in the index or
        in an earlier segment of `add`, is marked as deleted in the new segment, so that no tile
        is there twice. A segment without a live tile leaves the index. If nothing is asked for,
        the version that stands is returned.

        Args:
            add: segments that `write_segment` wrote into this folder.
            drop_tiles: ids of tiles that go; those that are not there are passed over.
            drop_segments: segments that go as a whole, with their tiles (a compaction wrote
                them anew).
            ledger: what became of work units.
            quarantine: what could not be read.
            ann: search structure by segment id; None takes one away.
            recipe: what the index is built from, in place of what stands.
            state: what a build notes for itself, in place of what stands.

        Raises:
            SourceError: if the disk is full or cannot be written, a file of `add` is damaged, or
                another writer has taken over. The old version stands, except where the last
                step, bringing the new name to the disk, failed: then either does, whole.
            InputError: if a segment does not fit the index.
        """
        changes = Changes(
            add=tuple(add), drop_tiles=tuple(drop_tiles), drop_segments=frozenset(drop_segments)
        )
        said = any(part is not None for part in (ann, recipe, state)) or ledger or quarantine
        if self._snapshot and changes.is_nothing and not said:
            return self._snapshot.manifest
        base = self._snapshot
        with disk_errors(self.layout.root), Draft(self.layout, base) as draft:
            for entry in changes.add:
                draft.admit(entry)
            outcome = apply(self.layout.root, base.segments if base else (), changes)
            draft.take(outcome, ledger=ledger, quarantine=quarantine, ann=ann or {})
            manifest = self._described(draft, recipe, state)
            pointer = self._store(manifest)
            self._refuse_late(manifest)
            draft.keep()  # from here on the new version may stand, and needs its files
            self._swap(pointer)
        self._snapshot = Snapshot(self.layout, pointer, manifest, known=outcome.segments)
        return manifest

    def _described(
        self, draft: Draft, recipe: Mapping[str, Any] | None, state: Mapping[str, Any] | None
    ) -> Manifest:
        base = self._snapshot.manifest if self._snapshot else None
        encoder = base.encoder if base else self._encoder
        assert encoder is not None  # entering the block has refused it
        old_recipe, old_state = (base.recipe, base.state) if base else (self._recipe, {})
        return draft.manifest(
            encoder=encoder,
            recipe=dict(old_recipe if recipe is None else recipe),
            state=dict(old_state if state is None else state),
            fence=self._fence,
            created=self._now(),
        )

    def _store(self, manifest: Manifest) -> Pointer:
        try:
            return store_manifest(self.layout, manifest)
        except FileExistsError as error:
            raise self._overtaken() from error

    def _refuse_late(self, manifest: Manifest) -> None:
        standing = read_pointer(self.layout)
        mine = self._snapshot.pointer if self._snapshot else None
        try:
            self._lease.check()
            if standing != mine:
                raise self._overtaken()
        except SourceError:
            self.layout.manifest(manifest.version).unlink(missing_ok=True)
            raise

    def _swap(self, pointer: Pointer) -> None:
        try:
            swap(self.layout, pointer)
        except SourceError:
            if read_pointer(self.layout) == pointer:  # the name stands, its folder was not synced
                self._snapshot = Snapshot.open(self.layout.root, pin=False)
            raise

    def _refuse_other_encoder(self, there: EncoderFingerprint) -> None:
        found = there.differences(self._encoder) if self._encoder else ()
        if found:
            raise InputError(
                f"index '{self.layout.root.name}' was made by another encoder ({'; '.join(found)})",
                hint="vectors of two encoders cannot be compared; build a second index",
            )

    def _overtaken(self) -> SourceError:
        root = self.layout.root
        return SourceError(
            f"index '{root.name}' was changed by another process while a version was made; "
            "nothing was committed",
            href=str(root),
            hint="run the command again; what was committed before is kept",
        )
