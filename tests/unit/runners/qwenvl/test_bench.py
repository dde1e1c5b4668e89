"""The benchmark of reasoners compares ways that say the same."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def test_all_ways_that_are_timed_write_the_same_words():
    path = Path(__file__).resolve().parents[3] / "bench" / "reasoner.py"
    spec = importlib.util.spec_from_file_location("eoagent_test_bench_reasoner", path)
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    found = bench.measure("tiny", "cpu", tokens=6, rounds=1, side_px=56)
    assert found["same_words"]
    assert found["reply_tokens"] == 6
    assert {"plain", "ours", "ours, 8 at once"} <= set(found)
    assert found["ours"]["tokens_per_s"] > 0
