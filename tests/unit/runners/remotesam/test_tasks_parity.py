"""The eight tasks give, to the pixel, what the published code gave on the same logits."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from eoagent.runners.remotesam.captions import describe_as_published
from eoagent.runners.remotesam.detection import PUBLISHED, DetectionRules, count, detect, ground
from eoagent.runners.remotesam.labelling import class_prompt, labels_in, main_label
from eoagent.runners.remotesam.pictures import prepare
from eoagent.runners.remotesam.segmented import Segmented

CLASSES = ("airplane", "vehicle", "ship")
SCORE = 1e-5
"""The published scores are means in float32."""
KEPT_INNER = DetectionRules(is_as_published=True, keeps_inner=True)


@pytest.fixture(scope="module")
def theirs(parity):
    return json.loads((parity / "tasks_expected.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def given(parity):
    with np.load(parity / "tasks_inputs.npz", allow_pickle=False) as held:
        return dict(held)


@pytest.fixture(scope="module")
def found(given, theirs):
    """What the stub network finds for each class."""
    sizes = theirs["sizes"]
    return {
        name: Segmented(
            text=class_prompt(name),
            margin=np.kron(given[f"logit_diff112_{name}"], np.ones((8, 8), np.float32)),
            height=sizes["H"],
            width=sizes["W"],
        )
        for name in CLASSES
    }


def _same(ours, expected):
    expected = expected or []  # nothing found is None there
    assert [list(one.box) for one in ours] == [row[:4] for row in expected]
    np.testing.assert_allclose(
        [one.score for one in ours], [row[4] for row in expected], atol=SCORE
    )


@pytest.mark.parametrize("name", CLASSES)
def test_masks_are_equal_to_the_pixel(found, given, theirs, name):
    mask = found[name].mask()
    packed = np.unpackbits(given[f"mask_{name}_packed"])[: mask.size].reshape(mask.shape)
    np.testing.assert_array_equal(mask, packed.astype(bool))
    assert int(mask.sum()) == theirs["semantic_area_px"][name]


@pytest.mark.parametrize("name", CLASSES)
def test_probabilities_are_equal(found, given, theirs, name):
    probability = found[name].probability()
    assert probability.dtype == np.float32
    np.testing.assert_allclose(
        probability[::4, ::4], given[f"prob_{name}_strided4"], rtol=1e-5, atol=1e-7
    )
    assert abs(probability.mean(dtype=float) - theirs["semantic_prob_mean"][name]) < 1e-6


def test_referring_segmentation_is_the_mask_itself(found, theirs):
    assert int(found["airplane"].mask().sum()) == theirs["referring_area_px"]


def test_detection_without_contours(found, theirs):
    expected = theirs["detection_no_epoc"]
    assert list(expected) == list(found)
    for name, one in found.items():
        _same(detect(one, rules=PUBLISHED), expected[name])


@pytest.mark.parametrize("above", [0.25, 0.15])
def test_detection_and_counting_with_contours(found, given, theirs, above):
    rules = DetectionRules(is_as_published=True, contour_above=above)
    ours = {name: detect(one, contour=given["contour"], rules=rules) for name, one in found.items()}
    for name, expected in theirs[f"detection_epoc_thr{above}"].items():
        _same(ours[name], expected)
    assert count(ours) == theirs[f"counting_epoc_thr{above}"]


def test_counting_without_contours(found, theirs):
    ours = {name: detect(one, rules=PUBLISHED) for name, one in found.items()}
    assert count(ours) == theirs["counting_no_epoc"]


@pytest.mark.parametrize("name", ["airplane", "vehicle"])
def test_boxes_before_inner_ones_are_removed(found, theirs, name):
    ours = detect(found[name], rules=KEPT_INNER)
    _same(ours, theirs[f"m2b_{name}_keep_inner"])


@pytest.mark.parametrize("name", ["airplane", "vehicle"])
def test_turned_boxes(found, theirs, name):
    ours = detect(found[name], is_turned=True, rules=KEPT_INNER)
    expected = theirs[f"m2b_{name}_obb_keep_inner"]
    assert [[v for corner in one.corners for v in corner] for one in ours] == [
        row[:8] for row in expected
    ]
    np.testing.assert_allclose(
        [one.score for one in ours], [row[8] for row in expected], atol=SCORE
    )


def test_visual_grounding(found, theirs):
    expected = theirs["visual_grounding"]
    assert list(ground(found["airplane"], rules=PUBLISHED)) == expected["the big airplane"]
    assert ground(found["ship"], rules=PUBLISHED) is expected["nothing here"] is None


def test_several_labels(found, theirs):
    ours = labels_in(found)
    assert list(ours.chosen) == theirs["multi_label"]["positive"]
    assert ours.scores == pytest.approx(theirs["multi_label"]["scores"], abs=1e-6)


def test_one_label(found, theirs):
    ours = main_label(found)
    assert ours.chosen == (theirs["multi_class"]["label"],)
    assert ours.scores == pytest.approx(theirs["multi_class"]["scores"], abs=1e-6)


def test_no_label_where_the_best_is_too_low(found, theirs):
    ours = main_label({"ship": found["ship"]})
    assert ours.chosen == ()
    assert theirs["multi_class_ship_only"]["label"] is None
    assert ours.scores == pytest.approx(theirs["multi_class_ship_only"]["scores"], abs=1e-6)


@pytest.mark.parametrize("cells", [4, 9])
@pytest.mark.parametrize("seed", [0, 1])
def test_captions_drawn_with_a_seed(found, theirs, cells, seed):
    ours = {name: detect(one, rules=PUBLISHED) for name, one in found.items()}
    sizes = theirs["sizes"]
    text = describe_as_published(
        ours, random.Random(seed), height=sizes["H"], width=sizes["W"], cells=cells
    )
    assert text == theirs["captions_python_random_seeded"][f"grid{cells}_seed{seed}"]


def test_caption_of_nothing(theirs):
    text = describe_as_published({"ship": ()}, random.Random(0), height=400, width=500)
    assert text == theirs["captions_python_random_seeded"]["empty_grid4_seed0"]


def test_a_picture_is_brought_to_the_values_of_the_published_code(theirs):
    sizes, expected = theirs["sizes"], theirs["preprocess"]
    y, x = np.mgrid[: sizes["H"], : sizes["W"]]
    picture = np.stack([(3 * x + y) % 256, (x + 5 * y) % 256, (x * y) % 256], axis=-1)
    ours = prepare(picture.astype(np.uint8), 896)[0].numpy()
    assert list(ours.shape) == expected["shape"]
    np.testing.assert_allclose(ours.mean(axis=(1, 2)), expected["mean"], atol=1e-5)
    np.testing.assert_allclose(ours.std(axis=(1, 2), ddof=1), expected["std"], atol=1e-5)
    samples = expected["samples_stride_97"]
    np.testing.assert_allclose(ours.ravel()[::97873][: len(samples)], samples, atol=1e-5)


def test_every_entry_of_the_fixture_has_its_test(theirs):
    text = Path(__file__).read_text(encoding="utf-8")
    for name in theirs:
        stem = name.replace("0.25", "").replace("0.15", "")
        stem = stem.replace("airplane", "{name}").replace("vehicle", "{name}")
        assert stem in text, name
