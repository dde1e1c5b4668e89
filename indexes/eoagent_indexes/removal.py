"""Delete an index as a whole: out of sight in one step, then file by file."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import Final

from eoagent.contracts.errors import InputError, NotFound
from eoagent.io.atomic import disk_errors, sync_folder
from eoagent_indexes.layout import IndexLayout
from eoagent_indexes.lease import Lease

__all__ = ["remove_index"]

_OURS: Final = frozenset(
    {
        "CURRENT",
        "ann",
        "deletes",
        "ledger",
        "manifests",
        "quarantine",
        "readers",
        "segments",
        "spool",
        "writer.json",
        "writer.lock",
    }
)
_GONE: Final = ".removed-"


def remove_index(folder: Path) -> None:
    """Delete an index with all its versions.

    It is renamed first, so that a removal that is interrupted leaves no index with holes; the next
    one in the same parent folder finishes it. A reader that has it open may meet missing files.

    Raises:
        NotFound: if there is no such folder.
        InputError: if it holds anything that is no part of an index.
        SourceError: if it is being written, or cannot be deleted.
    """
    layout = IndexLayout(folder.absolute())
    _refuse_others(layout.root)
    with Lease(layout), disk_errors(layout.root):
        aside = layout.root.with_name(f"{_GONE}{secrets.token_hex(8)}")
        os.replace(layout.root, aside)  # noqa: PTH105  the fault tests count os calls
        sync_folder(aside.parent)
    with disk_errors(folder.parent):
        for left in sorted(layout.root.parent.glob(f"{_GONE}*")):
            if not left.is_symlink():
                shutil.rmtree(left)


def _refuse_others(root: Path) -> None:
    if not root.is_dir():
        raise NotFound(f"there is no index '{root.name}' at {root}")
    if root.is_symlink():
        raise InputError(f"{root} is a link; delete the folder that it leads to")
    with disk_errors(root):
        names = {path.name for path in root.iterdir()}
    strange = sorted(name for name in names - _OURS if not name.endswith(".part"))
    if strange or not names & {"CURRENT", "writer.lock", "segments"}:
        found = f"it holds '{strange[0][:60]}'" if strange else "it holds no file of one"
        raise InputError(
            f"{root} is not deleted, since it is no index: {found}",
            hint="move what is not part of the index out of its folder",
        )
