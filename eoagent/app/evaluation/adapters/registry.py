"""The formats that question sets can be read from, by the name that `--format` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from eoagent.app.evaluation.adapters.earthbench import read_earthbench
from eoagent.app.evaluation.adapters.geobenchx import read_geobenchx
from eoagent.app.evaluation.adapters.suite import Suite
from eoagent.app.evaluation.adapters.thinkgeo import read_thinkgeo
from eoagent.app.evaluation.questions import QUESTIONS_FILE, read_questions
from eoagent.contracts.errors import InputError

__all__ = ["FORMATS", "OWN_FORMAT", "read_suite"]

OWN_FORMAT: Final = "eoagent"
"""The format of one JSON object a line."""


def _read_own(data: Path, file: Path | None = None) -> Suite:
    path = data / (file or QUESTIONS_FILE)
    return Suite(file=path, questions=read_questions(path))


FORMATS: Final[Mapping[str, Callable[[Path, Path | None], Suite]]] = MappingProxyType(
    {
        OWN_FORMAT: _read_own,
        "earthbench": read_earthbench,
        "geobenchx": read_geobenchx,
        "thinkgeo": read_thinkgeo,
    }
)
"""What reads a format: of the data folder, and a file in it that is named, makes a suite."""


def read_suite(name: str, data: Path, file: Path | None = None) -> Suite:
    """Return the questions of a data folder.

    Args:
        name: the format.
        data: the folder.
        file: another file of questions than the format's own, in the folder unless absolute.

    Raises:
        InputError: if there is no such format, or a file has another layout.
        NotFound: if a file is not there.
        SourceError: if one cannot be read.
    """
    if name not in FORMATS:
        raise InputError(f"there is no format '{name}'", hint=f"formats: {', '.join(FORMATS)}")
    return FORMATS[name](data, file)
