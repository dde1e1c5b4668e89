"""`eval retrieval`: how well an encoder finds captions for pictures, and pictures for captions.

The protocol is RemoteCLIP's, for RSITMD, RSICD and UCM: entries of the split `test`, one for each
file name, captions with a capital at their start and small letters after it, recall at 1, 5 and 10
both ways, and the mean of the six.

Source: https://github.com/ChenDelong1999/RemoteCLIP (retrieval.py)
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import TypeAdapter

from eoagent.app.evaluation.adapters.reading import Layout, find_file, read_layout
from eoagent.app.evaluation.measured import Measured, now_text, own_versions
from eoagent.app.evaluation.picturefolder import Tell, encode_files
from eoagent.app.evaluation.published import PUBLISHED_FROM, PUBLISHED_RETRIEVAL, benchmark_of
from eoagent.app.evaluation.tables import Table
from eoagent.contracts.encoder import Encoder, Vectors
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.store import Origins
from eoagent.vectors.retrieval import RECALL_AT, Retrieval, measure_retrieval

__all__ = ["evaluate_retrieval"]

_SPLIT: Final = "test"
_BATCH: Final = 64
_LAYOUT: Final = "RSITMD, RSICD and UCM (`images` with `filename`, `split` and `sentences`)"


class _Sentence(Layout):
    raw: str


class _Image(Layout):
    filename: str
    split: str
    sentences: tuple[_Sentence, ...]
    filepath: str = ""


class _Captions(Layout):
    images: tuple[_Image, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A picture and its captions."""

    file: Path
    captions: tuple[str, ...]


def evaluate_retrieval(
    encoder: Encoder, data: Path, origins: Origins, *, file: Path | None = None, tell: Tell
) -> Measured:
    """Return how well an encoder does on a benchmark of captions.

    Args:
        encoder: the model.
        data: folder with a JSON file of captions and the pictures, in it or in folders below it.
        origins: the guard, which trusts the folder.
        file: the JSON file in it; the only one by default.
        tell: where progress is reported.

    Raises:
        NotFound: if the file or pictures are not there.
        InputError: if it has another layout, or no entry of the split `test`.
        SourceError: if a file cannot be read.
        ModelError: if the model fails.
    """
    began = time.perf_counter()
    path = _listing(data, file)
    entries = _entries(path, data)
    captions = [text for entry in entries for text in entry.captions]
    owners = np.repeat(np.arange(len(entries)), [len(entry.captions) for entry in entries])
    pictures = encode_files(encoder, [entry.file for entry in entries], origins, tell)
    texts = _encode_texts(encoder, captions, tell)
    found = measure_retrieval(pictures, texts, owners)
    metrics = _metrics(found)
    return Measured(
        schema="eoagent/measured/1",
        suite="retrieval",
        data=str(path),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        encoder=encoder.fingerprint,
        metrics=metrics,
        tables=(_table(encoder.fingerprint.card, metrics, benchmark_of(str(path))),),
        notes=(
            f"{len(entries)} pictures of the split {_SPLIT} and {len(captions)} captions",
            "of equal scores the one that stands first in the file counts as found first",
        ),
        versions=own_versions(),
        created=now_text(),
        seconds=round(time.perf_counter() - began, 3),
    )


def _listing(data: Path, file: Path | None) -> Path:
    if file is not None:
        return find_file(data, file, ())
    if not data.is_dir():
        raise NotFound(f"there is no folder {data}", hint="name the benchmark's folder (--data)")
    found = sorted(data.glob("*.json"))
    if len(found) != 1:
        raise NotFound(
            f"{data} holds {len(found)} JSON files, and the captions stand in one",
            hint="name it (--file)",
        )
    return found[0]


def _entries(path: Path, data: Path) -> list[_Entry]:
    """Return the entries of the test split, one for each file name, in order of the file."""
    listed = read_layout(path, TypeAdapter(_Captions), _LAYOUT).images
    captions: dict[str, list[str]] = {}
    places: dict[str, str] = {}
    for image in listed:
        if image.split == _SPLIT:
            texts = [one.raw.strip().capitalize() for one in image.sentences]
            captions.setdefault(image.filename, []).extend(text for text in texts if text)
            places.setdefault(image.filename, image.filepath)
    if not captions:
        splits = sorted({image.split for image in listed})
        raise InputError(
            f"{path} lists no picture of the split '{_SPLIT}'; "
            f"it has: {', '.join(splits) or 'none'}"
        )
    bare = [name for name, texts in captions.items() if not texts]
    if bare:
        raise InputError(f"{path}: {len(bare)} pictures have no caption; the first is {bare[0]}")
    files = {name: _find(data, name, places[name]) for name in captions}
    missing = [name for name, found in files.items() if found is None]
    if missing:
        raise NotFound(
            f"{len(missing)} of {len(files)} pictures of {path} are not in {data}; the first is "
            f"{missing[0]}",
            hint="unpack the pictures into that folder, or into a folder `images` in it",
        )
    return [
        _Entry(file=own, captions=tuple(captions[name]))
        for name, own in files.items()
        if own is not None
    ]


def _find(data: Path, name: str, folder: str) -> Path | None:
    """Return where a picture lies; names that lead out of the data folder are passed over."""
    root = data.resolve()
    for part in (folder, "", "images", f"images/{folder}"):
        path = (data / part / name).resolve()
        if path.is_relative_to(root) and path.is_file():
            return path
    return None


def _encode_texts(encoder: Encoder, texts: Sequence[str], tell: Tell) -> Vectors:
    parts = []
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        parts.append(encoder.encode_texts(batch))
        tell((start + len(batch)) / len(texts), f"{start + len(batch)} of {len(texts)} captions")
    return np.concatenate(parts)


def _metrics(found: Retrieval) -> dict[str, float]:
    ways = {"image_to_text": found.image_to_text, "text_to_image": found.text_to_image}
    metrics = {f"{way}_r{k}": own[k] for way, own in ways.items() for k in RECALL_AT}
    return metrics | {"mean_recall": found.mean_recall}


def _table(name: str, metrics: Mapping[str, float], benchmark: str) -> Table:
    own = (name, *(f"{100 * value:.2f}" for value in metrics.values()))
    others = PUBLISHED_RETRIEVAL.get(benchmark, ())
    rows = [own, *((model, *(f"{value:.2f}" for value in row)) for model, row in others)]
    heads = [f"{way} R@{k}" for way in ("image>text", "text>image") for k in RECALL_AT]
    return Table(
        head=("", *heads, "mean recall"),
        rows=tuple(rows),
        note=f"Percent. Below the first row: {PUBLISHED_FROM}." if others else "Percent.",
    )
