"""What a worker in another process may read: a guard of its own, by the same rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eoagent.contracts.store import Origins
from eoagent.io.access import AccessBook
from eoagent.io.origin import OriginGuard

__all__ = ["Reach"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a guard is made of; goes from process to process and is never written down."""

    typed: tuple[str, ...]
    """Places that are trusted: the source of the build, which the user typed."""
    allow_hosts: tuple[str, ...] = ()
    """Hosts that may be private."""
    host_access: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Keys by host."""

    def guard(self) -> Origins:
        """Return a guard."""
        return OriginGuard(
            self.typed, allow_hosts=self.allow_hosts, access=AccessBook(self.host_access)
        )
