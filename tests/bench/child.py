"""Run something in a process of its own, and read off what it took: time, processor, memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Spent", "run_child"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one process took."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    """Largest resident set, MB of 10^6 bytes."""
    code: int
    said: str
    """What it wrote to stdout."""
    complaint: str
    """The end of what it wrote to stderr."""

    @property
    def answer(self) -> dict[str, Any]:
        """The JSON object in the last line of what it said; empty if it failed."""
        if self.code or not self.said.strip():
            return {}
        found: dict[str, Any] = json.loads(self.said.strip().splitlines()[-1])
        return found


def run_child(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, most_mb: float | None = None
) -> Spent:
    """Run a command to its end.

    The caller should be small: on Linux a child's largest resident set counts from the fork on.

    Args:
        command: program and arguments.
        env: variables to set besides those there are.
        most_mb: address space that it may have, MB.
    """

    def limit() -> None:
        if most_mb is not None:
            size = int(most_mb * 1e6)
            resource.setrlimit(resource.RLIMIT_AS, (size, size))

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        child = subprocess.Popen(
            list(command),
            stdout=out,
            stderr=err,
            env={**os.environ, **(env or {})},
            preexec_fn=limit,  # noqa: PLW1509 - one thread runs here
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return Spent(
        wall_s=wall,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss * 1024 / 1e6,
        code=child.returncode,
        said=texts[0],
        complaint=" ".join(texts[1].split())[-300:],
    )
