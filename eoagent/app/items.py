"""Run the items of a list side by side: how many at once, in which order, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from typing import Final, TypeVar

from eoagent.contracts.planner import Limits
from eoagent.contracts.tool import Options

__all__ = ["BYTES_PER_PIXEL", "room_for_items", "run_side_by_side"]

Done = TypeVar("Done")

BYTES_PER_PIXEL: Final = 50
"""Memory of block-wise work per pixel of a block: values as stored and as float32, the index made
of them, masks, and pixel areas; the largest of the tools stays below it."""


def room_for_items(limits: Limits, options: Options) -> int:
    """Return how many items may be at work at the same time: at least one.

    Bounded by `max_parallel`, and by how many blocks fit into `max_memory_mb`.
    """
    fitting = limits.max_memory_mb * 1_000_000 // (options.block_pixels * BYTES_PER_PIXEL)
    return max(1, min(limits.max_parallel, fitting))


def run_side_by_side(
    tasks: Sequence[Callable[[], Done]], *, workers: int, on_done: Callable[[int, int], None]
) -> list[Done]:
    """Run tasks in threads and return what they gave, in the order of the tasks.

    A task runs in a copy of the caller's context. What a task raises is raised here, control flow
    of the graph included: tasks that have not begun are dropped, those at work are waited for.

    Args:
        tasks: what to run; GDAL and numpy let other threads work meanwhile.
        workers: how many at once.
        on_done: called in the caller's thread with (index, number done) whenever a task ends.
    """
    pool = ThreadPoolExecutor(min(workers, len(tasks)) or 1, thread_name_prefix="item")
    try:
        futures = {pool.submit(copy_context().run, task): n for n, task in enumerate(tasks)}
        for count, future in enumerate(as_completed(futures), 1):
            future.result()
            on_done(futures[future], count)
        return [future.result() for future in futures]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
