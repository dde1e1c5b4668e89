"""Many texts for one picture give what each gives alone, with what they share done once."""

from __future__ import annotations

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from eoagent.contracts.errors import InputError, ModelError, ModelMissing
from eoagent.contracts.runner import Placement
from eoagent.runners.remotesam import RemoteSam, Segmenter
from eoagent.runners.remotesam.pictures import prepare
from eoagent.runners.remotesam.tokens import Vocabulary

TEXTS = ["ship in the image", "harbour", "a big airplane in the image", "ship in the image"]


@pytest.fixture
def picture():
    return np.random.default_rng(2).integers(0, 256, (50, 70, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def network(tiny_state, tiny_config, as_published, tmp_path_factory):
    path = as_published(tiny_state, tmp_path_factory.mktemp("tiny") / "tiny.pth")
    return RemoteSam.from_checkpoint(path, tiny_config)


@pytest.fixture
def words(tiny_words):
    return Vocabulary({word: n for n, word in enumerate(tiny_words)})


def _one_by_one(network, words, picture, texts):
    found = []
    for text in texts:
        ids, _ = words.split(text)
        ids = torch.tensor([ids + (0,) * (20 - len(ids))])
        with torch.inference_mode():
            logits = network(prepare(picture, 64), ids, (ids > 0).long())
        found.append((logits[0, 1] - logits[0, 0]).numpy())
    return found


@pytest.mark.parametrize("max_batch", [1, 2, 8])
def test_margins_are_those_of_the_whole_network_asked_one_by_one(
    network, words, picture, max_batch
):
    ours = Segmenter(network, words, max_batch=max_batch).segment(picture, TEXTS)
    theirs = _one_by_one(network, words, picture, TEXTS)
    assert [one.text for one in ours] == TEXTS
    for one, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.margin, expected, atol=2e-5)
        assert one.mask().shape == one.probability().shape == (50, 70)
    assert np.abs(ours[0].margin - ours[1].margin).max() > 1e-4


def test_a_text_is_encoded_once_and_a_picture_looked_at_once(network, words, picture, monkeypatch):
    counts = {"read": 0, "look": 0, "margin": 0}
    for name in counts:
        whole = getattr(network, name)

        def counted(*given, name=name, whole=whole):
            counts[name] += 1
            return whole(*given)

        monkeypatch.setattr(network, name, counted)
    segmenter = Segmenter(network, words)
    segmenter.segment(picture, TEXTS)
    assert counts == {"read": 3, "look": 1, "margin": 3}
    segmenter.segment(picture, TEXTS)
    assert counts == {"read": 3, "look": 1, "margin": 6}


def test_no_more_texts_are_kept_than_asked(network, words):
    segmenter = Segmenter(network, words, kept_texts=2)
    first = segmenter.encode_text(["ship", "harbour"])
    again = segmenter.encode_text(["ship", "harbour"])
    assert all(a is b for a, b in zip(first, again, strict=True))
    segmenter.encode_text(["image"])
    assert segmenter.encode_text(["ship"])[0] is not first[0]


def test_results_come_one_by_one(network, words, picture, monkeypatch):
    done = []
    whole = network.margin
    monkeypatch.setattr(network, "margin", lambda *given: done.append(1) or whole(*given))
    results = Segmenter(network, words).segment_each(picture, TEXTS)
    assert next(results).text == TEXTS[0]
    assert len(done) == 1
    results.close()


def test_it_leaves_autograd_as_it_was(network, words, picture):
    for one in Segmenter(network, words).segment_each(picture, TEXTS[:2]):
        assert not torch.is_inference_mode_enabled()
        assert torch.is_grad_enabled()
        assert one.margin.dtype == np.float32


def test_the_memory_of_the_weights_is_told(small, words):
    assert Segmenter(small, words).memory_mb == round(13_538_859 * 4 / 1e6)


def test_no_texts_give_no_results(network, words, picture):
    assert Segmenter(network, words).segment(picture, []) == []


def test_a_text_that_was_cut_says_so(network, words, picture):
    short, long = Segmenter(network, words).segment(picture, ["ship", "ship " * 30])
    assert (short.was_cut, long.was_cut) == (False, True)


@pytest.mark.parametrize(
    "bad",
    [np.zeros((4, 4)), np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), "a.png"],
)
def test_what_is_no_picture_is_refused(network, words, bad):
    with pytest.raises(InputError, match=r"a picture is \(height, width, 3\) of uint8"):
        Segmenter(network, words).segment(bad, ["ship"])
    with pytest.raises(InputError, match="a picture of 0 x 4 pixels"):
        Segmenter(network, words).segment(np.zeros((4, 0, 3), np.uint8), ["ship"])


