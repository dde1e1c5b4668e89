"""Where the work of a build runs, and the engine that runs it in this process."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from eoagent.contracts.encoder import Encoder
from eoagent.contracts.store import Origins
from eoagent_indexes.build.job import Job, Receipt, Span, Task, Tick
from eoagent_indexes.build.spool import Spool
from eoagent_indexes.build.worker import SPOOL, Worker
from eoagent_indexes.manifest import SegmentEntry
from eoagent_indexes.segment_write import write_segment

__all__ = ["Engine", "Events", "Group", "InProcess", "Leftovers", "groups_of", "seal_here"]

Events = Generator[Receipt | Tick, None, None]
"""What becomes of scenes and batches; closing it ends the work."""
Leftovers = Mapping[str, tuple[Span, ...]]
"""What an interrupted build left in the spool, by unit."""
_MOST_TASKS: Final = 64
_ROUNDS: Final = 8
"""Groups per worker that a build is divided into at least, so that none waits long for the last."""


class Engine(Protocol):
    """Runs the work of a build somewhere."""

    def run(self, tasks: Sequence[Task], leftovers: Leftovers) -> Events:
        """Yield what becomes of the scenes, in any order, each when its tiles are durable.

        Raises:
            ModelError: if the encoder fails.
            SourceError: if the disk is full or cannot be written.
        """

    def seal(self, units: frozenset[str], files: Sequence[str]) -> SegmentEntry | None:
        """Write the tiles of some units as a segment; None where they have none.

        Raises:
            SourceError: if the disk is full, or a batch cannot be read.
        """

    def seconds(self) -> dict[str, float]:
        """Return the seconds spent by stage, summed over workers."""

    def close(self) -> None:
        """End the workers."""


class InProcess:
    """An `Engine`: one worker in this process."""

    def __init__(self, job: Job, origins: Origins, encoder: Encoder) -> None:
        """Make the worker."""
        self._job = job
        self._worker = Worker(job, origins, encoder)

    def run(self, tasks: Sequence[Task], leftovers: Leftovers) -> Events:
        """Yield what becomes of the scenes, in their order."""
        return self._worker.run(tasks, leftovers)

    def seal(self, units: frozenset[str], files: Sequence[str]) -> SegmentEntry | None:
        """Write the tiles of some units as a segment."""
        return seal_here(self._job, units, files)

    def seconds(self) -> dict[str, float]:
        """Return the seconds spent by stage."""
        return dict(self._worker.seconds)

    def close(self) -> None:
        """Do nothing: the encoder belongs to the caller."""


@dataclass(slots=True, kw_only=True)
class Group:
    """Scenes that one worker is given together."""

    tasks: dict[tuple[str, str], Task]
    """Those of which nothing was heard yet, by collection and item."""
    leftovers: Leftovers
    """What was left of them."""

    def heard(self, receipt: Receipt) -> None:
        """Note that a scene is dealt with."""
        self.tasks.pop((receipt.collection, receipt.item_id), None)


def groups_of(tasks: Sequence[Task], workers: int, leftovers: Leftovers) -> list[Group]:
    """Return the scenes in groups, several for each worker."""
    size = max(1, min(_MOST_TASKS, len(tasks) // (workers * _ROUNDS)))
    parts = [tasks[start : start + size] for start in range(0, len(tasks), size)]
    return [
        Group(
            tasks={(task.scene.collection, task.scene.id): task for task in part},
            leftovers=leftovers,
        )
        for part in parts
    ]


def seal_here(job: Job, units: frozenset[str], files: Sequence[str]) -> SegmentEntry | None:
    """Write the tiles of some units as a segment of the job's index; None where they have none.

    Raises:
        SourceError: if the disk is full, or a batch cannot be read.
    """
    folder = Path(job.folder)
    found = Spool(folder / SPOOL).collect(files, units)
    if found is None:
        return None
    return write_segment(folder, *found, encoder=job.fingerprint)
