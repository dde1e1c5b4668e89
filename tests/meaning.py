"""A model that sees colours, and an index that compares every tile: search without weights."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import shapely.geometry

from eoagent.contracts.card import ModelCard, WeightsSource
from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import InputError, ModelMissing, NotFound
from eoagent.contracts.geometry import BBox, TimeRange
from eoagent.contracts.indexing import IndexInfo
from eoagent.contracts.segmenter import PhraseMask
from eoagent.contracts.tilesearch import SearchResult, TileHit

COLOURS = {
    "water": (20, 40, 200),
    "sea": (20, 40, 200),
    "lake": (20, 40, 200),
    "forest": (20, 160, 20),
    "farmland": (60, 190, 40),
    "desert": (220, 190, 90),
    "snow": (255, 255, 255),
    "storage tanks": (200, 40, 200),
    "harbours": (20, 120, 200),
}
"""What each word looks like to the model."""


def colour_card(**changes):
    """Return the card of the model that sees colours."""
    said = {
        "id": "colours",
        "kind": "colour",
        "title": "Colours",
        "summary": "Sees the mean colour of a picture.",
        "licence": "none",
        "homepage": "https://example.org",
        "weights": WeightsSource(file="none"),
        "architecture": "mean",
        "dimensions": 4,
        "input_px": 32,
        "gsd_max_m": 30.0,
        "gsd_reason": "colours of more than 30 m mix",
        "memory_mb": 1,
    }
    return ModelCard.model_validate({**said, **changes})


class ColourEncoder:
    """Maps pictures to their mean colour, and words to the colour of the thing."""

    def __init__(self, **changes):
        self.card = colour_card(**changes)
        self.pictures = 0
        self.texts = []

    @property
    def fingerprint(self):
        return EncoderFingerprint(
            card=self.card.id, weights_sha256="ab" * 32, dimensions=4, input_px=32
        )

    def encode_images(self, pictures):
        assert all(p.dtype == np.uint8 and p.ndim == 3 and p.shape[2] == 3 for p in pictures)
        self.pictures += len(pictures)
        return unit([p.reshape(-1, 3).mean(axis=0) for p in pictures])

    def encode_texts(self, texts):
        self.texts += list(texts)
        return unit([colour_of(text) for text in texts])


def colour_of(text):
    """Return the colour of the longest known word in a text, else grey."""
    known = [word for word in COLOURS if word in text]
    return COLOURS[max(known, key=len)] if known else (90, 90, 90)


def unit(colours):
    """Return colours, with a dark term, as unit vectors."""
    raw = np.column_stack([np.asarray(colours, float) / 255 - 0.35, np.full(len(colours), 0.05)])
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


class ColourSegmenter:
    """Finds the pixels that have the colour of a thing, each with a stated probability."""

    reason = "Painted is the default segmenter"
    manner = {"device": "cpu", "precision": "float32"}  # noqa: RUF012

    def __init__(self, colours, *, sure=0.9, **changes):
        self.colours = dict(colours)
        self.sure = sure
        said = {
            "id": "painted",
            "title": "Painted",
            "tasks": ("segment",),
            "input_px": 64,
            "dimensions": 0,
            "weights": WeightsSource(file="none", sha256="cd" * 32),
            "options": {
                "class_prompt": "{} in the image",
                "class_names": {"storagetank": ["oil tank"], "ship": []},
                "phrase_s": {"cpu": 2.0},
            },
        }
        self.card = colour_card(**{**said, **changes})
        self.asked = []

    def segment(self, picture, phrases):
        assert picture.dtype == np.uint8
        for phrase in phrases:
            self.asked.append((picture.shape[:2], phrase))
            known = [word for word in self.colours if word in phrase]
            found = np.full(picture.shape[:2], 0.02, np.float32)
            if known:
                yes = (picture == np.array(self.colours[max(known, key=len)])).all(axis=-1)
                found[yes] = self.sure
            yield self.result(found)

    @staticmethod
    def result(found):
        """Return probabilities (height, width) with how likely there is any."""
        presence = 0.5 * float(found.max()) + 0.5 * float(found.mean(dtype=np.float64))
        return PhraseMask(probability=found, presence=presence)


class OneModels:
    """One encoder, segmenter and reasoner, or none of one or the other."""

    def __init__(self, encoder=None, segmenter=None, reasoner=None, *, contours=None):
        self.parts = contours
        self.one = encoder
        self.finds = segmenter
        self.talks = reasoner

    def cards(self):
        return tuple(m.card for m in (self.one, self.finds, self.talks) if m is not None)

    def segmenter(self, card="", *, gsd_m=None):
        if self.parts is not None and card == self.parts.card.id:
            return self.parts
        return self._take(self.finds, card or "painted", gsd_m)

    def reasoner(self, card="", *, gsd_m=None):
        return self._take(self.talks, card or "talker", gsd_m)

    @staticmethod
    def _take(one, card, gsd_m):
        if one is None:
            raise ModelMissing(
                f"the weights of {card} are not installed", command=f"eoagent models pull {card}"
            )
        if card != one.card.id:
            raise NotFound(f"there is no model '{card}'", hint=f"there are: {one.card.id}")
        reason = one.card.refusal(gsd_m)
        if reason:
            raise InputError(reason, hint="take another model")
        return one

    def encoder(self, card="", *, gsd_m=None, like=None):
        if self.one is None:
            raise ModelMissing(
                "the weights of colours are not installed", command="eoagent models pull colours"
            )
        if card and card != self.one.card.id:
            raise NotFound(f"there is no model '{card}'", hint="there are: colours")
        reason = self.one.card.refusal(gsd_m)
        if reason:
            raise InputError(reason, hint="take another model")
        return self.one


class OneIndex:
    """An index that compares every tile."""

    def __init__(self, tiles, vectors, encoder, name="coast", version=3):
        self.all = list(tiles)
        self.rows = np.asarray(vectors, dtype=np.float32)
        self.encoder = encoder
        self.name = name
        self.version = version
        self.queries = []
        self.is_closed = False

    def info(self):
        boxes = [t.bbox for t in self.all if t.bbox is not None]
        times = [t.start for t in self.all if t.start is not None]
        return IndexInfo(
            name=self.name,
            version=self.version,
            created=datetime(2026, 1, 1, tzinfo=UTC),
            tiles=len(self.all),
            deleted=0,
            segments=1,
            without_place=sum(t.bbox is None for t in self.all),
            items=len({t.item_id for t in self.all}),
            quarantined=0,
            bbox=BBox(
                west=min(b.west for b in boxes),
                south=min(b.south for b in boxes),
                east=max(b.east for b in boxes),
                north=max(b.north for b in boxes),
            )
            if boxes
            else None,
            time=TimeRange(start=min(times), end=max(times)) if times else None,
            collections=tuple(dict.fromkeys(t.collection for t in self.all)),
            encoder=self.encoder.fingerprint,
            recipe={},
            bytes=1,
        )

    def vectors(self, tile_ids):
        ids = [t.tile_id for t in self.all]
        try:
            return self.rows[[ids.index(one) for one in tile_ids]]
        except ValueError as error:
            raise NotFound("no such tile", hint="search first") from error

    def tiles(self, tile_ids):
        return tuple(t for one in tile_ids for t in self.all if t.tile_id == one)

    def search(self, query):
        self.queries.append(query)
        kept = [n for n, tile in enumerate(self.all) if self._meets(tile, query.where)]
        like = [*self._like(query)]
        vector = np.mean(like, axis=0)
        if query.unlike_texts:
            vector = vector - 0.5 * self.encoder.encode_texts(query.unlike_texts).mean(axis=0)
        vector = vector / np.linalg.norm(vector)
        scores = self.rows @ vector
        order = sorted(kept, key=lambda n: -scores[n])[: query.k]
        hits = tuple(
            self.all[n].model_copy(
                update={
                    "rank": at,
                    "score": float(scores[n]),
                    "z": float((scores[n] - scores.mean()) / scores.std()),
                }
            )
            for at, n in enumerate(order, 1)
        )
        return SearchResult(
            hits=hits,
            matched=len(kept),
            total=len(self.all),
            exact=True,
            plan="exact",
            index=self.name,
            version=self.version,
            encoder=self.encoder.fingerprint,
            without_place=sum(t.bbox is None for t in self.all) if query.where.bbox else 0,
            texts_as=tuple(f"a satellite photo of {text}." for text in query.texts),
        )

    def close(self):
        self.is_closed = True

    def _like(self, query):
        if query.texts:
            yield from self.encoder.encode_texts(query.texts)
        if query.pictures:
            yield from self.encoder.encode_images(query.pictures)
        yield from self.vectors(query.tile_ids)
        if query.vectors is not None:
            yield from query.vectors

    @staticmethod
    def _meets(tile, where):
        if where.bbox is not None and (tile.bbox is None or not tile.bbox.intersects(where.bbox)):
            return False
        if where.area is not None:
            if tile.footprint is None:
                return False
            area = shapely.geometry.shape(where.area)
            if not area.intersects(shapely.geometry.shape(tile.footprint)):
                return False
        if where.time is not None:
            span = TimeRange(start=tile.start, end=tile.end)
            if tile.start is None or not span.overlaps(where.time):
                return False
        if where.max_cloud_pct is not None and (tile.cloud_pct or 0) > where.max_cloud_pct:
            return False
        if where.collections and tile.collection not in where.collections:
            return False
        return where.tile_ids is None or tile.tile_id in where.tile_ids


class OneIndexes:
    """Indexes by name, the first the default."""

    def __init__(self, *indexes):
        self.all = {index.name: index for index in indexes}

    def names(self):
        return tuple(self.all)

    def open(self, name=""):
        if not name and len(self.all) == 1:
            return next(iter(self.all.values()))
        if name not in self.all:
            raise NotFound(f"there is no index '{name}'", hint=f"there are: {', '.join(self.all)}")
        return self.all[name]


def tile(number, href, window, *, bbox=None, day=None, **changes):
    """Return a tile of a file."""
    moment = None if day is None else datetime.fromisoformat(day).replace(tzinfo=UTC)
    box = None if bbox is None else BBox(west=bbox[0], south=bbox[1], east=bbox[2], north=bbox[3])
    outline = None
    if bbox is not None:
        outline = shapely.geometry.mapping(shapely.box(*bbox))
        outline = {"type": outline["type"], "coordinates": outline["coordinates"]}
    said = {
        "rank": 1,
        "tile_id": f"{number:032x}",
        "score": 1.0,
        "z": None,
        "item_id": f"scene-{number}",
        "href": str(href),
        "window": window,
        "bbox": box,
        "footprint": outline,
        "start": moment,
        "end": moment,
    }
    return TileHit.model_validate({**said, **changes})
