"""Bring what a card names from the hub or an address: one file, or those of a folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from eoagent.contracts.card import UNKNOWN, ModelCard
from eoagent.contracts.errors import NotFound
from eoagent.contracts.progress import Progress
from eoagent.contracts.store import Origins
from eoagent.io.atomic import hash_file
from eoagent.io.origin import OriginGuard
from eoagent.runners.download import download
from eoagent.runners.filelist import shards_of
from eoagent.runners.hub import HubFile, hub_endpoint, locate
from eoagent.runners.offer import Offer, beside_source, is_folder_model, named_files

__all__ = ["fetch"]


def fetch(
    card: ModelCard,
    folder: Path,
    endpoint: str,
    origins: Origins | None,
    progress: Progress | None,
) -> Offer:
    """Bring the published weights of a card into a folder of downloads, and offer them.

    Args:
        card: the model.
        folder: where downloads go; what is there of an earlier try is gone on with.
        endpoint: address of the hub, without a slash at its end; empty takes the usual one.
        origins: the guard; None makes one that trusts the hub, or public https hosts.
        progress: where to report.

    Raises:
        ModelMissing: if a library is not installed.
        NotFound: if the repository has no such file.
        ModelError: if an index of weights files is none.
        SourceError: if a file cannot be had, or the disk is full.
    """
    if not card.weights.repository:
        return _from_address(card, folder, origins, progress)
    hub = endpoint or hub_endpoint()
    guard = origins or OriginGuard(typed=[f"{hub}/"])
    if is_folder_model(card):
        return _Folder(card, folder, hub, guard, progress).bring()
    return _from_hub(card, folder, hub, guard, progress)


def _from_hub(
    card: ModelCard, folder: Path, hub: str, origins: Origins, progress: Progress | None
) -> Offer:
    weights = card.weights
    file, found = _published(card, hub)
    main = folder / Path(file).name
    download(found.url, main, origins=origins, progress=progress)
    for name in named_files(card, "beside"):
        source = beside_source(card, name)
        revision = found.revision if source == weights.repository else UNKNOWN
        beside = locate(source, name, revision=revision, endpoint=hub)
        download(beside.url, folder / name, origins=origins, progress=progress)
    return Offer(
        file=main,
        source=f"{weights.repository}/{file}",
        revision=found.revision,
        sha256=found.sha256,
        is_ours=True,
    )


class _Folder:
    """Brings the files of a model that is published as several, all of one commit."""

    def __init__(
        self,
        card: ModelCard,
        folder: Path,
        hub: str,
        origins: Origins,
        progress: Progress | None,
    ) -> None:
        self._card = card
        self._folder = folder
        self._hub = hub
        self._origins = origins
        self._progress = progress
        self._sha256: dict[str, str] = {}

    def bring(self) -> Offer:
        """Bring them, the index first, which names the others."""
        repository = self._card.weights.repository
        file, found = _published(self._card, self._hub)
        main = self._take(PurePosixPath(file).name, found)
        needed = list(named_files(self._card, "beside"))
        if main.name.endswith(".index.json"):
            needed += shards_of(main)
        for name in needed:
            self._locate_and_take(name, found.revision)
        for name in named_files(self._card, "beside_if_there"):
            try:
                self._locate_and_take(name, found.revision)
            except NotFound:
                (self._folder / name).unlink(missing_ok=True)
        return Offer(
            file=self._folder,
            source=f"{repository}/{file}",
            revision=found.revision,
            parts_sha256=self._sha256,
            is_ours=True,
        )

    def _locate_and_take(self, name: str, revision: str) -> None:
        repository = self._card.weights.repository
        self._take(name, locate(repository, name, revision=revision, endpoint=self._hub))

    def _take(self, name: str, found: HubFile) -> Path:
        target = self._folder / name
        self._sha256[name] = found.sha256
        is_there = target.is_file() and target.stat().st_size == found.size_bytes
        if not (is_there and hash_file(target)[0] == found.sha256):
            download(found.url, target, origins=self._origins, progress=self._progress)
        return target


def _published(card: ModelCard, hub: str) -> tuple[str, HubFile]:
    """Return the first of the names that the file may be published under, and what the hub says."""
    weights = card.weights
    files = (weights.file, *named_files(card, "other_files"))
    for file in files[:-1]:
        try:
            return file, locate(weights.repository, file, revision=weights.revision, endpoint=hub)
        except NotFound:
            continue
    last = files[-1]
    return last, locate(weights.repository, last, revision=weights.revision, endpoint=hub)


def _from_address(
    card: ModelCard, folder: Path, origins: Origins | None, progress: Progress | None
) -> Offer:
    url = card.weights.url
    if origins is None:
        origins = OriginGuard()
        origins.remember([url])  # a card may name public https hosts, like any document
    target = folder / (url.rpartition("/")[2] or "download")
    download(url, target, origins=origins, progress=progress)
    return Offer(file=target, source=url, is_ours=True)
