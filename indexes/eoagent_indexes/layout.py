"""Where everything lies in an index folder.

```
CURRENT                    version and sha256 of its manifest; the only file that is replaced
manifests/00000042.json    one per version; never changed
segments/ID/tiles.parquet  rows: what each tile is; row i describes vector i
segments/ID/vectors.npy    vectors, float16, (rows, dimensions)
segments/ID/blocks.sha256  hash of each block of vectors.npy
segments/ID/columns.bin    what filters look at, memory-mapped
segments/ID/ids.bin        tile ids, sorted, with their rows
segments/ID/SEG.json       written last: the segment is whole
ann/GENERATION/ID.faiss    derived search structures
ann/GENERATION/ID.json     what was measured of each
deletes/ID.npy             rows of a segment that are deleted
ledger/ID.parquet          work units that were done
quarantine/ID.parquet      what could not be read
readers/                   versions that open readers hold
writer.lock, writer.json   who writes
```
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["BLOCKS", "COLUMNS", "IDS", "SEAL", "TILES", "VECTORS", "IndexLayout"]

TILES: Final = "tiles.parquet"
"""Name of a segment's rows."""
VECTORS: Final = "vectors.npy"
"""Name of a segment's vectors."""
BLOCKS: Final = "blocks.sha256"
"""Name of the hashes of a segment's vectors."""
COLUMNS: Final = "columns.bin"
"""Name of a segment's filter columns."""
IDS: Final = "ids.bin"
"""Name of a segment's sorted tile ids."""
SEAL: Final = "SEG.json"
"""Name of what is written last into a segment."""


@dataclass(frozen=True, slots=True)
class IndexLayout:
    """Paths below the folder of an index."""

    root: Path
    """The folder; its name is the name of the index."""

    @property
    def current(self) -> Path:
        """What names the committed version."""
        return self.root / "CURRENT"

    @property
    def manifests(self) -> Path:
        """Folder of the manifests."""
        return self.root / "manifests"

    @property
    def segments(self) -> Path:
        """Folder of the segments."""
        return self.root / "segments"

    @property
    def ann(self) -> Path:
        """Folder of the derived search structures."""
        return self.root / "ann"

    @property
    def deletes(self) -> Path:
        """Folder of the tombstones."""
        return self.root / "deletes"

    @property
    def ledger(self) -> Path:
        """Folder of the parts of the ledger."""
        return self.root / "ledger"

    @property
    def quarantine(self) -> Path:
        """Folder of the parts that say what could not be read."""
        return self.root / "quarantine"

    @property
    def readers(self) -> Path:
        """Folder of the marks of open readers."""
        return self.root / "readers"

    @property
    def writer_lock(self) -> Path:
        """The file that a writer locks."""
        return self.root / "writer.lock"

    @property
    def writer(self) -> Path:
        """What says who writes; touched while he lives."""
        return self.root / "writer.json"

    def manifest(self, version: int) -> Path:
        """Return the path of the manifest of a version."""
        return self.manifests / f"{version:08d}.json"

    def segment(self, segment_id: str) -> Path:
        """Return the folder of a segment."""
        return self.segments / segment_id
