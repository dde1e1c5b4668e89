"""Call a chat model: stream its reply, try again where that helps, count what it took.

A named boundary for broad excepts: chat models are other people's code, and raise what their
provider's library raises.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langgraph.errors import GraphBubbleUp

from eoagent.contracts.draft import ModelPrice, Spent
from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.figure import Figure
from eoagent.contracts.planner import Line
from eoagent.contracts.tool import Deadline
from eoagent.planner.model.failures import explained, wait_after
from eoagent.planner.model.messages import size_of
from eoagent.planner.model.rawcalls import as_chunk
from eoagent.planner.model.relay import Relay
from eoagent.planner.model.tokens import estimate_tokens

if TYPE_CHECKING:  # the offline planner does without it, and it takes its time
    from langchain_core.language_models import BaseChatModel

__all__ = ["Reply", "Talk", "ask_model"]

_log = logging.getLogger(__name__)

_ATTEMPTS: Final = 4
_TICK_S: Final = 0.25
_MAX_TEXT: Final = 200_000
"""Characters of text, thoughts included, after which a reply is read no further."""
_MAX_ARGUMENTS: Final = 24_000
"""Likewise of all arguments; LangChain takes seconds to see that more is no JSON."""
_TOO_MUCH: Final = {"finish_reason": "length"}
_NO_FIGURES: Final[Mapping[str, Figure]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A chat model, and how it is talked to."""

    model: BaseChatModel
    """The model."""
    price: ModelPrice | None = None
    """Its price, where the user's table names it."""
    redact: Callable[[str], str] = lambda text: text
    """Takes keys out of what a provider says when it fails."""
    sleep: Callable[[float], None] = time.sleep
    """Waits, seconds."""
    jitter: Callable[[], float] = random.random
    """A number from 0 to 1 that keeps many clients from asking again at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back."""

    message: AIMessage
    """The whole reply."""
    spent: Spent
    """What it took, failed attempts included."""


def ask_model(
    talk: Talk,
    messages: Sequence[BaseMessage],
    tools: Sequence[dict[str, Any]],
    *,
    line: Line,
    figures: Mapping[str, Figure] = _NO_FIGURES,
) -> Reply:
    """Send messages and return the reply; pieces of text go to the line as they come.

    Failures that pass (too many requests, server errors, timeouts, a cut stream) are tried again
    a few times, each time later, as far as the deadline allows.

    Args:
        talk: the chat model, and how it is talked to.
        messages: the conversation so far.
        tools: definitions of what it may call.
        line: hears the text as it comes, and knows the time left.
        figures: what stands behind references in the text.

    Raises:
        SourceError: if the provider cannot be reached or keeps failing.
        ModelError: if it refuses the request, cannot call tools, or what comes cannot be read.
        BudgetExceeded: if the time is over or the user stopped the run.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        line.deadline.check()
        line.say("")  # a new text begins
        relay = Relay(line.say, figures)
        try:
            runnable = talk.model.bind_tools(list(tools)) if tools else talk.model
            message = _stream(runnable, messages, relay, line.deadline)
            relay.end()
            if attempt == 1 and _is_endless(message):
                raise ConnectionError("the reply broke off before its end")  # noqa: TRY301
        except (EoAgentError, GraphBubbleUp):
            raise
        except Exception as error:  # noqa: BLE001 - a named boundary: libraries raise anything
            wait = wait_after(error, attempt, talk.jitter)
            if wait is None or attempt == _ATTEMPTS or wait > line.deadline.remaining_s:
                # What the library raised may hold a key: it is not shown as the cause.
                raise explained(error, attempt, talk.redact) from None
            _log.info("the language model failed (%s), asking again", type(error).__name__)
            _pause(talk, wait, line.deadline)
            continue
        spent = _spent(message, messages, tools, talk.price)
        return Reply(message=message, spent=spent + Spent(model_calls=attempt - 1))
    raise AssertionError("the last attempt returns or raises")


def _stream(
    runnable: Any, messages: Sequence[BaseMessage], relay: Relay, deadline: Deadline
) -> AIMessageChunk:
    """Return a reply put together; of an endless one, what came until it was too much."""
    parts: list[AIMessageChunk] = []
    text_length = arguments_length = 0
    with _closing(runnable.stream(list(messages))) as chunks:
        for raw in chunks:
            deadline.check()
            part = as_chunk(raw)
            text = str(part.text)
            relay.take(text)
            parts.append(part)
            text_length += len(text)
            arguments_length += sum(len(c.get("args") or "") for c in part.tool_call_chunks)
            if text_length > _MAX_TEXT or arguments_length > _MAX_ARGUMENTS:
                parts.append(AIMessageChunk(content="", response_metadata=_TOO_MUCH))
                break
    whole = AIMessageChunk(content="") if not parts else parts[0]
    return whole + parts[1:] if len(parts) > 1 else whole


def _is_endless(message: AIMessageChunk) -> bool:
    """Whether a stream of the protocol of OpenAI ended without the word that it was the end."""
    said = message.response_metadata
    return said.get("model_provider") == "openai" and not said.get("finish_reason")


@contextmanager
def _closing(chunks: Any) -> Iterator[Iterator[Any]]:
    """Close a stream that is not read to its end, if it can be closed."""
    try:
        yield iter(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def _pause(talk: Talk, seconds: float, deadline: Deadline) -> None:
    """Wait, in small steps: the user may stop the run meanwhile."""
    while seconds > 0:
        deadline.check()
        talk.sleep(min(seconds, _TICK_S))
        seconds -= _TICK_S


def _spent(
    message: AIMessage,
    messages: Sequence[BaseMessage],
    tools: Sequence[dict[str, Any]],
    price: ModelPrice | None,
) -> Spent:
    usage: Mapping[str, Any] = message.usage_metadata or {}
    sent = int(usage.get("input_tokens") or 0)
    received = int(usage.get("output_tokens") or 0)
    if sent <= 0:
        told = json.dumps(list(tools), ensure_ascii=False)
        sent = size_of(messages) + estimate_tokens(told)
    if received <= 0:
        parts = (str(part.get("args") or "") for part in as_chunk(message).tool_call_chunks)
        received = size_of([message]) + sum(estimate_tokens(part) for part in parts)
    cost = 0.0
    if price is not None:
        cost = (sent * price.input_usd + received * price.output_usd) / 1e6
    return Spent(model_calls=1, input_tokens=sent, output_tokens=received, cost_usd=cost)
