"""Questions answered by real networks: tiny ones with random or scripted weights, all on the CPU."""

from __future__ import annotations

import base64
import importlib.util
import io
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio.features
from affine import Affine
from PIL import Image
from pyproj import CRS

from eoagent.contracts.runner import Placement
from eoagent.runners.filelist import hash_files, write_list
from eoagent.runners.outlining import PooledOutliner
from eoagent.runners.pool import ModelPool
from eoagent.runners.qwenvl.kind import KIND as QWEN
from eoagent.runners.reasoners import ReasonerWish
from eoagent.runners.registry import card_by_id
from eoagent.runners.sam2.kind import KIND

torch = pytest.importorskip("torch")

UTM = CRS("EPSG:32633").to_wkt(), Affine(0.5, 0, 400000, 0, -0.5, 5000000)
BOXES = np.array([[10.0, 5.0, 60.0, 50.0], [40.0, 30.0, 130.0, 90.0]])


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def weights(tiny_sam2, tmp_path_factory):
    return tiny_sam2.write(tmp_path_factory.mktemp("sam2"))


@pytest.fixture(scope="module")
def tiny_reasoner():
    """The module `tests/tiny_reasoner.py`."""
    path = Path(__file__).resolve().parents[2] / "tiny_reasoner.py"
    spec = importlib.util.spec_from_file_location("eoagent_test_tiny_reasoner_tools", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def photo(height, width, seed=3):
    return np.random.default_rng(seed).integers(1, 255, (3, height, width), dtype=np.uint8)


def where_it_is(bench, found):
    """Return the stored mask as rasterio reads it, and the outlines burnt in by rasterio."""
    stored, profile = bench.pixels(found.artifacts["mask"].handle)
    outlines = bench.read_features(found.artifacts["features"].handle)
    shape = (profile["height"], profile["width"])
    burnt = rasterio.features.rasterize(
        list(outlines.geometries), out_shape=shape, transform=profile["transform"]
    )
    return stored[0], burnt, outlines


def test_boxes_of_a_reasoner_are_outlined_as_transformers_outlines_them(
    bench, reasoning, tiny_sam2, weights
):
    card = card_by_id("sam2.1-hiera-tiny")
    runner = KIND.load(card, weights, Placement())
    outliner = PooledOutliner(card, runner.run, placement=Placement(max_batch=1))
    reasoner = reasoning.StubReasoner(BOXES)
    using = bench.using(models=reasoning.ReasoningModels(reasoner, outliner))
    values = photo(90, 130)
    found = using("reason", raster=bench.image(values, UTM), question="what stands out?")
    middles = (BOXES[:, :2] + BOXES[:, 2:]) / 2
    direct = tiny_sam2.direct(np.moveaxis(values, 0, -1), BOXES, middles)
    stored, burnt, outlines = where_it_is(using, found)
    np.testing.assert_array_equal(stored, direct.any(axis=0))
    np.testing.assert_array_equal(burnt, stored)
    assert outlines.values("id") == [1, 2]
    areas = {figure.name: figure.value for figure in found.figures}
    assert areas["area"] == pytest.approx(direct.any(axis=0).sum() / 4, rel=1e-3)
    for geometry, mask in zip(outlines.geometries, direct, strict=True):
        assert geometry.area == pytest.approx(mask.sum() / 4)


class Serving:
    """A server of the OpenAI protocol with a model behind it, in one of two shapes of reply."""

    def __init__(self, runner, chatreplies, *, apart):
        self.asked = 0
        self._runner = runner
        self._replies = chatreplies
        self._apart = apart

    def __call__(self, exchange):
        if exchange.path.endswith("/models"):
            self._replies.models("RemoteReasoner-7B")(exchange)
            return
        self.asked += 1
        wanted = json.loads(exchange.body)
        messages = [(one["role"], tuple(_parts(one["content"]))) for one in wanted["messages"]]
        item = {"messages": messages, "max_tokens": wanted["max_tokens"]}
        (said,) = self._runner.run("chat", [item])
        think, _, answer = said["text"].removeprefix("<think>").partition("</think>")
        told = {"text": answer.strip(), "think": think} if self._apart else {"text": said["text"]}
        self._replies.streamed(*self._replies.words(told.pop("text"), **told))(exchange)


def _parts(content):
    """Yield words and pictures of a message."""
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        if part["type"] == "text":
            yield part["text"]
        else:
            held = base64.b64decode(part["image_url"]["url"].partition(",")[2])
            yield np.asarray(Image.open(io.BytesIO(held)))


@pytest.mark.parametrize("apart", [False, True], ids=["think-in-text", "think-apart"])
def test_from_a_question_to_outlines_through_a_server(
    apart, bench, tmp_path, servers, chatreplies, tiny_reasoner, tiny_sam2, weights
):
    folder = tiny_reasoner.make_reasoner(tmp_path / "reasoner", reply=tiny_reasoner.REPLY)
    card, drawer = tiny_reasoner.reasoner_card(), card_by_id("sam2.1-hiera-tiny")
    listed = write_list(folder, hash_files(folder, sorted(p.name for p in folder.iterdir())))
    runner = QWEN.load(card, listed, Placement(max_batch=1))
    serving = Serving(runner, chatreplies, apart=apart)
    with servers.Server(answer=serving) as server:
        wish = ReasonerWish(reasoner=server.url("/v1"))
        cards = {"cards": lambda: (drawer,), "reasoner": wish}
        with ModelPool(tmp_path / "home", device="cpu", **cards) as pool:
            pool._store.import_weights(drawer, weights)
            using = bench.using(models=pool)
            values = photo(150, 250)
            raster = using.image(values, UTM)
            found = using("reason", raster=raster, question="where could a ship land?")
            stored, burnt, outlines = where_it_is(using, found)
            rows = json.loads(using.path(found.artifacts["text"].handle).read_text())["rows"]
    # 150 x 250 is shown as 140 x 252, so x shrinks by 250/252 and y grows by 150/140
    scale = np.tile([250 / 252, 150 / 140], 2)
    expected = np.array([[56.0, 28, 140, 112], [10, 20, 30, 40]]) * scale
    middles = (expected[:, :2] + expected[:, 2:]) / 2
    direct = tiny_sam2.direct(np.moveaxis(values, 0, -1), expected, middles)
    np.testing.assert_array_equal(stored, direct.any(axis=0))
    np.testing.assert_array_equal(burnt, stored)
    assert outlines.values("id") == [1, 2]
    assert ["where", "think", "Two quays lie at the shore."] in rows
    assert serving.asked == 1  # kept, so that the exam's second call asks nobody


def test_from_a_question_to_outlines_through_the_pool_of_a_home(
    bench, tmp_path, tiny_reasoner, tiny_sam2, weights
):
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    folder = tiny_reasoner.make_reasoner(tmp_path / "reasoner", reply=tiny_reasoner.REPLY)
    card, drawer = tiny_reasoner.reasoner_card(), card_by_id("sam2.1-hiera-tiny")
    with ModelPool(tmp_path / "home", device="cpu", cards=lambda: (card, drawer)) as pool:
        pool._store.import_weights(card, folder)
        pool._store.import_weights(drawer, weights)
        using = bench.using(models=pool)
        values = photo(150, 250)
        found = using(
            "reason",
            raster=bench.image(values, UTM),
            question="where could a ship land?",
            model=card.id,
        )
        boxes = using.read_features(found.artifacts["boxes"].handle)
        stored, burnt, _ = where_it_is(using, found)
        rows = json.loads(using.path(found.artifacts["text"].handle).read_text())["rows"]
    stated = np.array([[56.0, 28, 140, 112], [10, 20, 30, 40]])
    assert [json.loads(text) for text in boxes.values("stated")] == stated.tolist()
    height, width = smart_resize(150, 250, factor=28, min_pixels=3136, max_pixels=802816)
    expected = stated * np.tile([250 / width, 150 / height], 2)
    np.testing.assert_allclose(boxes.values("col"), expected[:, 0])
    np.testing.assert_allclose(boxes.values("height"), expected[:, 3] - expected[:, 1])
    middles = (expected[:, :2] + expected[:, 2:]) / 2
    direct = tiny_sam2.direct(np.moveaxis(values, 0, -1), expected, middles)
    np.testing.assert_array_equal(stored, direct.any(axis=0))
    np.testing.assert_array_equal(burnt, stored)
    assert ["where", "think", "Two quays lie at the shore."] in rows
    area = next(figure for figure in found.figures if figure.name == "area")
    assert [source.fingerprint.kind for source in area.sources] == ["sha256"] * 3
