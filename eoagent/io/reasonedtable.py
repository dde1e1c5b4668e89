"""Keep what a reasoner was asked and said, word by word, as a table beside what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from eoagent.contracts.artifact import Artifact, TableRef
from eoagent.contracts.reasoner import Reasoner, Reply
from eoagent.contracts.store import ArtifactStore
from eoagent.contracts.text import plain_text
from eoagent.contracts.zoom import Visit
from eoagent.io.reasonedview import SceneLook

__all__ = ["store_replies"]

_COLUMNS: Final = ("about", "what", "text")
_MOST: Final = 50_000
"""Characters of one text that are kept."""

Row = tuple[str, str, str]


def store_replies(
    store: ArtifactStore,
    question: str,
    replies: Mapping[str, Reply],
    *,
    look: SceneLook,
    reasoner: Reasoner,
    visits: Mapping[str, Visit] | None = None,
    told: str = "",
) -> Artifact:
    """Keep the replies of a reasoner with all that led to them; the preview holds no word of it.

    Args:
        store: where to keep it.
        question: what was asked.
        replies: by what was asked for (`where`, `answer`).
        look: what it was shown.
        reasoner: the model.
        visits: parts that it was shown closer, by name.
        told: what it was told besides the question.

    Raises:
        SourceError: if the disk is full or cannot be written.
    """
    rows = [
        *_of_picture(look),
        ("model", "card", reasoner.card.id),
        *(row for name, visit in (visits or {}).items() for row in _of_visit(name, visit)),
        *([("told", "material", told)] if told else []),
        *(("model", key, value) for key, value in sorted(reasoner.manner.items())),
        *(row for name, reply in replies.items() for row in _of_reply(name, question, reply)),
    ]
    kept = [[about, what, plain_text(text, _MOST, keep="\n\t")] for about, what, text in rows]
    content = {"columns": list(_COLUMNS), "units": {}, "rows": kept}
    file = store.scratch(".json")
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    label = f"what {reasoner.card.title} was asked and said"[:200]
    ref = TableRef(path="", columns=_COLUMNS, rows=len(kept), label=label)
    statuses = {name: reply.status for name, reply in replies.items()}
    return store.put(
        "table",
        title=label[:120],
        payload=ref.to_dict(),
        preview={"columns": list(_COLUMNS), "rows": len(kept), "status": statuses},
        file=file,
    )


def _of_picture(look: SceneLook) -> Iterator[Row]:
    view = look.view
    part = view.window
    cols, rows = f"{part.col} to {part.col + part.width}", f"{part.row} to {part.row + part.height}"
    yield "picture", "size", f"{view.width} x {view.height} pixels"
    yield "picture", "window", f"columns {cols}, rows {rows} of the image"
    yield "picture", "colours", look.rule


def _of_visit(name: str, visit: Visit) -> Iterator[Row]:
    part = visit.window
    cols, rows = f"{part.col} to {part.col + part.width}", f"{part.row} to {part.row + part.height}"
    yield name, "window", f"columns {cols}, rows {rows} of the image"
    yield name, "chosen by", visit.by
    if visit.score is not None:
        yield name, "likeness", f"{visit.score:.3f} standard deviations above the image as a whole"
    if visit.found is not None:
        yield name, "boxes", str(visit.found)


def _of_reply(name: str, question: str, reply: Reply) -> Iterator[Row]:
    yield name, "question", question
    yield name, "status", reply.status
    yield name, "answer", reply.answer
    yield name, "think", reply.think
    yield name, "raw", reply.raw
    yield name, "tokens", f"{reply.input_tokens} read, {reply.output_tokens} written"
    for note in reply.notes:
        yield name, "note", note
    for box in reply.looked_at:
        yield name, "looked at", ", ".join(f"{edge:g}" for edge in box)
