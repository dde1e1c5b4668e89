"""The `eoagent` command: wires the commands and turns every error into one line and a code."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Annotated, Any

import typer

from eoagent import __version__
from eoagent.cli import asking, evidence, tooling
from eoagent.contracts.errors import EoAgentError, InternalError, exit_code

__all__ = ["app", "main"]

EXIT_INTERRUPTED = 130
EXIT_USAGE = 2
_USAGE_ERROR: Any = typer.BadParameter.__base__  # typer brings a click of its own

app = typer.Typer(
    name="eoagent",
    help="Ask questions about the Earth; every number comes with its evidence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("ask")(asking.ask)
app.command("demo")(asking.demo)
app.command("replay")(evidence.replay)
app.add_typer(tooling.tools_app, name="tools")
app.add_typer(evidence.runs_app, name="runs")
app.command("doctor")(tooling.doctor)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log to stderr what happens inside.")
    ] = False,
) -> None:
    del version
    level = logging.INFO if verbose else logging.ERROR
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")


def main() -> None:
    """Run the command line; the only place that turns errors into exit codes."""
    wants_json = "--json" in sys.argv
    try:
        code = app(standalone_mode=False)
    except EoAgentError as error:
        sys.exit(_fail(error, as_json=wants_json))
    except typer.Abort:
        sys.exit(EXIT_INTERRUPTED)
    except _USAGE_ERROR as error:
        error.show()
        sys.exit(EXIT_USAGE)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        logging.getLogger(__name__).critical("unexpected failure", exc_info=error)
        wrapped = InternalError(
            f"unexpected {type(error).__name__}", hint="please report this with the log above"
        )
        sys.exit(_fail(wrapped, as_json=wants_json))
    sys.exit(code if isinstance(code, int) else 0)


def _fail(error: EoAgentError, *, as_json: bool) -> int:
    if as_json:
        document = {"error": {"kind": error.kind, "message": str(error), "hint": error.hint}}
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    sys.stderr.write(f"{error.kind}: {error.explain()}\n")
    return exit_code(error)
