"""The file of what a language model said: its replies by question or turn, as it gave them.

Calls keep their arguments as raw text, even broken ones. Requests are not kept.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from pydantic import Field, InstanceOf, ValidationError

from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.contracts.record import Record
from eoagent.io.atomic import write_atomic

__all__ = [
    "RECORDING_SCHEMA",
    "RecordedCall",
    "RecordedReply",
    "RecordedUsage",
    "Recording",
    "read_recording",
]

RECORDING_SCHEMA: Final = "eoagent/recording/1"
_Text = InstanceOf[str]
"""A text that may hold halves of letters, as models' replies do."""


class RecordedCall(Record):
    """A tool call of a reply."""

    name: _Text
    """Name of the tool, as the model gave it."""
    arguments: _Text
    """The arguments as they came: raw text, with marks."""
    index: int | None = None
    """Its place in the reply, where the provider says it."""


class RecordedUsage(Record):
    """Tokens as the provider counted them."""

    input_tokens: int
    """Tokens sent."""
    output_tokens: int
    """Tokens received."""


class RecordedReply(Record):
    """A reply of the model."""

    content: _Text
    """Its text, with marks."""
    tool_calls: tuple[RecordedCall, ...] = ()
    """Its calls, in order."""
    usage: RecordedUsage | None = None
    """What it took, where the provider says it."""
    ended: dict[str, str] = Field(default_factory=dict)
    """What the provider said of its end."""
    refusal: _Text = ""
    """What the provider's own field for refusals said."""


class Recording(Record):
    """What a model said in some conversations."""

    schema_: str = Field(alias="schema")
    """Name and version of this layout."""
    model: str
    """The planner that spoke, `PROVIDER:MODEL`."""
    replies: dict[str, tuple[RecordedReply, ...]]
    """Its replies in order, by question or turn."""

    def save(self, path: Path) -> None:
        """Write the recording as one JSON document.

        Raises:
            SourceError: if it cannot be written.
        """
        document = self.model_dump(by_alias=True, exclude_defaults=True)
        text = json.dumps(document, ensure_ascii=False, indent=1)
        # A half of a letter is written as JSON's own escape of it.
        write_atomic(path, f"{text}\n".encode(errors="backslashreplace"))


def read_recording(path: Path) -> Recording:
    """Return the recording that a file holds.

    Raises:
        NotFound: if there is no such file.
        SourceError: if it cannot be read.
        InputError: if it holds no recording, or one of another layout.
    """
    hint = "make one with --record"
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise NotFound(f"there is no recording {path}", hint=hint) from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error}", href=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no recording: {error}", hint=hint) from error
    said = document.get("schema") if isinstance(document, dict) else None
    if isinstance(said, str) and said != RECORDING_SCHEMA:
        raise InputError(
            f"{path} has the layout {said[:60]}, and {RECORDING_SCHEMA} is read here", hint=hint
        )
    try:
        return Recording.model_validate(document)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise InputError(
            f"{path} is no recording: {f'{where}: ' if where else ''}{problem['msg']}", hint=hint
        ) from error
