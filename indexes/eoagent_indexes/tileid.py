"""The name of a tile: made from what it shows and what encoded it, so equal tiles meet."""

from __future__ import annotations

from typing import Any

from eoagent.contracts.card import UNKNOWN
from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.record import digest

__all__ = ["tile_id"]

_DIGITS = 32


def tile_id(
    *,
    collection: str,
    item_id: str,
    asset_key: str,
    asset_version: str,
    window: tuple[int, int, int, int],
    recipe: str,
    chip_px: int,
    gsd_m: float | None,
    encoder: EncoderFingerprint,
) -> str:
    """Return the id of a tile, 32 hex digits.

    Args:
        collection: collection id, or empty.
        item_id: STAC item id, or name of the file.
        asset_key: key of the asset, or empty.
        asset_version: what changes with the asset's bytes: a checksum, an entity tag, or size
            and time of change.
        window: column, row, width and height in pixels of the file at full resolution.
        recipe: id of the render recipe.
        chip_px: edge of the picture that the encoder was given.
        gsd_m: ground sampling distance that it was read at, metres.
        encoder: what made the vector; the name of its card counts only where its weights are
            unknown.
    """
    made_by: dict[str, Any] = encoder.to_dict()
    if encoder.weights_sha256 != UNKNOWN:
        del made_by["card"]
    whole = digest(
        {
            "collection": collection,
            "item": item_id,
            "asset": asset_key,
            "asset_version": asset_version,
            "window": list(window),
            "recipe": recipe,
            "chip_px": chip_px,
            "gsd_m": gsd_m,
            "encoder": made_by,
        }
    )
    return whole[:_DIGITS]
