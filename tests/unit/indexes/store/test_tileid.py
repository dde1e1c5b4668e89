"""The id of a tile changes with whatever changes the tile, and with nothing else."""

from __future__ import annotations

import pytest

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent_indexes.tileid import tile_id

KNOWN = EncoderFingerprint(card="remoteclip", weights_sha256="a" * 64, dimensions=512)
ABOUT = {
    "collection": "s2",
    "item_id": "item",
    "asset_key": "visual",
    "asset_version": "etag-1",
    "window": (0, 0, 224, 224),
    "recipe": "rgb",
    "chip_px": 224,
    "gsd_m": 10.0,
    "encoder": KNOWN,
}
OTHER = {
    "collection": "l8",
    "item_id": "item2",
    "asset_key": "thumbnail",
    "asset_version": "etag-2",
    "window": (0, 224, 224, 224),
    "recipe": "rgb2",
    "chip_px": 336,
    "gsd_m": None,
    "encoder": KNOWN.model_copy(update={"weights_sha256": "b" * 64}),
}


def test_equal_content_gives_an_equal_id_of_32_hex_digits():
    first, second = tile_id(**ABOUT), tile_id(**ABOUT)
    assert first == second
    assert len(first) == 32
    assert int(first, 16) >= 0


@pytest.mark.parametrize("name", OTHER)
def test_each_part_of_the_content_changes_the_id(name):
    assert tile_id(**ABOUT) != tile_id(**{**ABOUT, name: OTHER[name]})


def test_the_name_of_the_card_counts_only_where_the_weights_are_unknown():
    renamed = KNOWN.model_copy(update={"card": "other name"})
    assert tile_id(**{**ABOUT, "encoder": renamed}) == tile_id(**ABOUT)
    nameless = [EncoderFingerprint(card=card, dimensions=512) for card in ("a", "b")]
    ids = {tile_id(**{**ABOUT, "encoder": encoder}) for encoder in nameless}
    assert len(ids) == 2
