"""Installed weights: what there is, bringing it in from the hub or a file, checking, removing.

`ModelStore(home)` keeps them under `<home>/models`; `weightsfile` draws the folder.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final, Literal

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import ModelError, ModelMissing, NotFound, SourceError
from eoagent.contracts.progress import Progress
from eoagent.contracts.store import Origins
from eoagent.io.atomic import disk_errors, hash_file
from eoagent.io.locks import hold
from eoagent.runners.fetching import fetch
from eoagent.runners.foldering import place_folder
from eoagent.runners.hub import is_offline
from eoagent.runners.offer import Offer, is_folder_model
from eoagent.runners.placing import place
from eoagent.runners.weightsfile import Installed, model_folder, read_installed

__all__ = ["ModelStore"]

_DOWNLOADS: Final = ".download"


class ModelStore:
    """The installed weights of a home; safe for several processes at once."""

    def __init__(self, home: Path) -> None:
        """Use `<home>/models`, which is made by the first import."""
        self._models = home / "models"

    def folder(self, card_id: str) -> Path:
        """Return the folder of a model, whether it is there or not.

        Raises:
            InputError: if the id is none.
        """
        return model_folder(self._models, card_id)

    def installed(self, card_id: str) -> Installed | None:
        """Return what is installed for a card, or None; sizes are checked, hashes are not.

        Raises:
            InputError: if the id is none.
            SourceError: if its record is damaged or a file is missing or cut.
        """
        return read_installed(self.folder(card_id))

    def require(self, card_id: str) -> Installed:
        """Return what is installed for a card.

        Raises:
            InputError: if the id is none.
            ModelMissing: if nothing is; says the command that adds it.
            SourceError: if its record is damaged or a file is missing or cut.
        """
        found = self.installed(card_id)
        if found is None:
            pull = f"eoagent models pull {card_id}"
            raise ModelMissing(
                f"the weights of {card_id} are not installed",
                command=pull,
                hint=f"run: {pull}; or, with a file at hand: eoagent models import {card_id} PATH",
            )
        return found

    def import_weights(
        self,
        card: ModelCard,
        path: Path,
        *,
        progress: Progress | None = None,
        dtype: Literal["float32", "float16"] = "float32",
    ) -> Installed:
        """Install a weights file, the archive it came in, or the folder of a model, from the disk.

        The hash is checked first, against the card and against what is installed; then the file is
        loaded, tensors only; then it is given its place at once. The first import pins the hash.
        Of a file that holds more than the model needs, only what it needs is kept, in `dtype`.

        Raises:
            NotFound: if the file, or one that belongs beside it, is not there.
            ModelMissing: if a library is not installed.
            ModelError: if its hash or its tensors are not those of the card or of what is
                installed.
            SourceError: if it cannot be read, or the disk is full.
        """
        offer = Offer(file=path, source=str(path.absolute()), dtype=dtype)
        return _place(self._models, card, offer, progress)

    def pull(
        self,
        card: ModelCard,
        *,
        offline: bool = False,
        endpoint: str = "",
        origins: Origins | None = None,
        progress: Progress | None = None,
    ) -> Installed:
        """Bring the published weights of a card, and install them; what is installed stays.

        A download that was cut is gone on with.

        Args:
            card: the model.
            offline: leave the network alone; HF_HUB_OFFLINE does the same.
            endpoint: address of the hub; empty takes HF_ENDPOINT, else the public hub.
            origins: the guard; by default one that trusts the endpoint, and public https hosts.
            progress: where to report.

        Raises:
            ModelMissing: if a library is not installed.
            NotFound: if the card names no place, or the repository has no such file.
            ModelError: if what came is not what the card says.
            SourceError: if the network is to be left alone, the file cannot be had, or the disk is
                full.
        """
        found = self.installed(card.id)
        if found is not None:
            return found
        weights = card.weights
        if not (weights.repository or weights.url):
            raise NotFound(
                f"the card of {card.id} does not say where its weights are published",
                hint=f"look at {card.homepage}, then: eoagent models import {card.id} PATH",
            )
        if offline or is_offline():
            shown = weights.repository or weights.url
            raise SourceError(
                f"{card.id} is not installed, and the network is to be left alone",
                href=shown,
                hint=f"without the switch it comes from {shown}; or, with a file at hand: "
                f"eoagent models import {card.id} PATH",
            )
        folder = self._models / _DOWNLOADS / self.folder(card.id).name
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with hold(folder / ".lock", exclusive=True):
            offer = fetch(card, folder, endpoint.rstrip("/"), origins, progress)
            try:
                placed = _place(self._models, card, offer, progress)
            except ModelError:
                # What was refused would be refused again: the next pull begins anew.
                shutil.rmtree(folder, ignore_errors=True)
                raise
            shutil.rmtree(folder, ignore_errors=True)
            return placed

    def verify(self, card_id: str) -> tuple[str, ...]:
        """Read all files of a model and return what is wrong, each a sentence; none if all is well.

        Raises:
            InputError: if the id is none.
            ModelMissing: if nothing is installed.
        """
        try:
            found = self.require(card_id)
        except SourceError as error:
            return (str(error),)
        problems = []
        for path, kept in found.files:
            with disk_errors(path):
                sha256, _ = hash_file(path)
            if sha256 != kept.sha256:
                problems.append(f"{path} has the sha256 {sha256}, and {kept.sha256} was installed")
        return tuple(problems)

    def remove(self, card_id: str) -> bool:
        """Remove the weights of a model; return whether anything was there.

        Raises:
            InputError: if the id is none.
            SourceError: if the disk refuses.
        """
        folder = self.folder(card_id)
        if not folder.is_dir():
            return False
        with hold(self._models / f".{card_id}.lock", exclusive=True), disk_errors(folder):
            shutil.rmtree(folder)
        return True


def _place(models: Path, card: ModelCard, offer: Offer, progress: Progress | None) -> Installed:
    put = place_folder if is_folder_model(card) else place
    return put(models, card, offer, progress=progress)
