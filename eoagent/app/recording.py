"""Record the replies of a chat model and play them again, so that a run needs no model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk

from eoagent.app.chatmodel import name_of
from eoagent.app.marks import Marks
from eoagent.app.recorded import (
    RECORDING_SCHEMA,
    RecordedCall,
    RecordedReply,
    RecordedUsage,
    Recording,
    read_recording,
)
from eoagent.contracts.errors import EoAgentError, ModelError
from eoagent.planner.model.rawcalls import as_chunk

__all__ = ["Player", "Recorder"]

_KEPT: Final = ("finish_reason", "stop_reason", "done_reason", "model_provider")
"""What a provider says of a reply's end, as far as a planner looks at it."""


class _Named:
    """Goes by a planner's name, in the two fields that LangChain's chat models have for theirs."""

    def __init__(self, name: str) -> None:
        provider, colon, model = name.partition(":")
        self._llm_type = provider
        self.model_name = model if colon else None


@dataclass(frozen=True, slots=True)
class _Bound:
    """A model with tools, as far as a planner uses it."""

    stream: Callable[[Sequence[BaseMessage]], Iterator[AIMessageChunk]]


class Recorder(_Named):
    """A chat model that passes everything on to another one and keeps its replies.

    A reply that fails midway is not kept: the planner asks again, and gets the next one.
    """

    def __init__(self, model: Any, *, data: Path | None = None, name: str = "") -> None:
        """Wrap a chat model.

        Args:
            model: the LangChain chat model that is asked.
            data: folder whose path is not recorded.
            name: the planner's name, `PROVIDER:MODEL`; default is what the model says of itself.
        """
        self.name = name or name_of(model)
        super().__init__(self.name)
        self._model = model
        self._data = data
        self._marks = Marks(data)
        self._key = ""
        self._replies: dict[str, list[RecordedReply]] = {}

    @property
    def recording(self) -> Recording:
        """What was said so far."""
        replies = {key: tuple(said) for key, said in self._replies.items()}
        return Recording(schema=RECORDING_SCHEMA, model=self.name, replies=replies)

    def begin(self, key: str) -> None:
        """Say which question or turn the next replies belong to."""
        self._key, self._marks = key, Marks(self._data)
        self._replies[key] = []

    def bind_tools(self, tools: Sequence[dict[str, Any]]) -> _Bound:
        """Return the other model with tools, whose replies are kept here."""
        return _Bound(partial(self._pass_on, self._model.bind_tools(tools)))

    def stream(self, messages: Sequence[BaseMessage]) -> Iterator[AIMessageChunk]:
        """Yield the reply of the other model, and keep it once it ended or nobody reads on."""
        return self._pass_on(self._model, messages)

    def save(self, path: Path) -> None:
        """Write what was said so far as one JSON document.

        Raises:
            SourceError: if it cannot be written.
        """
        self.recording.save(path)

    def _pass_on(self, model: Any, messages: Sequence[BaseMessage]) -> Iterator[AIMessageChunk]:
        self._marks.see(messages)
        whole: AIMessageChunk | None = None
        try:
            for raw in model.stream(list(messages)):
                chunk = as_chunk(raw)
                whole = chunk if whole is None else whole + chunk
                yield chunk
        except GeneratorExit:  # it was enough for the reader
            self._keep(whole)
            raise
        self._keep(whole)

    def _keep(self, whole: AIMessageChunk | None) -> None:
        said = whole if whole is not None else AIMessageChunk(content="")
        self._replies.setdefault(self._key, []).append(_reply_of(said, self._marks))


