"""eoagent: ask questions about the Earth, get numbers traceable to pixels and method.

`Agent`, `Answer`, `as_tool`, `open_index` and `Unit` load what they need when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from eoagent.app.agent import Agent
    from eoagent.app.answer import Answer
    from eoagent.app.ownfunction import Unit, as_tool
    from eoagent.app.searching import open_index

__all__ = [
    "Agent",
    "Answer",
    "BudgetExceeded",
    "EoAgentError",
    "InputError",
    "InternalError",
    "ModelError",
    "ModelMissing",
    "NotFound",
    "SourceError",
    "Unit",
    "__version__",
    "as_tool",
    "open_index",
]

__version__ = "0.1.0"

_LAZY = {
    "Agent": "eoagent.app.agent",
    "Answer": "eoagent.app.answer",
    "Unit": "eoagent.app.ownfunction",
    "as_tool": "eoagent.app.ownfunction",
    "open_index": "eoagent.app.searching",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    msg = f"module 'eoagent' has no attribute '{name}'"
    raise AttributeError(msg)
