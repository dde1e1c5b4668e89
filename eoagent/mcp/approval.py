"""Decide which calls a person must approve before they are made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from eoagent.contracts.errors import InputError
from eoagent.contracts.price import Price
from eoagent.contracts.text import plain_text
from eoagent.io.href import redact_text
from eoagent.mcp.asking import Form, Reply
from eoagent.planner.approval import Policy, needs_approval

__all__ = ["Approval", "check_approved"]

_SHOWN: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What is asked about, and what is approved beforehand.

    Each call stands for itself: an approval covers the one call it was asked for.
    """

    policy: Policy = field(default_factory=Policy)
    """Up to where nobody is asked."""
    yes: bool = False
    """Whether everything is approved beforehand."""
    out_dir: Path | None = None
    """The folder that may be written to."""

    def form(self, tool: str, arguments: Mapping[str, JsonValue], price: Price) -> Form | None:
        """Return the question to put before a call, or None if it may be made as it is.

        Raises:
            InputError: if the call writes outside of the store and no folder is open for that.
        """
        if price.outward and self.out_dir is None:
            raise InputError(
                f"{tool} writes outside of the store, and no folder is open for that",
                hint="have the server started with --out FOLDER",
            )
        reason = needs_approval(price, self.policy)
        if self.yes or not reason:
            return None
        said = redact_text(json.dumps(dict(arguments), ensure_ascii=False))
        place = f" Files go into {self.out_dir}." if price.outward else ""
        message = (
            f"Allow {tool} {plain_text(said, _SHOWN)}? It needs your approval: {reason}.{place}"
        )
        allow = {"type": "boolean", "title": "Allow", "default": False}
        return Form(name="approval", message=message, field=allow)


def check_approved(tool: str, reply: Reply) -> None:
    """Let an approved call pass.

    Raises:
        InputError: if it was not approved.
    """
    if reply.state == "nobody":
        raise InputError(
            f"{tool} needs an approval, and this client cannot ask for one",
            hint="use a client with elicitation, or have the server started with --yes",
        )
    if reply.value is not True:
        raise InputError(
            f"{tool} was not approved", hint="go on without it, or ask the user what to do"
        )
