"""Approximate search in a large segment: inverted lists of one-bit codes, refined exactly.

FAISS `IVF<lists>,RaBitQ` holds about 84 bytes a vector of 512 numbers in memory: 64 of code, 8 of
factors, 8 of row number, and its share of the lists' centres. What it proposes is compared exactly
by the stored vectors, so codes decide who is looked at and never who is better.

Source: Gao and Long (2024), RaBitQ, SIGMOD, doi 10.1145/3654970.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.errors import InputError, SourceError
from eoagent_indexes.ann_write import write_ann
from eoagent_indexes.calibration import Searched, calibrate
from eoagent_indexes.choosing import ANN_FORMAT
from eoagent_indexes.exact import widened
from eoagent_indexes.faisslib import bounded_threads, load_faiss
from eoagent_indexes.manifest import AnnEntry
from eoagent_indexes.segment import Segment

__all__ = ["ANN_ROWS", "AnnPlan", "AnnStructure", "build_ann"]

ANN_ROWS: Final = 200_000
"""Live rows from which on a segment gets a structure; below, comparing all takes 40 ms at most."""
_BLOCK: Final = 16_384
_SAMPLES_A_LIST: Final = 64
_ROUNDS: Final = 8
_LEAST_DIMENSIONS: Final = 8


class AnnStructure:
    """A structure that is loaded; safe for concurrent searches."""

    def __init__(self, faiss: Any, index: Any) -> None:
        self._faiss, self._index = faiss, index

    @classmethod
    def load(cls, segment: Segment) -> AnnStructure:
        """Load the structure of a segment, hashed before it is parsed.

        Raises:
            SourceError: if it is missing, damaged, or of another segment or format.
            ModelMissing: if FAISS is not installed.
            ModelError: if FAISS is installed twice.
        """
        faiss = load_faiss()
        data = segment.ann_bytes()
        assert segment.ann is not None
        path = str(segment.files.root / segment.ann.file.path)
        if segment.calibration.get("format") != ANN_FORMAT:
            raise SourceError(f"{path} is of another format than {ANN_FORMAT}", href=path)
        try:
            index = faiss.deserialize_index(np.array(data))  # a copy: nothing is mapped afterwards
        except RuntimeError as error:
            raise SourceError(f"{path} is no FAISS index: {str(error)[:200]}", href=path) from error
        shape = (index.ntotal, index.d)
        if shape != (segment.ann.rows, segment.entry.dimensions) or not hasattr(index, "nprobe"):
            raise SourceError(f"{path} holds {shape}, not the vectors of its segment", href=path)
        return cls(faiss, index)

    def propose(
        self,
        query: NDArray[np.float32],
        *,
        nprobe: int,
        count: int,
        allowed: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.int64]:
        """Return rows that are probably the best, best first; fewer where lists hold no more.

        Args:
            query: (d,).
            nprobe: lists that are looked into.
            count: most rows.
            allowed: which rows may be proposed, (rows,); all by default.
        """
        faiss = self._faiss
        settings: dict[str, Any] = {"nprobe": nprobe}
        if allowed is not None:  # bits must outlive the search: this name holds them
            bits = np.packbits(allowed, bitorder="little")
            settings["sel"] = faiss.IDSelectorBitmap(bits)
        parameters = faiss.SearchParametersIVF(**settings)
        _, found = self._index.search(query[None], count, params=parameters)
        rows: NDArray[np.int64] = found[0][found[0] >= 0]
        return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnPlan:
    """How a structure is made."""

    lists: int = 0
    """Inverted lists; 0 takes twice the square root of the rows."""
    seed: int = 0
    """Seed of the sample, of the training and of the calibration."""
    threads: int = 1
    """Threads of FAISS."""
    queries: int = 100
    """Held-out queries of the calibration, of each kind."""


def build_ann(
    segment: Segment,
    *,
    plan: AnnPlan | None = None,
    generation: str = "",
    texts: NDArray[np.float32] | None = None,
) -> AnnEntry:
    """Make the structure of a segment, measure it, write it, and return its entry.

    Args:
        segment: the segment.
        plan: how it is made.
        generation: id of structures made together, 32 hex digits; random by default.
        texts: vectors of texts, (n, d), that show where texts lie; made up without them.

    Raises:
        InputError: if the segment is too small to be divided into lists.
        ModelMissing: if FAISS is not installed.
        ModelError: if FAISS is installed twice.
        SourceError: if the segment is damaged, or the disk full or not writable.
    """
    faiss = load_faiss()
    plan = plan or AnnPlan()
    rows = np.arange(segment.rows)  # deleted ones too: which are, changes with the version
    lists = plan.lists or round(2 * math.sqrt(len(rows)))
    if len(rows) < 2 * lists or segment.entry.dimensions < _LEAST_DIMENSIONS:
        raise InputError(
            f"segment {segment.entry.id} has {len(rows)} rows of "
            f"{segment.entry.dimensions} numbers, too little for {lists} lists",
            hint="it is searched exactly; leave it without a structure",
        )
    began = time.process_time()
    kind = f"IVF{lists},RaBitQ"
    with bounded_threads(faiss, plan.threads):
        index = _trained(faiss, segment, rows, kind, plan)
        for at in range(0, len(rows), _BLOCK):
            part = rows[at : at + _BLOCK]
            index.add_with_ids(_float32(segment, part), part)
        data: NDArray[np.uint8] = faiss.serialize_index(index)
        spent = time.process_time() - began
        # The structure that is measured is the one that is written.
        structure = AnnStructure(faiss, faiss.deserialize_index(data))
        searched = Searched(segment=segment, propose=structure.propose, lists=lists)
        measured = calibrate(searched, queries=plan.queries, seed=plan.seed, texts=texts)
    about = {
        "faiss": faiss.__version__,
        "lists": lists,
        "seed": plan.seed,
        "build_cpu_s": round(spent, 3),
        "bytes_per_vector": round(len(data) / len(rows), 1),
    }
    return write_ann(
        segment.files.root,
        segment.entry,
        data.data,
        kind=kind,
        calibration={**measured, **about},
        generation=generation or None,
    )


def _trained(
    faiss: Any, segment: Segment, rows: NDArray[np.int64], kind: str, plan: AnnPlan
) -> Any:
    index = faiss.index_factory(segment.entry.dimensions, kind, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter = _ROUNDS
    index.cp.seed = plan.seed
    index.cp.max_points_per_centroid = _SAMPLES_A_LIST
    index.cp.min_points_per_centroid = 1
    size = min(len(rows), _SAMPLES_A_LIST * index.nlist)
    random = np.random.default_rng(plan.seed)
    sample = np.sort(random.choice(rows, size, replace=False))
    index.train(_float32(segment, sample))
    return index


def _float32(segment: Segment, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    return widened(segment.vectors(rows)) * np.float32(2.0**112)
