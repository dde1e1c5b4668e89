"""Make one tool call for a client: approved, off the event loop, with progress, until cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import anyio
import mcp_types as types
from anyio import to_thread
from mcp.server import ServerRequestContext
from pydantic import JsonValue

from eoagent.app.session import Clock, Done, Session
from eoagent.contracts.errors import EoAgentError
from eoagent.mcp.approval import Approval, check_approved
from eoagent.mcp.asking import Asker, Form
from eoagent.mcp.boundary import Outcome, as_result, settle
from eoagent.mcp.results import finished, replied

__all__ = ["Caller", "Context"]

_LOOK_EVERY_S: Final = 0.1

T = TypeVar("T")
Context = ServerRequestContext[Any]


class Caller:
    """Makes the calls of all clients of one server, `max_parallel` of them at a time.

    Args:
        session: the tools.
        approval: which calls a person is asked about.
    """

    def __init__(self, session: Session, approval: Approval) -> None:
        self._session = session
        self._approval = approval
        self._asker = Asker()
        self._room = anyio.CapacityLimiter(session.shop.settings.max_parallel)

    async def call(self, context: Context, call: types.CallToolRequestParams) -> Outcome:
        """Make a call; whatever happens in it comes back as a result that can be acted on."""
        return await as_result(call.name, lambda: self._call(context, call))

    async def aside(self, what: str, work: Callable[[], T]) -> T:
        """Run work that is no call off the event loop, in the same room.

        Raises:
            EoAgentError: whatever the work raises.
        """
        async with self._room:
            found = await to_thread.run_sync(lambda: settle(what, work))
        if isinstance(found, EoAgentError):
            raise found
        return found

    async def _call(self, context: Context, call: types.CallToolRequestParams) -> Outcome:
        arguments: dict[str, JsonValue] = call.arguments or {}
        price = await self.aside(call.name, lambda: self._session.price(call.name, arguments))
        form = self._approval.form(call.name, arguments, price)
        if form is not None:
            reply = await self._asker.ask(context, call, form)
            if isinstance(reply, types.InputRequiredResult):
                return reply
            check_approved(call.name, reply)
        done = await self._work(context, call.name, arguments)
        if done.result.ended_as == "clarify":
            reply = await self._asker.ask(context, call, _question(done, arguments))
            if isinstance(reply, types.InputRequiredResult):
                return reply
            if reply.state != "nobody":
                return replied(done.n, str(reply.value) if reply.state == "given" else None)
        store, version = self._session.shop.store, context.protocol_version
        return await self.aside(call.name, lambda: finished(done, store, version=version))

    async def _work(self, context: Context, name: str, arguments: dict[str, JsonValue]) -> Done:
        """Run the tool in a thread; leaving early ends it at its next look at the clock."""
        news = _News()
        async with self._room:
            clock = self._session.clock()

            def work() -> Done:
                return self._session.run(name, arguments, deadline=clock, progress=news)

            async with anyio.create_task_group() as group:
                group.start_soon(_follow, context, news, clock)
                done = await to_thread.run_sync(lambda: settle(name, work))
                group.cancel_scope.cancel()
        await news.tell(context)
        if isinstance(done, EoAgentError):
            raise done
        return done


class _News:
    """The latest report of a tool, from whatever thread; only what goes forward is told."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: tuple[float, str] = (0.0, "")
        self._told = 0.0

    def __call__(self, done: float, what: str) -> None:
        with self._lock:
            self._latest = (done, what)

    async def tell(self, context: Context) -> None:
        with self._lock:
            done, what = self._latest
        if done > self._told:
            self._told = done
            await context.session.report_progress(done, 1.0, what)


async def _follow(context: Context, news: _News, clock: Clock) -> None:
    """Tell the client how far a call is, until it has ended or nobody waits for it any more."""
    try:
        while True:
            await anyio.sleep(_LOOK_EVERY_S)
            await news.tell(context)
    finally:
        clock.cancel()


def _question(done: Done, arguments: Mapping[str, JsonValue]) -> Form:
    """Return the form of a question back; its choices are those of the call, if it names any."""
    field: dict[str, Any] = {"type": "string", "title": "Reply"}
    choices = arguments.get("choices")
    if isinstance(choices, list) and choices:
        field["enum"] = choices
    return Form(name="reply", message=done.result.message, field=field)