def test_an_empty_text_is_refused_before_any_work(network, words, picture, monkeypatch):
    monkeypatch.setattr(network, "look", None)
    with pytest.raises(InputError, match="a text must say"):
        Segmenter(network, words).segment(picture, ["ship", " "])


def test_values_that_are_not_finite_never_get_out(network, words, picture):
    spoilt = copy.deepcopy(network)
    with torch.no_grad():
        spoilt.decoder.logits.weight.fill_(torch.inf)
    with pytest.raises(ModelError, match="not finite"):
        Segmenter(spoilt, words).segment(picture, ["ship"])


def test_a_failure_of_the_network_is_typed(network, words, picture, monkeypatch):
    def fail(*_):
        raise RuntimeError("out of memory: asked for much\nand more")

    monkeypatch.setattr(network, "margin", fail)
    with pytest.raises(ModelError, match="the network failed: out of memory: asked for much$"):
        Segmenter(network, words).segment(picture, ["ship"])


def test_half_precision_is_near_the_whole_one(network, words, picture):
    whole = Segmenter(network, words).segment(picture, ["ship"])[0]
    half = Segmenter(network, words, placement=Placement(dtype="bfloat16")).segment(
        picture, ["ship"]
    )[0]
    apart = np.abs(whole.margin - half.margin).mean()
    assert 0 < apart < 0.5 * whole.margin.std()  # of weights drawn at random, not trained


def test_loading_takes_the_vocabulary_beside_the_weights(
    tiny_file, tiny_config, tiny_words, picture
):
    with pytest.raises(ModelMissing, match="vocab.txt is not beside the weights"):
        Segmenter.load(tiny_file, config=tiny_config)
    tiny_file.with_name("vocab.txt").write_text("\n".join(tiny_words), encoding="utf-8")
    found = Segmenter.load(tiny_file, config=tiny_config).segment(picture, ["ship"])
    assert found[0].mask().shape == (50, 70)


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        (((1, 3, 32, 32), (1, 4), (1, 4)), r"takes pictures of \(B, 3, 64, 64\), got"),
        (((3, 64, 64), (1, 4), (1, 4)), r"takes pictures of \(B, 3, 64, 64\), got"),
        (((1, 3, 64, 64), (1, 4), (1, 5)), r"tokens and their mask are both \(B, L\)"),
        (((1, 3, 64, 64), (4,), (4,)), r"tokens and their mask are both \(B, L\)"),
        (((1, 3, 64, 64), (1, 33), (1, 33)), "a text has 1 to 32 tokens, got 33"),
        (((2, 3, 64, 64), (3, 4), (3, 4)), "2 pictures do not go with 3 texts"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(network, shapes, said):
    pixels, ids, mask = shapes
    with pytest.raises(InputError, match=said):
        network(torch.zeros(pixels), torch.zeros(ids).long(), torch.ones(mask).long())


def test_the_package_loads_torch_only_when_the_network_is_asked_for():
    code = (
        "import sys, json, eoagent.runners.remotesam as r\n"
        "import eoagent.runners.remotesam.detection, eoagent.runners.remotesam.captions\n"
        "import eoagent.runners.remotesam.labelling\n"
        "light = 'torch' not in sys.modules and 'transformers' not in sys.modules\n"
        "sys.modules['torch'] = None\n"
        "try:\n    r.RemoteSam\nexcept Exception as e:\n    said = [type(e).__name__, str(e), e.command]\n"
        "try:\n    r.nonsense\nexcept AttributeError as e:\n    said.append(str(e))\n"
        "print(json.dumps([light, *said]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [
        True,
        "ModelMissing",
        "RemoteSAM needs torch, which is not installed",
        "pip install 'eoagent[models]'",
        "module 'eoagent.runners.remotesam' has no attribute 'nonsense'",
    ]
