"""Write what differs between two machines as marks, and read the marks somewhere else.

The folder that data lies in becomes `{data}`. A handle becomes the place where a language model was
shown it first: `{$2.mask}` for an output of step 2, else `{handle-N}` by order. Text that looks
like a mark and is none gets an equals sign, `{=data}`, so that every text comes back as it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from langchain_core.messages import BaseMessage

from eoagent.contracts.artifact import KINDS
from eoagent.contracts.errors import InputError, ModelError

__all__ = ["Marks"]

_HANDLE: Final = re.compile(rf"(?:{'|'.join(KINDS)}):[0-9a-f]{{12}}(?![0-9a-f])")
_OUTPUT: Final = re.compile(rf"^(\$\d+(?:\.\w+)?) = ({_HANDLE.pattern})", re.MULTILINE)
"""How a step's result names what it made."""
_MARK: Final = re.compile(r"\{(=*)(data|handle-\d+|\$\d+(?:\.\w+)?)\}")


class Marks:
    """What stands for what in one conversation with a model."""

    def __init__(self, data: Path | None) -> None:
        """Begin without any handle.

        Args:
            data: folder whose path becomes a mark.
        """
        self._data = str(data.resolve()) if data is not None else ""
        self._paths = _paths(data) if data is not None else None
        self._marks: dict[str, str] = {}
        self._count = 0

    def see(self, messages: Sequence[BaseMessage]) -> None:
        """Give the handles in a request that were not seen before a mark each."""
        texts = [str(message.text) for message in messages]
        for text in texts:
            for name, handle in _OUTPUT.findall(text):
                self._marks.setdefault(handle, name)
        for text in texts:
            for handle in _HANDLE.findall(text):
                if handle not in self._marks:
                    self._count += 1
                    self._marks[handle] = f"handle-{self._count}"

    def hide(self, text: str) -> str:
        """Return a text with marks; a handle that was never shown stays as it is."""
        text = _MARK.sub(lambda m: f"{{={m.group(1)}{m.group(2)}}}", text)
        if self._paths is not None:
            text = self._paths.sub("{data}", text)
        return _HANDLE.sub(lambda m: self._marked(m.group(0)), text)

    def show(self, text: str, *, is_json: bool = False) -> str:
        """Return a text with what its marks stand for here.

        Args:
            text: the text with marks.
            is_json: whether it is the text of a JSON document, where paths are quoted.

        Raises:
            ModelError: if no handle was shown at a place where there was one.
            InputError: if it names the data folder and none was given.
        """
        handles = {mark: handle for handle, mark in self._marks.items()}
        path = json.dumps(self._data, ensure_ascii=False)[1:-1] if is_json else self._data

        def fill(mark: re.Match[str]) -> str:
            escapes, name = mark.groups()
            if escapes:
                return f"{{{escapes[1:]}{name}}}"
            if name == "data":
                return _given(path)
            if name not in handles:
                raise ModelError(
                    f"the recorded model was shown a handle as {name}, and there is none here: "
                    "the run goes another way than it did",
                    hint="record the run again",
                )
            return handles[name]

        return _MARK.sub(fill, text)

    def _marked(self, handle: str) -> str:
        return f"{{{self._marks[handle]}}}" if handle in self._marks else handle


def _paths(data: Path) -> re.Pattern[str] | None:
    """Return what finds the path of a folder: as it was given and with its links followed."""
    plain = {str(data.absolute()), str(data.resolve())} - {data.absolute().anchor}
    quoted = {
        json.dumps(path, ensure_ascii=is_ascii)[1:-1]
        for path in plain
        for is_ascii in (False, True)
    }
    longest_first = sorted(plain | quoted, key=len, reverse=True)
    either = "|".join(map(re.escape, longest_first))
    return re.compile(rf"(?<!\w)(?:{either})(?![\w-]|\.\w)") if longest_first else None


def _given(path: str) -> str:
    if not path:
        raise InputError(
            "the recording names files of a data folder, and none was given",
            hint="name the folder that holds the data",
        )
    return path
