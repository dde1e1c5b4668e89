"""Which encoder is meant when nobody names one, and the reason that is given."""

from __future__ import annotations

import pytest

from eoagent.contracts.errors import InputError, NotFound
from eoagent.runners.choosing import (
    DEFAULT_ENCODER,
    DEFAULT_OUTLINER,
    DEFAULT_REASONER,
    choose_encoder,
    choose_outliner,
    choose_reasoner,
)
from eoagent.runners.clip import KIND

CARDS = KIND.cards()


def _choose(*installed, **asked):
    return choose_encoder(CARDS, is_installed=lambda name: name in installed, **asked)


@pytest.mark.parametrize("gsd_m", [None, 0.1, 0.5, 9.9])
def test_fine_or_unknown_pictures_get_the_named_default(gsd_m):
    choice = _choose("georsclip-vit-b-32", gsd_m=gsd_m)
    assert choice.card.id == DEFAULT_ENCODER == "remoteclip-vit-b-32"
    assert "RemoteCLIP ViT-B-32 is the default encoder" in choice.reason


def test_coarse_pictures_get_the_best_installed_georsclip():
    assert _choose("georsclip-vit-b-32", gsd_m=10).card.id == "georsclip-vit-b-32"
    both = _choose("georsclip-vit-b-32", "georsclip-vit-h-14", gsd_m=30)
    assert both.card.id == "georsclip-vit-h-14"
    assert "GeoRSCLIP ViT-H-14 was taken for 30 m per pixel" in both.reason
    assert "EuroSAT" in both.reason


def test_coarse_pictures_get_the_default_where_no_georsclip_is_installed():
    choice = _choose("remoteclip-vit-b-32", gsd_m=10)
    assert choice.card.id == DEFAULT_ENCODER
    assert "none is installed: eoagent models pull georsclip-vit-b-32" in choice.reason


def test_another_language_gets_the_model_that_reads_it():
    choice = _choose(language="pt")
    assert choice.card.id == "rs-m-clip"
    assert "because it reads 'pt'" in choice.reason
    with pytest.raises(InputError, match="no encoder reads texts in 'tlh'") as caught:
        _choose(language="tlh")
    assert "put the text into English" in caught.value.hint


def test_a_named_card_is_taken_and_needs_no_reason():
    choice = _choose(card="skyclip-vit-l-14", gsd_m=0.5)
    assert (choice.card.id, choice.reason) == ("skyclip-vit-l-14", "")
    with pytest.raises(NotFound, match="the encoder 'clip' is not there") as caught:
        _choose(card="clip")
    assert "remoteclip-rn50" in caught.value.hint


def test_a_card_that_makes_no_vectors_is_no_encoder(make_card):
    cards = (*CARDS, make_card(id="segmenter", dimensions=0))
    with pytest.raises(NotFound, match="the encoder 'segmenter' makes no vectors"):
        choose_encoder(cards, card="segmenter", is_installed=lambda name: True)
    with pytest.raises(NotFound, match="the default encoder 'remoteclip-vit-b-32' is not there"):
        choose_encoder((), is_installed=lambda name: True)


def test_pictures_that_are_too_coarse_are_refused():
    for card in ("", "remoteclip-rn50"):
        with pytest.raises(InputError, match="and 300 m is coarser"):
            _choose(card=card, gsd_m=300)


def _able(make_card, **tasks):
    return [
        make_card(id=name, title=name.title(), dimensions=0, tasks=[task])
        for name, task in tasks.items()
    ]


@pytest.mark.parametrize(
    ("choose", "usual", "task", "otherwise"),
    [
        (choose_reasoner, DEFAULT_REASONER, "reason", "does not reason about pictures"),
        (choose_outliner, DEFAULT_OUTLINER, "outline", "outlines no boxes"),
    ],
)
def test_reasoners_and_outliners_are_named_or_the_default(
    make_card, choose, usual, task, otherwise
):
    cards = _able(make_card, **{usual: task, "other": task, "blind": "segment"})
    default = choose(cards)
    assert default.card.id == usual
    assert default.reason.startswith(f"{usual.title()} is the default ")
    named = choose(cards, card="other")
    assert (named.card.id, named.reason) == ("other", "")
    with pytest.raises(NotFound, match=f"'blind' {otherwise}") as caught:
        choose(cards, card="blind")
    assert caught.value.hint == f"there are: {', '.join(sorted(['other', usual]))}"
    with pytest.raises(NotFound, match="'nope' is not there"):
        choose(cards, card="nope")


def test_the_reasoner_of_the_settings_comes_before_the_default(make_card):
    cards = _able(make_card, **{DEFAULT_REASONER: "reason", "other": "reason"})
    choice = choose_reasoner(cards, usual="other")
    assert (choice.card.id, choice.reason) == ("other", "Other is the reasoner of the settings")
    assert choose_reasoner(cards, card=DEFAULT_REASONER, usual="other").reason == ""
    with pytest.raises(InputError, match="40 m is coarser"):
        choose_reasoner(cards, gsd_m=40.0)
