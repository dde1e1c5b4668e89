"""Open a model behind a server: read the address, find the name, tell how it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import SecretStr

from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import InputError, ModelError
from eoagent.contracts.text import plain_text
from eoagent.dialogue.profiles import read_profile
from eoagent.io.chatserver import ChatServer
from eoagent.io.chatserver_address import read_address
from eoagent.runners.served import ServedChat
from eoagent.runners.servedcard import card_of_served

__all__ = ["open_served"]

_MOST_NAMES: Final = 10
_MAX_NAME: Final = 80


def open_served(
    url: str,
    *,
    model: str = "",
    key: SecretStr | None = None,
    profile: str = "",
    timeout_s: float = 300.0,
    cards: Sequence[ModelCard] = (),
) -> tuple[ServedChat, str]:
    """Return a model behind a server, and the name of the prompt profile that it is asked with.

    The server is asked for nothing but the names of its models, and that only where none is given.

    Args:
        url: address of a server with the OpenAI protocol, with `/v1` or without.
        model: name that the server knows it by; empty takes the only one that it has.
        key: sent to that server as a bearer token, and never shown.
        profile: prompt profile; empty goes by the card and the name.
        timeout_s: longest time for a reply, all tries included.
        cards: cards of models that are known, one of which the name may mean.

    Raises:
        NotFound: if there is no such prompt profile.
        InputError: if the address or the key is none, or the server has several models and none
            was named.
        ModelError: if the server must be asked for the name and cannot be.
        BudgetExceeded: if it does not answer in time.
    """
    if profile:
        read_profile(profile)
    server = ChatServer(read_address(url), key=key, timeout_s=timeout_s)
    made_from = ""
    if not model:
        model, made_from = _only_model(server)
    found = card_of_served(model, made_from=made_from, profile=profile, cards=cards)
    reason = f"which the server {server.shown} that was set has, {found.reason}"
    return ServedChat(server, found.card, model, reason=reason), found.profile


def _only_model(server: ChatServer) -> tuple[str, str]:
    offered = server.models()
    if not offered:
        raise ModelError(
            f"the reasoner's server {server.shown} lists no model",
            hint="set reasoner_model to the name of one",
        )
    if len(offered) > 1:
        names = [plain_text(name, _MAX_NAME) for name, _ in offered[:_MOST_NAMES]]
        raise InputError(
            f"the reasoner's server {server.shown} has {len(offered)} models",
            hint=f"set reasoner_model to one of: {', '.join(names)}",
        )
    return offered[0]
