"""Find tools, runners and indexes by entry point: ours exactly as a stranger's."""

from __future__ import annotations

import shlex
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from eoagent.contracts.errors import InputError, NotFound

__all__ = ["GROUPS", "find", "load", "load_entry"]

GROUPS: Final = ("eoagent.tools", "eoagent.runners", "eoagent.indexes")
"""Entry-point groups that eoagent looks in."""

_FAILED_IMPORTS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What a stranger's module may raise while it is imported."""


def find(group: str) -> dict[str, EntryPoint]:
    """Return the plugins of a group by name, in order of name; nothing is imported.

    Raises:
        InputError: if two distributions offer the same name.
    """
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=group), key=lambda e: e.name):
        other = found.get(entry.name)
        if other is not None and other.value != entry.value:
            raise InputError(
                f"two plugins of {group} are named '{entry.name}': "
                f"{_origin(other)} and {_origin(entry)}",
                hint="uninstall one of them",
            )
        found[entry.name] = entry
    return found


def load(group: str, name: str) -> Any:
    """Import one plugin and return the object it names.

    Raises:
        NotFound: if no installed distribution offers it.
        InputError: if it cannot be imported.
    """
    plugins = find(group)
    if name not in plugins:
        raise NotFound(f"no plugin '{name}' in {group}", hint=f"there are: {', '.join(plugins)}")
    return load_entry(plugins[name])


def load_entry(entry: EntryPoint) -> Any:
    """Import a plugin that `find` returned, and return the object it names.

    Raises:
        InputError: if it cannot be imported.
    """
    try:
        return entry.load()
    except _FAILED_IMPORTS as error:
        raise InputError(
            f"plugin '{entry.name}' of {_origin(entry)} does not import: "
            f"{type(error).__name__}: {error}",
            hint=_remedy(entry, error),
        ) from error


def _remedy(entry: EntryPoint, error: Exception) -> str:
    """Return the command that mends it; an entry point names the extra it needs, if any."""
    if entry.dist is None:
        return "reinstall the distribution that it came with"
    if isinstance(error, ModuleNotFoundError) and entry.extras:
        wanted = f"{entry.dist.name}[{','.join(entry.extras)}]"
        return f"pip install {shlex.quote(wanted)}"
    return f"pip install --force-reinstall {shlex.quote(entry.dist.name)}"


def _origin(entry: EntryPoint) -> str:
    distribution = entry.dist.name if entry.dist else "an unknown distribution"
    return f"{distribution} ({entry.value})"
