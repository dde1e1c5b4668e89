"""`eval zeroshot`: how well an encoder labels pictures by the names of their classes.

Pictures lie in a folder for each class. Prompts are one sentence or an ensemble of them. With
`holdout`, the last fifth of each class by file name is labelled, as RemoteCLIP does for sets
without a test split, and k-NN, a linear probe and few shots learn from the rest.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eoagent.app.evaluation.measured import Measured, now_text, own_versions
from eoagent.app.evaluation.picturefolder import ClassFolder, Tell, class_folders, encode_files
from eoagent.app.evaluation.tables import Table
from eoagent.contracts.encoder import Encoder, Vectors
from eoagent.contracts.errors import InputError
from eoagent.contracts.store import Origins
from eoagent.runners.wording import encode_words
from eoagent.vectors.fewshot import SHOTS, few_shot
from eoagent.vectors.measures import confusion
from eoagent.vectors.neighbours import NEIGHBOURS, knn_votes, nearest_labels
from eoagent.vectors.probe import fit_probe
from eoagent.vectors.transduction import joint_shares
from eoagent.vectors.zeroshot import zero_shot

__all__ = ["evaluate_zeroshot"]

_SINGLE: Final = "single"
_TRAINED_SHARE: Final = 0.8
_SEEDS: Final = (0, 1, 2)
_Labels = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Set:
    """Pictures with their classes."""

    vectors: Vectors
    labels: _Labels


def evaluate_zeroshot(
    encoder: Encoder,
    data: Path,
    origins: Origins,
    *,
    ensemble: str,
    holdout: bool,
    tell: Tell,
) -> Measured:
    """Return how well an encoder labels the pictures of a folder of classes.

    Args:
        encoder: the model.
        data: folder with a folder of pictures for each class.
        origins: the guard, which trusts the folder.
        ensemble: name of the prompt ensemble that is measured beside the single sentence.
        holdout: whether only the last fifth of each class is labelled.
        tell: where progress is reported.

    Raises:
        NotFound: if there is no such folder or ensemble.
        InputError: if a class has no picture, or too few for a split.
        SourceError: if a picture is damaged.
        ModelError: if the model fails.
    """
    began = time.perf_counter()
    classes = class_folders(data)
    train, test = _split(classes, holdout=holdout)
    names = [own.words for own in classes]
    asked_as = dict.fromkeys((_SINGLE, ensemble))
    prompts = {name: encode_words(encoder, names, ensemble=name) for name in asked_as}
    asked = _encoded(encoder, test, origins, tell)
    told = {name: zero_shot(asked.vectors, own).classes[:, 0] for name, own in prompts.items()}
    metrics = {f"top1_{name}": _rate(own, asked.labels) for name, own in told.items()}
    joint = joint_shares(asked.vectors, prompts[ensemble])
    metrics["top1_joint"] = _rate(np.argmax(joint, axis=1), asked.labels)
    if holdout:
        metrics |= _taught(_encoded(encoder, train, origins, tell), asked, len(classes))
    counts = confusion(asked.labels, told[ensemble], classes=len(classes))
    return Measured(
        schema="eoagent/measured/1",
        suite="zeroshot",
        data=str(data),
        encoder=encoder.fingerprint,
        metrics=metrics,
        tables=(_summary(metrics, len(asked.labels)), _by_class(names, counts)),
        details={"classes": list(names), "confusion": counts.tolist()},
        notes=(
            (
                f"{len(asked.labels)} pictures of {len(classes)} classes were labelled; prompts: "
                f"{', '.join(prompts)}; the table by class and the confusion are of {ensemble}"
            ),
            "joint: all pictures labelled together, neighbours and clusters correcting the prompts",
            *_split_note(holdout=holdout, trained=sum(map(len, train))),
        ),
        versions=own_versions(),
        created=now_text(),
        seconds=round(time.perf_counter() - began, 3),
    )


def _split(
    classes: Sequence[ClassFolder], *, holdout: bool
) -> tuple[list[tuple[Path, ...]], list[tuple[Path, ...]]]:
    """Return the pictures to learn from and those to label, by class."""
    if not holdout:
        return [() for _ in classes], [own.files for own in classes]
    train, test = [], []
    for own in classes:
        count = int(_TRAINED_SHARE * len(own.files))
        if not count:
            raise InputError(
                f"the class '{own.name}' has {len(own.files)} picture, and a split needs two",
                hint="leave --holdout out to label all pictures",
            )
        train.append(own.files[:count])
        test.append(own.files[count:])
    return train, test


def _encoded(
    encoder: Encoder, files: Sequence[tuple[Path, ...]], origins: Origins, tell: Tell
) -> _Set:
    flat = [path for own in files for path in own]
    labels = np.repeat(np.arange(len(files)), [len(own) for own in files])
    return _Set(vectors=encode_files(encoder, flat, origins, tell), labels=labels)


def _taught(train: _Set, test: _Set, classes: int) -> dict[str, float]:
    """Return the rates of methods that learn from labelled pictures."""
    votes = knn_votes(test.vectors, train.vectors, train.labels, classes=classes)
    probe = fit_probe(train.vectors, train.labels, classes=classes)
    rates = {
        f"knn_{NEIGHBOURS}": _rate(nearest_labels(votes), test.labels),
        "linear_probe": _rate(probe.labels(test.vectors), test.labels),
    }
    least = int(np.bincount(train.labels, minlength=classes).min())
    shots = few_shot(
        train.vectors,
        train.labels,
        test.vectors,
        test.labels,
        classes=classes,
        shots=[count for count in SHOTS if count <= least],
        seeds=_SEEDS,
    )
    return rates | {f"{own.shots}_shot_means": own.mean for own in shots}


def _rate(told: _Labels, truth: _Labels) -> float:
    return float(np.mean(told == truth))


def _summary(metrics: dict[str, float], count: int) -> Table:
    rows = tuple((name, f"{100 * value:.2f}", str(count)) for name, value in metrics.items())
    return Table(head=("", "top-1 %", "pictures"), rows=rows)


def _by_class(names: Sequence[str], counts: NDArray[np.int64]) -> Table:
    rows = []
    for row, name in enumerate(names):
        others = counts[row].copy()
        others[row] = 0
        most = int(np.argmax(others))
        taken = f"{names[most]} ({others[most]})" if others[most] else ""
        share = 100 * counts[row, row] / counts[row].sum()
        rows.append((name, f"{share:.1f}", str(counts[row].sum()), taken))
    return Table(head=("class", "right %", "pictures", "most taken for"), rows=tuple(rows))


def _split_note(*, holdout: bool, trained: int) -> tuple[str, ...]:
    if not holdout:
        return ("all pictures were labelled; nothing was learnt from them",)
    said = (
        "the last fifth of each class by file name was labelled; k-NN (votes weighed by cosine), "
        f"probe (logistic regression) and few shots (means of {len(_SEEDS)} draws) learnt from "
        f"the other {trained}"
    )
    return (said,)
