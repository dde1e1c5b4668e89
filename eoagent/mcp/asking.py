"""Ask the person behind a client something: in rounds since 2026-07-28, in between before.

A client of the newer protocol gets the question in place of the result, and makes the call again
with the reply; an older one is asked while its call waits. Whether the client can ask at all, it
says itself. No reply is ever taken for a yes.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final, Literal

import anyio
import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from eoagent.contracts.errors import InputError
from eoagent.contracts.record import digest

__all__ = ["Asker", "Form", "Reply"]

_PATIENCE_S: Final = 600.0
"""Seconds that a person has for a reply while an older client waits."""
_MOST_OPEN: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A question with one field."""

    name: Literal["approval", "reply"]
    """What the question is for, and the name of its field."""
    message: str
    """The question."""
    field: dict[str, Any]
    """JSON schema of the field: a text, a choice, or yes and no."""

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the form."""
        return {"type": "object", "properties": {self.name: self.field}, "required": [self.name]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back."""

    state: Literal["given", "refused", "nobody"]
    """given: `value` holds it; refused: declined, dismissed or not in time; nobody: the client
    cannot ask."""
    value: str | bool = ""
    """The value of the field."""


class Asker:
    """Asks through clients; knows the questions that wait for a client to come back."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    async def ask(
        self, context: ServerRequestContext[Any], call: types.CallToolRequestParams, form: Form
    ) -> Reply | types.InputRequiredResult:
        """Return the reply, or the result that makes the client ask and come back with it.

        Raises:
            InputError: if the client came back with a reply to a question that was not put to it.
        """
        if not _can_ask(context):
            return Reply(state="nobody")
        if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return await _ask_in_between(context, form)
        about = digest([form.name, form.message, call.name, call.arguments or {}])
        if call.request_state is None:
            return self._put(form, about)
        return self._taken(form, about, call)

    def _put(self, form: Form, about: str) -> types.InputRequiredResult:
        token = secrets.token_urlsafe(16)
        with self._lock:
            self._open[token] = about
            while len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
        params = types.ElicitRequestFormParams(message=form.message, requested_schema=form.schema)
        return types.InputRequiredResult(
            input_requests={form.name: types.ElicitRequest(params=params)}, request_state=token
        )

    def _taken(self, form: Form, about: str, call: types.CallToolRequestParams) -> Reply:
        """Return the reply that a call carries; it counts once, and for the same call only."""
        with self._lock:
            known = self._open.pop(call.request_state or "", None)
        if known != about:
            raise InputError(
                f"{call.name}: the reply belongs to no open question about this call",
                hint="make the call anew, without request state",
            )
        given = (call.input_responses or {}).get(form.name)
        return _read(given, form) if isinstance(given, types.ElicitResult) else _REFUSED


_REFUSED: Final = Reply(state="refused")


def _can_ask(context: ServerRequestContext[Any]) -> bool:
    """Whether the client says that it shows forms; an empty capability means that it does."""
    known = context.session.client_capabilities
    elicitation = known.elicitation if known is not None else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


async def _ask_in_between(context: ServerRequestContext[Any], form: Form) -> Reply:
    try:
        with anyio.move_on_after(_PATIENCE_S):
            result = await context.session.elicit_form(
                form.message, form.schema, related_request_id=context.request_id
            )
            return _read(result, form)
    except (MCPError, ValidationError):  # no way back to the client, or it failed at asking
        return Reply(state="nobody")
    return _REFUSED


def _read(result: types.ElicitResult, form: Form) -> Reply:
    value = (result.content or {}).get(form.name)
    wanted = bool if form.field["type"] == "boolean" else str
    if result.action != "accept" or not isinstance(value, wanted):
        return _REFUSED
    if "enum" in form.field and value not in form.field["enum"]:
        return _REFUSED
    return Reply(state="given", value=value)
