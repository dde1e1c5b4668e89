"""The one header that our .npy files have, so that reading them takes no parser.

A file is accepted if its head is, byte for byte, what a file of the expected shape and type starts
with; anything else (another shape, objects, another order) is damage. numpy reads these files.
"""

from __future__ import annotations

from typing import Final, Literal

__all__ = ["HEADER_BYTES", "npy_header"]

HEADER_BYTES: Final = 128
"""Length of the header."""


def npy_header(dtype: Literal["<f2", "<u4"], shape: tuple[int, ...]) -> bytes:
    """Return the header of a version 1.0 file in C order.

    Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    """
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    length = HEADER_BYTES - 10
    padded = text.ljust(length - 1) + "\n"
    assert len(padded) == length
    return b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + padded.encode("ascii")
