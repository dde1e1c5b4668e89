"""What is done to an index besides searching it: build, update, verify, vacuum."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from eoagent.contracts.encoder import Encoder
from eoagent.contracts.errors import InputError, ModelMissing
from eoagent.contracts.index import Surroundings
from eoagent.contracts.indexing import BuildReport, BuildRequest
from eoagent_indexes.build.builder import build_index, update_index
from eoagent_indexes.build.encoders import make_encoder
from eoagent_indexes.build.job import Job
from eoagent_indexes.build.request import begun_with
from eoagent_indexes.build.resampling import resampled
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.vacuum import vacuum
from eoagent_indexes.verify import verify

__all__ = ["TileUpkeep"]


class TileUpkeep:
    """An `IndexUpkeep` of the index of one folder."""

    def __init__(self, folder: Path, around: Surroundings) -> None:
        """Name the folder, which need not exist yet."""
        self._folder, self._around = folder.absolute(), around

    def build(self, request: BuildRequest) -> BuildReport:
        """Build the index, or go on with an interrupted build of the same request.

        Raises:
            InputError: if an index of another request has the name, or nothing matches.
            NotFound: if the source or the recipe does not exist.
            ModelMissing: if there is no encoder, or a library is not installed.
            SourceError: if the source cannot be read, or the disk is full.
        """
        return build_index(self._folder, request, self._around)

    def update(self) -> BuildReport:
        """Look at the source again: add what is new, renew what changed, drop what has gone.

        Whoever asks for an update names by it the source that the index was built from.

        Raises:
            NotFound: if there is no index.
            InputError: if it was not built from a source, or nothing is listed there any more.
            ModelMissing: if there is no encoder, or a library is not installed.
            SourceError: if the source cannot be read, or the disk is full.
        """
        return update_index(self._folder, self._around)

    def verify(self, *, samples: int = 0) -> tuple[str, ...]:
        """Check every file and row, and return what is wrong, each a sentence; none if all is well.

        Args:
            samples: tiles that are read and embedded again.

        Raises:
            NotFound: if there is no index.
            InputError: if tiles are to be embedded again, and it was not built from a source.
            ModelMissing: if tiles are to be embedded again, and there is no encoder.
        """
        resample = None
        if samples > 0:
            encoder, job = self._again()
            origins = self._around.origins
            resample = partial(resampled, job=job, origins=origins, encoder=encoder)
        found = verify(
            self._folder,
            samples=samples,
            resample=resample,
            deadline=self._around.deadline,
            progress=self._around.progress,
        )
        return found.problems

    def vacuum(self, *, dry_run: bool = True) -> Iterable[tuple[str, int]]:
        """Return the files that no kept version needs, with their bytes, and remove them.

        Raises:
            NotFound: if there is no index.
            SourceError: if it is damaged, is being written, or cannot be changed.
        """
        return vacuum(self._folder, dry_run=dry_run)

    def _again(self) -> tuple[Encoder, Job]:
        """Return the encoder of the index and the job that it was built by."""
        with Snapshot.open(self._folder) as snapshot:
            manifest = snapshot.manifest
        request = begun_with(self._folder.name, manifest.recipe)
        source = self._around.encoder_source
        if source is None:
            raise ModelMissing(
                "tiles are embedded again by the encoder of the index, which is not installed",
                command=f"eoagent models pull {manifest.encoder.card}",
            )
        encoder = make_encoder(source)
        differences = manifest.encoder.differences(encoder.fingerprint)
        if differences:
            raise InputError(
                f"index '{self._folder.name}' was made by another encoder than "
                f"{source.card.id} ({'; '.join(differences)})",
                hint=f"verify it with {manifest.encoder.card}",
            )
        self._around.origins.type_in(request.source)
        job = Job(
            folder=str(self._folder),
            request=request,
            encoder=source,
            fingerprint=encoder.fingerprint,
        )
        return encoder, job
