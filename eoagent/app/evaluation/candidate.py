"""Open the agent that is evaluated: its planner, a recording made of it, or one that is played."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from eoagent.app.agent import Agent
from eoagent.app.chatmodel import open_chat_model
from eoagent.app.recorded import read_recording
from eoagent.app.recording import Player, Recorder
from eoagent.contracts.draft import ModelPrice
from eoagent.contracts.errors import InputError
from eoagent.settings import Settings

__all__ = ["Candidate", "open_candidate", "open_recorded", "open_replayed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Who is asked, and what has to happen around each question."""

    agent: Agent
    """Who is asked."""
    begin: Callable[[str], None] = lambda _question: None
    """Called with the id of each question before it is put."""
    keep: Callable[[], None] = lambda: None
    """Called after each question."""
    strays: Callable[[], Mapping[str, str]] = dict
    """Tells the questions that a recording did not fit, and why."""


def open_candidate(planner: str, *, base_url: str = "", settings: Settings) -> Candidate:
    """Open an agent as it is.

    Args:
        planner: `offline` or `PROVIDER:MODEL`.
        base_url: address of the language model's server, where it is not the provider's own.
        settings: the settings that hold.

    Raises:
        InputError: if the planner is not known, or its key is missing.
        ModelMissing: if the library of the planner's provider is not installed.
    """
    return Candidate(agent=Agent(planner, base_url=base_url, settings=settings))


def open_recorded(
    planner: str, file: Path, *, data: Path, base_url: str = "", settings: Settings
) -> Candidate:
    """Open an agent whose language model is recorded; the file is written after each question.

    A file that is there already is replaced after the first question.

    Args:
        planner: `PROVIDER:MODEL`.
        file: where the replies are kept.
        data: folder of the questions' files, whose path is not recorded.
        base_url: address of the language model's server, where it is not the provider's own.
        settings: the settings that hold.

    Raises:
        InputError: if the planner is not known, or its key is missing.
        ModelMissing: if the library of the planner's provider is not installed.
        SourceError: if the file cannot be written.
    """
    model = open_chat_model(planner, base_url=base_url, settings=settings)
    recorder = Recorder(model, data=data, name=planner)
    if not file.exists():  # whether it can be written is known before anything is paid for
        recorder.save(file)
    return Candidate(
        agent=Agent(recorder, settings=settings),
        begin=recorder.begin,
        keep=lambda: recorder.save(file),
    )


def open_replayed(
    file: Path, *, data: Path, planner: str | None = None, settings: Settings
) -> Candidate:
    """Open an agent whose language model says what it said in a recording; it needs no key.

    Its cost is what the recorded tokens cost by the user's price table, as when it was recorded.

    Args:
        file: the recording.
        data: folder of the questions' files, wherever it was then.
        planner: whose recording it should be, if that is known.
        settings: the settings that hold.

    Raises:
        NotFound: if there is no such file.
        SourceError: if it cannot be read.
        InputError: if it holds no recording, or one of another planner.
    """
    recording = read_recording(file)
    if planner is not None and planner != recording.model:
        raise InputError(
            f"{file} is a recording of {recording.model}, and {planner} was asked for",
            hint="leave --planner out, or record that one",
        )
    player = Player(recording, data=data)
    price = settings.prices.get(recording.model, ModelPrice(input_usd=0, output_usd=0))
    priced = settings.model_copy(update={"prices": {**settings.prices, player.name: price}})
    return Candidate(
        agent=Agent(player, settings=priced),
        begin=player.begin,
        strays=lambda: player.strays,
    )
