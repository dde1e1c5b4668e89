"""RemoteSAM: finds in a picture what a text refers to; its weights are not part of eoagent.

`RemoteSam` is the network, `Segmenter` asks it, `convert_checkpoint` makes a slim copy of its
weights. They load torch when they are first used. What follows from masks
(objects, labels, captions) is in the modules `detection`, `labelling` and `captions`, without
torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from eoagent.contracts.errors import ModelMissing

if TYPE_CHECKING:
    from eoagent.runners.remotesam.conversion import convert_checkpoint
    from eoagent.runners.remotesam.network import RemoteSam
    from eoagent.runners.remotesam.segmenter import Segmenter

__all__ = ["RemoteSam", "Segmenter", "convert_checkpoint"]

_LAZY = {
    "RemoteSam": "eoagent.runners.remotesam.network",
    "Segmenter": "eoagent.runners.remotesam.segmenter",
    "convert_checkpoint": "eoagent.runners.remotesam.conversion",
}
_LIBRARIES = ("torch", "tokenizers", "safetensors")


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        msg = f"module 'eoagent.runners.remotesam' has no attribute '{name}'"
        raise AttributeError(msg)
    try:
        return getattr(import_module(_LAZY[name]), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _LIBRARIES:
            raise
        raise ModelMissing(
            f"RemoteSAM needs {error.name}, which is not installed",
            command="pip install 'eoagent[models]'",
        ) from error
