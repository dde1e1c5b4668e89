"""The one error tree, and the exit code that each class ends a command with.

```
EoAgentError
├── InputError       the request can be repaired; `.hint` says how
│   └── NotFound     what was named does not exist
├── SourceError      bytes could not be had or trusted; `.href` says which
├── ModelMissing     weights or an extra are not installed; `.command` adds them
├── ModelError       a model ran and failed
├── BudgetExceeded   a limit on steps, seconds, tokens or cost was reached
└── InternalError    our own fault: a bug, reported with what is known
```
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

__all__ = [
    "EXIT_ASKED_BACK",
    "EXIT_CODES",
    "BudgetExceeded",
    "EoAgentError",
    "InputError",
    "InternalError",
    "ModelError",
    "ModelMissing",
    "NotFound",
    "SourceError",
    "exit_code",
]


class EoAgentError(Exception):
    """Base of every error that eoagent raises on purpose; catch it to catch them all."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        """What the reader can do about it; empty when there is nothing to add."""

    @property
    def kind(self) -> str:
        """The class name, which records and JSON documents carry."""
        return type(self).__name__

    def explain(self) -> str:
        """Return the message and, when there is one, the hint in one line."""
        message = str(self)
        return f"{message} ({self.hint})" if self.hint else message


class InputError(EoAgentError):
    """The request cannot be carried out as it stands, and whoever made it can repair it."""


class NotFound(InputError):
    """A file, place, artifact, run, tool or band that was named does not exist."""


class SourceError(EoAgentError):
    """A source could not be read, was refused, is damaged, or left no room on the disk."""

    def __init__(self, message: str, *, href: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.href = href
        """Where the bytes were to come from or go to."""


class ModelMissing(EoAgentError):
    """A model, an extra or a plugin that the request needs is not installed."""

    def __init__(self, message: str, *, command: str, hint: str = "") -> None:
        super().__init__(message, hint=hint or f"run: {command}")
        self.command = command
        """The command that adds what is missing."""


class ModelError(EoAgentError):
    """A model was there and failed on this input."""


class BudgetExceeded(EoAgentError):
    """A limit set for the run was reached before the work was done."""


class InternalError(EoAgentError):
    """Something that must not happen did; the cause is chained."""


EXIT_CODES: Final = MappingProxyType(
    {
        InternalError: 1,
        InputError: 3,
        SourceError: 4,
        ModelMissing: 5,
        ModelError: 5,
        BudgetExceeded: 6,
        EoAgentError: 1,
    },
)
"""Exit code per error class; 0 is success, 2 a usage error, 130 an interrupt."""

EXIT_ASKED_BACK: Final = 6
"""Exit code of a run that asked back or cannot answer."""


def exit_code(error: EoAgentError) -> int:
    """Return the exit code of an error: that of its nearest listed class."""
    return next(EXIT_CODES[cls] for cls in type(error).__mro__ if cls in EXIT_CODES)
