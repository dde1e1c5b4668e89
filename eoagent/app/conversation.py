"""A named conversation: questions that know what was asked and found before them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import Any, Protocol

from eoagent.app.answer import Answer
from eoagent.app.threadnames import check_thread_name
from eoagent.contracts.events import Event
from eoagent.io.transcript import Said, Transcript

__all__ = ["Conversation"]


class _Answers(Protocol):
    """What a conversation needs of an agent."""

    def ask(self, question: str, **given: Any) -> Answer: ...

    def stream(self, question: str, **given: Any) -> Iterator[Event]: ...

    async def aask(self, question: str, **given: Any) -> Answer: ...

    def astream(self, question: str, **given: Any) -> AsyncGenerator[Event, None]: ...


class Conversation:
    """The questions of one thread; what `ask`, `stream` and their twins take is as for the agent.

    Artifacts and figures of earlier answers may be used again. A message without an image,
    features or a catalog of its own is about those of the message before it.
    """

    def __init__(self, agent: _Answers, name: str, transcript: Transcript) -> None:
        check_thread_name(name)
        self.name = name
        """Name of the thread."""
        self._agent = agent
        self._transcript = transcript

    def ask(self, question: str, **given: Any) -> Answer:
        """Answer the next question."""
        return self._agent.ask(question, **given, thread=self.name)

    def stream(self, question: str, **given: Any) -> Iterator[Event]:
        """Yield what happens while the next question is answered."""
        return self._agent.stream(question, **given, thread=self.name)

    async def aask(self, question: str, **given: Any) -> Answer:
        """Answer the next question, from asynchronous code."""
        return await self._agent.aask(question, **given, thread=self.name)

    def astream(self, question: str, **given: Any) -> AsyncGenerator[Event, None]:
        """Yield what happens, from asynchronous code."""
        return self._agent.astream(question, **given, thread=self.name)

    def turns(self) -> tuple[Said, ...]:
        """Return what was said so far, oldest first.

        Raises:
            NotFound: if nothing was said yet.
        """
        return self._transcript.turns(self.name)
