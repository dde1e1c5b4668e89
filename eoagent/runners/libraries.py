"""Import the heavy libraries of the models when they are first used, or say how to add them."""

from __future__ import annotations

import importlib
from typing import Any

from eoagent.contracts.errors import ModelMissing

__all__ = ["load_library"]


def load_library(name: str) -> Any:
    """Import a library of the extra `models` and return it.

    Raises:
        ModelMissing: if it is not installed, or is broken; the command adds it.
    """
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:  # OSError: a shared library of it cannot be loaded
        top = name.partition(".")[0]
        raise ModelMissing(
            f"models need the library {top}, which cannot be imported: {error}",
            command="pip install 'eoagent[models]'",
        ) from error
