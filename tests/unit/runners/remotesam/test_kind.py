"""RemoteSAM as a kind of runner: its card, its installation, its task, and the pool's segmenter."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from eoagent.contracts.card import UNKNOWN
from eoagent.contracts.errors import InputError, ModelError, ModelMissing, NotFound
from eoagent.contracts.models import NoModels
from eoagent.contracts.runner import Placement
from eoagent.runners.pool import ModelPool
from eoagent.runners.registry import card_by_id, kind_of
from eoagent.runners.remotesam.kind import KIND
from eoagent.runners.remotesam.segmenter import Segmenter
from eoagent.runners.remotesam.shape import PUBLISHED
from eoagent.runners.weights import ModelStore

TEXTS = ["ship", "a big harbour", "image"]


@pytest.fixture(scope="module")
def card(tiny_config):
    """The card, for the tiny network."""
    options = {**card_by_id("remotesam-v1").options, "config": tiny_config}
    return card_by_id("remotesam-v1").model_copy(update={"options": options, "memory_mb": 2})


@pytest.fixture
def published(tiny_file, tiny_words):
    """The file that is imported, with the vocabulary beside it."""
    tiny_file.with_name("vocab.txt").write_text("\n".join(tiny_words))
    return tiny_file


@pytest.fixture
def picture():
    return np.random.default_rng(3).integers(0, 255, (50, 70, 3), dtype=np.uint8)


@pytest.fixture
def direct(published, tiny_config, picture):
    """What the segmenter itself finds with the published file."""
    segmenter = Segmenter.load(published, config=tiny_config)
    return segmenter.segment(picture, TEXTS)


def test_the_card_is_that_of_the_published_network():
    card = card_by_id("remotesam-v1")
    assert kind_of(card) is KIND
    assert card.input_px == PUBLISHED.side
    assert card.dimensions == 0
    assert card.tasks == ("segment",)
    assert card.weights.sha256 == card.weights.revision == UNKNOWN
    assert "10" not in card.refusal(10.0)
    assert "100 m is coarser: trained and tested on" in card.refusal(100.0)


def test_an_import_keeps_the_network_alone(card, published, tmp_path):
    store = ModelStore(tmp_path / "home")
    found = store.import_weights(card, published)
    assert found.weights.name == "RemoteSAMv1-float32.safetensors"
    assert found.weights.stat().st_size < published.stat().st_size
    assert found.weights.with_name("vocab.txt").is_file()
    with safe_open(found.weights, framework="pt") as file:
        assert not [name for name in file.keys() if name.startswith("optimizer")]  # noqa: SIM118
    assert store.verify(card.id) == ()
    assert not list((tmp_path / "home" / "models" / ".staging").glob("*"))


def test_the_published_file_and_the_slim_one_are_both_what_is_installed(card, published, tmp_path):
    store = ModelStore(tmp_path / "home")
    first = store.import_weights(card, published).record
    assert first.published_sha256
    assert store.import_weights(card, published).record.weights == first.weights
    slim = store.require(card.id).weights
    again = store.import_weights(card, slim).record
    assert again.weights == first.weights
    assert again.published_sha256 == first.published_sha256


def test_other_weights_than_the_first_are_refused(card, published, tmp_path):
    store = ModelStore(tmp_path / "home")
    first = store.import_weights(card, published).record
    held = torch.load(published, weights_only=False)
    held["epoch"] += 1
    torch.save(held, published)
    with pytest.raises(ModelError, match=f"the installed one has {first.published_sha256}"):
        store.import_weights(card, published)
    assert store.require(card.id).record == first


def test_half_the_size_is_kept_where_it_is_asked_for(card, published, tmp_path, direct, picture):
    whole = ModelStore(tmp_path / "whole").import_weights(card, published)
    half = ModelStore(tmp_path / "half").import_weights(card, published, dtype="float16")
    assert half.weights.name == "RemoteSAMv1-float16.safetensors"
    assert half.weights.stat().st_size < 0.7 * whole.weights.stat().st_size
    margins = KIND.load(card, half.weights, Placement()).run("segment", [(picture, TEXTS[0])])
    assert np.abs(margins[0] - direct[0].margin).max() < 0.05 * np.abs(direct[0].margin).max()


def test_without_its_vocabulary_it_is_not_installed(card, tiny_file, tmp_path):
    store = ModelStore(tmp_path / "home")
    with pytest.raises(NotFound, match="remotesam-v1 needs vocab.txt beside") as caught:
        store.import_weights(card, tiny_file)
    assert "vocab.txt of google-bert/bert-base-uncased" in caught.value.hint
    assert store.installed(card.id) is None


def test_a_file_of_another_network_is_refused(card, published, tmp_path):
    wrong = card.model_copy(update={"options": {"beside": ["vocab.txt"]}})
    with pytest.raises(ModelError, match="does not hold the weights of this network"):
        ModelStore(tmp_path / "home").import_weights(wrong, published)


def test_a_file_with_code_in_it_is_refused_and_the_code_never_runs(card, published, tmp_path):
    canary = tmp_path / "canary"

    class Evil:
        def __reduce__(self):
            return (canary.touch, ())

    torch.save({"model": {"backbone": Evil()}}, published)
    with pytest.raises(ModelError, match="it holds more than tensors"):
        ModelStore(tmp_path / "home").import_weights(card, published)
    assert not canary.exists()


@pytest.fixture
def runner(card, published):
    loaded = KIND.load(card, published, Placement(max_batch=2))
    yield loaded
    loaded.close()


def test_items_of_one_picture_share_what_is_done_with_it(runner, direct, picture, monkeypatch):
    looks = []
    network = runner._segmenter._network
    whole = network.look
    monkeypatch.setattr(network, "look", lambda pixels: looks.append(1) or whole(pixels))
    other = 255 - picture
    items = [(picture, TEXTS[0]), (other, TEXTS[0]), (picture, TEXTS[1]), (picture, TEXTS[2])]
    found = runner.run("segment", items)
    assert len(looks) == 2
    for place, expected in ((0, 0), (2, 1), (3, 2)):
        assert np.allclose(found[place], direct[expected].margin, atol=1e-4)
    assert not np.allclose(found[1], found[0], atol=1e-2)
    assert all(one.shape == runner.result_form("segment").shape for one in found)
    runner.run("segment", [(picture.copy(), TEXTS[0])])
    assert len(looks) == 2  # an equal picture is not looked at again


def test_what_is_no_pair_or_no_task_is_refused(runner, picture):
    with pytest.raises(InputError, match="remotesam-v1 knows no task 'images'"):
        runner.run("images", [picture])
    for item in (picture, (picture,), ("ship", picture), (picture, 3)):
        with pytest.raises(InputError, match="a picture .* and a phrase"):
            runner.run("segment", [item])
    runner.close()
    with pytest.raises(ModelError, match="was closed"):
        runner.run("segment", [(picture, "ship")])
    assert runner.memory_mb == 0


@pytest.fixture
def pool(card, published, tmp_path):
    home = tmp_path / "home"
    ModelStore(home).import_weights(card, published)
    with ModelPool(home, cards=lambda: (card,), device="cpu") as made:
        yield made


def test_the_segmenter_of_the_pool_finds_what_the_network_finds(pool, direct, picture):
    segmenter = pool.segmenter()
    found = list(segmenter.segment(picture, TEXTS))
    assert segmenter.reason == "RemoteSAM is the default segmenter"
    for one, expected in zip(found, direct, strict=True):
        assert one.probability.shape == picture.shape[:2]
        assert np.allclose(one.probability, expected.probability(), atol=1e-4)
        assert one.presence == pytest.approx(expected.presence(0.5), abs=1e-4)
    ((name, counters),) = pool.counters().items()
    assert name == "remotesam-v1 cpu float32 fast"  # masks change in half precision
    assert (counters.loads, counters.requests, counters.largest_batch) == (1, 3, 1)


def test_phrases_are_asked_for_as_they_are_wanted(pool, picture):
    masks = pool.segmenter("remotesam-v1").segment(picture, TEXTS)
    assert pool.counters() == {}
    next(masks)
    assert next(iter(pool.counters().values())).items == 1


def test_bad_input_is_refused_before_the_model_is_loaded(pool, picture):
    segmenter = pool.segmenter()
    with pytest.raises(InputError, match="three bands of uint8"):
        segmenter.segment(picture.astype(float), TEXTS)
    with pytest.raises(InputError, match="is empty"):
        segmenter.segment(picture, ["ship", " "])
    assert pool.counters() == {}


@pytest.mark.full
def test_a_segmenter_in_its_own_process_finds_the_same(card, published, tmp_path, direct, picture):
    home = tmp_path / "home"
    ModelStore(home).import_weights(card, published)
    with ModelPool(home, cards=lambda: (card,), device="cpu", isolate=True) as pool:
        found = list(pool.segmenter().segment(picture, TEXTS))
    for one, expected in zip(found, direct, strict=True):
        assert np.allclose(one.probability, expected.probability(), atol=1e-4)


def test_what_is_missing_names_the_commands(tmp_path):
    with ModelPool(tmp_path) as pool:
        with pytest.raises(ModelMissing, match="weights of remotesam-v1 are not installed") as told:
            pool.segmenter()
        assert told.value.command == "eoagent models pull remotesam-v1"
        assert "eoagent models import remotesam-v1 PATH" in told.value.hint
        with pytest.raises(InputError, match="300 m is coarser"):
            pool.segmenter(gsd_m=300)
        with pytest.raises(NotFound, match="'rs-m-clip' finds no phrases") as told:
            pool.segmenter("rs-m-clip")
        assert told.value.hint == "there are: remotesam-v1"
        with pytest.raises(NotFound, match="the encoder 'remotesam-v1' makes no vectors"):
            pool.encoder("remotesam-v1")
    with pytest.raises(ModelError, match="were closed"):
        pool.segmenter()
    with pytest.raises(ModelMissing, match="that finds phrases in pictures can be had here"):
        NoModels().segmenter()


def test_pulling_takes_the_vocabulary_from_where_the_card_says(
    card, published, tmp_path, monkeypatch
):
    from eoagent.runners import fetching

    located = []

    def locate(repository, file, *, revision, endpoint):
        located.append((repository, file, revision))
        return SimpleNamespace(url=file, revision="a" * 40, sha256=UNKNOWN, size_bytes=None)

    def download(url, target, **_):
        source = published if url == "RemoteSAMv1.pth" else published.with_name(url)
        target.write_bytes(source.read_bytes())

    monkeypatch.setattr(fetching, "locate", locate)
    monkeypatch.setattr(fetching, "download", download)
    found = ModelStore(tmp_path / "home").pull(card, endpoint="https://hub.example")
    assert located == [
        ("1e12Leon/RemoteSAM", "RemoteSAMv1.pth", UNKNOWN),
        ("google-bert/bert-base-uncased", "vocab.txt", UNKNOWN),
    ]
    assert found.record.source == "1e12Leon/RemoteSAM/RemoteSAMv1.pth"
    assert found.record.revision == "a" * 40
    assert json.loads((found.folder / "record.json").read_text())["published_sha256"]
