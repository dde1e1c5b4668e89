"""Put together what a reasoner is told besides the question, and hold its words against it.

Numbers come from pixels: they are handed over as measured, and others that the model writes are
told to be its own. Passages are handed over with their ids, which it is asked to cite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from eoagent.contracts.dialogue import Picture
from eoagent.contracts.errors import InputError, ModelMissing
from eoagent.contracts.figure import Figure, Source
from eoagent.contracts.knowledge import PassageHit
from eoagent.contracts.raster import Grid
from eoagent.contracts.reasoner import Reply
from eoagent.contracts.text import plain_text
from eoagent.contracts.tool import Services
from eoagent.dialogue.claims import cited, unbacked_numbers
from eoagent.geo.grid import footprint
from eoagent.io.knowledge import KnowledgeBase, read_knowledge
from eoagent.io.passages import find_passages, passages_text

__all__ = ["Told", "knowledge_state", "measured_figures", "passages_for", "told"]

_CITE: Final = "Cite the id in square brackets of each passage that the answer rests on."


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a reasoner is told besides the question."""

    text: str
    """All of it, as one text."""
    figures: tuple[Figure, ...]
    """What was measured."""
    passages: tuple[PassageHit, ...]
    """Passages that it may cite."""
    notes: tuple[str, ...]
    """Choices that were made, each a sentence."""

    @classmethod
    def nothing(cls) -> Told:
        """Return what a model is told that gets the question alone."""
        return cls(text="", figures=(), passages=(), notes=())

    @property
    def figure_sources(self) -> tuple[Source, ...]:
        """Sources of what was measured."""
        return tuple(dict.fromkeys(one for figure in self.figures for one in figure.sources))

    def sources(self, reply: Reply) -> tuple[Source, ...]:
        """Return the sources that an answer rests on besides the picture: what it cites."""
        by_id = {hit.passage.id: hit.passage for hit in self.passages}
        known, _ = cited(reply.answer, by_id)
        return tuple(
            by_id[name].source.model_copy(update={"item_id": f"passage {name}"}) for name in known
        )

    def doubts(self, question: str, reply: Reply) -> tuple[str, ...]:
        """Return what of an answer nothing backs, each a sentence."""
        said = []
        values = [float(figure.value) for figure in self.figures if figure.unit != "choice"]
        errors = [figure.error for figure in self.figures if figure.error is not None]
        loose = unbacked_numbers(reply.answer, [*values, *errors], given=(question, self.text))
        if loose:
            said.append(f"numbers that the model wrote and nobody measured: {', '.join(loose)}")
        known, others = cited(reply.answer, {hit.passage.id for hit in self.passages})
        if self.passages and others:
            said.append(f"the model cites what it was not shown: {', '.join(others)}")
        if self.passages and not known:
            said.append("the model cites none of the passages that it was shown")
        return tuple(plain_text(one, 400) for one in said)


def told(
    *,
    legends: Sequence[str] = (),
    figures: Sequence[Figure] = (),
    passages: Sequence[PassageHit] = (),
    notes: Sequence[str] = (),
) -> Told:
    """Return what a reasoner is told.

    Args:
        legends: how the pictures came about.
        figures: what was measured.
        passages: passages that speak of the question.
        notes: choices that were made before, each a sentence.
    """
    parts = [legend for legend in legends if legend]
    said = list(notes)
    if figures:
        lines = [f"- {plain_text(figure.label, 160)}: {_value(figure)}" for figure in figures]
        parts.append("Measured from the pixels, use these numbers only:\n" + "\n".join(lines))
        said.append(
            f"the model was told what was measured ({', '.join(f.id for f in figures)}), and "
            "words it"
        )
    if passages:
        parts.append(f"Passages that may help. {_CITE}\n\n{passages_text(passages)}")
        said += [_note(hit) for hit in passages]
    return Told(
        text="\n\n".join(parts),
        figures=tuple(figures),
        passages=tuple(passages),
        notes=tuple(said),
    )


def measured_figures(names: Sequence[str], known: Mapping[str, Figure]) -> tuple[Figure, ...]:
    """Return figures of the run by id.

    Raises:
        InputError: if one is not a figure of this run.
    """
    found = []
    for name in names:
        figure = known.get(name.removeprefix("figure:"))
        if figure is None:
            listed = ", ".join(list(known)[:20]) or "none yet"
            raise InputError(
                f"'{plain_text(name, 60)}' is no figure of this run",
                hint=f"name what an earlier step measured ($1.area); known: {listed}",
            )
        found.append(figure)
    return tuple(found)


def passages_for(
    services: Services, question: str, grid: Grid, picture: Picture
) -> tuple[tuple[PassageHit, ...], tuple[str, ...]]:
    """Return the passages of the knowledge base that speak of a question about a scene.

    Args:
        services: guard, models and options; without a knowledge base there are none.
        question: what is asked.
        grid: the scene, whose place finds passages.
        picture: the scene as a picture, which finds passages with pictures like it.

    Returns:
        The passages, best first; and choices that were made, each a sentence.

    Raises:
        NotFound: if the knowledge base has gone, or the model of its embeddings is not known.
        InputError: if it cannot be read as one.
        ModelError: if the model of its embeddings fails.
        SourceError: if it is damaged.
    """
    if not services.options.knowledge:
        return (), ()
    base = read_knowledge(services.options.knowledge, services.origins)
    area = footprint(grid) if grid.is_georeferenced else None
    vector, notes = _vector(services, base, picture)
    hits = find_passages(base, question, area=area, vector=vector)
    if not hits:
        return (), (*notes, f"no passage of '{base.name}' speaks of it")
    return hits, notes


def knowledge_state(services: Services) -> JsonValue:
    """Return what the passages of a result hang on: the files of the knowledge base as they are."""
    href = services.options.knowledge
    if not href:
        return None
    root = Path(services.origins.admit(href).href)
    files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
    stats = [(str(path), path.stat()) for path in files]
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]


def _vector(
    services: Services, base: KnowledgeBase, picture: Picture
) -> tuple[NDArray[np.float32] | None, tuple[str, ...]]:
    """Return the vector of a picture as those of a knowledge base were made, if that can be."""
    if base.vectors is None:
        return None, ()
    try:
        encoder = services.models.encoder(base.encoder)
    except ModelMissing as error:
        return None, (f"the pictures of '{base.name}' were not compared: {error.explain()}",)
    return encoder.encode_images([picture])[0], ()


def _value(figure: Figure) -> str:
    error = "" if figure.error is None else f" ± {figure.error:.4g}"
    if isinstance(figure.value, str):
        return plain_text(figure.value, 200)
    return f"{figure.value:.6g}{error} {figure.unit}"


def _note(hit: PassageHit) -> str:
    why = []
    if hit.coverage is not None:
        why.append(f"{100 * hit.coverage:.0f} % of the question's words")
    if hit.distance_m is not None:
        why.append("its place" if hit.distance_m == 0 else f"{hit.distance_m / 1000:.3g} km away")
    if hit.cosine is not None:
        why.append(f"a picture like it (cosine {hit.cosine:.2f})")
    return f"the model was shown the passage [{hit.passage.id}], found by {' and '.join(why)}"
