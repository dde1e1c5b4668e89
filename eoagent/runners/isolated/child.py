"""The process of one model: takes requests from a pipe, and answers each with results or an error.

Started by `IsolatedRunner`. What libraries print goes to the error output, never between messages.
The process ends with the pipe, so it does not outlive its parent even while the model computes.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import EoAgentError, InternalError
from eoagent.contracts.runner import Placement, Runner
from eoagent.runners.failures import first_line, free_unused, is_device_lost, is_out_of_memory
from eoagent.runners.isolated.frames import HEAD_BYTES, decode, encode, lengths
from eoagent.runners.registry import kind_of

__all__ = ["main"]

_STDIN: Final = 0
_STDOUT: Final = 1
_STDERR: Final = 2
_STEP: Final = 1 << 20


def main(most_bytes: int) -> None:
    """Answer the messages of the pipe that is standard input, until it ends.

    Args:
        most_bytes: longest message.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the parent, which ends us
    replies = os.fdopen(os.dup(_STDOUT), "wb")
    os.dup2(_STDERR, _STDOUT)
    requests: queue.Queue[Any] = queue.Queue(maxsize=1)
    threading.Thread(target=_listen, args=(requests, most_bytes), daemon=True).start()
    runner: Runner | None = None
    while True:
        request = requests.get()
        # The one place where everything is caught: a fault of the model is an answer, and the
        # process lives on; nothing of it is seen by the parent but this reply.
        try:
            if runner is None:
                runner = _load(request)
                reply = {"memory_mb": runner.memory_mb}
            else:
                reply = _run(runner, request)
            data = encode(reply, most_bytes=most_bytes)
        except Exception as error:  # noqa: BLE001  the runner child loop
            data = encode(_told(error), most_bytes=most_bytes)
            is_short = is_out_of_memory(error)
        else:
            is_short = False
        if is_short:
            free_unused()
        replies.write(data)
        replies.flush()


def _listen(requests: queue.Queue[Any], most_bytes: int) -> None:
    while True:
        document, body = lengths(bytes(_take(HEAD_BYTES)), most_bytes=most_bytes)
        requests.put(decode(bytes(_take(document)), _take(body)))


def _take(count: int) -> bytearray:
    """Return that many bytes of the pipe; where it ends, the parent is gone, and so are we."""
    data = bytearray()
    while len(data) < count:
        part = os.read(_STDIN, min(count - len(data), _STEP))
        if not part:
            os._exit(0)  # whatever the model does now
        data += part
    return data


def _load(request: Mapping[str, Any]) -> Runner:
    card = ModelCard.model_validate_json(request["card"])
    placement = Placement.model_validate_json(request["placement"])
    return kind_of(card).load(card, Path(request["weights"]), placement)


def _run(runner: Runner, request: Mapping[str, Any]) -> dict[str, Any]:
    task = request["task"]
    results = runner.run(task, request["items"])
    form = runner.result_form(task)
    return {
        "results": results,
        "form": "" if form is None else form.model_dump_json(),
        "memory_mb": runner.memory_mb,
    }


def _told(error: Exception) -> dict[str, Any]:
    typed = error
    if not isinstance(error, EoAgentError | RuntimeError | MemoryError):
        typed = InternalError(f"{type(error).__name__}: {first_line(error)}")
    return {
        "error": type(typed).__name__,
        "message": str(typed)[:2000] or type(typed).__name__,
        "hint": str(getattr(typed, "hint", "")),
        "command": str(getattr(typed, "command", "")),
        "href": str(getattr(typed, "href", "")),
        "is_out_of_memory": is_out_of_memory(error),
        "is_device_lost": is_device_lost(error),
    }
