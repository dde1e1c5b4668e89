"""Stubs for suites of sight: a segmenter that sees colours, reasoners that know the answers."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
import pytest
from PIL import Image

from eoagent.app.evaluation.suiterequest import SuiteRequest
from eoagent.contracts.card import ModelCard, WeightsSource
from eoagent.contracts.errors import ModelMissing
from eoagent.contracts.models import NoModels
from eoagent.contracts.reasoner import Grounding, Reply
from eoagent.contracts.segmenter import PhraseMask

SIDE = 64
COLOURS = {"ship": 0, "storagetank": 1, "vehicle": 2}
SHA = "ab" * 32


def card(**more):
    said = {
        "id": "stub-sees-colours", "kind": "stub", "title": "Stub", "summary": "sees colours",
        "licence": "none", "homepage": "none", "architecture": "none", "input_px": SIDE,
        "memory_mb": 1, "weights": WeightsSource(file="none", sha256=SHA),
        "gsd_min_m": 0.0, "gsd_max_m": math.inf,
        "options": {
            "class_prompt": "{} in the image",
            "class_names": {"ship": ["boat"], "storagetank": [], "vehicle": ["car"]},
        },
    }  # fmt: skip
    return ModelCard(**(said | more))


class Colours:
    """Sees a ship in red, a storage tank in green, a vehicle in blue; 0.9 there, else 0.1."""

    def __init__(self):
        self.card = card()
        self.manner = {"device": "stub"}
        self.asked = []

    def segment(self, picture, phrases):
        for phrase in phrases:
            self.asked.append((picture.shape, phrase))
            yield self._mask(picture, phrase)

    def _mask(self, picture, phrase):
        name = phrase.rstrip(".").removesuffix(" in the image")
        if name in COLOURS:
            yes = picture[..., COLOURS[name]] > 127
        else:
            yes = np.zeros(picture.shape[:2], bool)
        values = np.where(yes, 0.9, 0.1).astype(np.float32)
        return PhraseMask(
            probability=values, presence=float(0.5 * values.max() + 0.5 * values.mean())
        )


class Oracle(Colours):
    """Knows pictures by their pixels, and gives their true masks."""

    def __init__(self, side=896):
        super().__init__()
        self.card = card(input_px=side)
        self._known = {}

    def learn(self, pixels, truth):
        """Remember the masks (height, width) of a picture by phrase, whole and stretched."""
        side = self.card.input_px
        stretched = np.array(
            Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR)
        )
        self._known[_print(pixels)] = truth
        self._known[_print(stretched)] = {
            phrase: np.array(Image.fromarray(mask).resize((side, side), Image.Resampling.NEAREST))
            for phrase, mask in truth.items()
        }

    def _mask(self, picture, phrase):
        yes = self._known[_print(picture)].get(phrase, np.zeros(picture.shape[:2], bool))
        values = np.where(yes, 0.9, 0.1).astype(np.float32)
        return PhraseMask(
            probability=values, presence=float(0.5 * values.max() + 0.5 * values.mean())
        )


class Knowing:
    """A reasoner that finds what it was told, and answers what it was told."""

    def __init__(self, answers=None, *, frame="original", cap="802816"):
        self.card = card(id="stub-reasons")
        self.manner = {"frame": frame, "pixel_cap": cap, "profile": "stub"}
        self.answers = answers or {}
        self.asked = []

    def ground(self, picture, question, *, on_text=None):
        self.asked.append(question)
        told = self.answers[question]
        if isinstance(told, str):
            return Grounding(
                reply=Reply(status=told, answer=""), boxes=np.empty((0, 4)),
                points=np.empty((0, 2)), labels=(),
            )  # fmt: skip
        boxes = np.array(told, np.float64).reshape(-1, 4)
        return Grounding(
            reply=Reply(status="found", answer=str(told)),
            boxes=boxes,
            points=(boxes[:, :2] + boxes[:, 2:]) / 2,
            labels=("",) * len(boxes),
            stated=tuple(tuple(map(float, box)) for box in told),
        )

    def answer(self, pictures, question, *, context="", zoom=None, on_text=None):
        self.asked.append(question)
        told = self.answers[question]
        is_status = told in {"none", "unparseable", "truncated"}
        return Reply(status=told if is_status else "found", answer="" if is_status else told)


class Filling:
    """An outliner that fills boxes."""

    card = card(id="stub-outlines")

    def outline(self, picture, boxes, points):
        masks = np.zeros((len(boxes), *picture.shape[:2]), bool)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.round().astype(int), strict=True):
            mask[y1:y2, x1:x2] = True
        return masks


class Stubs(NoModels):
    """Models of which some are there."""

    def __init__(self, segmenter=None, reasoner=None, outliner=None):
        self._own = segmenter, reasoner, outliner

    def segmenter(self, card="", *, gsd_m=None):
        if card.startswith("directsam") or self._own[0] is None:
            raise ModelMissing(f"no {card or 'segmenter'}", command="eoagent models pull it")
        return self._own[0]

    def reasoner(self, card="", *, gsd_m=None):
        return self._own[1] or super().reasoner(card)

    def outliner(self, card=""):
        return self._own[2] or super().outliner(card)


def tell(done, what):
    assert 0 <= done <= 1
    assert what


def request(data, **more):
    return SuiteRequest(data=data, **more)


def paint(path, rectangles, *, height=48, width=64):
    """Write a black picture with rectangles (colour's place, x1, y1, x2, y2); return its pixels."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for band, x1, y1, x2, y2 in rectangles:
        pixels[y1:y2, x1:x2, band] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


def coco(path, pictures, names=("ship", "storage_tank", "vehicle")):
    """Write a COCO file of pictures: (file name, rectangles); polygons follow the pixels."""
    annotations = []
    for image, (_, rectangles) in enumerate(pictures):
        for band, x1, y1, x2, y2 in rectangles:
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": image, "category_id": band + 1,
                    "bbox": [x1, y1, x2 - x1, y2 - y1], "iscrowd": 0,
                    "area": (x2 - x1) * (y2 - y1),
                    "segmentation": [[x1, y1, x2, y1, x2, y2, x1, y2]],
                }
            )  # fmt: skip
    document = {
        "images": [{"id": n, "file_name": name} for n, (name, _) in enumerate(pictures)],
        "categories": [{"id": n + 1, "name": name} for n, name in enumerate(names)],
        "annotations": annotations,
    }
    path.write_text(json.dumps(document))
    return document


def _print(pixels):
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


@pytest.fixture
def kit():
    """Stubs and writers of this folder, under one name."""
    from types import SimpleNamespace

    return SimpleNamespace(
        Colours=Colours, Oracle=Oracle, Knowing=Knowing, Filling=Filling, Stubs=Stubs,
        card=card, coco=coco, paint=paint, request=request, tell=tell,
    )  # fmt: skip


SHIPS = [(0, 4, 4, 14, 10), (0, 30, 20, 40, 28)]
TANKS = [(1, 48, 4, 56, 12)]


@pytest.fixture
def planted(tmp_path):
    """Two pictures: two ships and a tank; one ship. No vehicle."""
    data = tmp_path / "planted"
    pictures = [("a.png", SHIPS + TANKS), ("b.png", [(0, 10, 10, 20, 30)])]
    for name, rectangles in pictures:
        paint(data / "images" / name, rectangles, height=64)
    coco(data / "objects.json", pictures)
    return data
