"""What models have done adds up over runs and processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from eoagent.contracts.runner import Counters
from eoagent.io.modeluse import add_use, read_use, use_since

NAME = "remotesam-v1 cpu float32 fast"


def test_runs_add_up_and_the_largest_pass_stays_the_largest(tmp_path):
    add_use(tmp_path, {NAME: Counters(requests=2, batches=2, largest_batch=4, busy_s=1.5)})
    add_use(tmp_path, {NAME: Counters(requests=3, batches=1, largest_batch=2, busy_s=0.25)})
    assert read_use(tmp_path) == {
        NAME: Counters(requests=5, batches=3, largest_batch=4, busy_s=1.75)
    }


def test_a_model_that_was_asked_nothing_is_not_written_down(tmp_path):
    add_use(tmp_path, {NAME: Counters(loads=1)})
    assert not list(tmp_path.iterdir())
    assert read_use(tmp_path) == {}


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"x": {"requests": "many"}}'])
def test_a_damaged_file_counts_as_none_and_is_replaced(tmp_path, text):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "model-use.json").write_bytes(text)
    assert read_use(tmp_path) == {}
    add_use(tmp_path, {NAME: Counters(requests=1)})
    assert read_use(tmp_path)[NAME].requests == 1


def test_several_at_once_lose_nothing(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: add_use(tmp_path, {NAME: Counters(requests=1)}), range(12)))
    assert read_use(tmp_path)[NAME].requests == 12


def test_the_difference_of_two_looks_is_what_was_done_between():
    before = {NAME: Counters(requests=2, busy_s=1.0, largest_batch=4)}
    now = {
        NAME: Counters(requests=5, busy_s=1.5, largest_batch=4, batches=3),
        "new cpu float32 fast": Counters(requests=1),
        "idle cpu float32 fast": Counters(loads=1),
    }
    found = use_since(before, now)
    assert found[NAME] == Counters(requests=3, busy_s=0.5, largest_batch=4, batches=3)
    assert set(found) == {NAME, "new cpu float32 fast"}
    assert use_since(now, now) == {}
