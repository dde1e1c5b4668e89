"""Make a small invented world of dated scenes whose every answer is known exactly."""

from eoagent.io.sampleworld.truth import WorldTruth
from eoagent.io.sampleworld.world import write_world

__all__ = ["WorldTruth", "write_world"]
