"""numpy reads what starts with our header; numpy itself is the oracle."""

from __future__ import annotations

import io

import numpy as np
import pytest

from eoagent_indexes.npyfile import HEADER_BYTES, npy_header


@pytest.mark.parametrize(
    ("dtype", "shape"), [("<f2", (3, 4)), ("<f2", (1_000_000, 512)), ("<u4", (5,)), ("<u4", (1,))]
)
def test_numpy_reads_the_header(dtype, shape):
    header = npy_header(dtype, shape)
    assert len(header) == HEADER_BYTES
    file = io.BytesIO(header)
    assert np.lib.format.read_magic(file) == (1, 0)
    assert np.lib.format.read_array_header_1_0(file) == (shape, False, np.dtype(dtype))
    assert file.tell() == HEADER_BYTES


def test_numpy_reads_a_whole_file():
    values = np.arange(12, dtype="<f2").reshape(3, 4)
    file = io.BytesIO(npy_header("<f2", (3, 4)) + values.tobytes())
    np.testing.assert_array_equal(np.load(file, allow_pickle=False), values)
