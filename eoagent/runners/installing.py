"""Give checked files their place among the installed weights, and note what they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from eoagent.contracts.card import ModelCard
from eoagent.io.atomic import disk_errors, hash_file, publish, write_atomic
from eoagent.runners.offer import Offer
from eoagent.runners.weightsfile import Installed, KeptFile, WeightsRecord, record_path

__all__ = ["install"]


def install(
    card: ModelCard,
    offer: Offer,
    folder: Path,
    files: Sequence[Path],
    *,
    published_sha256: str = "",
    known: Sequence[tuple[str, int]] | None = None,
) -> Installed:
    """Move files to their place, the weights first, and write the record last.

    Args:
        card: what they are the weights of.
        offer: where they came from.
        folder: the folder of the model.
        files: the weights and what belongs beside them, on the disk of the folder.
        published_sha256: hash of the file that came, where it is not what is kept.
        known: sha256 and size of each file, where they were found out before.

    Raises:
        SourceError: if the disk refuses.
    """
    with disk_errors(folder):
        found = known if known is not None else [hash_file(file) for file in files]
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
