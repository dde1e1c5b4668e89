"""Addresses of chat servers: with /v1 or without, and never with a key in them."""

from __future__ import annotations

import pytest

from eoagent.contracts.errors import InputError
from eoagent.io.chatserver_address import is_address, read_address


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
@pytest.mark.parametrize("path", ["", "/proxy/eo"])
def test_every_way_to_write_an_address_leads_to_one_place(path, end):
    address = read_address(f"http://Model.example:8000{path}{end}")
    assert address.chat_url == f"http://model.example:8000{path}/v1/chat/completions"
    assert address.models_url == f"http://model.example:8000{path}/v1/models"
    assert address.shown == f"http://model.example:8000{path}"


def test_an_address_on_this_machine_is_one_like_any_other():
    assert read_address("http://[::1]:8000").chat_url == "http://[::1]:8000/v1/chat/completions"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http://user:canary-secret@a.example/v1", "carries credentials"),
        ("http://a.example/v1?key=canary-secret", "has a query"),
        ("http://a.example/v1#canary-secret", "has a query"),
        ("http:///v1", "names no host"),
        ("http://a b/v1", "is refused"),
        ("/srv/model", "is no web address"),
    ],
)
def test_what_is_no_plain_address_is_refused_without_repeating_a_key(text, told):
    with pytest.raises(InputError, match=told) as caught:
        read_address(text)
    assert "canary" not in str(caught.value) + caught.value.hint
    assert "write http" in caught.value.hint or "reasoner_key" in caught.value.hint


def test_a_card_is_told_from_an_address():
    assert is_address("HTTPS://a.example")
    assert not is_address("remotereasoner-7b")
