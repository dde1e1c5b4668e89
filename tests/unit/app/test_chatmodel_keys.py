"""A key goes to the address that its provider has, or that the user typed, and to no other."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from eoagent.app.chatmodel import open_chat_model
from eoagent.settings import Settings


@pytest.fixture
def made(monkeypatch):
    """Stand in for the libraries of two providers; return what their models are made with."""
    seen = []
    for module, name in (
        ("langchain_anthropic", "ChatAnthropic"),
        ("langchain_mistralai", "ChatMistralAI"),
    ):
        stand_in = ModuleType(module)
        setattr(stand_in, name, lambda **said: seen.append(said))
        monkeypatch.setitem(sys.modules, module, stand_in)
    return seen


@pytest.mark.parametrize(
    ("provider", "variable"), [("anthropic", "ANTHROPIC_API_KEY"), ("mistral", "MISTRAL_API_KEY")]
)
def test_an_address_of_a_settings_file_gets_no_key_and_a_typed_one_does(made, provider, variable):
    keys = {variable: "canary"}
    elsewhere = Settings(base_url="https://elsewhere.example/v1")
    open_chat_model(f"{provider}:m", settings=elsewhere, environ=keys)
    assert made[-1]["api_key"] == "none"
    open_chat_model(
        f"{provider}:m", base_url="https://mine.example/v1", settings=Settings(), environ=keys
    )
    assert made[-1]["api_key"] == "canary"
    open_chat_model(f"{provider}:m", settings=Settings(), environ=keys)
    assert "api_key" not in made[-1]
    assert "base_url" not in made[-1]
