"""Masks as text: each row in run lengths, `0*3,1*2;0*5;`, on a coarse grid, within `<seg>` tags."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.dialogue.grammars.found import Found

__all__ = ["decode_mask", "encode_mask"]

_SEG: Final = re.compile(r"<seg>(?P<rows>[^<]{0,400000})(?P<end></seg>)?", re.IGNORECASE)
_RUN: Final = re.compile(r"\s*([01])\s*\*\s*(\d{1,5})\s*")
_BARE: Final = re.compile(r"[\d*,;\s]+")
_MOST_CELLS: Final = 1_000_000


def encode_mask(grid: NDArray[np.bool_]) -> str:
    """Return a mask as a model writes it.

    Args:
        grid: (rows, columns), one row and one column at least.
    """
    return f"<seg>{''.join(f'{_row(cells)};' for cells in grid)}</seg>"


def decode_mask(answer: str) -> Found:
    """Return the mask in an answer: unparseable where its rows are not of one length.

    Of an answer that is broken off, the rows that are whole are given.

    Args:
        answer: what a model wrote, without its reasoning.
    """
    seg = _SEG.search(answer)
    if seg is not None:
        text, is_open = seg.group("rows"), seg.group("end") is None
    else:
        text, is_open = answer, not answer.rstrip().endswith(";")
    if seg is None and ("*" not in text or not _BARE.fullmatch(text)):
        return Found(status="unparseable")
    told = text.strip().split(";")
    tail = told.pop().strip()
    if tail and not is_open:  # the last row lacks its semicolon
        told.append(tail)
        tail = ""
    rows = [_cells(row) for row in told]
    if any(row is None for row in rows):
        return Found(status="unparseable")
    grid = _grid([row for row in rows if row is not None])
    if is_open:
        return Found(status="truncated", grid=grid)
    if grid is None:
        return Found(status="unparseable")
    return Found(status="found" if grid.any() else "none", grid=grid)


def _row(cells: NDArray[np.bool_]) -> str:
    edges = np.flatnonzero(np.diff(cells.astype(np.int8))) + 1
    starts = np.concatenate([[0], edges])
    counts = np.diff(np.concatenate([starts, [len(cells)]]))
    runs = zip(starts, counts, strict=True)
    return ",".join(f"{int(cells[start])}*{count}" for start, count in runs)


def _cells(row: str) -> list[tuple[bool, int]] | None:
    """Return the runs of a row, or nothing where it is not one."""
    runs = [_RUN.fullmatch(run) for run in row.split(",")]
    told = [(run.group(1) == "1", int(run.group(2))) for run in runs if run is not None]
    return told if len(told) == len(runs) and all(count for _, count in told) else None


def _grid(rows: list[list[tuple[bool, int]]]) -> NDArray[np.bool_] | None:
    widths = {sum(count for _, count in row) for row in rows}
    if len(widths) != 1 or next(iter(widths)) * len(rows) > _MOST_CELLS:
        return None
    return np.array(
        [np.repeat([is_in for is_in, _ in row], [n for _, n in row]) for row in rows], dtype=bool
    )
