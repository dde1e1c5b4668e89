"""Say where eoagent keeps its data: `EOAGENT_HOME`, else the platform's data folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import platformdirs

from eoagent.contracts.errors import InputError
from eoagent.io.atomic import HOME_HINT

__all__ = ["home_folder"]


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
