"""Write into the documents what can be computed: tables, transcripts, outputs of examples.

`python docs/generate.py` rewrites README.md, reference.md and the examples; the tests call the same
functions and compare. The picture is made by `docs/make_picture.py`.
"""  # noqa: INP001 - a script, not a package

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from eoagent.cli.main import app
from eoagent.contracts.tool import ToolCard

__all__ = [
    "EXAMPLES",
    "README",
    "REFERENCE",
    "ROOT",
    "command_table",
    "replace_part",
    "run_blocks",
    "tool_table",
    "with_output",
]

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
REFERENCE = ROOT / "docs" / "reference.md"
EXAMPLES = sorted((ROOT / "examples").glob("[0-9][0-9]_*.py"))

_MARK = "\n# Output:\n"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_GROUPS = ("open", "compute", "measure", "present", "talk", "search", "model")


def tool_table() -> str:
    """Return the table of the tools that this repository registers, by group and name."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    cards: list[ToolCard] = []
    for name, place in config["project"]["entry-points"]["eoagent.tools"].items():
        module, _, attribute = place.partition(":")
        card = getattr(import_module(module), attribute).card
        assert card.name == name
        cards.append(card)
    cards.sort(key=lambda card: (_GROUPS.index(card.group), card.name))
    rows = [f"| `{card.name}` | {card.summary} |" for card in cards]
    return "\n".join(["| tool | what it gives |", "| --- | --- |", *rows])


def command_table() -> str:
    """Return the table of commands with their arguments and options."""
    rows = [f"| `{line}` | {about} |" for line, about in _commands(typer.main.get_command(app), "")]
    return "\n".join(["| command | what it does |", "| --- | --- |", *rows])


def _commands(command: Any, path: str) -> Iterator[tuple[str, str]]:
    name = f"{path} {command.name}".strip()
    children = getattr(command, "commands", {})
    for child in children.values():
        yield from _commands(child, name)
    if not children:
        words = [_usage(parameter) for parameter in command.params]
        about = (command.help or "").partition("\n")[0]
        yield " ".join([name, *words]), about


def _usage(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    value = "" if getattr(parameter, "is_flag", False) else f" {str(parameter.name).upper()}"
    again = "..." if parameter.multiple else ""
    return f"[{parameter.opts[0]}{value}]{again}"


def replace_part(text: str, name: str, new: str) -> str:
    """Return a document with what stands between `<!-- name -->` and `<!-- /name -->` replaced."""
    begin, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    assert tail, f"the part '{name}' is missing"
    return f"{head}{begin}{new}{end}{tail}"


def run_blocks(text: str, folder: Path) -> str:
    """Run a document's blocks in order in one folder and return it with their outputs.

    In a `console` block the lines after each `$ command` are replaced by what it printed; a `text`
    block right behind a `python` block is replaced by what the program printed. Blocks of other
    kinds stay as they are.
    """
    printed: str | None = None

    def renew(match: re.Match[str]) -> str:
        nonlocal printed
        kind, body = match.group(1), match.group(2)
        if kind == "console":
            commands = [line[2:] for line in body.splitlines() if line.startswith("$ ")]
            body = "".join(f"$ {c}\n{_run(['bash', '-c', c], folder)}" for c in commands)
        elif kind == "python":
            printed = _run([sys.executable, "-c", body], folder)
        elif kind == "text" and printed is not None:
            body, printed = printed, None
        return f"```{kind}\n{body}```"

    return _FENCE.sub(renew, text)


def with_output(example: Path) -> str:
    """Run an example and return its text with its output as a comment below the code."""
    code = example.read_text(encoding="utf-8").partition(_MARK)[0].rstrip("\n")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        runpy.run_path(str(example), run_name="__main__")
    comment = "".join(f"# > {line}".rstrip() + "\n" for line in printed.getvalue().splitlines())
    return f"{code}\n{_MARK}{comment}"


def _run(command: Sequence[str], folder: Path) -> str:
    """Return what a command prints; errors and progress are left out, a failure is not."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settled = {"PATH": path, "EOAGENT_HOME": str(folder / "home"), "PYTHONIOENCODING": "utf-8"}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("EOAGENT_", "PYTHON"))}
    done = subprocess.run(  # noqa: S603 - commands of our own documents
        command,
        cwd=folder,
        env=kept | settled,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError(f"{command[-1]} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def main() -> None:
    """Bring README, reference and examples up to date."""
    for example in EXAMPLES:
        example.write_text(with_output(example), encoding="utf-8")
    text = replace_part(REFERENCE.read_text(encoding="utf-8"), "tools", tool_table())
    REFERENCE.write_text(replace_part(text, "commands", command_table()), encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        README.write_text(run_blocks(text, Path(name)), encoding="utf-8")


if __name__ == "__main__":
    main()
