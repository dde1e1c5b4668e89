"""`eoagent mcp`: the tools for programs that speak the Model Context Protocol."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from eoagent.contracts.errors import ModelMissing

__all__ = ["Transport", "mcp"]

_INSTALL: Final = "pip install 'eoagent[mcp]'"


class Transport(StrEnum):
    """How clients connect."""

    STDIO = "stdio"
    HTTP = "http"


def mcp(
    transport: Annotated[
        Transport, typer.Option("--transport", help="stdio: one client; http: on 127.0.0.1.")
    ] = Transport.STDIO,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port for http; 0 takes a free one.")
    ] = 8000,
    root: Annotated[
        list[Path] | None,
        typer.Option("--root", help="Folder that may be read; the working directory if none."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="Private host that may be read, HOST or HOST:PORT."),
    ] = None,
    no_network: Annotated[
        bool, typer.Option("--no-network", help="Read no web address at all.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder that may be written to, once approved.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Approve beforehand what is costly or writes into --out.")
    ] = False,
) -> None:
    """Serve the tools to a program that brings its own language model (MCP)."""
    from eoagent.app.runs import policy_of
    from eoagent.app.workshop import open_workshop

    try:
        from eoagent.mcp import serving
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in {"mcp", "mcp_types", "anyio", "uvicorn"}:
            raise
        raise ModelMissing(
            f"serving needs the package mcp, which is not installed here ({error})",
            command=_INSTALL,
        ) from error
    permissions = serving.Permissions(
        roots=tuple(root or [Path()]),
        allow_hosts=tuple(allow_host or ()),
        network=not no_network,
        out_dir=out,
    )
    shop = open_workshop()
    policy = policy_of(shop.settings)
    approval = serving.Approval(policy=policy, yes=yes, out_dir=out)
    session = serving.open_session(shop, permissions)
    if transport is Transport.STDIO:
        serving.serve_stdio(session, approval)
    else:
        serving.serve_http(
            session, approval, port=port, tell=lambda url: typer.echo(f"serving {url}", err=True)
        )
