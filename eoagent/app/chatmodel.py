"""Open a chat model by name, `PROVIDER:MODEL`, and make the planner that talks to it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from pydantic import SecretStr

from eoagent.contracts.errors import InputError, ModelMissing
from eoagent.contracts.tool import Tool
from eoagent.io.href import redact_text
from eoagent.io.keys import key_remover
from eoagent.planner.model.calling import Talk
from eoagent.planner.model.model_planner import ModelPlanner
from eoagent.settings import Settings

__all__ = ["is_chat_model", "model_planner", "name_of", "open_chat_model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Provider:
    """Where the chat model of a provider is found."""

    module: str
    name: str
    command: str
    """What installs it."""
    key: str = ""
    """Environment variable that its key is read from; empty where it needs none."""


_PROVIDERS: Final[Mapping[str, _Provider]] = MappingProxyType(
    {
        "openai": _Provider(
            module="langchain_openai",
            name="ChatOpenAI",
            command="pip install langchain-openai",
            key="OPENAI_API_KEY",
        ),
        "ollama": _Provider(
            module="langchain_ollama",
            name="ChatOllama",
            command="pip install 'eoagent[ollama]'",
        ),
        "anthropic": _Provider(
            module="langchain_anthropic",
            name="ChatAnthropic",
            command="pip install langchain-anthropic",
            key="ANTHROPIC_API_KEY",
        ),
        "mistral": _Provider(
            module="langchain_mistralai",
            name="ChatMistralAI",
            command="pip install langchain-mistralai",
            key="MISTRAL_API_KEY",
        ),
    }
)
"""`openai` with a base URL is any server that speaks that API: vLLM, llama-server, SGLang."""

_NO_KEY: Final = "none"
_SHORTEST: Final = 6
"""Letters below which a key is too common a word to be taken out of texts."""


def is_chat_model(planner: object) -> bool:
    """Return whether something is a LangChain chat model rather than a planner of its own."""
    return hasattr(planner, "bind_tools") and hasattr(planner, "stream")


def name_of(model: Any) -> str:
    """Return the name that answers of a chat model carry: `PROVIDER:MODEL` as far as it tells."""
    kind = str(getattr(model, "_llm_type", "") or type(model).__name__)
    provider = kind.removesuffix("-chat").removeprefix("chat-")
    model_name = getattr(model, "model_name", None) or getattr(model, "model", None)
    return f"{provider}:{model_name}" if isinstance(model_name, str) else provider


def open_chat_model(
    name: str, *, base_url: str = "", settings: Settings, environ: Mapping[str, str] | None = None
) -> Any:
    """Return the LangChain chat model that a name stands for.

    Keys are read from the environment by the provider's own library. To another address a key is
    sent only where the user named that address by option or variable. Nothing is sent yet.

    Args:
        name: `PROVIDER:MODEL`.
        base_url: address of the server; empty takes the setting, else the provider's own.
        settings: timeouts and the default address.
        environ: environment variables; default those of the process.

    Raises:
        InputError: if the provider is not known, or its key is not set.
        ModelMissing: if the provider's library is not installed.
    """
    provider_name, _, model = name.partition(":")
    provider = _PROVIDERS.get(provider_name)
    if provider is None or not model:
        raise InputError(
            f"planner '{name}' is not known",
            hint=f"use 'offline' or PROVIDER:MODEL with one of: {', '.join(_PROVIDERS)}",
        )
    address = base_url or settings.base_url
    held = os.environ if environ is None else environ
    if provider.key and not held.get(provider.key) and not address:
        raise InputError(
            f"no key for {provider_name}: {provider.key} is not set",
            hint=f"set {provider.key}, or --base-url to a server that needs none",
        )
    try:
        make = getattr(importlib.import_module(provider.module), provider.name)
    except ImportError as error:
        raise ModelMissing(
            f"the planner '{name}' needs {provider.module}", command=provider.command
        ) from error
    said: dict[str, Any] = {"model": model}
    if address:
        said["base_url"] = address
        if provider.key:
            # A settings file may have come with somebody's data: a key goes where it was sent to.
            is_typed = address in {base_url, held.get("EOAGENT_BASE_URL", "")}
            said["api_key"] = (held.get(provider.key, "") if is_typed else "") or _NO_KEY
    if provider_name == "openai":
        said |= {"max_retries": 0, "timeout": settings.model_timeout_s, "stream_usage": True}
        if address:
            said["use_responses_api"] = False
    elif provider_name == "ollama":
        said["client_kwargs"] = {"timeout": settings.model_timeout_s}
    else:
        said |= {"max_retries": 0, "timeout": settings.model_timeout_s}
    return make(**said)


def model_planner(
    model: Any,
    tools: Callable[[], Sequence[Tool]],
    *,
    settings: Settings,
    name: str = "",
) -> ModelPlanner:
    """Return the planner that talks to a chat model.

    Args:
        model: the chat model.
        tools: gives the tools there are.
        settings: the price table.
        name: name that answers carry; default is what the model says of itself.
    """
    called = name or name_of(model)
    redact = _redactor(os.environ, _keys_in(model))
    talk = Talk(model=model, price=settings.prices.get(called), redact=redact)
    return ModelPlanner(talk, tools, name=called)


def _keys_in(model: Any) -> tuple[str, ...]:
    """Return the keys that a chat model was made with, where it marks them as secret."""
    secrets = [
        value for value in getattr(model, "__dict__", {}).values() if isinstance(value, SecretStr)
    ]
    return tuple(s.get_secret_value() for s in secrets if len(s.get_secret_value()) >= _SHORTEST)


def _redactor(environ: Mapping[str, str], keys: Sequence[str] = ()) -> Callable[[str], str]:
    """Return what takes keys, values of secret variables and address queries out of a text."""
    remove = key_remover(environ)

    def redact(text: str) -> str:
        for key in keys:
            text = text.replace(key, "[key]")
        return redact_text(str(remove(text)))

    return redact
