"""The boundary to the protocol: every error of a call becomes something a client can act on.

Errors of ours keep their message and hint. Others are faults: the log gets the traceback, the
client their name alone, since their text may hold what it should not see. The protocol's own
errors, and the cancelling of a task, pass as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import mcp_types as types
from mcp.shared.exceptions import MCPError

from eoagent.contracts.errors import EoAgentError, InputError, InternalError
from eoagent.io.href import redact_text
from eoagent.mcp.results import failed

__all__ = ["Outcome", "as_result", "protocol_error", "settle"]

_log = logging.getLogger(__name__)

Outcome = types.CallToolResult | types.InputRequiredResult
T = TypeVar("T")


async def as_result(what: str, work: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """Return what a call gives, its error as a result."""
    try:
        return await work()
    except MCPError:
        raise
    except EoAgentError as error:
        return failed(error)
    except Exception as error:  # noqa: BLE001 - one bad call must not end the server
        return failed(_fault(what, error))


def settle(what: str, work: Callable[[], T]) -> T | EoAgentError:
    """Return what work gives, or its error: a thread must not raise into a group of tasks."""
    try:
        return work()
    except EoAgentError as error:
        return error
    except Exception as error:  # noqa: BLE001 - as above
        return _fault(what, error)


def protocol_error(error: EoAgentError) -> MCPError:
    """Return an error as the protocol's: the request's where it can be repaired, else ours."""
    code = types.INVALID_PARAMS if isinstance(error, InputError) else types.INTERNAL_ERROR
    return MCPError(code, redact_text(error.explain()))


def _fault(what: str, error: Exception) -> InternalError:
    _log.critical("%s failed in a way it must not", what, exc_info=error)
    return InternalError(
        f"{what} failed unexpectedly: {type(error).__name__}",
        hint="please report this; the server's log has the details",
    )