class Player(_Named):
    """A chat model that gives the replies of a recording, in their order."""

    def __init__(self, recording: Recording | Path, *, data: Path | None = None) -> None:
        """Open a recording.

        Args:
            recording: what a `Recorder` kept, or the file of it.
            data: folder that stands where the recorded one stood.

        Raises:
            NotFound: if there is no such file.
            SourceError: if it cannot be read.
            InputError: if it holds no recording, or one of another layout.
        """
        held = read_recording(recording) if isinstance(recording, Path) else recording
        self.name = f"{held.model} (replayed)"
        super().__init__(self.name)
        self._replies = held.replies
        self._data = data
        self._marks = Marks(data)
        self._key = ""
        self._taken: dict[str, int] = {}
        self._faults: dict[str, str] = {}

    def begin(self, key: str) -> None:
        """Say which question or turn is asked next."""
        self._key, self._marks = key, Marks(self._data)
        self._taken[key] = 0
        self._faults.pop(key, None)

    @property
    def strays(self) -> dict[str, str]:
        """Why the recording did not fit, by question or turn: runs that went another way."""
        left = {
            key: f"{taken} of {len(self._replies[key])} replies were asked for"
            for key, taken in self._taken.items()
            if taken < len(self._replies.get(key, ()))
        }
        return left | self._faults

    def bind_tools(self, tools: Sequence[dict[str, Any]]) -> Self:
        """Take no notice of the tools: the replies are there already."""
        del tools
        return self

    def stream(self, messages: Sequence[BaseMessage]) -> Iterator[AIMessageChunk]:
        """Yield the next reply, as one piece.

        Raises:
            ModelError: if there is none, or it takes what is not there: the run goes another way
                than it did.
            InputError: if it names files of a data folder and none was given.
        """
        self._marks.see(messages)
        try:
            chunk = _chunk_of(self._next(), self._marks)
        except EoAgentError as error:
            self._faults[self._key] = str(error)
            raise
        yield chunk

    def _next(self) -> RecordedReply:
        if self._key not in self._replies:
            raise ModelError(
                f"the recording holds nothing for '{self._key}'", hint="record the run again"
            )
        replies = self._replies[self._key]
        place = self._taken.get(self._key, 0)
        if place >= len(replies):
            raise ModelError(
                f"the recording is over: it has {len(replies)} replies for '{self._key}', and one "
                "more is asked for",
                hint="record the run again",
            )
        self._taken[self._key] = place + 1
        return replies[place]


def _reply_of(message: AIMessageChunk, marks: Marks) -> RecordedReply:
    said, usage = message.response_metadata, message.usage_metadata
    counted: RecordedUsage | None = None
    if usage is not None:
        sent, received = usage.get("input_tokens"), usage.get("output_tokens")
        counted = RecordedUsage(input_tokens=sent or 0, output_tokens=received or 0)
    calls = []
    for part in message.tool_call_chunks:
        index = part.get("index")
        calls.append(
            RecordedCall(
                name=part.get("name") or "",
                arguments=marks.hide(part.get("args") or ""),
                index=index if isinstance(index, int) else None,
            )
        )
    return RecordedReply(
        content=marks.hide(str(message.text)),
        tool_calls=tuple(calls),
        usage=counted,
        ended={key: str(said[key]) for key in _KEPT if said.get(key)},
        refusal=marks.hide(str(message.additional_kwargs.get("refusal") or "")),
    )


def _chunk_of(told: RecordedReply, marks: Marks) -> AIMessageChunk:
    usage: UsageMetadata | None = None
    if told.usage is not None:
        sent, received = told.usage.input_tokens, told.usage.output_tokens
        usage = UsageMetadata(
            input_tokens=sent, output_tokens=received, total_tokens=sent + received
        )
    return AIMessageChunk(
        content=marks.show(told.content),
        tool_call_chunks=[
            tool_call_chunk(
                name=call.name,
                args=marks.show(call.arguments, is_json=True),
                id=f"call_{place}",
                index=call.index,
            )
            for place, call in enumerate(told.tool_calls)
        ],
        usage_metadata=usage,
        response_metadata=dict(told.ended),
        additional_kwargs={"refusal": marks.show(told.refusal)} if told.refusal else {},
    )
