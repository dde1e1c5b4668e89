"""Models that answer and outline as they were told, and models by what they can do."""

from __future__ import annotations

import numpy as np

from eoagent.contracts.card import ModelCard, WeightsSource
from eoagent.contracts.errors import InputError, ModelMissing
from eoagent.contracts.reasoner import Grounding, Reply


def reasoner_card(**changes):
    """Return the card of the model that answers as it was told."""
    said = {
        "id": "stub-reasoner",
        "kind": "stub",
        "title": "Stub Reasoner",
        "summary": "Answers as it was told.",
        "licence": "none",
        "homepage": "https://example.org",
        "weights": WeightsSource(file="none", sha256="ab" * 32),
        "architecture": "none",
        "input_px": 64,
        "gsd_max_m": 30.0,
        "gsd_reason": "nothing that it knows is larger",
        "memory_mb": 1,
        "tasks": ("reason",),
    }
    return ModelCard.model_validate({**said, **changes})


def reply(status="found", answer="[[1,2,3,4]]", **more):
    """Return a reply."""
    said = {"think": "I look for it.", "raw": f"<think>I look for it.</think>{answer}"}
    return Reply(status=status, answer=answer, **{**said, **more})


class StubReasoner:
    """Gives the same boxes and the same answer to every question, and keeps what it was shown."""

    def __init__(self, boxes=(), *, status="", answer="yes", labels=None, mask=None, **more):
        self.card = reasoner_card(**more.pop("card", {}))
        self.manner = {"profile": "stub", "pixel_cap": str(more.pop("cap", 1 << 20))}
        self.boxes = np.asarray(boxes, float).reshape(-1, 4)
        self.status = status or ("found" if len(self.boxes) else "none")
        self.labels = ("",) * len(self.boxes) if labels is None else tuple(labels)
        self.mask = mask
        self.dropped = more.pop("dropped", 0)
        self.said = answer
        self.told = more.pop("told", {})
        self.raw = more.pop("raw", "[]")
        self.pictures = []
        assert not more

    def ground(self, picture, question, *, on_text=None):
        self.pictures.append(picture)
        assert question.strip()
        return Grounding(
            reply=reply(self.status, "[]", raw=self.raw, notes=("asked as a stub",)),
            boxes=self.boxes,
            points=(self.boxes[:, :2] + self.boxes[:, 2:]) / 2,
            labels=self.labels,
            stated=tuple(tuple(box) for box in self.boxes.tolist()),
            dropped=self.dropped,
            mask=self.mask,
        )

    def answer(self, pictures, question, *, context="", zoom=None, on_text=None):
        self.pictures += pictures
        return reply(**({"answer": self.said} | self.told))

    def describe(self, picture, *, on_text=None):
        self.pictures.append(picture)
        return reply(answer=self.said)


class StubOutliner:
    """Outlines the pixels of a box whose first band is bright."""

    def __init__(self, *, input_px=2):
        said = {"id": "stub-outliner", "title": "Stub Outliner", "tasks": ("outline",)}
        self.card = reasoner_card(input_px=input_px, **said)
        self.calls = []
        self.pictures = []

    def outline(self, picture, boxes, points):
        assert len(boxes) == len(points)
        self.calls.append(len(boxes))
        self.pictures.append(picture)
        masks = np.zeros((len(boxes), *picture.shape[:2]), bool)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
            part = slice(int(y1), int(np.ceil(y2))), slice(int(x1), int(np.ceil(x2)))
            mask[part] = picture[part][..., 0] > 127
        return masks


class ReasoningModels:
    """A reasoner and an outliner beside other models."""

    def __init__(self, reasoner=None, outliner=None, *, others=None):
        self.others = others
        self.one = reasoner
        self.drawer = outliner

    def __getattr__(self, name):
        return getattr(self.others, name)

    def cards(self):
        own = [model.card for model in (self.one, self.drawer) if model is not None]
        return (*own, *(self.others.cards() if self.others is not None else ()))

    def encoder(self, card="", *, gsd_m=None):
        if self.others is None:
            raise ModelMissing("no encoder is here", command="eoagent models pull stub-encoder")
        return self.others.encoder(card, gsd_m=gsd_m)

    def reasoner(self, card="", *, gsd_m=None):
        if self.one is None:
            raise ModelMissing("no model reasons here", command="eoagent models pull stub-reasoner")
        refusal = self.one.card.refusal(gsd_m)
        if refusal:
            raise InputError(refusal, hint="take another image")
        return self.one

    def outliner(self, card=""):
        if self.drawer is None:
            raise ModelMissing("no model outlines", command="eoagent models pull stub-outliner")
        return self.drawer
