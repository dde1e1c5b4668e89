"""Our encoder beside open_clip's own loader, transform and tokenizer, on the same file."""

from __future__ import annotations

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from eoagent.contracts.runner import Placement
from eoagent.runners.clip import KIND, load_encoder

TEXTS = [
    "a harbour with ships",
    "A Satellite Photo of  rice fields &amp; ponds.",
    "ein Dorf am Fluß",
    "one two three " * 60,
]
STRICT = Placement(preprocessing="strict")
FAST = Placement(preprocessing="fast")
HALF = Placement(preprocessing="strict", dtype="bfloat16")


def _theirs(model, photos, edge):
    transform = open_clip.image_transform(edge, is_train=False)
    pixels = torch.stack([transform(Image.fromarray(photo)) for photo in photos])
    tokens = open_clip.SimpleTokenizer()(TEXTS)
    with torch.inference_mode():
        images = torch.nn.functional.normalize(model.encode_image(pixels), dim=-1)
        texts = torch.nn.functional.normalize(model.encode_text(tokens), dim=-1)
    return images.numpy(), texts.numpy()


def _lowest(ours, theirs):
    assert ours.shape == theirs.shape
    assert ours.dtype == np.float32
    assert np.allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-6)
    return float((ours * theirs).sum(axis=1).min())


@pytest.mark.parametrize(
    ("placement", "least"), [(STRICT, 0.999_999), (FAST, 0.999), (HALF, 0.999)]
)
def test_vectors_are_those_of_open_clip(tiny, make_card, photos, placement, least):
    images, texts = _theirs(tiny.model, photos, 64)
    ours = KIND.load(make_card(), tiny.path, placement)
    assert _lowest(ours.encode_images(photos), images) >= least
    assert _lowest(ours.encode_texts(TEXTS), texts) >= least


def test_the_loader_of_open_clip_reads_the_same_file_alike(tiny, make_card, photos):
    theirs, _, _ = open_clip.create_model_and_transforms(
        "tiny-quickgelu", pretrained=str(tiny.path)
    )
    images, texts = _theirs(theirs.eval(), photos, 64)
    ours = KIND.load(make_card(), tiny.path, STRICT)
    assert _lowest(ours.encode_images(photos), images) >= 0.999_999
    assert _lowest(ours.encode_texts(TEXTS), texts) >= 0.999_999


@pytest.mark.parametrize("activation", ["quickgelu", "gelu"])
def test_the_activation_of_the_card_is_the_one_that_runs(tiny, make_card, photos, activation):
    """The file fits both; only the right one gives the vectors, the other shows."""
    ours = KIND.load(make_card(activation=activation), tiny.path, STRICT)
    for name, is_right in (("tiny-quickgelu", True), ("tiny", False)):
        theirs = open_clip.create_model(name)
        theirs.load_state_dict(tiny.tensors)
        images, texts = _theirs(theirs.eval(), photos, 64)
        found = (
            _lowest(ours.encode_images(photos), images),
            _lowest(ours.encode_texts(TEXTS), texts),
        )
        if is_right == (activation == "quickgelu"):
            assert min(found) >= 0.999_999
        else:
            assert max(found) < 0.999_95  # fifty times further off than rounding


