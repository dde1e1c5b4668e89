"""Make the one vector that tiles are compared with from texts, pictures, tiles and vectors.

It is the mean of what is looked for, less half the mean of what is not, of length 1. Pictures and
texts lie apart in the space of an encoder, and their scores on two scales; where a query has both,
each vector counts by how its own scores spread over the tiles of the index.

Source: the rule for negatives is that of a published field report on search in Sentinel-2 chips.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from eoagent.contracts.encoder import Encoder, EncoderFingerprint
from eoagent.contracts.errors import InputError, ModelError
from eoagent.contracts.tilesearch import TileQuery
from eoagent.vectors.prompts import USUAL_ENSEMBLE, ensembles
from eoagent_indexes.background import Background
from eoagent_indexes.choosing import Kind

__all__ = ["MOST_TILES", "QueryVector", "Sight", "check_query", "make_query", "usual_templates"]

MOST_TILES: Final = 10_000
"""Greatest k."""
_TWO_SCALES: Final = (
    "texts and pictures score on two scales: each counts by how its scores spread over the tiles "
    "of the index"
)
_AGAINST: Final = 0.5
_FLAT: Final = 1e-6
_Kind = Literal["text", "picture"]
_Term = tuple[_Kind, NDArray[np.float32]]


def usual_templates() -> tuple[str, ...]:
    """Return sentences that a text is put into; their mean is less a matter of wording."""
    return ensembles()[USUAL_ENSEMBLE].templates


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What turns a query into vectors."""

    encoder_for: Callable[[EncoderFingerprint], Encoder] | None
    """Makes the encoder of an index; None where there are no models."""
    fingerprint: EncoderFingerprint
    """What made the vectors of the index."""
    tile_vectors: Callable[[Sequence[str]], NDArray[np.float32]]
    """Returns the vectors of tiles by id."""
    background: Callable[[], Background | None]
    """Returns how random tiles score."""
    templates: tuple[str, ...] = field(default_factory=usual_templates)
    """Sentences that texts are put into; `{}` stands for the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryVector:
    """What tiles are compared with."""

    vector: NDArray[np.float32]
    """(d,), of length 1."""
    kind: Kind = "across"
    """Where it lies: among the tiles if it is one picture, tile or vector alone."""
    texts_as: tuple[str, ...] = ()
    """Sentences that texts were put into."""
    warnings: tuple[str, ...] = ()
    """What the reader should know."""


def check_query(query: TileQuery, *, index: str) -> None:
    """Refuse a query that asks for nothing, or for more than there is.

    Raises:
        InputError: if it does.
    """
    given = (query.texts, query.pictures, query.tile_ids)
    if not any(given) and (query.vectors is None or not len(query.vectors)):
        raise InputError(
            f"the search in index '{index}' asks for nothing",
            hint="give a text, a picture, a tile of the index or a vector",
        )
    if not 1 <= query.k <= MOST_TILES:
        raise InputError(
            f"k is {query.k}, and a search returns from 1 to {MOST_TILES:,} tiles",
            hint="narrow the search by place or time to see more of it",
        )
    for text in (*query.texts, *query.unlike_texts):
        if not text.strip():
            raise InputError("a text of the search is empty", hint="say what is looked for")


def make_query(query: TileQuery, sight: Sight) -> QueryVector:
    """Return the vector of a query that `check_query` let pass.

    Raises:
        InputError: if a vector does not fit, the terms cancel out, or the index cannot tell what
            made its vectors.
        NotFound: if a tile is not there.
        ModelMissing: if the encoder is needed and its weights are not installed.
        ModelError: if the encoder is another than that of the index.
    """
    needs_encoder = bool(query.texts or query.pictures or query.unlike_texts)
    encoder = _encoder(sight) if needs_encoder else None
    likes: list[_Term] = []
    unlikes: list[_Term] = []
    if query.vectors is not None and len(query.vectors):
        given = _checked(query.vectors, sight.fingerprint)
        likes += [("picture", vector) for vector in given]
    if query.tile_ids:
        likes += [("picture", vector) for vector in sight.tile_vectors(query.tile_ids)]
    if query.unlike_tile_ids:
        unlikes += [("picture", vector) for vector in sight.tile_vectors(query.unlike_tile_ids)]
    if encoder is not None:
        if query.pictures:
            seen = encoder.encode_images(list(query.pictures))
            likes += [("picture", vector) for vector in seen]
        likes += [("text", _worded(encoder, text, sight)) for text in query.texts]
        unlikes += [("text", _worded(encoder, text, sight)) for text in query.unlike_texts]
    warnings = _unknown(sight, needs_encoder=needs_encoder)
    if len({kind for kind, _ in likes + unlikes}) > 1:
        likes, unlikes = _balanced(likes, sight), _balanced(unlikes, sight)
        warnings += (_TWO_SCALES,)
    has_texts = bool(query.texts or query.unlike_texts)
    return QueryVector(
        vector=_combined(likes, unlikes),
        kind="own" if len(likes) == 1 and not (unlikes or has_texts) else "across",
        texts_as=sight.templates if has_texts else (),
        warnings=warnings,
    )


def _encoder(sight: Sight) -> Encoder:
    wanted = sight.fingerprint
    names_model = wanted.weights_sha256 != "unknown" or wanted.card not in {"", "unknown"}
    if not names_model:
        raise InputError(
            "the index does not say which model made its vectors, so no text or picture can be "
            "put among them",
            hint="search by tile id or vector, or import it again with --encoder ID",
        )
    if sight.encoder_for is None:
        raise InputError(
            "this search by text or picture was given no models",
            hint="search by tile id or vector, or open the index through eoagent.open_index",
        )
    encoder = sight.encoder_for(wanted)
    differences = wanted.differences(encoder.fingerprint)
    if differences:
        raise ModelError(
            f"the encoder {encoder.fingerprint.card} is not the one that made the index; it "
            f"differs (index, encoder) in {'; '.join(differences)}",
            hint="install the weights that the index names, or build it again with this encoder",
        )
    return encoder


def _unknown(sight: Sight, *, needs_encoder: bool) -> tuple[str, ...]:
    unknown = sight.fingerprint.unknowns
    if not (needs_encoder and unknown):
        return ()
    names = ", ".join(unknown)
    said = f"the index does not say all about its encoder, {sight.fingerprint.card}: {names}"
    return (said,)


def _checked(vectors: NDArray[np.float32], made_by: EncoderFingerprint) -> NDArray[np.float32]:
    rows = np.atleast_2d(np.asarray(vectors, dtype=np.float32))
    if rows.ndim != 2 or rows.shape[1] != made_by.dimensions:
        raise InputError(
            f"the vectors have the shape {np.shape(vectors)}, and those of the index have "
            f"{made_by.dimensions} numbers each",
            hint=f"give vectors of {made_by.card}, of shape (n, {made_by.dimensions})",
        )
    if not np.isfinite(rows).all():
        raise InputError("a vector of the search holds a number that is not finite")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (lengths > _FLAT).all():
        raise InputError("a vector of the search is zero and points nowhere")
    unit: NDArray[np.float32] = rows / lengths
    return unit


def _worded(encoder: Encoder, text: str, sight: Sight) -> NDArray[np.float32]:
    """Return the mean of a text's sentences, of length 1."""
    words = text.strip().rstrip(".")
    found = encoder.encode_texts([t.replace("{}", words) for t in sight.templates])
    return _unit(found.mean(axis=0), "the sentences of a text cancel out")


def _balanced(terms: Sequence[_Term], sight: Sight) -> list[_Term]:
    """Return vectors divided by the spread of their scores over the tiles of the index."""
    background = sight.background()
    spreads = [background.of_query(v)[1] if background else 1.0 for _, v in terms]
    return [
        (kind, vector / np.float32(spread if spread > _FLAT else 1.0))
        for (kind, vector), spread in zip(terms, spreads, strict=True)
    ]


def _combined(likes: Sequence[_Term], unlikes: Sequence[_Term]) -> NDArray[np.float32]:
    whole = np.mean([vector for _, vector in likes], axis=0)
    if unlikes:
        whole = whole - _AGAINST * np.mean([vector for _, vector in unlikes], axis=0)
    return _unit(whole, "what is looked for and what is not cancel out")


def _unit(vector: NDArray[np.float32], refusal: str) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    if length < _FLAT:
        raise InputError(refusal, hint="look for something else")
    unit: NDArray[np.float32] = (vector / np.float32(length)).astype(np.float32)
    return unit
