"""An engine of Ray actors, on one machine or on many that share the folder of the index.

An actor holds the encoder and writes batches and whole segments itself; what passes between it and
the driver are descriptions and receipts, never pixels or vectors. A cluster that is running already
is used; else one is begun on this machine, for which Ray collects no usage statistics. Those of a
running cluster are the choice of whoever started it.
"""

from __future__ import annotations

import importlib
import json
import logging
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from eoagent.contracts.errors import (
    EoAgentError,
    InputError,
    InternalError,
    ModelError,
    ModelMissing,
)
from eoagent_indexes.build.encoders import make_encoder
from eoagent_indexes.build.engines import Events, Group, Leftovers, groups_of, seal_here
from eoagent_indexes.build.faults import Fault
from eoagent_indexes.build.job import Job, Receipt, Span, Task, Tick
from eoagent_indexes.build.reach import Reach
from eoagent_indexes.build.spool import Spool
from eoagent_indexes.build.worker import SPOOL, Worker
from eoagent_indexes.layout import IndexLayout
from eoagent_indexes.manifest import SegmentEntry

__all__ = ["RayActors"]

_LOG: Final = logging.getLogger(__name__)
_MOST_DEATHS: Final = 16
_ROOM_S: Final = 120.0
"""Seconds that are waited for a node with room, where no worker is at work."""
_TASKS: Final = TypeAdapter(list[Task])
_LEFT: Final = TypeAdapter(dict[str, tuple[Span, ...]])


class _Actor:
    """A worker as Ray runs it; every answer is JSON, of a fault where there was one."""

    def __init__(self, job_text: str, reach: Reach) -> None:
        self._job = Job.model_validate_json(job_text)
        self._reach = reach
        self._worker: Worker | None = None

    def begin(self) -> str:
        """Load the encoder."""
        try:
            current = IndexLayout(Path(self._job.folder)).current
            if not current.is_file():
                raise InputError(
                    f"a node of Ray does not see the index folder {self._job.folder}",
                    hint="set EOAGENT_HOME to a folder that all nodes share",
                )
            encoder = make_encoder(self._job.encoder)
            self._worker = Worker(self._job, self._reach.guard(), encoder)
        except EoAgentError as error:
            return _fault(error)
        return json.dumps({})

    def run(self, tasks: str, leftovers: str) -> str:
        """Deal with some scenes."""
        worker = self._worker
        assert worker is not None
        worker.seconds.clear()
        events = []
        try:
            for event in worker.run(_TASKS.validate_json(tasks), _LEFT.validate_json(leftovers)):
                name = "tick" if isinstance(event, Tick) else "receipt"
                events.append({name: event.to_dict()})
        except EoAgentError as error:
            return _fault(error)
        return json.dumps({"events": events, "seconds": dict(worker.seconds)})

    def seal(self, units: list[str], files: list[str]) -> str:
        """Write a segment."""
        try:
            entry = seal_here(self._job, frozenset(units), files)
        except EoAgentError as error:
            return _fault(error)
        return json.dumps({"entry": None if entry is None else entry.to_dict()})


@dataclass(slots=True)
class _Hand:
    """An actor as the driver sees it."""

    actor: Any
    answer: Any
    group: Group | None = None


