"""Take a weights file in: hash it, see that it holds what the card says, then give it its place."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.errors import ModelError, NotFound, SourceError
from eoagent.contracts.progress import Progress
from eoagent.contracts.runner import Placement
from eoagent.io.atomic import disk_errors, hash_file, make_folder, publish, write_atomic
from eoagent.io.locks import hold
from eoagent.runners.archive import holds_member, take_member
from eoagent.runners.registry import kind_of
from eoagent.runners.weightsfile import (
    Installed,
    KeptFile,
    WeightsRecord,
    model_folder,
    read_installed,
    record_path,
)

__all__ = ["Offer", "place"]

_COPY: Final = 1 << 20
_SUFFIXES: Final = frozenset({".pt", ".pth", ".bin", ".safetensors", ".ckpt"})
_STAGING: Final = ".staging"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A file that is offered as the weights of a card."""

    file: Path
    """The weights, or an archive with the member that the card names."""
    source: str
    """Where it came from, for the record."""
    revision: str = UNKNOWN
    """Commit of the repository that it came from."""
    sha256: str = UNKNOWN
    """Hash that its source states; the file must have it."""
    is_ours: bool = False
    """Whether it is a download of ours, which is moved; anybody else's file is copied."""


def place(
    models: Path, card: ModelCard, offer: Offer, *, progress: Progress | None = None
) -> Installed:
    """Install a weights file, or refuse it and leave what is installed as it is.

    The bytes are copied first, so that what is checked is what is kept; they are hashed, loaded as
    tensors only, and appear under their name when all of it holds.

    Args:
        models: the folder of all models.
        card: what the file should be.
        offer: the file.
        progress: where to report.

    Raises:
        NotFound: if the file, or one that belongs beside it, is not there.
        ModelMissing: if a library is not installed.
        ModelError: if its hash or its tensors are not those of the card or of what is installed.
        SourceError: if it cannot be read, or the disk is full.
    """
    report = progress or _quiet
    folder = model_folder(models, card.id)
    if not offer.file.is_file():
        raise NotFound(f"there is no file {offer.file} to import as {card.id}")
    with disk_errors(models):
        make_folder(models)
    with hold(models / f".{card.id}.lock", exclusive=True), _staging(models, card.id) as stage:
        report(0.0, f"copying {offer.file.name}")
        beside = [_bring_beside(card, offer.file, stage, name) for name in _beside(card)]
        weights = _bring_in(card, offer, stage)
        with disk_errors(weights):
            sha256, size = hash_file(weights)
        _check_hash(card, offer, sha256, size, read_installed(folder))
        report(0.6, f"checking the tensors of {weights.name}")
        known = card.model_copy(
            update={"weights": card.weights.model_copy(update={"sha256": sha256})}
        )
        kind_of(card).load(known, weights, Placement()).close()
        report(0.9, f"installing {card.id}")
        with disk_errors(folder):
            return _publish(card, offer, folder, [weights, *beside])


def _publish(card: ModelCard, offer: Offer, folder: Path, files: list[Path]) -> Installed:
    found = [hash_file(file) for file in files]
    place_name = found[0][0][:16]
    for file in files:
        file.chmod(0o600)
        publish(file, folder / place_name / file.name)
    kept = [
        KeptFile(path=f"{place_name}/{file.name}", sha256=sha256, size_bytes=size)
        for file, (sha256, size) in zip(files, found, strict=True)
    ]
    record = WeightsRecord(
        card=card.id,
        weights=kept[0],
        beside=tuple(kept[1:]),
        revision=offer.revision,
        source=offer.source,
        imported=datetime.now(UTC).replace(microsecond=0),
    )
    write_atomic(record_path(folder), record.model_dump_json(indent=2).encode())
    return Installed(record=record, folder=folder)


def _check_hash(
    card: ModelCard, offer: Offer, sha256: str, size: int, installed: Installed | None
) -> None:
    expected = [("its card says", card.weights.sha256), ("its source says", offer.sha256)]
    if installed is not None:
        expected.append(("the installed one has", installed.record.weights.sha256))
    for who, wanted in expected:
        if wanted not in {UNKNOWN, sha256}:
            raise ModelError(
                f"{offer.file} has the sha256 {sha256} ({size} bytes), and for {card.id} {who} "
                f"{wanted}",
                hint="take the published file; to replace what is installed on purpose, remove "
                f"the model first, folder {card.id}",
            )


def _bring_in(card: ModelCard, offer: Offer, stage: Path) -> Path:
    file, wanted = offer.file, Path(card.weights.file)
    if holds_member(file, card.weights.file):
        target = stage / wanted.name
        take_member(file, card.weights.file, target)
        return target
    suffix = file.suffix if file.suffix in _SUFFIXES else wanted.suffix
    target = stage / f"{wanted.stem}{suffix}"
    if offer.is_ours:
        with disk_errors(target):
            file.rename(target)
    else:
        _copy(file, target)
    return target


def _bring_beside(card: ModelCard, weights: Path, stage: Path, name: str) -> Path:
    source = weights.parent / name
    if not source.is_file():
        raise NotFound(
            f"{card.id} needs {name} beside its weights, and there is no {source}",
            hint=f"put {name} of {card.weights.repository or card.homepage} there",
        )
    target = stage / name
    _copy(source, target)
    return target


def _beside(card: ModelCard) -> list[str]:
    named: Any = card.options.get("beside", [])
    return [str(name) for name in named] if isinstance(named, list) else []


def _copy(source: Path, target: Path) -> None:
    try:
        opened = source.open("rb")
    except OSError as error:
        raise SourceError(f"{source} cannot be read: {error}", href=str(source)) from error
    with opened, disk_errors(target), target.open("xb") as out:
        shutil.copyfileobj(opened, out, _COPY)


@contextlib.contextmanager
def _staging(models: Path, card_id: str) -> Iterator[Path]:
    """Lend an empty folder on the same disk; one that a killed import left is cleared away."""
    around = models / _STAGING / hashlib.sha256(card_id.encode()).hexdigest()[:16]
    shutil.rmtree(around, ignore_errors=True)  # the lock of the model is held
    stage = around / secrets.token_hex(8)
    with disk_errors(stage):
        make_folder(stage)
    try:
        yield stage
    finally:
        shutil.rmtree(around, ignore_errors=True)


def _quiet(done: float, what: str) -> None:
    del done, what
