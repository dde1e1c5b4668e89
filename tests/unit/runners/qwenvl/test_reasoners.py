"""Reasoners of a pool: from an installed folder to boxes, masks and polygons, within its limits."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import threading

import numpy as np
import pytest

from eoagent.contracts.dialogue import ChatMessage
from eoagent.contracts.errors import (
    BudgetExceeded,
    InputError,
    ModelError,
    ModelMissing,
    NotFound,
)
from eoagent.contracts.geometry import Window
from eoagent.contracts.raster import Grid
from eoagent.contracts.reasoner import Reasoner
from eoagent.geo.polygons import mask_to_polygons, polygons_to_mask
from eoagent.runners.pool import ModelPool
from eoagent.runners.reasoners import ReasonerWish, profile_of
from eoagent.runners.registry import card_by_id
from eoagent.runners.weights import ModelStore


@pytest.fixture
def card(tiny_reasoner):
    return tiny_reasoner.reasoner_card()


@pytest.fixture
def make_pool(tmp_path, card, scripted):
    """Return a pool over the scripted model, in a home of this test."""
    home, made = tmp_path / "home", []
    ModelStore(home).import_weights(card, scripted)

    def make(cards=(card,), **settings):
        settings = {"device": "cpu", "reasoner": ReasonerWish(reasoner=card.id)} | settings
        made.append(ModelPool(home, cards=lambda: cards, **settings))
        return made[-1]

    yield make
    for pool in made:
        pool.close()


@pytest.fixture
def scene():
    """A picture of 150 x 100 pixels, which the model is shown as 140 x 112."""
    return np.random.default_rng(3).integers(0, 256, (100, 150, 3), dtype=np.uint8)


def _say(reasoner, *parts, max_tokens=60, on_text=None):
    messages = [ChatMessage(role="user", parts=parts)]
    return reasoner._backend.complete(messages, max_tokens=max_tokens, on_text=on_text)


def test_a_question_becomes_boxes_in_the_pixels_of_the_picture(make_pool, scene, tiny_reasoner):
    pool = make_pool()
    reasoner: Reasoner = pool.reasoner()
    told = []
    found = reasoner.ground(scene, "Where can a ship moor?", on_text=told.append)
    assert found.reply.status == "found"
    assert found.reply.think == "Two quays lie at the shore."
    # by hand: x grows by 150/140 and y shrinks by 100/112; the first box ends at the picture's side
    wanted = [[60, 25, 150, 100], [10 * 15 / 14, 20 * 25 / 28, 30 * 15 / 14, 40 * 25 / 28]]
    assert np.allclose(found.boxes, wanted)
    assert found.stated == ((56, 28, 140, 112), (10, 20, 30, 40))
    assert "".join(told) == tiny_reasoner.REPLY
    assert len(told) > 20
    assert (
        reasoner.card.weights.sha256 == pool._store.require(reasoner.card.id).record.weights.sha256
    )
    manner = dict(reasoner.manner)
    assert manner["place"] == "cpu"
    assert manner["decoding"] == "greedy"
    assert manner["profile"] == "remotereasoner"
    assert manner["transformers"] == importlib.metadata.version("transformers")


def test_boxes_masks_and_polygons_come_from_one_inference(
    make_pool, card, scene, tiny_sam2, tmp_path
):
    drawer = card_by_id("sam2.1-hiera-tiny")
    pool = make_pool(cards=(card, drawer))
    pool._store.import_weights(drawer, tiny_sam2.write(tmp_path / "sam2"))
    reasoner, outliner = pool.reasoner(), pool.outliner()
    found = reasoner.ground(scene, "Where can a ship moor?")
    masks = outliner.outline(scene, found.boxes, found.points)
    assert masks.shape == (2, 100, 150)
    assert np.array_equal(masks, tiny_sam2.direct(scene, found.boxes, found.points))
    union = masks.any(axis=0)
    grid, window = Grid(width=150, height=100), Window(row=0, col=0, height=100, width=150)
    polygons = mask_to_polygons(union, grid, window)
    assert union.any()
    assert np.array_equal(polygons_to_mask(polygons, grid, window), union)
    again = pool.reasoner().ground(scene, "Where can a ship moor?")
    assert np.array_equal(again.boxes, found.boxes)
    counters = {name.split()[0]: one for name, one in pool.counters().items()}
    assert counters[card.id].requests == 1
    assert outliner.reason == f"{drawer.title} is the default outliner"


def test_a_reply_outlives_the_pool_that_it_was_given_to(make_pool, scene):
    first = make_pool().reasoner().ground(scene, "Where can a ship moor?")
    later = make_pool()
    told = []
    again = later.reasoner().ground(scene, "Where can a ship moor?", on_text=told.append)
    assert again.reply.raw == first.reply.raw
    assert later.counters() == {}
    later.reasoner().ground(scene[:, ::-1].copy(), "Where can a ship moor?")
    (one,) = later.counters().values()
    assert one.requests == 1


def test_requests_that_wait_together_go_through_the_model_together(make_pool, tiny_reasoner):
    pool = make_pool(max_batch=8)
    reasoner, replies = pool.reasoner(), {}

    def ask(number):
        replies[number] = _say(reasoner, "w" * (number + 1)).text

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert replies == dict.fromkeys(range(6), tiny_reasoner.REPLY)
    (counters,) = pool.counters().values()
    assert counters.requests == 6
    assert counters.batches < 6
    assert counters.largest_batch > 1


def test_pieces_are_told_in_the_thread_of_the_caller(make_pool, tiny_reasoner):
    told, threads = [], set()

    def listen(piece):
        told.append(piece)
        threads.add(threading.current_thread())

    reply = _say(make_pool().reasoner(), "say it", on_text=listen)
    assert "".join(told) == reply.text == tiny_reasoner.REPLY
    assert threads == {threading.current_thread()}


def test_a_listener_that_fails_ends_its_own_request_only(make_pool, tiny_reasoner):
    reasoner = make_pool().reasoner()

    def listen(piece):
        raise ZeroDivisionError(piece)

    with pytest.raises(ZeroDivisionError):
        _say(reasoner, "say it", on_text=listen)
    assert _say(reasoner, "say it").text == tiny_reasoner.REPLY


def test_a_reply_that_takes_too_long_is_broken_off_at_the_deadline(
    make_pool, card, tiny_reasoner, tmp_path
):
    pool = make_pool(deadline_s=20.0)
    reasoner = pool.reasoner()
    _say(reasoner, "load it", max_tokens=1)
    late = make_pool(deadline_s=0.001)
    with pytest.raises(BudgetExceeded, match="tiny-reasoner had 0.001 s"):
        _say(late.reasoner(), "say it")
    assert _say(reasoner, "say it").text == tiny_reasoner.REPLY


def test_a_model_that_is_larger_than_models_may_be_is_refused_at_once(make_pool, scene):
    pool = make_pool(memory_mb=3)
    with pytest.raises(InputError, match="takes 4 MB for its weights in float32, and models may"):
        pool.reasoner().ground(scene, "Where?")
    with pytest.raises(InputError) as caught:
        pool.reasoner().ground(scene, "Where?")
    assert "set model_memory_mb to 4 or more" in caught.value.hint
    assert "reasoner" in caught.value.hint
    assert pool.counters() == {}


def test_the_published_model_in_half_precision_wants_more_than_is_allowed_by_default():
    from eoagent.contracts.runner import Placement
    from eoagent.runners.queues import ModelQueues, needed_mb

    card = card_by_id("remotereasoner-7b")
    half = Placement(device="cuda:0", dtype="bfloat16")
    assert needed_mb(card, half) == 16_584
    small = card.model_copy(update={"options": {**card.options, "quantise": "4bit"}})
    assert needed_mb(small, half) == 6_633
    queues = ModelQueues(memory_mb=8_000, pass_s=1.0)
    with pytest.raises(InputError, match="takes 16584 MB .* may take 8000 MB") as caught:
        queues.check_room(card, half)
    assert 'quantise = "4bit"' in caught.value.hint
    queues.check_room(small, half)


def test_four_bits_are_asked_of_the_model_by_the_settings(make_pool, card, scene, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "bitsandbytes" else found(name, *more),
    )
    pool = make_pool(reasoner=ReasonerWish(reasoner=card.id, quantise="4bit"))
    reasoner = pool.reasoner()
    assert reasoner.manner["precision"].endswith(", 4bit")
    with pytest.raises(ModelMissing) as caught:
        reasoner.ground(scene, "Where?")
    assert caught.value.command == "pip install bitsandbytes accelerate"


def test_what_is_not_there_says_how_to_get_it(make_pool, card, tmp_path):
    cards = (card_by_id("remotereasoner-7b"), card_by_id("sam2.1-hiera-tiny"))
    with ModelPool(tmp_path / "empty", cards=lambda: cards) as pool:
        with pytest.raises(ModelMissing) as caught:
            pool.reasoner()
        assert caught.value.command == "eoagent models pull remotereasoner-7b"
        with pytest.raises(ModelMissing) as caught:
            pool.outliner()
        assert caught.value.command == "eoagent models pull sam2.1-hiera-tiny"
        with pytest.raises(NotFound, match="the reasoner 'sam2.1-hiera-tiny' does not reason"):
            pool.reasoner("sam2.1-hiera-tiny")
        with pytest.raises(NotFound, match="the outliner 'remotereasoner-7b' outlines no boxes"):
            pool.outliner("remotereasoner-7b")
    with pytest.raises(ModelError, match="were closed and are asked again"):
        pool.reasoner()
    with pytest.raises(ModelError, match="were closed and are asked again"):
        pool.outliner()


def test_a_card_says_by_which_profile_it_is_asked(card):
    assert profile_of(card).name == "remotereasoner"
    changed = {**card.options, "coordinate_frame": "original", "max_tokens": 64}
    profile = profile_of(card.model_copy(update={"options": changed}))
    assert (profile.coordinate_frame, profile.max_tokens) == ("original", 64)
    nameless = {name: value for name, value in card.options.items() if name != "profile"}
    with pytest.raises(InputError, match="the card of tiny-reasoner names no prompt profile"):
        profile_of(card.model_copy(update={"options": nameless}))


@pytest.mark.parametrize(
    "name", ["remotereasoner-7b", "qwen2.5-vl-7b", "rscovlm-7b", "think2seg-rs-7b"]
)
def test_each_card_of_ours_has_its_profile_and_the_memory_of_its_parameters(name):
    ours = card_by_id(name)
    assert profile_of(ours).name == ours.options["profile"]
    assert ours.memory_mb == -(-8_292_166_656 * 4 // 1_000_000)
    assert ours.weights.sha256 == ours.weights.revision == "unknown"
    assert ours.tasks == ("reason",)


@pytest.mark.full
def test_a_model_in_a_process_of_its_own_gives_the_same_reply(make_pool, scene, tiny_reasoner):
    pool = make_pool(isolate=True)
    told = []
    found = pool.reasoner().ground(scene, "Where can a ship moor?", on_text=told.append)
    assert found.reply.raw == tiny_reasoner.REPLY
    assert told == [tiny_reasoner.REPLY]
