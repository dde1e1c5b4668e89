"""Take a weights file in: hash it, see that it holds what the card says, then give it its place."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.errors import ModelError, NotFound, SourceError
from eoagent.contracts.progress import Progress
from eoagent.contracts.runner import Placement, SlimmingKind
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

__all__ = ["Offer", "beside_source", "place"]

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
    dtype: Literal["float32", "float16"] = "float32"
    """Type that matrices are kept in, where the kind of the model keeps only what it needs."""


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
        came = _bring_in(card, offer, stage)
        with disk_errors(came):
            sha256, size = hash_file(came)
        _check_hash(card, offer, sha256, size, read_installed(folder))
        report(0.6, f"checking the tensors of {came.name}")
        with _named(card, offer, came):
            weights = _slim(card, came, stage, offer.dtype)
        kept_sha256 = sha256
        if weights != came:
            with disk_errors(weights):
                kept_sha256, _ = hash_file(weights)
        known = card.model_copy(
            update={"weights": card.weights.model_copy(update={"sha256": kept_sha256})}
        )
        with _named(card, offer, weights):
            kind_of(card).load(known, weights, Placement()).close()
        report(0.9, f"installing {card.id}")
        with disk_errors(folder):
            return _publish(
                card,
                offer,
                folder,
                [weights, *beside],
                published_sha256=_published(sha256, kept_sha256, read_installed(folder)),
            )


@contextlib.contextmanager
def _named(card: ModelCard, offer: Offer, staged: Path) -> Iterator[None]:
    """Let an error name the file that was offered, not the copy that was looked at."""
    try:
        yield
    except ModelError as error:
        raise ModelError(
            str(error).replace(str(staged), offer.source),
            hint=re.sub(r"\bID\b", card.id, error.hint),
        ) from error


def _slim(card: ModelCard, came: Path, stage: Path, dtype: Literal["float32", "float16"]) -> Path:
    """Return the file that is kept: what the model needs of the one that came, or that itself."""
    kind = kind_of(card)
    if not isinstance(kind, SlimmingKind):
        return came
    return kind.slim(card, came, stage, dtype=dtype)


def _published(came: str, kept: str, installed: Installed | None) -> str:
    """Return the hash of the published file, where it is not what is kept; empty where it is."""
    if came != kept:
        return came
    if installed is not None and installed.record.weights.sha256 == kept:
        return installed.record.published_sha256
    return ""


def _publish(
    card: ModelCard, offer: Offer, folder: Path, files: list[Path], *, published_sha256: str
) -> Installed:
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
        published_sha256=published_sha256,
    )
    write_atomic(record_path(folder), record.model_dump_json(indent=2).encode())
    return Installed(record=record, folder=folder)


def _check_hash(
    card: ModelCard, offer: Offer, sha256: str, size: int, installed: Installed | None
) -> None:
    expected = [("its card says", card.weights.sha256), ("its source says", offer.sha256)]
    if installed is not None and sha256 != installed.record.weights.sha256:
        record = installed.record
        pinned = record.published_sha256 or record.weights.sha256
        expected.append(("the installed one has", pinned))
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
            hint=f"put {name} of {beside_source(card, name) or card.homepage} there",
        )
    target = stage / name
    _copy(source, target)
    return target


def beside_source(card: ModelCard, name: str) -> str:
    """Return the repository that a file beside the weights comes from, as `options` say."""
    others: Any = card.options.get("beside_from", {})
    other = others.get(name) if isinstance(others, dict) else None
    return str(other) if other else card.weights.repository


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
