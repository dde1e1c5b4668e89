"""A build of an index that is killed at a named point; a program of its own.

Run as `killed_index.py INDEX SOURCE TOY`, where TOY is a folder that `toy_encoder.install` wrote. The
point comes in `KILL_AT`, as `encode:N` (before the N-th batch), `embedded:N` (behind it, before it is
durable), `rename:N` (before the N-th rename) or `synced:N` (behind the N-th fsync). Nothing of the
product knows about it: its parts are wrapped from outside. Versions are made every 20 tiles.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import toy_encoder

from eoagent.contracts.index import Surroundings
from eoagent.contracts.indexing import BuildRequest
from eoagent.io.origin import OriginGuard
from eoagent_indexes.build import committing
from eoagent_indexes.build.worker import Worker
from eoagent_indexes.upkeep import TileUpkeep


def wrap(owner, name: str, *, before: str = "", behind: str = "") -> None:
    """Kill the process at the N-th passing of one end of a function."""
    point, _, count = os.environ["KILL_AT"].partition(":")
    left = [int(count)]
    whole = getattr(owner, name)

    def passing(here: str) -> None:
        if here == point:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def wrapped(*given, **named):
        passing(before)
        result = whole(*given, **named)
        passing(behind)
        return result

    setattr(owner, name, wrapped)


def main(index: str, source: str, toy: str) -> None:
    """Build, or go on."""
    toy_encoder.on_path(Path(toy))
    committing.COMMIT_TILES = 20
    committing.MERGE_SEGMENTS = 2
    wrap(Worker, "_embed", before="encode", behind="embedded")
    wrap(os, "replace", before="rename")
    wrap(os, "fsync", behind="synced")
    around = Surroundings(
        origins=OriginGuard([source]), encoder_source=toy_encoder.source(Path(toy), max_batch=4)
    )
    TileUpkeep(Path(index), around).build(BuildRequest(source=source))


if __name__ == "__main__":
    main(*sys.argv[1:])
