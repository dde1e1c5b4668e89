"""From the published form of the weights to boxes on the map, through pool, runner and tools."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine
from scipy import ndimage

from eoagent import plugins
from eoagent.contracts.errors import ModelMissing
from eoagent.io.features import load_features
from eoagent.runners.pool import ModelPool
from eoagent.runners.registry import card_by_id
from eoagent.runners.remotesam.segmenter import Segmenter
from eoagent.runners.weights import ModelStore
from eoagent.testing import check_call

PLACE = {"crs": "EPSG:32633", "transform": Affine(0.5, 0, 5e5, 0, -0.5, 5e6)}
PHRASE = "big ship in the image"


@pytest.fixture
def card(tiny_config):
    """The card, for the tiny network."""
    published = card_by_id("remotesam-v1")
    options = {**published.options, "config": tiny_config}
    return published.model_copy(update={"options": options, "memory_mb": 2, "input_px": 64})


@pytest.fixture
def weights(tiny_file, tiny_words):
    tiny_file.with_name("vocab.txt").write_text("\n".join(tiny_words))
    return tiny_file


@pytest.fixture
def pool(card, weights, tmp_path):
    home = tmp_path / "home"
    ModelStore(home).import_weights(card, weights)
    with ModelPool(home, cards=lambda: (card,), device="cpu") as made:
        yield made


@pytest.fixture
def picture(tmp_path):
    """A picture of 60 x 64 pixels, its file, and the pixels."""
    coarse = np.random.default_rng(10).integers(0, 255, (5, 5, 3), dtype=np.uint8)
    pixels = np.moveaxis(coarse.repeat(16, 0).repeat(16, 1)[:60, :64], -1, 0)
    path = tmp_path / "scene.tif"
    shape = {"width": 64, "height": 60, "count": 3, "dtype": "uint8", "photometric": "RGB"}
    with rasterio.open(path, "w", driver="GTiff", **shape, **PLACE) as file:
        file.write(pixels)
    return path, np.moveaxis(pixels, 0, -1).copy()


@pytest.fixture
def call(services, pool, tmp_path):
    equipped = replace(
        services, models=pool, options=replace(services.options, masks_dir=tmp_path / "masks")
    )

    def run(tool, **arguments):
        return check_call(plugins.load("eoagent.tools", tool), arguments, equipped)

    run.services = equipped
    return run


def test_the_whole_path_from_a_checkpoint_to_boxes(call, pool, picture, weights, tiny_config):
    path, pixels = picture
    (direct,) = Segmenter.load(weights, config=tiny_config).segment(pixels, [PHRASE])
    probability = direct.probability()
    labels, count = ndimage.label(probability > 0.5, np.ones((3, 3)))
    assert count > 1  # else there is nothing to tell apart
    raster = call("open_image", hrefs=[str(path)]).artifacts["raster"].handle
    mask = call("segment", raster=raster, phrase=PHRASE)
    figures = {f.name: f.value for f in mask.figures}
    assert figures["objects"] == count
    assert figures["presence"] == pytest.approx(direct.presence(0.5), abs=1e-4)
    assert figures["share"] == pytest.approx(100 * (probability > 0.5).mean(), rel=1e-6)
    found = call("detect", raster=raster, classes=["big ships"])
    boxes = call.services.store.get(found.artifacts["boxes"].handle)
    features = load_features(call.services.store.locate(boxes.path))
    of_scipy = {
        (c.start, r.start, c.stop - c.start, r.stop - r.start): float(mean)
        for (r, c), mean in zip(
            ndimage.find_objects(labels),
            ndimage.mean(probability, labels, range(1, count + 1)),
            strict=True,
        )
    }
    outer = [
        a for a in of_scipy
        if not any(a != b and b[0] <= a[0] and b[1] <= a[1] and a[0] + a[2] <= b[0] + b[2]
                   and a[1] + a[3] <= b[1] + b[3] for b in of_scipy)
    ]  # fmt: skip
    assert len(features) == len(outer)
    for row in zip(
        *(features.values(k) for k in ("col", "row", "width", "height", "score")), strict=True
    ):
        assert of_scipy[row[:4]] == pytest.approx(row[4], abs=1e-4)
    ((_, counters),) = pool.counters().items()
    assert counters.requests == counters.batches == 1  # all the tools together, and twice each
    source = found.figures[0].sources[-1]
    assert source.href == "model:remotesam-v1"
    assert source.fingerprint.value == pool.segmenter().card.weights.sha256
    assert "model remotesam-v1 (cpu, float32), RemoteSAM is the default segmenter" in (
        found.assumptions
    )


def test_captions_are_the_same_each_time_and_rest_on_the_network(call, picture):
    path, _ = picture
    raster = call("open_image", hrefs=[str(path)]).artifacts["raster"].handle
    found = call("describe_image", raster=raster, classes=["ships"], by="detections")
    count = next(f for f in call("count_objects", raster=raster, classes=["ships"]).figures)
    assert found.figures[0].value.startswith(f"The image shows {count.value} ship")


def test_without_weights_each_tool_says_the_command(services, picture, tmp_path):
    path, _ = picture
    with ModelPool(tmp_path / "empty") as pool:
        own = replace(services, models=pool)
        opened = check_call(
            plugins.load("eoagent.tools", "open_image"), {"hrefs": [str(path)]}, own
        )
        raster = opened.artifacts["raster"].handle
        for tool, more in (
            ("segment", {"phrase": "ships"}),
            ("detect", {"classes": ["ships"]}),
            ("count_objects", {"classes": ["ships"]}),
            ("describe_image", {"classes": ["ships"]}),
            ("classify_scene", {"model": "segmenter"}),
        ):
            with pytest.raises(ModelMissing) as caught:
                check_call(plugins.load("eoagent.tools", tool), {"raster": raster, **more}, own)
            assert caught.value.command == "eoagent models pull remotesam-v1"
