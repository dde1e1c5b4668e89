"""A conversation at the command line: what it holds between two messages, and asking one."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

from eoagent.app.agent import Agent
from eoagent.app.answer import Answer
from eoagent.cli.approving import approver
from eoagent.cli.following import Foreground, Start
from eoagent.cli.given import Given
from eoagent.cli.showing import show_answer, watch
from eoagent.cli.terminal_pictures import Pictures
from eoagent.contracts.answer import AnswerRecord
from eoagent.contracts.errors import EoAgentError, InputError, NotFound
from eoagent.contracts.events import Event
from eoagent.io.origin import OriginGuard
from eoagent.io.signed import is_marked
from eoagent.io.transcript import Said

__all__ = ["Chat", "Habits"]

_DRAWN: Final = ("raster", "mask", "features", "boxes", "aoi", "picture")
_MAP_WIDTH: Final = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What holds for every message of a chat."""

    out: Path | None = None
    """Folder that answers are kept in, and that `export` may write to."""
    max_steps: int | None = None
    max_seconds: float | None = None
    max_cost_usd: float | None = None
    is_approved: bool = False
    """Whether what costs much or goes outward is approved beforehand."""


class Chat:
    """One conversation after the other, with what comes with the next message."""

    def __init__(
        self, agent: Agent, *, pictures: Pictures, habits: Habits, foreground: Foreground
    ) -> None:
        self.agent = agent
        """Answers."""
        self.pictures = pictures
        """Shows maps."""
        self.foreground = foreground
        """Runs questions."""
        self.habits = habits
        """What holds for every message."""
        self.given = Given()
        """What comes with the next message."""
        self.thread = ""
        """Name of the conversation."""
        self._answers: list[Answer] = []

    @property
    def has_spoken(self) -> bool:
        """Whether the conversation has an answer."""
        return bool(self._answers) or bool(self._turns())

    def begin(self, name: str | None = None) -> None:
        """Begin a conversation, under a name of the time if none is given.

        Raises:
            InputError: if there is one of that name.
        """
        taken = {summary.name for summary in self.agent.threads()}
        if name in taken:
            raise InputError(
                f"there is a conversation '{name}' already", hint=f"/threads {name} goes on with it"
            )
        self.thread = self.agent.thread(_fresh_name(taken) if name is None else name).name
        self._answers = []

    def go_on(self, name: str) -> Said:
        """Continue a conversation and return what was said last in it.

        Raises:
            NotFound: if there is none of that name.
        """
        last = self.agent.thread(name).turns()[-1]
        self.thread, self._answers = name, []
        return last

    def give(self, given: Given) -> None:
        """Set what comes with the next message, if it could be opened.

        Raises:
            EoAgentError: what a message with it would fail with.
        """
        given.check(self.agent.workshop)
        self.given = given

    def ask(self, question: str) -> None:
        """Ask the next question, show what happens and then the answer.

        Raises:
            KeyboardInterrupt: if the user broke it off.
            EoAgentError: if there is no answer; what came with the message stays for the next one.
        """
        with closing(self.foreground.follow(self._start(question))) as events:
            answer = watch(events)
        self.given = Given(places=self.given.places, index=self.given.index)
        self._answers.insert(0, answer)
        kept = self.save() if self.habits.out is not None else None
        show_answer(answer, kept)
        drawn = [a.id for a in answer.artifacts if a.kind == "picture"]
        if drawn and self.pictures.are_shown:
            self.pictures.show(self._picture(answer, drawn))

    def records(self) -> Iterator[AnswerRecord]:
        """Yield the answers of this conversation that are still kept, newest first."""
        held = {answer.record.run: answer for answer in self._answers}
        for said in self._turns():
            answer = held.get(said.run) or self._recall(said)
            if answer is not None:
                yield answer.record

    @property
    def last(self) -> Answer:
        """The last answer of this conversation.

        Raises:
            InputError: if nothing was answered yet, or its run was pruned.
        """
        if not self._answers:
            turns = self._turns()
            answer = self._recall(turns[0]) if turns else None
            if answer is None:
                problem = "the last answer was pruned" if turns else "nothing was answered yet"
                raise InputError(problem, hint="ask something first")
            self._answers = [answer]
        return self._answers[0]

    def figures(self) -> tuple[str, ...]:
        """Return the ids of the figures of the last answer, for completion."""
        return tuple(f.id for f in self._answers[0].figures) if self._answers else ()

    def draw(self, handle: str = "") -> None:
        """Show a map: of an artifact of the last answer, or of the last one that can be drawn.

        Raises:
            InputError: if there is nothing to draw, or nowhere to.
        """
        answer = self.last
        if not self.pictures.are_shown:
            raise InputError(
                "no picture can be shown here", hint="/save keeps the answer with its maps"
            )
        drawn = [a.id for a in answer.artifacts if a.kind in _DRAWN]
        if handle and handle not in drawn:
            raise NotFound(
                f"the last answer has no map of '{handle}'", hint=f"it has: {', '.join(drawn)}"
            )
        if not drawn:
            raise InputError("the last answer has nothing to draw", hint="ask for a map")
        self.pictures.show(self._picture(answer, [handle] if handle else drawn))

    def save(self, folder: Path | None = None) -> Path:
        """Keep the last answer in a folder: the one given, or one named by thread and turn.

        Raises:
            InputError: if there is no answer.
            SourceError: if it cannot be written.
        """
        answer = self.last
        name = re.sub(r"[^\w.-]+", "_", self.thread).lstrip(".")
        own = (self.habits.out or Path()) / f"{name}-{len(self._turns())}"
        return answer.save(folder or own)

    def _start(self, question: str) -> Start:
        habits = self.habits

        def start(stop: threading.Event, confirm: Callable[[str], bool]) -> Iterator[Event]:
            return self.agent.stream(
                question,
                **self.given.to_request(),
                thread=self.thread,
                out_dir=habits.out,
                max_steps=habits.max_steps,
                max_seconds=habits.max_seconds,
                max_cost_usd=habits.max_cost_usd,
                approve=approver(confirm, is_approved=habits.is_approved),
                stop=stop,
            )

        return start

    def _turns(self) -> Sequence[Said]:
        """Return the turns of this conversation, newest first; none before the first answer."""
        try:
            return self.agent.thread(self.thread).turns()[::-1]
        except NotFound:
            return ()

    def _recall(self, said: Said) -> Answer | None:
        """Return an answer as the ledger keeps it, or None if it was pruned."""
        shop = self.agent.workshop
        try:
            kept: Any = shop.ledger.get_run(said.run).answer
        except NotFound:
            return None
        if kept is None:
            return None
        record = AnswerRecord.model_validate(kept)
        origins = OriginGuard(allow_hosts=shop.settings.allow_hosts, access=shop.access)
        for given in record.inputs:
            if not is_marked(given["href"]) and given["kind"] != "aoi":
                origins.type_in(given["href"])
        return Answer(record, shop.store, origins)

    def _picture(self, answer: Answer, handles: Sequence[str]) -> bytes:
        """Return the last of some artifacts that can be drawn as a PNG."""
        rasters = [a.id for a in answer.artifacts if a.kind == "raster"]
        problem: EoAgentError | None = None
        for handle in reversed(handles):
            try:
                return answer.maps.picture(handle, over=rasters, width_px=_MAP_WIDTH)
            except InputError as error:  # a page, or features without a place
                problem = problem or error
        assert problem is not None
        raise problem


def _fresh_name(taken: set[str]) -> str:
    name = f"chat-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    numbered = (f"{name}-{number}" for number in count(2))
    return next(free for free in chain([name], numbered) if free not in taken)
