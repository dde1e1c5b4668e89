"""Read a knowledge base: a folder of documents, or rows of JSONL or GeoParquet, as passages.

Documents (`.md`, `.txt`) are cut at blank lines into passages cited as `file.md#3`. Rows have
`text`, and may have `id`, `title`, a place (`lon` and `lat`, `bbox`, or `geometry` on WGS84) and an
`embedding` of a picture by the model that `encoder` names.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.figure import Fingerprint, Source
from eoagent.contracts.knowledge import Passage
from eoagent.contracts.store import Origins
from eoagent.contracts.text import plain_text
from eoagent.io.knowledgerows import KnowledgeRow, parquet_rows, text_rows
from eoagent.vectors.lexical import LexicalIndex

__all__ = ["KnowledgeBase", "read_knowledge"]

_DOCUMENTS: Final = frozenset({".md", ".txt"})
_ROWS: Final = frozenset({".jsonl", ".ndjson"})
_PARQUET: Final = frozenset({".parquet", ".geoparquet"})
_KINDS: Final = ".md, .txt, .jsonl, .parquet"
_MOST_BYTES: Final = 200_000_000
_MOST_FILES: Final = 10_000
_MOST_PASSAGES: Final = 200_000


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class KnowledgeBase:
    """Passages, with what they can be found by besides their words."""

    name: str
    """Name of the file or folder."""
    passages: tuple[Passage, ...]
    """The passages."""
    places: tuple[BaseGeometry | None, ...]
    """Where each is about, WGS84 degrees; None where it says none."""
    vectors: NDArray[np.float32] | None
    """Unit vectors of their pictures, (n, d), zeros where a passage has none; None without any."""
    encoder: str
    """Card of the model that made the vectors; empty without any."""
    words: LexicalIndex
    """Titles and texts of the passages, searched by their words."""


def read_knowledge(href: str, origins: Origins) -> KnowledgeBase:
    """Return the passages of a local file or folder that the user named.

    Raises:
        NotFound: if it is not there.
        InputError: if it holds nothing that can be read, too much, the same id twice, or vectors
            of several models.
        SourceError: if a file is refused or damaged; says which, and where in it.
    """
    admitted = origins.admit(href)
    if admitted.scheme != "file":
        raise InputError(
            "a knowledge base is a local file or folder", hint="fetch it first, then name its path"
        )
    root = Path(admitted.href)
    rows: list[tuple[KnowledgeRow, Source]] = []
    size = 0
    for path in _files(root):
        data = _bytes(path, _MOST_BYTES - size)
        size += len(data)
        digest = Fingerprint(kind="sha256", value=hashlib.sha256(data).hexdigest())
        source = Source(href=plain_text(str(path)), fingerprint=digest)
        rows += [(row, source) for row in _rows(data, path, root)]
        if len(rows) > _MOST_PASSAGES:
            raise InputError(
                f"{root} holds more than {_MOST_PASSAGES:,} passages", hint="name a part of it"
            )
    if not rows:
        raise InputError(f"{root} holds no passage", hint=f"files that are read: {_KINDS}")
    _refuse_doubles([row.id for row, _ in rows], root)
    vectors, encoder = _vectors([row for row, _ in rows], root)
    return KnowledgeBase(
        name=root.name,
        passages=tuple(
            Passage(id=row.id, text=row.text, title=row.title, source=source)
            for row, source in rows
        ),
        places=tuple(row.place for row, _ in rows),
        vectors=vectors,
        encoder=encoder,
        words=LexicalIndex([f"{row.title} {row.text}" for row, _ in rows]),
    )


def _files(root: Path) -> list[Path]:
    """Return the files of a knowledge base in order; links out of the folder are passed over."""
    known = _DOCUMENTS | _ROWS | _PARQUET
    if not root.is_dir():
        if root.suffix.lower() not in known or not root.is_file():
            raise InputError(
                f"{root.name} is no knowledge base", hint=f"files that are read: {_KINDS}"
            )
        return [root]
    real = root.resolve()
    every = (path for path in root.rglob("*") if path.suffix.lower() in known)
    inside = (path for path in every if path.is_file() and path.resolve().is_relative_to(real))
    found = sorted(islice(inside, _MOST_FILES + 1))
    if len(found) > _MOST_FILES:
        raise InputError(
            f"{root} holds more than {_MOST_FILES:,} documents", hint="name a part of it"
        )
    return found


def _bytes(path: Path, most: int) -> bytes:
    """Return a file, read once, so that what is hashed is what is parsed."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}", href=str(path)) from error
    if len(data) > most:
        raise InputError(
            f"the knowledge base holds more than {_MOST_BYTES:,} bytes of documents",
            hint="name a part of it",
        )
    return data


def _rows(data: bytes, path: Path, root: Path) -> Sequence[KnowledgeRow]:
    name = plain_text(path.name if path == root else path.relative_to(root).as_posix())
    if path.suffix.lower() in _PARQUET:
        return parquet_rows(io.BytesIO(data), name)
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path} is not text in UTF-8: byte {error.start}", href=str(path)
        ) from error
    return text_rows(text, name, is_lines=path.suffix.lower() in _ROWS)


def _refuse_doubles(ids: Sequence[str], root: Path) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise InputError(
                f"two passages of {root.name} have the id '{name}'",
                hint="an answer cites passages by id: give each its own",
            )
        seen.add(name)


def _vectors(rows: Sequence[KnowledgeRow], root: Path) -> tuple[NDArray[np.float32] | None, str]:
    """Return the vectors of all rows as one array, and the model that made them."""
    kinds = {(row.encoder, len(row.vector)) for row in rows if row.vector is not None}
    if not kinds:
        return None, ""
    if len(kinds) > 1:
        named = ", ".join(f"{name or 'unnamed'} ({size})" for name, size in sorted(kinds))
        raise InputError(
            f"the embeddings of {root.name} come from several models: {named}",
            hint="keep those of one model; vectors of two cannot be compared",
        )
    ((encoder, size),) = kinds
    if not encoder:
        raise InputError(
            f"the embeddings of {root.name} do not say which model made them",
            hint="add a column 'encoder' with the id of its card (eoagent models list)",
        )
    vectors = np.zeros((len(rows), size), np.float32)
    for number, row in enumerate(rows):
        if row.vector is not None:
            vectors[number] = row.vector
    return vectors, encoder
