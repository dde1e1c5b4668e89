"""The `eoagent` command: wires the commands and turns every error into one line and a code."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from eoagent import __version__
from eoagent.cli import (
    asking,
    chatting,
    evaluating,
    evidence,
    indexing,
    modelling,
    serving,
    tooling,
)
from eoagent.contracts.errors import EoAgentError, InputError, InternalError, exit_code

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
app.command("chat")(chatting.chat)
app.command("demo")(asking.demo)
app.command("replay")(evidence.replay)
app.add_typer(indexing.index_app, name="index")
app.add_typer(modelling.models_app, name="models")
app.add_typer(tooling.tools_app, name="tools")
app.add_typer(evidence.runs_app, name="runs")
app.command("eval")(evaluating.evaluate)
app.command("mcp")(serving.mcp)
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
    handler = logging.StreamHandler()
    handler.setFormatter(_Discreet("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])


class _Discreet(logging.Formatter):
    """Leaves keys, and the queries of web addresses, out of lines and tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return _redacted(super().format(record))


def main() -> None:
    """Run the command line; the only place that turns errors into exit codes."""
    wants_json = "--json" in sys.argv
    # Of rasterio, whose own silence does not hold with several threads: grids are told by us.
    warnings.filterwarnings("ignore", message=".*(no geotransform|Affine.identity).*")
    _set_up_streams(as_json=wants_json)
    try:
        code = _invoke(sys.argv[1:])
        sys.stdout.flush()
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
    except EoAgentError as error:
        sys.exit(_fail(error, as_json=wants_json))
    except (KeyboardInterrupt, typer.Abort):
        # The run that was broken off may still end in its thread: how is nobody's concern.
        logging.getLogger("concurrent.futures").disabled = True
        _report("Interrupted", "interrupted", as_json=wants_json)
        sys.exit(EXIT_INTERRUPTED)
    except _USAGE_ERROR as error:
        error.message = _redacted(error.message)
        error.show()
        _report("UsageError", error.format_message(), as_json=wants_json, is_shown=True)
        sys.exit(EXIT_USAGE)
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


def _invoke(arguments: list[str]) -> Any:
    """Run a command and return what it does; interrupts and closed pipes come through as such."""
    _check_place(arguments)
    command = typer.main.get_command(app)
    with command.make_context("eoagent", arguments) as context:
        return command.invoke(context)


def _check_place(arguments: list[str]) -> None:
    """Refuse arguments and a working directory that nothing below could name.

    Raises:
        InputError: if there is no working directory, or this locale cannot read some bytes.
    """
    from eoagent.io.home import check_letters

    try:
        here = str(Path.cwd())
    except OSError as error:
        raise InputError(
            "the working directory is gone", hint="change to a folder that exists"
        ) from error
    for text in (here, *arguments):
        check_letters(text)


def _set_up_streams(*, as_json: bool) -> None:
    """Let no letter that the terminal does not know end a command; JSON is UTF-8 everywhere."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
            if as_json and stream is sys.stdout:
                stream.reconfigure(encoding="utf-8")


def _fail(error: EoAgentError, *, as_json: bool) -> int:
    _report(error.kind, str(error), hint=error.hint, as_json=as_json)
    return exit_code(error)


def _report(
    kind: str, message: str, *, hint: str = "", as_json: bool, is_shown: bool = False
) -> None:
    """Say on stderr what went wrong and, for programs, on stdout as one JSON document."""
    from eoagent.app.plaintext import printable

    message, hint = _redacted(message), _redacted(hint)
    if as_json:
        document = {"error": {"kind": kind, "message": message, "hint": hint}}
        sys.stdout.write(json.dumps(document) + "\n")
    if not is_shown:
        line = f"{kind}: {message} ({hint})" if hint else f"{kind}: {message}"
        sys.stderr.write(f"{printable(line)}\n")


def _redacted(text: str) -> str:
    from eoagent.io.href import redact_text
    from eoagent.io.keys import key_remover

    return redact_text(key_remover(os.environ)(text))
