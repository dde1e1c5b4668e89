"""Parts that look like some words lie around what was planted."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from eoagent.contracts.errors import InputError
from eoagent.io.likelyparts import likely_parts
from eoagent.io.origin import OriginGuard
from eoagent.io.raster import RasterReader, open_raster


class Free:
    """Time without end."""

    def check(self):
        """Let it go on."""


@pytest.fixture
def parts(tmp_path, meaning):
    def find(values, words="storage tanks", **wanted):
        path = tmp_path / "scene.tif"
        count, height, width = values.shape
        size = {"count": count, "height": height, "width": width}
        with rasterio.open(path, "w", driver="GTiff", dtype="uint8", **size) as out:
            out.write(values)
        guard = OriginGuard(typed=[str(path)])
        encoder = meaning.ColourEncoder()
        query = encoder.encode_texts([words])[0]
        ref = open_raster([str(path)], guard, bands=["red", "green", "blue"])
        with RasterReader(ref, guard) as reader:
            return likely_parts(
                reader,
                encoder,
                query,
                **{"side_px": 100, "most": 3, **wanted},
                deadline=Free(),
                progress=lambda done, what: None,
            )

    return find


@pytest.fixture
def planted(meaning):
    """A grey scene with two fields of tanks; returns it with their places."""
    values = np.full((3, 600, 800), 90, np.uint8)
    places = ((100, 600), (420, 150))
    for row, col in places:
        colour = np.array(meaning.COLOURS["storage tanks"], np.uint8)
        values[:, row : row + 40, col : col + 40] = colour[:, None, None]
    return values, places


def test_each_planted_field_lies_in_one_of_the_first_parts(parts, planted):
    values, places = planted
    found = parts(values)
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)
    for row, col in places:
        assert any(
            w.row <= row + 20 < w.row + w.height and w.col <= col + 20 < w.col + w.width
            for w, _ in found[:2]
        )


def test_parts_have_the_side_that_is_asked_for_and_lie_in_the_scene(parts, planted):
    values, _ = planted
    for window, _ in parts(values, side_px=150):
        assert (window.height, window.width) == (150, 150)
        assert window.row + window.height <= 600
        assert window.col + window.width <= 800


def test_no_more_parts_than_asked_for_come_back(parts, planted):
    assert len(parts(planted[0], most=1)) == 1


def test_a_scene_that_is_alike_everywhere_has_no_likely_part(parts):
    assert parts(np.full((3, 300, 300), 90, np.uint8)) == ()


def test_a_scene_smaller_than_a_window_is_refused(parts):
    with pytest.raises(InputError, match="smaller than one window of 32"):
        parts(np.full((3, 20, 20), 90, np.uint8))
