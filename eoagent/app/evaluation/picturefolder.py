"""Pictures of a benchmark as vectors: found in its folders, read through the guard, encoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import Encoder, Vectors
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.store import Origins
from eoagent.io.opening import open_described
from eoagent.io.raster import RasterReader
from eoagent.io.stated import Stated
from eoagent.io.tileview import show_window

__all__ = ["PICTURES", "ClassFolder", "Tell", "class_folders", "encode_files", "words_of"]

PICTURES: Final = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")
"""Endings of files that are taken as pictures."""
Tell = Callable[[float, str], None]
"""Where progress is reported: the share done, and what is being done."""
_BATCH: Final = 32
_LONGEST_PX: Final = 2048


class ClassFolder:
    """A class and its pictures, in order of file name."""

    def __init__(self, name: str, files: tuple[Path, ...]) -> None:
        self.name = name
        """Name of the folder."""
        self.words = words_of(name)
        """The class in words."""
        self.files = files
        """Its pictures."""


def class_folders(data: Path) -> tuple[ClassFolder, ...]:
    """Return the classes of a folder that has a folder for each, in order of name.

    Raises:
        NotFound: if there is no such folder.
        InputError: if it has fewer than two folders, one has no picture, or two name one class.
    """
    if not data.is_dir():
        raise NotFound(f"there is no folder {data}", hint="name the folder with the classes")
    folders = sorted(p for p in data.iterdir() if p.is_dir() and not p.name.startswith("."))
    if len(folders) < 2:
        raise InputError(
            f"{data} holds {len(folders)} folders; zero-shot labels choose between two classes or "
            "more",
            hint="lay the pictures out as CLASS/picture.jpg",
        )
    found = []
    for folder in folders:
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES and p.is_file())
        if not files:
            raise InputError(
                f"the class folder {folder} holds no picture",
                hint=f"pictures end in {', '.join(PICTURES)}; remove a folder that is no class",
            )
        found.append(ClassFolder(folder.name, tuple(files)))
    words = [own.words for own in found]
    for own in found:
        if words.count(own.words) > 1:
            raise InputError(f"two folders of {data} name the class '{own.words}'")
    return tuple(found)


def words_of(name: str) -> str:
    """Return the name of a class folder in words: `AnnualCrop`, `annual_crop` are annual crop."""
    parts: list[str] = []
    for before, letter in zip(f" {name}", name, strict=False):
        is_start = letter.isupper() and (before.islower() or before.isdigit())
        parts.append(f" {letter}" if is_start else " " if letter in "_-." else letter)
    return " ".join("".join(parts).split()).lower()


def encode_files(encoder: Encoder, files: Sequence[Path], origins: Origins, tell: Tell) -> Vectors:
    """Return the vectors of pictures, (n, d), reading a batch at a time.

    Raises:
        InputError: if one is no picture, or has no valid pixel.
        SourceError: if one is damaged.
        ModelError: if the model fails.
    """
    parts = []
    for start in range(0, len(files), _BATCH):
        batch = files[start : start + _BATCH]
        parts.append(encoder.encode_images([_pixels(path, origins) for path in batch]))
        tell((start + len(batch)) / len(files), f"{start + len(batch)} of {len(files)} pictures")
    return np.concatenate(parts)


def _pixels(path: Path, origins: Origins) -> NDArray[np.uint8]:
    ref = open_described([str(path)], origins, stated=Stated()).ref
    with RasterReader(ref, origins) as reader:
        return show_window(reader, max_px=_LONGEST_PX).pixels
