"""A model of phrases beside one of contours: each phrase is put to it once, and parted on request."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import ModelError
from eoagent.io.partedscene import PartingSegmenter, parted

SHIP, SEAM = (200, 40, 40), (10, 10, 10)


@pytest.fixture
def picture():
    pixels = np.full((6, 10, 3), 90, np.uint8)
    pixels[1:5, 1:9] = SHIP
    pixels[1:5, 4] = SEAM
    return pixels


@pytest.fixture
def models(meaning):
    contours = meaning.ColourSegmenter({"contour": SEAM}, id="lines", tasks=("contours",))
    return meaning.ColourSegmenter({"ship": SHIP, "seam": SEAM}), contours


def test_masks_come_in_the_order_asked_and_each_phrase_is_asked_once(models, picture):
    ships, contours = models
    both = PartingSegmenter(ships, contours)
    asked = ["ship", parted("seam"), parted("ship"), "seam", "ship"]
    found = list(both.segment(picture, asked))
    assert [phrase for _, phrase in ships.asked] == ["ship", "seam"]
    assert len(contours.asked) == 1
    alone = dict(zip(("ship", "seam"), ships.segment(picture, ["ship", "seam"]), strict=True))
    for phrase, mask in zip(asked, found, strict=True):
        whole = alone[phrase.removesuffix(" | parted")]
        assert mask.presence == whole.presence
        wanted = whole.probability.copy()
        if phrase.endswith(" | parted"):
            wanted[(picture == np.array(SEAM)).all(axis=-1)] = 0
        np.testing.assert_array_equal(mask.probability, wanted)


def test_without_a_parted_phrase_no_contour_is_looked_for(models, picture):
    ships, contours = models
    list(PartingSegmenter(ships, contours).segment(picture, ["ship", "seam"]))
    assert contours.asked == []


def test_what_it_finds_hangs_on_both_models(models):
    ships, contours = models
    both = PartingSegmenter(ships, contours)
    assert both.card is ships.card
    assert both.manner["precision"] == "float32"
    assert both.manner["contours"] == f"lines {'cd' * 32} 0.25"


def test_too_few_masks_are_an_error_of_the_model(models, picture, meaning):
    class Short(meaning.ColourSegmenter):
        def segment(self, picture, phrases):
            return super().segment(picture, phrases[:1])

    both = PartingSegmenter(Short({"ship": SHIP}), models[1])
    with pytest.raises(ModelError, match="painted was asked for 'seam' and gave no mask"):
        list(both.segment(picture, ["ship", "seam"]))
