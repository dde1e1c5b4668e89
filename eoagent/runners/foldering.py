"""Take the folder of a model in: find its files, hash and check them, give them their place."""

from __future__ import annotations

from pathlib import Path

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.errors import ModelError, NotFound
from eoagent.contracts.progress import Progress
from eoagent.contracts.runner import CheckingKind, Placement
from eoagent.io.atomic import disk_errors, hash_file, make_folder
from eoagent.io.locks import hold
from eoagent.runners.filelist import ListedFile, hash_files, shards_of, write_list
from eoagent.runners.installing import install
from eoagent.runners.offer import Offer, beside_source, named_files
from eoagent.runners.registry import kind_of
from eoagent.runners.staging import bring, staging
from eoagent.runners.weightsfile import Installed, model_folder, read_installed

__all__ = ["place_folder"]


def place_folder(
    models: Path, card: ModelCard, offer: Offer, *, progress: Progress | None = None
) -> Installed:
    """Install a model that is published as several files, or refuse it and leave what is there.

    Only the files that the card names are taken. They are copied first and hashed; what pins them
    is the hash of their list. What they hold is checked without loading them where the kind of the
    model can, for such models may not fit into memory in float32.

    Args:
        models: the folder of all models.
        card: what the folder should hold.
        offer: the folder, or a file in it.
        progress: where to report.

    Raises:
        NotFound: if the folder, or a file that it must have, is not there.
        ModelMissing: if a library is not installed.
        ModelError: if a hash or what the files hold is not that of the card or of what is
            installed.
        SourceError: if it cannot be read, or the disk is full.
    """
    source = offer.file if offer.file.is_dir() else offer.file.parent
    if not offer.file.exists():
        raise NotFound(f"there is no folder {offer.file} to import as {card.id}")
    names = _wanted(card, source)
    folder = model_folder(models, card.id)
    with disk_errors(models):
        make_folder(models)
    with hold(models / f".{card.id}.lock", exclusive=True), staging(models, card.id) as stage:
        for place, name in enumerate(names):
            _report(progress, 0.6 * place / len(names), f"copying {name}")
            bring(source / name, stage / name, is_ours=offer.is_ours)
        _report(progress, 0.6, f"hashing {len(names)} files")
        files = hash_files(stage, names)
        _check_parts(card, offer, files)
        listed = write_list(stage, files)
        sha256, size = hash_file(listed)
        _check_pinned(card, source, files, sha256, read_installed(folder))
        _report(progress, 0.8, f"checking the tensors of {card.id}")
        _check_held(card, listed, sha256, shown=source)
        _report(progress, 0.9, f"installing {card.id}")
        known = [(sha256, size), *((file.sha256, file.size_bytes) for file in files)]
        paths = [listed, *(stage / file.name for file in files)]
        return install(card, offer, folder, paths, known=known)


def _wanted(card: ModelCard, source: Path) -> list[str]:
    """Return the names of the files of a folder that belong to the model."""
    mains = [Path(name).name for name in (card.weights.file, *named_files(card, "other_files"))]
    main = next((name for name in mains if (source / name).is_file()), None)
    if main is None:
        others = any(source.glob("*.bin")) or any(source.glob("*.pth"))
        raise NotFound(
            f"{source} holds no weights of {card.id}: there is no {' and no '.join(mains)}",
            hint="only safetensors are loaded: save the model in that form"
            if others
            else f"take the whole folder as it is published, see {card.homepage}",
        )
    shards = shards_of(source / main) if main.endswith(".index.json") else ()
    needed = [*shards, *named_files(card, "beside")]
    for name in needed:
        if not (source / name).is_file():
            raise NotFound(
                f"{card.id} needs {name}, and there is no {source / name}",
                hint=f"put {name} of {beside_source(card, name) or card.homepage} there",
            )
    welcome = [name for name in named_files(card, "beside_if_there") if (source / name).is_file()]
    return sorted({main, *needed, *welcome})


def _check_parts(card: ModelCard, offer: Offer, files: tuple[ListedFile, ...]) -> None:
    for file in files:
        wanted = offer.parts_sha256.get(file.name, UNKNOWN)
        if wanted not in {UNKNOWN, file.sha256}:
            raise ModelError(
                f"{file.name} of {card.id} has the sha256 {file.sha256}, and its source says "
                f"{wanted}",
                hint="get it anew",
            )


def _check_pinned(
    card: ModelCard,
    source: Path,
    files: tuple[ListedFile, ...],
    sha256: str,
    installed: Installed | None,
) -> None:
    hint = (
        "take the published files; to replace what is installed on purpose, remove the model "
        f"first, folder {card.id}"
    )
    if card.weights.sha256 not in {UNKNOWN, sha256}:
        raise ModelError(
            f"the list of the files of {source} has the sha256 {sha256}, and for {card.id} its "
            f"card says {card.weights.sha256}",
            hint=hint,
        )
    if installed is None or installed.record.weights.sha256 == sha256:
        return
    pinned = {Path(kept.path).name: kept.sha256 for kept in installed.record.beside}
    came = {file.name: file.sha256 for file in files}
    differing = sorted(name for name in pinned | came if pinned.get(name, "") != came.get(name, ""))
    raise ModelError(
        f"{source} does not hold the files of {card.id} that are installed: "
        f"{', '.join(differing[:4])}{', ...' if len(differing) > 4 else ''}",
        hint=hint,
    )


def _check_held(card: ModelCard, listed: Path, sha256: str, *, shown: Path) -> None:
    """Check that the files hold the model; an error names the folder that was offered."""
    known = card.model_copy(update={"weights": card.weights.model_copy(update={"sha256": sha256})})
    kind = kind_of(card)
    try:
        if isinstance(kind, CheckingKind):
            kind.check(known, listed)
        else:
            kind.load(known, listed, Placement()).close()
    except ModelError as error:
        said = str(error).replace(str(listed.parent), str(shown))
        raise ModelError(said, hint=error.hint) from error


def _report(progress: Progress | None, done: float, what: str) -> None:
    if progress is not None:
        progress(done, what)
