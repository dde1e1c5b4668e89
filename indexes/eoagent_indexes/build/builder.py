"""Build and update an index: list the source, have the work done, commit, and report."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from eoagent.contracts.encoder import Encoder
from eoagent.contracts.errors import InputError, ModelMissing, NotFound
from eoagent.contracts.index import Surroundings
from eoagent.contracts.indexing import BuildReport, BuildRequest, EncoderSource
from eoagent_indexes.build.committing import Committer
from eoagent_indexes.build.encoders import make_encoder
from eoagent_indexes.build.engines import Engine, InProcess
from eoagent_indexes.build.finishing import finish
from eoagent_indexes.build.job import Job, Receipt, Span, Task, Tick
from eoagent_indexes.build.listing import Listing, list_scenes
from eoagent_indexes.build.pool import ProcessPool
from eoagent_indexes.build.ray_engine import RayActors
from eoagent_indexes.build.reach import Reach
from eoagent_indexes.build.request import begun_with, check_request, differences, recipe_of
from eoagent_indexes.build.spool import Spool
from eoagent_indexes.build.worker import SPOOL
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.writer import IndexWriter

__all__ = ["build_index", "update_index"]

_MOST_NOTES: Final = 40


@dataclass(slots=True, kw_only=True)
class _Course:
    """How far a build is."""

    count: int
    """Items that are looked at."""
    receipts: int = 0
    """Items that are dealt with."""
    kept: int = 0
    embedded: int = 0
    without_place: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)

    def take(self, receipt: Receipt) -> None:
        """Count an item."""
        self.receipts += 1
        if receipt.state == "kept":
            self.kept += 1
        if receipt.state == "refused":
            self.refused.append(f"{receipt.item_id}: {receipt.reason}")
        if receipt.state == "done":
            self.skipped.update(receipt.skipped)
            self.without_place += 0 if receipt.has_place else receipt.tiles
            self.notes.update(receipt.notes)

    def said(self) -> tuple[str, ...]:
        """Return the choices that were made, each with the number of items."""
        told = self.notes.most_common(_MOST_NOTES)
        return tuple(f"{note} ({count} item{'s' * (count > 1)})" for note, count in told)


def build_index(folder: Path, request: BuildRequest, around: Surroundings) -> BuildReport:
    """Build an index, or go on with an interrupted build of the same request.

    Raises:
        InputError: if an index of another request has the name, or nothing matches.
        ModelMissing: if there is no encoder, or its weights are not there.
        SourceError: if the source cannot be read, or the disk is full.
    """
    source = _encoder_source(around)
    asked = check_request(request, source.card)
    _refuse_other_request(folder, asked)
    return _run(folder, asked, around, is_update=False)


def update_index(folder: Path, around: Surroundings) -> BuildReport:
    """Look at the source of an index again: add, renew and drop.

    Raises:
        NotFound: if there is no index.
        InputError: if it was not built from a source, or nothing is listed there any more.
        ModelMissing: if there is no encoder, or its weights are not there.
        SourceError: if the source cannot be read, or the disk is full.
    """
    with Snapshot.open(folder) as snapshot:
        begun = begun_with(folder.name, snapshot.manifest.recipe)
    around.origins.type_in(begun.source)  # whoever asks for an update names the source by it
    return _run(folder, begun, around, is_update=True)


def _run(
    folder: Path, request: BuildRequest, around: Surroundings, *, is_update: bool
) -> BuildReport:
    began = time.perf_counter()
    source = _encoder_source(around)
    listing = list_scenes(request, around.origins)
    listed_s = time.perf_counter() - began
    encoder = make_encoder(source)
    loaded_s = time.perf_counter() - began - listed_s
    job = Job(
        folder=str(folder.absolute()),
        request=request,
        encoder=source,
        fingerprint=encoder.fingerprint,
        readers=8 if "://" in request.source else 2,
    )
    writer = IndexWriter(
        folder, encoder=job.fingerprint, recipe=recipe_of(request, source.card), timeout_s=5.0
    )
    with ExitStack() as stack:
        stack.enter_context(writer)
        engine = stack.enter_context(closing(_engine(job, around, encoder)))
        if writer.snapshot is None:
            writer.commit(state={"complete": False})
        spool = Spool(folder / SPOOL)
        committer = Committer(writer, engine, spool)
        course = _Course(count=len(listing.scenes))
        leftovers = _leftovers(spool, committer)
        tasks = [
            Task(scene=scene, known=known.unit if known is not None else "")
            for scene in listing.scenes
            for known in [committer.known.get((scene.collection, scene.id))]
        ]
        with closing(engine.run(tasks, leftovers)) as events:  # so that its threads end here
            for event in events:
                _hear(event, committer, course, around)
        warnings = finish(
            writer,
            committer,
            spool,
            around,
            gone=is_update and not listing.is_partial,
            is_whole=not listing.is_partial,
            listed={(scene.collection, scene.id) for scene in listing.scenes},
        )
        seconds = {"listing": listed_s, "loading": loaded_s, **engine.seconds()}
        seconds["commits"] = committer.seconds
        seconds["all"] = time.perf_counter() - began
        return _report(writer, committer, course, listing, seconds=seconds, warnings=warnings)


def _hear(
    event: Receipt | Tick, committer: Committer, course: _Course, around: Surroundings
) -> None:
    if isinstance(event, Tick):
        course.embedded += event.tiles
        committer.note(event.file, event.units)
    else:
        course.take(event)
        committer.take(event)
    if around.progress is not None:
        done = min(1.0, course.receipts / max(course.count, 1))
        around.progress(
            done, f"{course.receipts} of {course.count} items, {course.embedded} tiles embedded"
        )
    if around.deadline is not None:
        around.deadline.check()


def _leftovers(spool: Spool, committer: Committer) -> dict[str, tuple[Span, ...]]:
    """Return what an interrupted build left, and drop what was committed before it could be."""
    held = {unit.unit for unit in committer.known.values()}
    found = spool.scan()
    files = {span.file for spans in found.values() for span in spans}
    kept = {unit: spans for unit, spans in found.items() if unit not in held}
    for unit, spans in kept.items():
        for span in spans:
            committer.note(span.file, [unit])
    spool.drop(files - {span.file for spans in kept.values() for span in spans})
    return kept


def _engine(job: Job, around: Surroundings, encoder: Encoder) -> Engine:
    reach = Reach(
        typed=(job.request.source,),
        allow_hosts=around.allow_hosts,
        host_access=dict(around.host_access),
    )
    if job.request.engine == "ray":
        _close(encoder)
        return RayActors(job, reach)
    if job.request.workers > 1:
        _close(encoder)
        return ProcessPool(job, reach)
    return InProcess(job, around.origins, encoder)


def _close(encoder: Encoder) -> None:
    """Give back the memory of an encoder that was loaded to know its fingerprint."""
    end = getattr(encoder, "close", None)
    if end is not None:
        end()


def _report(
    writer: IndexWriter,
    committer: Committer,
    course: _Course,
    listing: Listing,
    *,
    seconds: dict[str, float],
    warnings: tuple[str, ...],
) -> BuildReport:
    assert writer.snapshot is not None
    manifest = writer.snapshot.manifest
    if not manifest.live and course.refused:
        raise InputError(
            f"not one of the {course.count} items could be indexed; the first is "
            f"{course.refused[0]}",
            hint="eoagent index info NAME --json lists them all with their reasons",
        )
    told = [*listing.warnings, *warnings]
    if course.refused:
        told.append(
            f"{len(course.refused)} of {course.count} items could not be indexed and are in "
            "quarantine; an update tries them again"
        )
    return BuildReport(
        version=manifest.version,
        items=course.count,
        added=committer.added,
        removed=committer.removed,
        kept=course.kept,
        embedded=course.embedded,
        skipped=dict(course.skipped),
        quarantined=tuple(course.refused),
        without_place=course.without_place,
        seconds={name: round(value, 3) for name, value in seconds.items()},
        is_partial=listing.is_partial,
        assumptions=course.said(),
        warnings=tuple(told),
    )


def _encoder_source(around: Surroundings) -> EncoderSource:
    if around.encoder_source is None:
        raise ModelMissing(
            "an index is built with an encoder, and none is installed",
            command="eoagent models pull remoteclip-vit-b-32",
        )
    return around.encoder_source


def _refuse_other_request(folder: Path, asked: BuildRequest) -> None:
    try:
        snapshot = Snapshot.open(folder, pin=False)
    except NotFound:
        return
    with snapshot:
        begun = begun_with(folder.name, snapshot.manifest.recipe)
    found = differences(begun, asked)
    if found:
        raise InputError(
            f"index '{folder.name}' was begun with another request ({'; '.join(found)})",
            hint="build under another name, give the same request to go on with it, or delete it: "
            f"eoagent index delete {folder.name}",
        )
