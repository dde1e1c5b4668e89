"""Serve the tools until the client leaves: over stdin and stdout, or over HTTP on this machine."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import platform
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
import uvicorn
from mcp.server import Server
from mcp.server.stdio import stdio_server

from eoagent import __version__
from eoagent.app.fence import Fence
from eoagent.app.logbook import Logbook
from eoagent.app.session import Session, Situation
from eoagent.app.shelf import OwnTool
from eoagent.app.workshop import Workshop
from eoagent.contracts.errors import InputError
from eoagent.mcp.approval import Approval
from eoagent.mcp.server import build_server

__all__ = ["HOST", "Approval", "Permissions", "open_session", "serve_http", "serve_stdio"]

HOST: Final = "127.0.0.1"
"""The only address that is listened on."""
_GRACE_S: Final = 5
_EXIT_SIGNALLED: Final = 128
"""Exit code of a process that a signal ended, without the signal's number."""
_RUN_NAME: Final = "tools called over MCP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What the person who starts a server allows its clients."""

    roots: Sequence[Path] = (Path(),)
    """Folders whose files may be read; relative paths count from the first."""
    allow_hosts: Sequence[str] = ()
    """Private or loopback hosts that may be read, besides those of the settings."""
    network: bool = True
    """Whether any web address may be read."""
    out_dir: Path | None = None
    """Folder that may be written to."""


def open_session(
    shop: Workshop, permissions: Permissions, *, tools: Sequence[OwnTool] = ()
) -> Session:
    """Return a session held to what is allowed, with a record in the ledger.

    Raises:
        InputError: if a root is no folder.
        SourceError: if a listed host is none.
    """
    fence = Fence(
        permissions.roots,
        allow_hosts=(*shop.settings.allow_hosts, *permissions.allow_hosts),
        network=permissions.network,
        access=shop.access,
    )
    versions = {
        "eoagent": __version__,
        "python": platform.python_version(),
        "mcp": importlib.metadata.version("mcp"),
    }
    situation = Situation(
        origins=fence,
        out_dir=permissions.out_dir,
        logbook=Logbook(shop.ledger, _RUN_NAME, versions),
    )
    return Session(shop, situation, tools=tools)


def serve_stdio(session: Session, approval: Approval) -> None:
    """Serve one client over stdin and stdout until it closes them.

    Nothing but the protocol reaches stdout meanwhile: what libraries print goes to stderr.
    """
    with session:
        anyio.run(_stdio, build_server(session, approval), session)


def serve_http(
    session: Session, approval: Approval, *, port: int, tell: Callable[[str], None]
) -> None:
    """Serve clients on this machine over streamable HTTP until interrupted.

    Only 127.0.0.1 is listened on, and requests that a web page of another origin sends are
    refused; whoever has an account on this machine can connect.

    Args:
        session: the tools.
        approval: which calls a person is asked about.
        port: where to listen; 0 takes a free one.
        tell: is given the address once it is listened on.

    Raises:
        InputError: if the port is taken or not allowed.
    """
    with session, _listening(port) as listener:
        app = build_server(session, approval).streamable_http_app(host=HOST)
        tell(f"http://{HOST}:{listener.getsockname()[1]}/mcp")
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level=logging.getLogger().getEffectiveLevel(),
            access_log=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        uvicorn.Server(config).run(sockets=[listener])


async def _stdio(server: Server[Any], session: Session) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(_leave_when_told, session)
        # what is printed would wait in a buffer until stdout is the client's again
        async with stdio_server() as (read, write), _printing_aside():
            await server.run(read, write, server.create_initialization_options())
        group.cancel_scope.cancel()


@asynccontextmanager
async def _printing_aside() -> AsyncIterator[None]:
    """Let what is printed go to stderr."""
    with redirect_stdout(sys.stderr):
        yield


async def _leave_when_told(session: Session) -> None:
    """End the process at a signal: the thread that waits for a line of stdin cannot be ended."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            session.close()
            os._exit(_EXIT_SIGNALLED + number)


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise InputError(
            f"port {port} of {HOST} cannot be listened on: {error}", hint="give another --port"
        ) from error
    return listener