@pytest.mark.parametrize("computes_in_bfloat16", [True, False])
def test_half_precision_is_that_of_open_clip_on_every_processor(
    tiny, make_card, photos, monkeypatch, computes_in_bfloat16
):
    """Beside open_clip's own bfloat16 model, whether ours computes in it or only rounds to it."""
    theirs = open_clip.create_model("tiny-quickgelu", precision="pure_bf16")
    theirs.load_state_dict(tiny.tensors)
    monkeypatch.setattr("eoagent.runners.devices.cpu_has_bfloat16", lambda _: computes_in_bfloat16)
    ours = KIND.load(make_card(), tiny.path, HALF)
    expected = sum(value.numel() for value in tiny.tensors.values()) * (
        2 if computes_in_bfloat16 else 4
    )
    assert ours.memory_mb == pytest.approx(expected / 1e6, abs=1.1)
    transform = open_clip.image_transform(64, is_train=False)
    pixels = torch.stack([transform(Image.fromarray(photo)) for photo in photos]).bfloat16()
    tokens = open_clip.SimpleTokenizer()(TEXTS)
    with torch.inference_mode():
        images = torch.nn.functional.normalize(theirs.eval().encode_image(pixels).float(), dim=-1)
        texts = torch.nn.functional.normalize(theirs.encode_text(tokens).float(), dim=-1)
    assert _lowest(ours.encode_images(photos), images.numpy()) >= 0.999
    assert _lowest(ours.encode_texts(TEXTS), texts.numpy()) >= 0.999
    exact = KIND.load(make_card(), tiny.path, STRICT)
    assert not np.array_equal(ours.encode_texts(TEXTS), exact.encode_texts(TEXTS))


def test_pil_pictures_arrays_and_lists_give_one_vector(tiny, make_card, photos):
    ours = KIND.load(make_card(), tiny.path, STRICT)
    alike = [photos[0], photos[0][::-1].copy()]
    expected = ours.encode_images(alike)
    assert np.array_equal(ours.encode_images(np.stack(alike)), expected)
    assert np.array_equal(ours.encode_images([Image.fromarray(p) for p in alike]), expected)
    grey = Image.fromarray(photos[0]).convert("L")
    rgb = Image.fromarray(np.asarray(grey)[..., None].repeat(3, axis=2))
    assert np.allclose(ours.encode_images([grey]), ours.encode_images([rgb]), atol=1e-6)


@pytest.mark.parametrize("placement", [STRICT, FAST])
def test_the_batch_size_changes_no_vector(tiny, make_card, photos, placement):
    whole = KIND.load(make_card(), tiny.path, placement)
    single = KIND.load(make_card(), tiny.path, placement.model_copy(update={"max_batch": 1}))
    assert np.allclose(whole.encode_images(photos), single.encode_images(photos), atol=1e-5)
    assert np.allclose(whole.encode_texts(TEXTS), single.encode_texts(TEXTS), atol=1e-5)
    assert whole.encode_images([]).shape == (0, 24)
    assert whole.encode_texts([]).shape == (0, 24)


def test_the_published_network_gives_the_published_vectors(tmp_path, photos):
    """RemoteCLIP ViT-B-32 at its full size, in its published form, with random weights."""
    torch.manual_seed(1)
    theirs = open_clip.create_model("ViT-B-32-quickgelu").eval()
    path = tmp_path / "RemoteCLIP-ViT-B-32.pt"
    torch.save(theirs.state_dict(), path)
    assert 604e6 < path.stat().st_size < 607e6  # the published file has 605,208,421 bytes
    images, texts = _theirs(theirs, photos[3:5], 224)
    ours = load_encoder("remoteclip-vit-b-32", path)
    assert _lowest(ours.encode_images(photos[3:5]), images) >= 0.9999
    assert _lowest(ours.encode_texts(TEXTS), texts) >= 0.9999
    assert ours.memory_mb == 605
    assert ours.fingerprint.dimensions == 512
    assert ours.fingerprint.activation == "quickgelu"
    ours.close()
    assert ours.memory_mb == 0


def test_the_resnet_gives_the_published_vectors(tmp_path, photos):
    torch.manual_seed(2)
    theirs = open_clip.create_model("RN50-quickgelu").eval()
    path = tmp_path / "RemoteCLIP-RN50.pt"
    torch.save(theirs.state_dict(), path)
    images, texts = _theirs(theirs, photos[3:5], 224)
    ours = load_encoder("remoteclip-rn50", path)
    assert _lowest(ours.encode_images(photos[3:5]), images) >= 0.9999
    assert _lowest(ours.encode_texts(TEXTS), texts) >= 0.9999
