"""Remove what no kept version of an index needs.

Kept are the version that stands, those that were replaced only a while ago, and those that living
readers hold. A file that was written only a while ago stays in any case.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from eoagent.contracts.errors import SourceError
from eoagent.io.atomic import disk_errors
from eoagent_indexes.layout import IndexLayout
from eoagent_indexes.lease import Lease
from eoagent_indexes.manifest import Manifest
from eoagent_indexes.orphans import Stored, orphans
from eoagent_indexes.pins import pinned_versions, sweep_pins
from eoagent_indexes.pointer import Pointer, load_current, load_version

__all__ = ["KEEP_S", "kept_versions", "vacuum"]

KEEP_S: Final = 86_400.0
"""Seconds that a replaced version, and a file that nothing names, are kept: a day."""


def vacuum(
    folder: Path,
    *,
    dry_run: bool = True,
    keep_s: float = KEEP_S,
    clock: Callable[[], float] = time.time,
) -> tuple[tuple[str, int], ...]:
    """Return the files that no kept version needs, with their bytes, and remove them.

    Args:
        folder: the index folder.
        dry_run: whether they are only told.
        keep_s: seconds for which what is no longer needed is kept.
        clock: seconds since 1970.

    Raises:
        NotFound: if there is no index.
        SourceError: if it is damaged, is being written, or cannot be changed.
    """
    layout = IndexLayout(folder.absolute())
    load_current(layout)  # no lock, and no file of one, in a folder that is no index
    with contextlib.ExitStack() as stack:
        if not dry_run:
            stack.enter_context(Lease(layout))
        kept = kept_versions(layout, keep_s=keep_s, clock=clock)
        before = clock() - keep_s
        doomed = [file for file in orphans(layout, kept) if file.changed_s <= before]
        if not dry_run:
            sweep_pins(layout)
            _remove(layout, doomed)
    return tuple((file.path, file.bytes) for file in doomed)


def kept_versions(
    layout: IndexLayout, *, keep_s: float, clock: Callable[[], float] = time.time
) -> tuple[Manifest, ...]:
    """Return the versions whose files stay, newest first.

    Args:
        layout: the index.
        keep_s: seconds for which a version stays after another one has replaced it.
        clock: seconds since 1970.

    Raises:
        NotFound: if there is no index.
        SourceError: if the manifest of a version that must stay is damaged.
    """
    # The marks are read first: a reader that comes later finds a version that stands by now.
    pinned = pinned_versions(layout)
    _, manifest = load_current(layout)
    kept = [manifest]
    while manifest.parent:
        replaced_s = manifest.created.timestamp()
        is_young = clock() - replaced_s < keep_s
        if not is_young and not any(version <= manifest.parent for version in pinned):
            break  # those before are older still
        must_stay = is_young or manifest.parent in pinned
        path = layout.manifest(manifest.parent)
        if not path.exists():
            if must_stay and manifest.parent in pinned:
                raise SourceError(
                    f"{path} is gone, but a reader holds version {manifest.parent}",
                    href=str(path),
                    hint="end the readers of this index",
                )
            break  # an earlier vacuum ended here
        manifest = load_version(layout, Pointer(manifest.parent, manifest.parent_sha256))
        if must_stay:
            kept.append(manifest)
    return tuple(kept)


def _remove(layout: IndexLayout, doomed: list[Stored]) -> None:
    # Manifests go first, so that what an interrupted vacuum leaves is never a version with holes.
    order = sorted(doomed, key=lambda file: (not file.path.startswith("manifests/"), file.path))
    folders = set()
    for file in order:
        path = layout.root / file.path
        with disk_errors(path):
            path.unlink(missing_ok=True)
        folders.add(path.parent)
    for folder in folders - {layout.root, layout.manifests, layout.deletes}:
        if folder.parent in {layout.segments, layout.ann}:
            with contextlib.suppress(OSError):  # it still holds something
                os.rmdir(folder)  # noqa: PTH106  the fault tests count os calls
