"""A chat model that follows a script and keeps every request it gets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field


def calls(*named, text="", usage=(10, 5)):
    """Return a reply with tool calls, each `(name, arguments)`."""
    return AIMessage(
        content=text,
        tool_calls=[
            {"name": name, "args": arguments, "id": f"id{place}", "type": "tool_call"}
            for place, (name, arguments) in enumerate(named)
        ],
        usage_metadata=_usage(usage),
    )


def says(text, *, usage=(10, 5), **more):
    """Return a reply of text alone."""
    return AIMessage(content=text, usage_metadata=_usage(usage), **more)


def _usage(usage):
    if usage is None:
        return None
    sent, received = usage
    return {"input_tokens": sent, "output_tokens": received, "total_tokens": sent + received}


class ScriptedChat(BaseChatModel):
    """Gives the replies of a script in order; an exception in it is raised, a callable called.

    The last entry is repeated when the script is over. Replies are streamed in pieces of some
    letters, as a provider does.
    """

    script: list[Any]
    requests: list[Any] = Field(default_factory=list)
    bound: list[Any] = Field(default_factory=list)
    model_name: str = "scripted"
    piece: int = 7

    @property
    def _llm_type(self) -> str:
        return "test-chat"

    def bind_tools(self, tools, **kwargs):
        self.bound.append(list(tools))
        return self

    def _next(self, messages) -> AIMessage:
        place = min(len(self.requests), len(self.script) - 1)
        self.requests.append(list(messages))
        entry = self.script[place]
        if isinstance(entry, Callable) and not isinstance(entry, AIMessage):
            entry = entry(messages)
        if isinstance(entry, BaseException):
            raise entry
        return entry

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        return ChatResult(generations=[ChatGeneration(message=self._next(messages))])

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        entry = self._next(messages)
        if isinstance(entry, list):  # chunks, given as they are; an exception cuts the stream
            for chunk in entry:
                if isinstance(chunk, BaseException):
                    raise chunk
                yield ChatGenerationChunk(message=chunk)
            return
        text = entry.content
        for start in range(0, len(text), self.piece):
            yield ChatGenerationChunk(
                message=AIMessageChunk(content=text[start : start + self.piece])
            )
        last = AIMessageChunk(
            content="",
            tool_call_chunks=_chunks(entry),
            usage_metadata=entry.usage_metadata,
            response_metadata=entry.response_metadata,
            additional_kwargs=entry.additional_kwargs,
        )
        yield ChatGenerationChunk(message=last)


def _chunks(entry):
    valid = [
        {"name": c["name"], "args": json.dumps(c["args"]), "id": c["id"], "index": i}
        for i, c in enumerate(entry.tool_calls)
    ]
    broken = [
        {"name": c["name"], "args": c["args"], "id": c["id"], "index": len(valid) + i}
        for i, c in enumerate(entry.invalid_tool_calls)
    ]
    return [{**c, "type": "tool_call_chunk"} for c in valid + broken]


def flaws(messages):
    """Return what a strict server of the OpenAI kind, or a strict chat template, would refuse."""
    found = []
    kinds = [message.type for message in messages]
    if kinds[:2] != ["system", "human"] or "system" in kinds[1:]:
        found.append(f"begins with {kinds[:2]}")
    if kinds[-1] not in {"human", "tool"}:
        found.append(f"ends with {kinds[-1]}")
    waiting, seen, before = [], set(), ""
    for place, message in enumerate(messages):
        where = f"message {place} ({message.type})"
        asked = getattr(message, "tool_calls", [])
        if message.type == "tool":
            if message.tool_call_id not in waiting:
                found.append(f"{where} replies to no call that waits")
            else:
                waiting.remove(message.tool_call_id)
        elif waiting:
            found.append(f"{where} comes before the replies to {waiting}")
            waiting = []
        if message.type == "human" and before in {"human", "tool"}:
            found.append(f"{where} follows {before}")
        if message.type == "ai" and before == "ai":
            found.append(f"{where} follows ai")
        if not message.text and not asked:
            found.append(f"{where} is empty")
        found += [f"{where}: {flaw}" for call in asked for flaw in _flaws_of_call(call, seen)]
        waiting += [call["id"] for call in asked]
        message.text.encode("utf-8")
        before = message.type
    return found + [f"no reply to {identity}" for identity in waiting]


def _flaws_of_call(call, seen):
    if not isinstance(call["id"], str) or not call["id"] or call["id"] in seen:
        yield f"id {call['id']!r}"
    seen.add(call["id"])
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", call["name"]):
        yield f"name {call['name']!r}"
    if not isinstance(call["args"], dict):
        yield "arguments"
    json.dumps(call["args"], ensure_ascii=False, allow_nan=False).encode("utf-8")
