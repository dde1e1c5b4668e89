"""What the models of a home folder have done, added up over all runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from eoagent.contracts.runner import Counters
from eoagent.io.atomic import disk_errors, make_folder, write_atomic
from eoagent.io.locks import hold

__all__ = ["add_use", "read_use", "use_since"]

_FILE: Final = Path("cache", "model-use.json")
_HIGHEST: Final = frozenset({"largest_batch"})
"""Counters of which the highest counts; all others add up."""
_COUNTED: TypeAdapter[dict[str, Counters]] = TypeAdapter(dict[str, Counters])


def add_use(home: Path, use: Mapping[str, Counters]) -> None:
    """Add what models have done to what they did before.

    Args:
        home: the home folder.
        use: by model and manner of running it; those that were asked for nothing are left out.

    Raises:
        SourceError: if it cannot be written, or another process keeps the file locked.
    """
    fresh = {name: counters for name, counters in use.items() if counters.requests}
    if not fresh:
        return
    place = home / _FILE
    with disk_errors(place):
        make_folder(place.parent)
    with hold(place.with_suffix(".lock"), exclusive=True):
        known = read_use(home)
        both = known | {name: _sum(known.get(name, Counters()), own) for name, own in fresh.items()}
        told = {name: counters.to_dict() for name, counters in both.items()}
        write_atomic(place, json.dumps(told, indent=1, sort_keys=True).encode())


def read_use(home: Path) -> dict[str, Counters]:
    """Return what each model has done; nothing where no model ran or the file cannot be read."""
    try:
        return _COUNTED.validate_json((home / _FILE).read_bytes())
    except (OSError, ValidationError):
        return {}


def use_since(before: Mapping[str, Counters], now: Mapping[str, Counters]) -> dict[str, Counters]:
    """Return what models have done between two looks at their counters; idle ones are left out."""
    found = {}
    for name, counters in now.items():
        earlier = before.get(name, Counters()).model_dump()
        later = counters.model_dump()
        spent = {
            key: value if key in _HIGHEST else value - earlier[key] for key, value in later.items()
        }
        if spent["requests"]:
            found[name] = Counters.model_validate(spent)
    return found


def _sum(one: Counters, other: Counters) -> Counters:
    first, second = one.model_dump(), other.model_dump()
    return Counters.model_validate(
        {
            key: max(value, second[key]) if key in _HIGHEST else value + second[key]
            for key, value in first.items()
        }
    )
