"""The pool: encoders over installed weights, loaded when asked, within a budget of memory."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from eoagent import plugins
from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import (
    BudgetExceeded,
    InputError,
    ModelError,
    ModelMissing,
    NotFound,
)
from eoagent.contracts.runner import Placement
from eoagent.runners.clip import KIND
from eoagent.runners.pool import ModelPool
from eoagent.runners.weights import ModelStore


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny, make_card, make_model):
    """A home with three small models installed."""
    folder = tmp_path_factory.mktemp("pool")
    store = ModelStore(folder / "home")
    for seed, name in enumerate(("tiny", "second", "third")):
        path = folder / f"{name}.pt"
        if seed:
            torch.save(make_model("tiny-quickgelu", seed=seed).state_dict(), path)
        else:
            path = tiny.path
        store.import_weights(make_card(id=name), path)
    return folder / "home"


@pytest.fixture
def cards(make_card):
    named = [make_card(id=name) for name in ("tiny", "second", "third", "absent")]
    return (*named, *KIND.cards())


@pytest.fixture
def make_pool(home, cards):
    pools = []

    def make(**more):
        pools.append(ModelPool(home, cards=lambda: cards, precision="float32", **more))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def test_an_encoder_gives_the_vectors_of_its_model(make_pool, make_card, tiny, photos):
    pool = make_pool(preprocessing="strict", keep_texts=False)
    encoder = pool.encoder("tiny")
    direct = KIND.load(make_card(), tiny.path, Placement(preprocessing="strict"))
    assert np.allclose(encoder.encode_images(photos), direct.encode_images(photos), atol=1e-6)
    assert np.allclose(encoder.encode_texts(["a", "b"]), direct.encode_texts(["a", "b"]), atol=1e-6)
    assert encoder.encode_images([]).shape == (0, 24)
    assert encoder.fingerprint == direct.fingerprint
    assert encoder.card.weights.sha256 == direct.fingerprint.weights_sha256
    assert encoder.reason == ""


def test_nothing_is_loaded_before_something_is_asked(make_pool):
    pool = make_pool()
    fingerprint = pool.encoder("tiny").fingerprint
    assert fingerprint.weights_sha256 != "unknown"
    assert pool.counters() == {}


def test_many_threads_share_one_model_and_its_passes(make_pool, photos):
    pool = make_pool(max_batch=16, keep_texts=False)
    expected = pool.encoder("tiny").encode_images(photos[:1])
    with ThreadPoolExecutor(24) as threads:
        encoders = [pool.encoder("tiny") for _ in range(96)]
        found = list(threads.map(lambda one: one.encode_images(photos[:1]), encoders))
    assert all(np.allclose(one, expected, atol=1e-5) for one in found)
    counters = pool.counters()["tiny cpu float32 fast"]
    assert counters.loads == 1
    assert counters.requests == 97
    assert counters.batches < 97


def test_texts_come_from_the_disk_the_second_time(make_pool, home):
    texts = ["a quay that nobody asked for", "a dry dock"]
    first = make_pool().encoder("tiny").encode_texts(texts)
    pool = make_pool()
    assert np.array_equal(pool.encoder("tiny").encode_texts(texts), first)
    assert pool.counters() == {}
    assert (home / "cache" / "texts").is_dir()


def test_the_one_used_longest_ago_makes_room(make_pool, photos):
    pool = make_pool(memory_mb=17)  # of the three, each 8 MB by its card, two fit
    names = ("tiny", "second", "third")
    encoders = {name: pool.encoder(name) for name in names}
    vectors = {name: encoders[name].encode_images(photos[:1]) for name in names[:2]}
    encoders["tiny"].encode_images(photos[:1])
    encoders["third"].encode_images(photos[:1])
    assert np.array_equal(encoders["tiny"].encode_images(photos[:1]), vectors["tiny"])
    assert np.array_equal(encoders["second"].encode_images(photos[:1]), vectors["second"])
    loads = {name: pool.counters()[f"{name} cpu float32 fast"].loads for name in names}
    assert loads == {"tiny": 1, "second": 2, "third": 1}


def test_models_that_do_not_fit_together_take_turns_under_load(make_pool, photos):
    pool = make_pool(memory_mb=9, keep_texts=False)
    encoders = [pool.encoder(name) for name in ("tiny", "second", "third")] * 4
    with ThreadPoolExecutor(12) as threads:
        found = list(threads.map(lambda one: one.encode_images(photos[:2]), encoders))
    for place in range(3):
        assert all(np.allclose(one, found[place], atol=1e-5) for one in found[place::3])
    assert not np.allclose(found[0], found[1], atol=1e-2)


def test_a_model_beyond_the_budget_is_refused(make_pool, photos):
    encoder = make_pool(memory_mb=7).encoder("tiny")
    with pytest.raises(BudgetExceeded, match="tiny needs 8 MB for its weights.* may take 7"):
        encoder.encode_images(photos[:1])


def test_bad_input_never_reaches_the_model(make_pool):
    pool = make_pool()
    encoder = pool.encoder("tiny")
    with pytest.raises(InputError, match="three bands of uint8"):
        encoder.encode_images([np.zeros((4, 4), np.uint8)])
    with pytest.raises(InputError, match="is empty"):
        encoder.encode_texts([""])
    assert pool.counters() == {}


def test_what_is_not_installed_or_not_there_is_named(make_pool):
    pool = make_pool()
    with pytest.raises(ModelMissing, match="weights of absent are not installed") as caught:
        pool.encoder("absent")
    assert caught.value.command == "eoagent models pull absent"
    with pytest.raises(NotFound, match="the encoder 'nonsense' is not there"):
        pool.encoder("nonsense")
    with pytest.raises(ModelMissing, match="remoteclip-vit-b-32"):
        pool.encoder()
    with pytest.raises(InputError, match="300 m is coarser"):
        pool.encoder("tiny", gsd_m=300)


def test_the_choice_and_its_reason_can_be_read_without_weights(make_pool):
    choice = make_pool().choose(gsd_m=10)
    assert choice.card.id == "remoteclip-vit-b-32"
    assert "GeoRSCLIP is better" in choice.reason


def test_an_encoder_like_a_fingerprint_takes_its_precision_and_preparation(make_pool, photos):
    pool = make_pool(preprocessing="fast")
    made = pool.encoder("tiny").fingerprint
    half = made.model_copy(update={"precision": "half", "preprocessing": "strict"})
    encoder = pool.encoder(like=half)
    assert encoder.fingerprint == half
    plain = pool.encoder("tiny").encode_images(photos)
    assert (encoder.encode_images(photos) * plain).sum(axis=1).min() > 0.99
    assert pool.counters()["tiny cpu bfloat16 strict"].loads == 1


def test_weights_are_found_under_whatever_name_they_are_installed(make_pool):
    made = make_pool().encoder("second").fingerprint
    assert make_pool().encoder(like=made.model_copy(update={"card": "my-own"})).card.id == "second"
    wrong_name = made.model_copy(update={"card": "tiny"})
    assert make_pool().encoder(like=wrong_name).card.id == "second"


def test_other_weights_than_those_of_a_fingerprint_are_refused(make_pool):
    pool = make_pool()
    made = pool.encoder("tiny").fingerprint
    other = made.model_copy(update={"weights_sha256": "e" * 64})
    with pytest.raises(ModelError, match=f"weights {'e' * 64} of tiny.*are {made.weights_sha256}"):
        pool.encoder(like=other)
    with pytest.raises(ModelError, match="activation: gelu, quickgelu"):
        pool.encoder(like=made.model_copy(update={"activation": "gelu"}))
    with pytest.raises(NotFound, match="the vectors were made by 'nobody'"):
        pool.encoder(like=other.model_copy(update={"card": "nobody"}))
    with pytest.raises(ModelMissing, match="absent"):
        pool.encoder(like=other.model_copy(update={"card": "absent"}))


def test_a_fingerprint_that_knows_little_asks_little(make_pool):
    known = EncoderFingerprint(card="tiny", dimensions=24)
    assert make_pool().encoder(like=known).card.id == "tiny"
    with pytest.raises(ModelError, match="dimensions: 768, 24"):
        make_pool().encoder(like=EncoderFingerprint(card="tiny", dimensions=768))


def test_another_process_makes_the_same_encoder_from_the_source(make_pool, photos):
    pool = make_pool()
    source = pool.source("tiny")
    again = type(source).model_validate_json(source.model_dump_json())
    kind = plugins.load("eoagent.runners", again.card.kind)
    runner = kind.load(again.card, Path(again.weights), again.placement)
    assert runner.fingerprint == pool.encoder("tiny").fingerprint
    found = np.stack(runner.run("images", photos))
    assert np.allclose(found, pool.encoder("tiny").encode_images(photos), atol=1e-5)


def test_weights_that_changed_on_the_disk_are_refused_when_loaded(
    make_card, tiny, tmp_path, photos
):
    store = ModelStore(tmp_path)
    found = store.import_weights(make_card(), tiny.path)
    data = bytearray(found.weights.read_bytes())
    data[-5000] ^= 1
    found.weights.write_bytes(data)
    with (
        ModelPool(tmp_path, cards=lambda: (make_card(),), precision="float32") as pool,
        pytest.raises(ModelError, match=r"has the sha256 .* and tiny is known by"),
    ):
        pool.encoder("tiny").encode_images(photos)


def test_a_deadline_holds_for_loading_too(make_pool, photos):
    encoder = make_pool(deadline_s=0.0).encoder("tiny")
    with pytest.raises(BudgetExceeded, match=r"tiny had 0 s for 1 images"):
        encoder.encode_images(photos[:1])


def test_a_kept_text_is_had_without_torch(make_pool, home):
    fingerprint = make_pool().encoder("tiny").fingerprint
    expected = make_pool().encoder("tiny").encode_texts(["a dry dock at dawn"])
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from eoagent.contracts.card import ModelCard\n"
        "from eoagent.contracts.encoder import EncoderFingerprint\n"
        "from eoagent.runners.pool import ModelPool\n"
        "card = ModelCard.model_validate_json(sys.argv[2])\n"
        "like = EncoderFingerprint.model_validate_json(sys.argv[3])\n"
        "with ModelPool(Path(sys.argv[1]), cards=lambda: (card,)) as pool:\n"
        "    print(pool.encoder(like=like).encode_texts(['a dry dock at dawn']).tobytes().hex())\n"
        "assert not {'torch', 'open_clip', 'transformers'} & set(sys.modules)\n"
    )
    card = make_pool().encoder("tiny").card
    arguments = [str(home), card.model_dump_json(), fingerprint.model_dump_json()]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert bytes.fromhex(done.stdout.strip()) == expected.tobytes()


def test_a_pool_that_nobody_holds_gives_its_memory_back(make_card, tiny, tmp_path, photos):
    ModelStore(tmp_path).import_weights(make_card(id="lonely"), tiny.path)
    pool = ModelPool(tmp_path, cards=lambda: (make_card(id="lonely"),), precision="float32")
    pool.encoder("lonely").encode_images(photos[:1])
    assert [t for t in threading.enumerate() if t.name == "model lonely"]
    del pool
    gc.collect()
    assert not [t for t in threading.enumerate() if t.name == "model lonely"]


def test_a_closed_pool_answers_no_more(make_pool, photos):
    pool = make_pool()
    encoder = pool.encoder("tiny")
    encoder.encode_images(photos[:1])
    pool.close()
    with pytest.raises(ModelError, match="the models were closed"):
        encoder.encode_images(photos[:1])
    with pytest.raises(ModelError, match="were closed"):
        pool.encoder("second")
