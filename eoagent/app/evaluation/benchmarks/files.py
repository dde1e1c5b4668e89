"""Find the files of a benchmark in its folder; names that lead out of it are passed over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from eoagent.app.evaluation.picturefolder import PICTURES
from eoagent.contracts.errors import InputError, NotFound, SourceError

__all__ = ["find_listing", "need_folder", "picture_path", "pictures_in", "read_bounded"]

_IMAGE_FOLDERS: Final = ("", "images", "Images", "JPEGImages", "imgs", "image")
_MOST_FILES: Final = 1_000_000


def need_folder(data: Path) -> Path:
    """Return a data folder.

    Raises:
        NotFound: if it is not there.
    """
    if not data.is_dir():
        raise NotFound(f"there is no folder {data}", hint="name the benchmark's folder (--data)")
    return data


def find_listing(data: Path, file: Path | None, *, endings: Sequence[str], what: str) -> Path:
    """Return the file that lists a benchmark: the one named, or the only one of some endings.

    It is looked for in the folder, else in `annotations` in it.

    Args:
        data: the data folder.
        file: a file in it that was named.
        endings: such as `.json`.
        what: what stands in it, for messages.

    Raises:
        NotFound: if there is none, or there are several.
    """
    need_folder(data)
    if file is not None:
        path = data / file
        if path.is_file():
            return path
        raise NotFound(f"there is no {path}", hint="name a file in the data folder (--file)")
    for folder in (data, data / "annotations", data / "Annotations"):
        found = sorted(p for p in folder.glob("*") if p.suffix.lower() in endings and p.is_file())
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFound(
                f"{folder} holds {len(found)} files {' or '.join(endings)}; {what} stand in one",
                hint=f"name it (--file), such as --file {found[0].relative_to(data)}",
            )
    raise NotFound(
        f"{data} holds no file {' or '.join(endings)} with {what}",
        hint="name the benchmark's folder (--data), or the file in it (--file)",
    )


def picture_path(data: Path, name: str, *, folders: Iterable[str] = ()) -> Path:
    """Return where a picture of a name lies, or would lie if it were there.

    Args:
        data: the data folder.
        name: its name, as the benchmark writes it.
        folders: folders to look in besides the usual ones.
    """
    root = data.resolve()
    for folder in (*folders, *_IMAGE_FOLDERS):
        path = (data / folder / name).resolve()
        if path.is_relative_to(root) and path.is_file():
            return path
    return root / Path(name).name


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures of a folder, in order of name.

    Raises:
        InputError: if there are more than a million files.
    """
    found = []
    for number, path in enumerate(folder.iterdir()):
        if number >= _MOST_FILES:
            raise InputError(f"{folder} holds more than {_MOST_FILES:,} files")
        if path.suffix.lower() in PICTURES and path.is_file():
            found.append(path)
    return sorted(found)


def read_bounded(path: Path, most_bytes: int) -> bytes:
    """Return the bytes of a file of a benchmark.

    Raises:
        InputError: if it is larger than is read.
        SourceError: if it cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise InputError(
                f"{path} has {size:,} bytes, and at most {most_bytes:,} are read",
                hint="is it a file of the benchmark?",
            )
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error}", href=str(path)) from error