class RayActors:
    """An `Engine`: `workers` actors, spread over the nodes of a cluster."""

    def __init__(self, job: Job, reach: Reach) -> None:
        """Connect to the cluster, or begin one on this machine.

        Raises:
            ModelMissing: if Ray is not installed.
        """
        self._job, self._reach = job, reach
        self._ray = _library()
        self._is_ours = not self._ray.is_initialized()
        if self._is_ours:
            self._ray.init(include_dashboard=False, log_to_driver=False)
        gpus = 1 if job.encoder.placement.device.startswith("cuda") else 0
        self._kind = self._ray.remote(
            num_cpus=1, num_gpus=gpus, max_restarts=0, scheduling_strategy="SPREAD"
        )(_Actor)
        self._hands: list[_Hand] = []
        self._idle: list[_Hand] = []
        self._seconds: dict[str, float] = defaultdict(float)
        self._deaths = 0

    def run(self, tasks: Sequence[Task], leftovers: Leftovers) -> Events:
        """Yield what becomes of the scenes.

        Raises:
            ModelError: if the encoder fails, workers die again and again, or no node has room.
            SourceError: if the disk is full or cannot be written.
        """
        groups = deque(groups_of(tasks, self._job.request.workers, leftovers))
        for _ in range(min(self._job.request.workers, len(groups)) - len(self._hands)):
            self._start()
        while groups or any(hand.group is not None for hand in self._hands):
            while groups and self._idle:
                self._give(self._idle.pop(), groups.popleft())
            for hand in self._answered():
                try:
                    said = json.loads(self._ray.get(hand.answer))
                except self._ray.exceptions.RayTaskError as error:
                    raise InternalError(f"a worker of Ray failed: {error}") from error
                except self._ray.exceptions.RayError as error:
                    yield from self._died(hand, groups, error)
                    continue
                yield from self._heard(hand, said)

    def seal(self, units: frozenset[str], files: Sequence[str]) -> SegmentEntry | None:
        """Have a worker write the tiles of some units as a segment; one that is free, or here."""
        for hand in self._idle:
            try:
                said = json.loads(self._ray.get(hand.actor.seal.remote(sorted(units), list(files))))
            except self._ray.exceptions.RayError as error:
                _LOG.warning("a worker died while it wrote a segment: %s", error)
                continue
            if "fault" in said:
                raise Fault.model_validate(said["fault"]).error()
            entry = said["entry"]
            return None if entry is None else SegmentEntry.model_validate(entry)
        return seal_here(self._job, units, files)

    def seconds(self) -> dict[str, float]:
        """Return the seconds spent by stage, summed over workers."""
        return dict(self._seconds)

    def close(self) -> None:
        """End the workers, and the cluster if it was begun for them."""
        for hand in self._hands:
            self._ray.kill(hand.actor)
        self._hands.clear()
        self._idle.clear()
        if self._is_ours:
            self._ray.shutdown()

    def _start(self) -> None:
        actor = self._kind.remote(self._job.model_dump_json(), self._reach)
        self._hands.append(_Hand(actor, actor.begin.remote()))

    def _give(self, hand: _Hand, group: Group) -> None:
        hand.group = group
        tasks = _TASKS.dump_json(list(group.tasks.values())).decode()
        left = _LEFT.dump_json(dict(group.leftovers)).decode()
        hand.answer = hand.actor.run.remote(tasks, left)

    def _answered(self) -> list[_Hand]:
        """Return the workers that have said something; waits for the first.

        Raises:
            ModelError: if none is at work and no node has room for one.
        """
        asked = [hand for hand in self._hands if hand not in self._idle]
        is_at_work = any(hand.group is not None for hand in asked)
        ready, _ = self._ray.wait(
            [hand.answer for hand in asked],
            num_returns=1,
            timeout=None if is_at_work else _ROOM_S,
        )
        if not ready:
            raise ModelError(
                f"no node of Ray had room for a worker within {_ROOM_S:g} s",
                hint="add nodes, or free processors: a worker takes one, and a GPU if it is to",
            )
        return [hand for hand in asked if hand.answer in ready]

    def _heard(self, hand: _Hand, said: dict[str, Any]) -> Iterator[Receipt | Tick]:
        if "fault" in said:
            raise Fault.model_validate(said["fault"]).error()
        hand.group = None
        self._idle.append(hand)
        for stage, seconds in said.get("seconds", {}).items():
            self._seconds[stage] += seconds
        for event in said.get("events", ()):
            if "tick" in event:
                yield Tick.model_validate(event["tick"])
            else:
                yield Receipt.model_validate(event["receipt"])

    def _died(self, hand: _Hand, groups: deque[Group], why: Exception) -> Iterator[Tick]:
        """Put another worker in the place of a dead one, and its scenes back.

        Raises:
            ModelError: if that happened too often.
        """
        self._deaths += 1
        if self._deaths > _MOST_DEATHS:
            raise ModelError(
                f"workers of this build died {self._deaths} times; the last: {why}",
                hint="look at Ray's logs; what was embedded is kept",
            ) from why
        _LOG.warning("a worker of Ray died; its scenes are taken up again: %s", why)
        self._hands.remove(hand)
        if hand.group is not None:
            left = Spool(Path(self._job.folder) / SPOOL).scan()
            for unit, spans in left.items():
                for span in spans:
                    yield Tick(tiles=0, file=span.file, units=(unit,))
            groups.appendleft(Group(tasks=hand.group.tasks, leftovers=left))
        self._start()


def _fault(error: EoAgentError) -> str:
    return json.dumps({"fault": Fault.of(error).to_dict()})


def _library() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise ModelMissing(
            "--engine ray needs Ray, which is not installed", command="pip install 'eoagent[ray]'"
        ) from error
