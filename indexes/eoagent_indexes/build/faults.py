"""Carry an error from a worker to the driver as text, and raise it there as what it was."""

from __future__ import annotations

from typing import Final

from eoagent.contracts.errors import (
    BudgetExceeded,
    EoAgentError,
    InputError,
    InternalError,
    ModelError,
    ModelMissing,
    NotFound,
    SourceError,
)
from eoagent.contracts.record import Record

__all__ = ["Fault"]

_PLAIN: Final[dict[str, type[EoAgentError]]] = {
    kind.__name__: kind for kind in (BudgetExceeded, InputError, ModelError, NotFound)
}


class Fault(Record):
    """A typed error as data."""

    kind: str
    """Name of its class."""
    message: str
    """What it says."""
    hint: str = ""
    """What can be done."""
    href: str = ""
    """Place of a `SourceError`."""
    command: str = ""
    """Command of a `ModelMissing`."""

    @classmethod
    def of(cls, error: EoAgentError) -> Fault:
        """Return an error as data."""
        return cls(
            kind=error.kind,
            message=str(error),
            hint=error.hint,
            href=getattr(error, "href", ""),
            command=getattr(error, "command", ""),
        )

    def error(self) -> EoAgentError:
        """Return the error again."""
        if self.kind == SourceError.__name__:
            return SourceError(self.message, href=self.href, hint=self.hint)
        if self.kind == ModelMissing.__name__:
            return ModelMissing(self.message, command=self.command, hint=self.hint)
        return _PLAIN.get(self.kind, InternalError)(self.message, hint=self.hint)
