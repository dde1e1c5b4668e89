"""Take a weights file in: hash it, see that it holds what the card says, then give it its place."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.errors import ModelError, NotFound
from eoagent.contracts.progress import Progress
from eoagent.contracts.runner import Placement, SlimmingKind
from eoagent.io.atomic import disk_errors, hash_file, make_folder
from eoagent.io.locks import hold
from eoagent.runners.archive import holds_member, take_member
from eoagent.runners.installing import install
from eoagent.runners.offer import Offer, beside_source, named_files
from eoagent.runners.registry import kind_of
from eoagent.runners.staging import bring, staging
from eoagent.runners.weightsfile import Installed, model_folder, read_installed

__all__ = ["place"]

_SUFFIXES: Final = frozenset({".pt", ".pth", ".bin", ".safetensors", ".ckpt"})


def place(
    models: Path, card: ModelCard, offer: Offer, *, progress: Progress | None = None
) -> Installed:
    """Install a weights file, or refuse it and leave what is installed as it is.

    The bytes are copied first, so that what is checked is what is kept; they are hashed, loaded as
    tensors only, and appear under their name when all of it holds.

    Args:
        models: the folder of all models.
        card: what the file should be.
        offer: the file, or the folder that holds it under the name that the card gives.
        progress: where to report.

    Raises:
        NotFound: if the file, or one that belongs beside it, is not there.
        ModelMissing: if a library is not installed.
        ModelError: if its hash or its tensors are not those of the card or of what is installed.
        SourceError: if it cannot be read, or the disk is full.
    """
    report = progress or _quiet
    folder = model_folder(models, card.id)
    if offer.file.is_dir():
        offer = replace(offer, file=offer.file / Path(card.weights.file).name)
    if not offer.file.is_file():
        raise NotFound(
            f"there is no file {offer.file} to import as {card.id}",
            hint="name the weights file, the archive that it came in, or the folder that holds it",
        )
    with disk_errors(models):
        make_folder(models)
    with hold(models / f".{card.id}.lock", exclusive=True), staging(models, card.id) as stage:
        report(0.0, f"copying {offer.file.name}")
        names = named_files(card, "beside")
        beside = [_bring_beside(card, offer.file, stage, name) for name in names]
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
        return install(
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
    bring(file, target, is_ours=offer.is_ours)
    return target


def _bring_beside(card: ModelCard, weights: Path, stage: Path, name: str) -> Path:
    source = weights.parent / name
    if not source.is_file():
        raise NotFound(
            f"{card.id} needs {name} beside its weights, and there is no {source}",
            hint=f"put {name} of {beside_source(card, name) or card.homepage} there",
        )
    target = stage / name
    bring(source, target)
    return target


def _quiet(done: float, what: str) -> None:
    del done, what
