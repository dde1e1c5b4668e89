"""Read what the folder of a Qwen2.5-VL model says of it, and refuse one that asks for its own code.

Nothing of the folder but JSON is read here, and nothing heavy is imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eoagent.contracts.errors import ModelError, NotFound
from eoagent.io.atomic import disk_errors

__all__ = ["Layout", "read_layout"]

MODEL_TYPE: Final = "qwen2_5_vl"
_CONFIG: Final = "config.json"
_GENERATION: Final = "generation_config.json"
_CODE: Final = frozenset({"auto_map", "custom_pipelines"})
"""Entries by which a configuration names code that lies beside it."""
_MOST_JSON: Final = 64 << 20
_MOST_DEPTH: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A folder that was looked at."""

    folder: Path
    """The folder."""
    shards: tuple[str, ...]
    """Its weights files, in order of name."""
    config: Mapping[str, Any]
    """Its `config.json`."""
    generation: Mapping[str, Any]
    """Its `generation_config.json`; empty where it has none."""

    @property
    def repetition_penalty(self) -> float:
        """Factor by which what was said becomes less likely; 1 leaves it as it is.

        Raises:
            ModelError: if it is stated as something that is none.
        """
        stated = self.generation.get("repetition_penalty")
        if stated is None:
            return 1.0
        if isinstance(stated, int | float) and 0 < stated < 10:
            return float(stated)
        raise ModelError(
            f"{self.folder / _GENERATION} states a repetition_penalty of {stated!r:.40}",
            hint="it is a number above 0, usually 1.05",
        )

    @property
    def stop_ids(self) -> tuple[int, ...]:
        """Tokens that end a reply, as the folder states them."""
        stated = self.generation.get("eos_token_id", self.config.get("eos_token_id"))
        listed = stated if isinstance(stated, list) else [stated]
        return tuple(one for one in listed if isinstance(one, int))


def read_layout(folder: Path, names: Sequence[str]) -> Layout:
    """Return what a folder says of its model.

    Args:
        folder: the folder.
        names: the files in it that belong to the model; others are not looked at.

    Raises:
        NotFound: if it has no configuration or no weights.
        ModelError: if a file asks for code, is damaged, or describes another kind of model.
    """
    if _CONFIG not in names:
        raise NotFound(
            f"{folder} has no {_CONFIG}", hint="take the whole folder as the model is published"
        )
    documents = {name: _read(folder / name) for name in names if name.endswith(".json")}
    for name, document in documents.items():
        asked = _asks_for_code(document)
        if asked:
            raise ModelError(
                f"{folder / name} asks for code of its own ({asked}), and no code of a model is "
                "run",
                hint="take a model that transformers knows by itself",
            )
    config = documents[_CONFIG]
    generation = documents.get(_GENERATION, {})
    if not isinstance(config, dict) or not isinstance(generation, dict):
        raise ModelError(f"{folder / _CONFIG} is no mapping", hint="get the file anew")
    found = config.get("model_type")
    if found != MODEL_TYPE:
        raise ModelError(
            f"{folder / _CONFIG} describes a model of the type {found!r:.60}, not {MODEL_TYPE!r}",
            hint="only models built on Qwen2.5-VL are run by this kind of runner",
        )
    if _holds(config, "quantization_config"):
        raise ModelError(
            f"{folder} holds quantised weights",
            hint='take the published ones, and quantise = "4bit" where memory is short',
        )
    shards = tuple(sorted(name for name in names if name.endswith(".safetensors")))
    if not shards:
        raise NotFound(f"{folder} holds no safetensors", hint="other weights are not loaded")
    return Layout(folder=folder, shards=shards, config=config, generation=generation)


def _read(path: Path) -> Any:
    with disk_errors(path):
        if not path.is_file():
            raise NotFound(f"there is no {path}", hint="import or pull the model again")
        with path.open("rb") as file:
            data = file.read(_MOST_JSON + 1)
    if len(data) > _MOST_JSON:
        raise ModelError(f"{path} has more than {_MOST_JSON} bytes", hint="get the file anew")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{path} is no JSON: {str(error)[:120]}", hint="get the file anew"
        ) from error


def _holds(config: Mapping[str, Any], name: str) -> bool:
    """Whether a configuration, or one within it, has an entry that says something."""
    return any(bool(one.get(name)) for one in (config, *config.values()) if isinstance(one, dict))


def _is_kernel(name: str, value: Any) -> bool:
    """Whether an entry names compiled code of a hub as the way to compute attention or the like."""
    ways = value.values() if isinstance(value, dict) else [value]
    is_plain = all(way is None or (isinstance(way, str) and "/" not in way) for way in ways)
    return name.removesuffix("_internal").endswith("_implementation") and not is_plain


def _asks_for_code(value: Any, deep: int = 0) -> str:
    """Return the entry by which a document names code, else nothing."""
    if deep > _MOST_DEPTH:
        return "it is nested too deep to be looked through"
    if isinstance(value, dict):
        for name, one in value.items():
            if name in _CODE or _is_kernel(name, one):
                return str(name)
        value = list(value.values())
    if not isinstance(value, list):
        return ""
    return next((asked for one in value if (asked := _asks_for_code(one, deep + 1))), "")
