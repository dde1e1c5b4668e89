"""An engine of several processes on this machine, each with an encoder of its own.

What passes between them is JSON. A worker that dies is started again, and its scenes go on behind
the last batch that it made durable.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from eoagent.contracts.errors import EoAgentError, ModelError
from eoagent_indexes.build.encoders import make_encoder
from eoagent_indexes.build.engines import Events, Group, Leftovers, groups_of, seal_here
from eoagent_indexes.build.faults import Fault
from eoagent_indexes.build.job import Job, Receipt, Span, Task, Tick
from eoagent_indexes.build.reach import Reach
from eoagent_indexes.build.spool import Spool
from eoagent_indexes.build.worker import SPOOL, Worker
from eoagent_indexes.manifest import SegmentEntry

__all__ = ["ProcessPool", "serve"]

_LOG: Final = logging.getLogger(__name__)
_MOST_DEATHS: Final = 3
_END_S: Final = 10.0
_TASKS: Final = TypeAdapter(list[Task])
_LEFT: Final = TypeAdapter(dict[str, tuple[Span, ...]])


@dataclass(slots=True)
class _Hand:
    """A worker process as the driver sees it."""

    process: BaseProcess
    line: Connection
    group: Group | None = None


class ProcessPool:
    """An `Engine`: `workers` processes of this machine."""

    def __init__(self, job: Job, reach: Reach) -> None:
        """Name the job; processes are started when there is work."""
        self._job, self._reach = job, reach
        self._hands: list[_Hand] = []
        self._seconds: dict[str, float] = defaultdict(float)
        self._deaths = 0

    def run(self, tasks: Sequence[Task], leftovers: Leftovers) -> Events:
        """Yield what becomes of the scenes.

        Raises:
            ModelError: if the encoder fails, or workers die again and again.
            SourceError: if the disk is full or cannot be written.
        """
        groups = deque(groups_of(tasks, self._job.request.workers, leftovers))
        for _ in range(min(self._job.request.workers, len(groups))):
            self._hands.append(self._start())
        while groups or any(hand.group is not None for hand in self._hands):
            for hand in self._hands:
                if hand.group is None and groups:
                    hand.group = groups.popleft()
                    _give(hand)
            busy = {hand.line: hand for hand in self._hands if hand.group is not None}
            for line in wait(list(busy)):
                hand = busy[line]  # type: ignore[index]  # wait returns what it was given
                try:
                    yield from self._heard(hand, json.loads(hand.line.recv_bytes()))
                except (EOFError, ConnectionError):
                    yield from self._died(hand, groups)

    def seal(self, units: frozenset[str], files: Sequence[str]) -> SegmentEntry | None:
        """Write the tiles of some units as a segment."""
        return seal_here(self._job, units, files)

    def seconds(self) -> dict[str, float]:
        """Return the seconds spent by stage, summed over workers."""
        return dict(self._seconds)

    def close(self) -> None:
        """End the workers."""
        for hand in self._hands:
            hand.line.close()  # an idle worker ends when its line does
        for hand in self._hands:
            hand.process.join(0.5 if hand.group is not None else _END_S)
            if hand.process.is_alive():
                hand.process.terminate()
                hand.process.join(_END_S)
        self._hands.clear()

    def _start(self) -> _Hand:
        context = get_context("spawn")  # a fork would keep the writer's lock alive
        here, there = context.Pipe()
        process = context.Process(
            target=serve,
            args=(self._job.model_dump_json(), self._reach, there),
            name="eoagent-index-worker",
            daemon=True,
        )
        process.start()
        there.close()
        return _Hand(process, here)

    def _heard(self, hand: _Hand, said: Mapping[str, Any]) -> Iterator[Receipt | Tick]:
        group = hand.group
        assert group is not None
        if "fault" in said:
            raise Fault.model_validate(said["fault"]).error()
        if "tick" in said:
            yield Tick.model_validate(said["tick"])
        elif "receipt" in said:
            receipt = Receipt.model_validate(said["receipt"])
            group.heard(receipt)
            yield receipt
        else:
            for stage, seconds in said["done"].items():
                self._seconds[stage] += seconds
            hand.group = None

    def _died(self, hand: _Hand, groups: deque[Group]) -> Iterator[Tick]:
        """Put another worker in the place of a dead one, and its scenes back."""
        hand.process.join(_END_S)
        self._deaths += 1
        code = hand.process.exitcode
        if self._deaths > _MOST_DEATHS:
            raise ModelError(
                f"workers of this build died {self._deaths} times, the last with exit code {code}",
                hint="there may be too little memory: build with fewer --workers; "
                "what was embedded is kept",
            )
        _LOG.warning("a worker died (exit code %s); its scenes are taken up again", code)
        left = Spool(Path(self._job.folder) / SPOOL).scan()
        for unit, spans in left.items():
            for span in spans:
                yield Tick(tiles=0, file=span.file, units=(unit,))
        assert hand.group is not None
        if hand.group.tasks:
            groups.appendleft(Group(tasks=hand.group.tasks, leftovers=left))
        hand.line.close()
        self._hands[self._hands.index(hand)] = self._start()


def _give(hand: _Hand) -> None:
    """Send a group to a worker; one that is dead is noticed when it is listened to."""
    group = hand.group
    assert group is not None
    text = {
        "tasks": [task.model_dump(mode="json") for task in group.tasks.values()],
        "leftovers": _LEFT.dump_python(dict(group.leftovers), mode="json"),
    }
    try:
        hand.line.send_bytes(json.dumps(text).encode())
    except (BrokenPipeError, ConnectionError):
        _LOG.debug("a worker did not take its scenes")


def serve(job_text: str, reach: Reach, line: Connection) -> None:
    """Work as one process of a pool until the line is closed.

    Args:
        job_text: the job as JSON.
        reach: what may be read.
        line: where groups come from and receipts go to.
    """
    job = Job.model_validate_json(job_text)
    try:
        worker = Worker(job, reach.guard(), make_encoder(job.encoder))
        while True:
            asked = json.loads(line.recv_bytes())
            worker.seconds.clear()
            tasks = _TASKS.validate_python(asked["tasks"])
            for event in worker.run(tasks, _LEFT.validate_python(asked["leftovers"])):
                name = "tick" if isinstance(event, Tick) else "receipt"
                _send(line, {name: event.to_dict()})
            _send(line, {"done": dict(worker.seconds)})
    except EoAgentError as error:
        _send(line, {"fault": Fault.of(error).to_dict()})
    except (EOFError, ConnectionError):
        return  # the driver has gone


def _send(line: Connection, said: Mapping[str, Any]) -> None:
    line.send_bytes(json.dumps(said).encode())
