"""Vectors are checked where they are used, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import SourceError
from eoagent_indexes.blocks import BlockedVectors
from eoagent_indexes.layout import VECTORS
from eoagent_indexes.segment_write import BLOCK_BYTES

ROWS = 6000  # 16 numbers of 2 bytes: three blocks of 64 KiB


@pytest.fixture(scope="module")
def large(tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("blocks")
    return folder, made.write(folder, 1, ROWS)


@pytest.fixture
def flipped(large):
    """The segment with one byte of its second block changed, for the time of a test."""
    folder, entry = large
    path = folder / entry.file(VECTORS).path
    sound = path.read_bytes()
    wrong = bytearray(sound)
    wrong[BLOCK_BYTES + 100] ^= 1
    path.write_bytes(wrong)
    yield folder, entry
    path.write_bytes(sound)


def test_only_the_blocks_that_are_used_are_read(large):
    vectors = BlockedVectors(*large)
    assert vectors.checked_share == 0
    vectors.take(np.array([5, 17, 5]))
    assert vectors.checked_share == pytest.approx(1 / 3)
    vectors.range(0, ROWS)
    assert vectors.checked_share == 1


def test_rows_on_both_sides_of_a_block_edge_are_whole(large):
    folder, entry = large
    stored = np.load(folder / entry.file(VECTORS).path)
    rows = np.array([2044, 2043, 2045, 4092, 0, ROWS - 1])
    np.testing.assert_array_equal(BlockedVectors(folder, entry).take(rows), stored[rows])
    np.testing.assert_array_equal(
        BlockedVectors(folder, entry).range(2040, 2050), stored[2040:2050]
    )


def test_a_flipped_byte_is_found_when_its_block_is_used_and_not_before(flipped):
    vectors = BlockedVectors(*flipped)
    vectors.take(np.array([0, ROWS - 1]))
    with pytest.raises(
        SourceError, match=r"other bytes than were written in 1 blocks, first at byte 65536"
    ):
        vectors.take(np.array([0, 2100]))
    with pytest.raises(SourceError, match="first at byte 65536"):
        vectors.range(0, ROWS)
    vectors.range(0, 100)
    assert vectors.damaged_blocks().tolist() == [1]


def test_a_view_cannot_be_written_to(large):
    with pytest.raises(ValueError, match="read-only"):
        BlockedVectors(*large).range(0, 5)[0, 0] = 0


def test_no_rows_read_nothing(large):
    vectors = BlockedVectors(*large)
    assert vectors.take(np.array([], dtype=np.int64)).shape == (0, 16)
    assert vectors.range(5, 5).shape == (0, 16)
    assert vectors.checked_share == 0


def test_many_threads_read_the_same_vectors(large):
    from concurrent.futures import ThreadPoolExecutor

    folder, entry = large
    stored = np.load(folder / entry.file(VECTORS).path)
    vectors = BlockedVectors(folder, entry)
    rows = [np.random.default_rng(seed).integers(0, ROWS, 50) for seed in range(24)]
    with ThreadPoolExecutor(6) as pool:
        for mine, found in zip(rows, pool.map(vectors.take, rows), strict=True):
            np.testing.assert_array_equal(found, stored[mine])
