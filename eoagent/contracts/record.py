"""The shared shape of everything that is written down: frozen, strict, finite-safe JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = ["Record", "canonical_json", "digest"]


class Record(BaseModel):
    """Base of all records: immutable, no unknown fields, NaN and infinity kept as strings."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    def to_dict(self) -> dict[str, Any]:
        """Return the record as finite JSON types: str, int, float, bool, None, list, dict."""
        data: dict[str, Any] = json.loads(self.model_dump_json())
        return data


def canonical_json(value: object) -> str:
    """Return one spelling of a JSON value: sorted keys, no spaces, UTF-8 kept, NaN refused.

    Raises:
        ValueError: if the value holds NaN or infinity.
        TypeError: if it holds something that JSON cannot.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(value: object) -> str:
    """Return the sha256 of a JSON value's canonical spelling, in hex."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
