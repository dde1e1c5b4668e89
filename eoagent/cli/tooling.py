"""`eoagent tools` and `eoagent doctor`: what is there, and what is missing."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from eoagent.cli.options import Reasoner
from eoagent.contracts.errors import InputError

__all__ = ["doctor", "tools_app"]

tools_app = typer.Typer(help="The tools, by themselves.", no_args_is_help=True)


_EXAMPLE = """for example: --args '{"hrefs": ["scene.tif"]}'"""


@tools_app.command("list")
def list_tools(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List the tools there are."""
    from eoagent.app.bench import tool_cards

    cards = tool_cards()
    if as_json:
        typer.echo(json.dumps([card.to_dict() for card in cards], ensure_ascii=False))
        return
    width = max((len(card.name) for card in cards), default=0)
    for card in cards:
        typer.echo(f"{card.name:<{width}}  {card.summary}")


@tools_app.command("schema")
def tool_schema(name: Annotated[str, typer.Argument(help="Name of a tool.")]) -> None:
    """Print a tool's card and the JSON schema of its arguments."""
    from eoagent.app.bench import tool_schema as schema

    typer.echo(json.dumps(schema(name), ensure_ascii=False, indent=2))


@tools_app.command("run")
def run_tool(
    name: Annotated[str, typer.Argument(help="Name of a tool.")],
    args: Annotated[str, typer.Option("--args", help="Arguments as a JSON object.")] = "{}",
    reasoner: Reasoner = "",
) -> None:
    """Run one tool and print its result as JSON; files named in the arguments count as typed."""
    from eoagent.app.bench import run_tool as run

    try:
        arguments = json.loads(args)
    except json.JSONDecodeError as error:
        raise InputError(
            f"--args is not JSON: {error}", hint="""give '{"href": "..."}'"""
        ) from error
    if not isinstance(arguments, dict):
        raise InputError("--args is no JSON object", hint=_EXAMPLE)
    typer.echo(
        json.dumps(run(name, arguments, reasoner=reasoner).to_dict(), ensure_ascii=False, indent=2)
    )


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask the reasoner's server which models it has.")
    ] = False,
) -> int:
    """Say what is installed, what is missing, and the command that adds it."""
    from eoagent.app.doctor import examine

    findings = examine(ask_server=ask)
    if as_json:
        typer.echo(json.dumps([f.to_dict() for f in findings], ensure_ascii=False))
    else:
        for finding in findings:
            mark = {"ok": "ok     ", "missing": "missing", "broken": "BROKEN "}[finding.state]
            more = f"\n         -> {finding.remedy}" if finding.remedy else ""
            typer.echo(f"{mark}  {finding.what}: {finding.detail}{more}")
    return 1 if any(f.state == "broken" for f in findings) else 0
