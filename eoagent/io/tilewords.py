"""Say in words what an index covers and how a search ranked, and name the model behind a score."""

from __future__ import annotations

from typing import Final

from eoagent.contracts.card import UNKNOWN
from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.figure import Fingerprint, Source
from eoagent.contracts.geometry import BBox
from eoagent.contracts.indexing import IndexInfo
from eoagent.contracts.tilesearch import SearchResult

__all__ = ["SCORE_NOTE", "centre_of", "coverage", "how_ranked", "left_out", "model_source"]

SCORE_NOTE: Final = (
    "a score is the cosine of two embeddings: similarity, not a probability or a detection"
)
"""What stands beside every list of scores."""
_LISTED: Final = 12


def coverage(info: IndexInfo) -> str:
    """Return what an index holds, in words that follow its name."""
    said = f"holds {info.tiles:,} tiles"
    if info.bbox is not None:
        box = info.bbox
        said += f" within {box.west:.5g},{box.south:.5g},{box.east:.5g},{box.north:.5g}"
    if info.without_place:
        said += f" ({info.without_place:,} without a place)"
    if info.time is not None:
        said += f", taken {info.time.label}"
    named = [name for name in info.collections if name]
    return said + (f", of {', '.join(named[:_LISTED])}" if named else "")


def how_ranked(result: SearchResult) -> str:
    """Return how tiles were ranked."""
    if result.exact:
        return "each of them was compared"
    recall = "unknown" if result.recall is None else f"{result.recall:.3f}"
    return f"they were searched approximately, with a measured recall of {recall}"


def left_out(result: SearchResult) -> str:
    """Return which tiles the conditions left out because something is not known; empty if none."""
    lost = [
        f"{count:,} tiles without {what}"
        for count, what in (
            (result.without_place, "a place"),
            (result.without_time, "a date"),
            (result.without_cloud, "a cloud share"),
        )
        if count
    ]
    return f"{', '.join(lost)} were left out" if lost else ""


def centre_of(box: BBox) -> tuple[float, float]:
    """Return longitude and latitude of the middle of a box, degrees."""
    lon = (box.west + box.east + 360 * box.crosses_antimeridian) / 2
    return lon - 360 if lon > 180 else lon, (box.south + box.north) / 2


def model_source(encoder: EncoderFingerprint, *, href: str = "") -> Source:
    """Return a model as the source of a figure; its weights are what identifies it."""
    sha256 = encoder.weights_sha256
    known = sha256 != UNKNOWN
    return Source(
        href=href or f"model:{encoder.card}",
        fingerprint=Fingerprint(kind="sha256" if known else "none", value=sha256 if known else ""),
        item_id=f"model {encoder.card}" if href else "",
    )
