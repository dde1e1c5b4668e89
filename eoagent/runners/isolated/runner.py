"""A model in a process of its own, as its parent sees it: whatever it does is an answer in time."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, cast

from pydantic import ValidationError

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import (
    EoAgentError,
    InputError,
    InternalError,
    ModelError,
    ModelMissing,
    NotFound,
    SourceError,
)
from eoagent.contracts.runner import Placement, ResultForm
from eoagent.runners.failures import RunnerLostError
from eoagent.runners.isolated.frames import MOST_BYTES, BadFrameError
from eoagent.runners.isolated.pipes import Pipes

__all__ = ["IsolatedRunner"]

_CODE: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1])\n"
    "from eoagent.runners.isolated.child import main; main(int(sys.argv[2]))"
)
_SECRET: Final = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")
_MOST_NOISE: Final = 1 << 20
_LAST_WORDS: Final = 2_000
_END_S: Final = 10.0
_LAST_S: Final = 2.0
_PLAIN: Final[Mapping[str, type[EoAgentError]]] = {
    kind.__name__: kind for kind in (InputError, NotFound, ModelError, InternalError)
}


class IsolatedRunner:
    """A `Runner` whose model lives in a child process; used by one thread at a time.

    A child that ended, hung or sent nonsense is killed, and the runner is lost with it.
    """

    def __init__(
        self,
        card: ModelCard,
        weights: Path,
        placement: Placement,
        *,
        start_s: float = 120.0,
        pass_s: float = 300.0,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """Start a process and load the model in it.

        Args:
            card: the model; the entry point of its kind loads it there.
            weights: the weights file.
            placement: where and how it runs.
            start_s: longest time for starting and loading, seconds.
            pass_s: longest time for a pass, seconds.
            most_bytes: longest message either way.

        Raises:
            RunnerLostError: if the process ends, or is not ready in time.
            EoAgentError: what loading the model raises.
        """
        self._card = card
        self._pass_s = pass_s
        self._forms: dict[str, ResultForm | None] = {}
        self._memory_mb = 0
        self._noise, self._process = _start(card.id, most_bytes)
        ends = [cast("IO[bytes]", end) for end in (self._process.stdin, self._process.stdout)]
        self._pipes = Pipes(ends[0].fileno(), ends[1].fileno(), most_bytes=most_bytes)
        asked = {
            "card": card.model_dump_json(),
            "weights": str(weights),
            "placement": placement.model_dump_json(),
        }
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)  # a model that did not load leaves no process
            self._heed(self._exchange(asked, within_s=start_s, what="loading"))
            stack.pop_all()

    @property
    def card(self) -> ModelCard:
        """What the model can do."""
        return self._card

    @property
    def memory_mb(self) -> int:
        """Memory that its weights held after the last pass, MB; 0 once it is closed."""
        return self._memory_mb

    def run(self, task: str, items: Sequence[Any]) -> Sequence[Any]:
        """Run one batch of one task and return a result for each item, in order.

        Raises:
            InputError: if the model refuses an item, or no message can hold it.
            RunnerLostError: if the process ended, hung or sent nonsense; it is gone then.
            ModelError: if the model fails on the batch.
        """
        self._quieten()
        reply = self._exchange(
            {"task": task, "items": list(items)},
            within_s=self._pass_s,
            what=f"{len(items)} {task}",
        )
        self._heed(reply)
        form, results = reply.get("form", ""), reply.get("results")
        is_sequence = isinstance(results, list | tuple) or getattr(results, "ndim", 0) > 0
        if not is_sequence:
            raise self._lost(f"sent {type(results).__name__} as results of {task}")
        try:
            self._forms[task] = ResultForm.model_validate_json(form) if form else None
        except ValidationError as error:
            raise self._lost(f"stated no form of the results of {task}") from error
        return cast("Sequence[Any]", results)

    def result_form(self, task: str) -> ResultForm | None:
        """Return what the model stated of the results of a task that it ran."""
        return self._forms.get(task)

    def close(self) -> None:
        """End the process, whatever it does."""
        self._memory_mb = 0
        if self._process.poll() is None:
            self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # the kernel holds it; nothing to do
            self._process.wait(_END_S)
        for end in (self._process.stdin, self._process.stdout, self._noise):
            if end is not None:
                end.close()

    def _exchange(self, request: dict[str, Any], *, within_s: float, what: str) -> dict[str, Any]:
        if self._process.poll() is not None:
            raise self._lost("ended")
        try:
            self._pipes.send(request, within_s=within_s)
        except BadFrameError as error:
            raise InputError(f"{self._card.id} cannot be asked for {what}: {error}") from error
        except TimeoutError as error:
            raise self._lost(f"did not take {what} within {within_s:g} s") from error
        except OSError as error:
            raise self._lost(f"ended before {what}", is_ending=True) from error
        try:
            reply = self._pipes.receive(within_s=within_s)
        except BadFrameError as error:
            raise self._lost(f"sent nonsense for {what}: {error}") from error
        except TimeoutError as error:
            raise self._lost(f"did not finish {what} within {within_s:g} s") from error
        except (EOFError, OSError) as error:
            raise self._lost(f"ended during {what}", is_ending=True) from error
        if not isinstance(reply, dict):
            raise self._lost(f"sent a {type(reply).__name__} for {what}")
        return reply

    def _heed(self, reply: dict[str, Any]) -> None:
        """Note what a reply says of the memory, or raise the error that it tells."""
        if "error" not in reply:
            memory_mb = reply.get("memory_mb")
            self._memory_mb = memory_mb if isinstance(memory_mb, int) else self._card.memory_mb
            return
        kind, message = str(reply["error"]), str(reply.get("message", ""))
        hint = str(reply.get("hint", ""))
        if reply.get("is_device_lost"):
            raise self._lost(f"lost its device: {message}")
        if reply.get("is_out_of_memory"):
            raise ModelError(message, hint=hint) from MemoryError(message)
        if kind == ModelMissing.__name__:
            raise ModelMissing(message, command=str(reply.get("command", "")), hint=hint)
        if kind == SourceError.__name__:
            raise SourceError(message, href=str(reply.get("href", "")), hint=hint)
        if kind == InternalError.__name__:
            message = f"the process of {self._card.id} failed: {message}"
        raise _PLAIN.get(kind, ModelError)(message, hint=hint)

    def _lost(self, what: str, *, is_ending: bool = False) -> RunnerLostError:
        """End the process and return the error that says why."""
        if is_ending:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_LAST_S)  # what ends by itself says how
        code, said = self._process.poll(), self._last_words()
        self.close()
        how = "" if code is None else f" (signal {-code})" if code < 0 else f" (exit code {code})"
        return RunnerLostError(
            f"the process of {self._card.id} {what}{how}{f': {said}' if said else ''}",
            hint=f"ask for fewer at once; check the weights: eoagent models verify {self._card.id}",
        )

    def _quieten(self) -> None:
        """Forget what the process printed, where it is much."""
        if not self._noise.closed and os.fstat(self._noise.fileno()).st_size > _MOST_NOISE:
            self._noise.truncate(0)

    def _last_words(self) -> str:
        if self._noise.closed:
            return ""
        size = os.fstat(self._noise.fileno()).st_size
        said = os.pread(self._noise.fileno(), _LAST_WORDS, max(0, size - _LAST_WORDS))
        lines = said.decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else ""


def _start(card_id: str, most_bytes: int) -> tuple[IO[bytes], subprocess.Popen[bytes]]:
    """Start a process that waits for messages; what it prints goes to the file."""
    paths = json.dumps([path for path in sys.path if isinstance(path, str)])
    environment = {
        name: value
        for name, value in os.environ.items()
        if not any(word in name.upper() for word in _SECRET)
    }
    try:
        noise = tempfile.TemporaryFile("a+b")  # noqa: SIM115  closed with the process
        process = subprocess.Popen(  # noqa: S603  our own interpreter and code
            [sys.executable, "-P", "-c", _CODE, paths, str(most_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=noise,
            bufsize=0,
            env=environment,
        )
    except OSError as error:
        raise ModelError(
            f"no process could be started for {card_id}: {error}",
            hint="make room on the disk and in memory, or run models in this process",
        ) from error
    return noise, process
