"""The cards that come with us, beside open_clip's own configurations."""

from __future__ import annotations

import re
from importlib.resources import files

import open_clip
import pytest
import torch

from eoagent.contracts.errors import InputError
from eoagent.runners.cardfile import read_card, read_cards
from eoagent.runners.clip import KIND
from eoagent.runners.clip.architecture import has_own_tokenizer, model_settings
from eoagent.runners.registry import all_cards, card_by_id, kind_of

CARDS = {card.id: card for card in KIND.cards()}

FROM_OPENAI = {
    "remoteclip-rn50",
    "remoteclip-vit-b-32",
    "remoteclip-vit-l-14",
    "georsclip-vit-b-32",
    "georsclip-vit-l-14",
    "georsclip-vit-l-14-336",
    "skyclip-vit-l-14",
    "farslip1-vit-b-32",
}
FROM_LAION = {"georsclip-vit-h-14", "skyclip-vit-b-32", "rs-m-clip"}


def test_the_models_that_are_promised_are_there():
    assert set(CARDS) == FROM_OPENAI | FROM_LAION


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_a_card_agrees_with_the_configuration_of_open_clip(card):
    theirs = open_clip.get_model_config(card.architecture)
    assert card.dimensions == theirs["embed_dim"]
    assert card.input_px == theirs["vision_cfg"]["image_size"]
    assert "quick_gelu" not in theirs, "the plain name means plain GELU"
    ours = model_settings(card)
    if card.activation == "quickgelu":
        quick = open_clip.get_model_config(f"{card.architecture}-quickgelu")
        assert quick["quick_gelu"] is True
        assert ours == quick
    elif not has_own_tokenizer(card):
        assert ours == {**theirs, "quick_gelu": False}


def test_the_activation_is_that_of_the_weights_a_model_was_trained_from():
    """OpenAI's weights use QuickGELU, LAION's do not; open_clip knows it of both."""
    for name in FROM_OPENAI:
        assert CARDS[name].activation == "quickgelu", name
    for name in FROM_LAION:
        assert CARDS[name].activation == "gelu", name
    assert open_clip.get_pretrained_cfg("ViT-B-32", "openai")["quick_gelu"] is True
    assert not open_clip.get_pretrained_cfg("ViT-H-14", "laion2b_s32b_b79k").get("quick_gelu")


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_the_stated_memory_is_that_of_the_weights(card):
    settings = model_settings(card)
    kind = open_clip.CustomTextCLIP if has_own_tokenizer(card) else open_clip.CLIP
    with torch.device("meta"):
        model = kind(**settings)
    held = sum(value.numel() * value.element_size() for value in model.state_dict().values())
    assert abs(card.memory_mb - held / 1e6) <= 1.5
    if card.weights.size_bytes is not None:  # the file holds the weights and a list of their names
        assert held <= card.weights.size_bytes <= held + 500_000


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_no_hash_or_revision_is_half_known(card):
    weights = card.weights
    assert re.fullmatch(r"unknown|[0-9a-f]{64}", weights.sha256)
    assert re.fullmatch(r"unknown|[0-9a-f]{40}", weights.revision)
    assert bool(weights.repository) != bool(weights.url)
    assert not weights.url or weights.url.startswith("https://")
    if weights.repository == "chendelong/RemoteCLIP":
        assert weights.revision == "bf1d8a3ccf2ddbf7c875705e46373bfe542bce38"


def test_coarse_pictures_are_refused_with_the_reason():
    card = CARDS["remoteclip-vit-b-32"]
    assert card.refusal(0.3) == card.refusal(10.0) == card.refusal(None) == ""
    assert "300 m is coarser: trained on aerial" in card.refusal(300.0)


def test_the_registry_finds_our_cards_by_entry_point():
    assert {card.id for card in all_cards()} >= set(CARDS)
    assert kind_of(card_by_id("rs-m-clip")) is KIND
    with pytest.raises(InputError, match="there is no model 'sam'") as caught:
        card_by_id("sam")
    assert "remoteclip-vit-b-32" in caught.value.hint


def test_a_card_that_does_not_hold_names_the_field():
    with pytest.raises(InputError, match=r"model card x\.toml is no TOML"):
        read_card("id = ", name="x.toml")
    text = files("eoagent.runners").joinpath("cards", "rs-m-clip.toml").read_text()
    assert read_card(text, name="x.toml") == CARDS["rs-m-clip"]
    with pytest.raises(InputError, match=r"x\.toml does not hold: input_px"):
        read_card(text.replace("input_px = 224", "input_px = 0"), name="x.toml")
    with pytest.raises(InputError, match=r"does not hold: weights\.sha256"):
        read_card(text.replace('sha256 = "unknown"', 'sha256 = "60014e39"'), name="x.toml")


def test_two_cards_of_one_id_are_refused(tmp_path):
    text = files("eoagent.runners").joinpath("cards", "rs-m-clip.toml").read_text()
    for name in ("a.toml", "b.toml", "notes.txt"):
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match="two model cards have the id 'rs-m-clip'"):
        read_cards(tmp_path.iterdir(), kind="clip")
    assert read_cards(tmp_path.iterdir(), kind="other") == ()
