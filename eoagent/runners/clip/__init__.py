"""CLIP and its kin for remote sensing: pictures and texts in one space of vectors."""

from __future__ import annotations

from eoagent.runners.clip.kind import KIND, load_encoder

__all__ = ["KIND", "load_encoder"]
