"""What is noted of installed weights, and where they lie.

```
<home>/models/<card id>/record.json                     what is installed; written last
<home>/models/<card id>/<sha256, 16 digits>/<file>      the weights, and what belongs beside them
<home>/models/.download/<card id>/                      downloads that were cut, to be gone on with
<home>/models/.staging/<token>/                         what is being looked at; swept when dead
```
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.errors import InputError, SourceError
from eoagent.contracts.record import Record
from eoagent.io.atomic import disk_errors

__all__ = [
    "Installed",
    "KeptFile",
    "WeightsRecord",
    "model_folder",
    "pinned",
    "read_installed",
    "record_path",
]

_RECORD: Final = "record.json"
_MOST_RECORD: Final = 1 << 20
_PLAIN: Final = r"^[0-9a-f]{16}/[A-Za-z0-9][A-Za-z0-9._-]{0,150}$"


class KeptFile(Record):
    """A file of installed weights."""

    path: str = Field(pattern=_PLAIN)
    """Path in the folder of the model."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """sha256 of its bytes."""
    size_bytes: int = Field(gt=0)
    """Its size."""


class WeightsRecord(Record):
    """What is installed for one card; this pins the hash that the first import saw."""

    format: Literal["eoagent/weights/1"] = "eoagent/weights/1"
    """Form of this record."""
    card: str
    """Id of the card."""
    weights: KeptFile
    """The weights."""
    beside: tuple[KeptFile, ...] = ()
    """What belongs beside them, a tokenizer for example."""
    revision: str = UNKNOWN
    """Commit of the repository that they came from."""
    source: str
    """Where they came from: repository and file, address, or path."""
    imported: datetime
    """When, UTC."""
    published_sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    """sha256 of the file that came, where only what the model needs of it is kept; else empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """Installed weights."""

    record: WeightsRecord
    """What is noted of them."""
    folder: Path
    """The folder of the model."""

    @property
    def weights(self) -> Path:
        """Path of the weights file."""
        return self.folder / self.record.weights.path

    @property
    def files(self) -> Iterator[tuple[Path, KeptFile]]:
        """All files with what is noted of them, the weights first."""
        for kept in (self.record.weights, *self.record.beside):
            yield self.folder / kept.path, kept


def model_folder(models: Path, card_id: str) -> Path:
    """Return the folder of a model.

    Raises:
        InputError: if the id is none, such as a path.
    """
    if (
        not card_id
        or card_id[0] in ".-"
        or not set(card_id) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-")
    ):
        raise InputError(f"'{card_id}' is no id of a model", hint="eoagent models list")
    return models / card_id


def record_path(folder: Path) -> Path:
    """Return where the record of a model's folder lies."""
    return folder / _RECORD


def read_installed(folder: Path) -> Installed | None:
    """Return what is installed in the folder of a model; None if nothing is.

    Raises:
        SourceError: if the record cannot be read or is damaged, or a file of it is missing or has
            another size.
    """
    path = record_path(folder)
    with disk_errors(path):
        if not path.is_file():
            return None
        with path.open("rb") as file:
            data = file.read(_MOST_RECORD)
    try:
        installed = Installed(record=WeightsRecord.model_validate_json(data), folder=folder)
    except ValidationError as error:
        raise _damaged(path, f"is no record of weights: {error.errors()[0]['msg']}") from error
    for file_path, kept in installed.files:
        with disk_errors(file_path):
            found = file_path.stat().st_size if file_path.is_file() else None
        if found != kept.size_bytes:
            state = "is missing" if found is None else f"has {found} bytes"
            raise _damaged(file_path, f"{state}, {kept.size_bytes} were installed")
    return installed


def pinned(card: ModelCard, record: WeightsRecord) -> ModelCard:
    """Return the card with the hash, size and revision of what is installed."""
    weights = card.weights.model_copy(
        update={
            "sha256": record.weights.sha256,
            "size_bytes": record.weights.size_bytes,
            "revision": record.revision,
        }
    )
    return card.model_copy(update={"weights": weights})


def _damaged(path: Path, why: str) -> SourceError:
    return SourceError(
        f"{path} {why}",
        href=str(path),
        hint="remove the folder of the model, then pull or import it again",
    )
