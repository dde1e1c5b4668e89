"""Say where eoagent keeps its data: `EOAGENT_HOME`, else the platform's data folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from eoagent.contracts.errors import InputError
from eoagent.io.atomic import HOME_HINT

__all__ = ["check_letters", "home_folder"]


def check_letters(text: str) -> None:
    """Refuse a path with bytes that are no letters here: GDAL, JSON and SQLite cannot name it.

    Raises:
        InputError: if it holds such bytes, as any letter beyond ASCII does in a C locale.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"'{text}' holds bytes that this locale ({sys.getfilesystemencoding()}) cannot read",
            hint="set PYTHONUTF8=1; if that does not help, rename the file or folder",
        ) from error


def home_folder(environment: Mapping[str, str]) -> Path:
    """Return the absolute folder of store, ledger and indexes; it is not made here.

    A relative `EOAGENT_HOME` counts from the working directory.

    Raises:
        InputError: if the account has no home directory to stand for `~` or the default.
    """
    stated = environment.get("EOAGENT_HOME", "")
    try:
        folder = Path(stated or platformdirs.user_data_path("eoagent")).expanduser()
    except RuntimeError as error:
        raise InputError(f"no home directory is known: {error}", hint=HOME_HINT) from error
    if stated:
        return folder.absolute()
    if not folder.is_absolute():
        raise InputError(f"no home directory is known (found '{folder}')", hint=HOME_HINT)
    return folder
