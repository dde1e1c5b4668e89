"""Published figures of sight, to read beside one's own: data, each with where it stands.

Those of RemoteSAM's page were read by eye from the figure of its README
(https://github.com/1e12Leon/RemoteSAM, `assets/Radar.png`), which names no metric for grounding and
referring masks; those of EarthReason stand in the papers that are named. All are percent.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from eoagent.app.evaluation.tables import Table

__all__ = ["PUBLISHED_SIGHT", "published_table"]

_RADAR: Final = "RemoteSAM's README, read by eye from a figure"
_Rows = tuple[tuple[str, str, float], ...]

PUBLISHED_SIGHT: Final = MappingProxyType[tuple[str, str], tuple[str, _Rows]](
    {
        ("counting", "dior"): (
            _RADAR,
            (
                ("RemoteSAM", "exact", 62.0),
                ("Falcon", "exact", 77.0),
                ("LHRS-Bot", "exact", 45.5),
                ("GeoChat", "exact", 45.3),
            ),
        ),
        ("grounding", "rsvg"): (
            _RADAR,
            (
                ("RemoteSAM", "not named", 74.36),
                ("Falcon", "not named", 56.87),
                ("LHRS-Bot", "not named", 73.45),
            ),
        ),
        ("segmentation", "rrsis"): (
            _RADAR,
            (("RemoteSAM", "not named", 71.75), ("CroBIM", "not named", 64.46)),
        ),
        ("segmentation", "risbench"): (
            _RADAR,
            (("RemoteSAM", "not named", 71.46), ("CroBIM", "not named", 69.33)),
        ),
        ("segmentation", "isaid"): (
            _RADAR,
            (
                ("RemoteSAM", "mIoU of classes", 64.72),
                ("Falcon", "mIoU of classes", 51.70),
                ("RingMo", "mIoU of classes", 67.20),
            ),
        ),
        ("reasoning", "earthreason"): (
            "Think2Seg-RS (ISPRS JPRS 2026), SegEarth-R2",
            (
                ("Think2Seg-RS-7B", "gIoU, test", 73.36),
                ("Think2Seg-RS-7B", "cIoU, test", 75.60),
                ("SegEarth-R2", "gIoU, test", 73.5),
                ("SegEarth-R1", "gIoU, test", 70.7),
            ),
        ),
    }
)
"""Source and rows (model, figure, percent) by suite and a word in the path of the benchmark."""


def published_table(suite: str, place: str) -> tuple[Table, ...]:
    """Return the published figures of a benchmark as a table; none where none are known.

    Args:
        suite: name of the suite.
        place: path of the benchmark, which names it.
    """
    text = place.casefold()
    return tuple(
        Table(
            head=("published", "figure", "%"),
            rows=tuple((model, what, f"{value:.2f}") for model, what, value in rows),
            note=f"From: {source}.",
        )
        for (own, word), (source, rows) in PUBLISHED_SIGHT.items()
        if own == suite and word in text
    )
