"""What the doctor finds of the model that reasons about pictures, where the settings name one."""

from __future__ import annotations

from eoagent.app.finding import Finding
from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.text import plain_text
from eoagent.io.chatserver import ChatServer
from eoagent.io.chatserver_address import is_address, read_address
from eoagent.runners.choosing import choose_reasoner
from eoagent.runners.registry import all_cards
from eoagent.runners.servedcard import card_of_served
from eoagent.settings import Settings

__all__ = ["examine_reasoner"]

_WHAT = "reasoner"
_MOST_NAMES = 5
_MAX_NAME = 80


def examine_reasoner(settings: Settings, *, is_asked: bool = False) -> Finding:
    """Return what is set, and no word of the key but whether there is one.

    Args:
        settings: what is set.
        is_asked: whether the server, if one is named, is asked which models it has; otherwise
            nothing is sent to it.
    """
    named = settings.reasoner
    if not is_address(named):
        return _card_found(named)
    model, key = settings.reasoner_model, settings.reasoner_key
    try:
        server = ChatServer(
            read_address(named), key=key, timeout_s=min(settings.reasoner_timeout_s, 10.0)
        )
        profile = settings.reasoner_profile
        if model or profile:
            profile = card_of_served(model or "model", profile=profile).profile
        told = _offered(server) if is_asked else "not asked (eoagent doctor --ask)"
    except EoAgentError as error:
        return Finding(what=_WHAT, state="broken", detail=str(error), remedy=error.hint)
    parts = (
        f"server {server.shown}",
        f"model {model}" if model else "the only model that it has",
        f"profile {profile}" if profile else "profile after its name",
        f"{'with' if key.get_secret_value() else 'without'} a key",
        told,
    )
    return Finding(what=_WHAT, state="ok", detail=", ".join(parts))


def _card_found(named: str) -> Finding:
    """Return whether the card that is named is one of a model that reasons."""
    if not named:
        detail = "the default card; --reasoner URL asks a server"
        return Finding(what=_WHAT, state="ok", detail=detail)
    try:
        choose_reasoner(all_cards(), card=named)
    except EoAgentError as error:
        return Finding(what=_WHAT, state="broken", detail=str(error), remedy=error.hint)
    return Finding(what=_WHAT, state="ok", detail=f"card {named}")


def _offered(server: ChatServer) -> str:
    names = [plain_text(name, _MAX_NAME) for name, _ in server.models()]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"it answers and has: {', '.join(names[:_MOST_NAMES]) or 'no model'}{more}"
