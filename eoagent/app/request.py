"""A question with everything that came with it, checked before anything is opened."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Final

from eoagent.app.threadnames import check_thread_name
from eoagent.contracts.errors import InputError
from eoagent.planner.approval import Approval

__all__ = ["Request"]

_MAX_QUESTION_CHARS: Final = 100_000
_LISTS: Final = ("images", "features", "bands", "typed", "handles")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A question with everything that came with it.

    Raises:
        InputError: if a part is of the wrong kind or out of range.
    """

    question: str
    """The question, in plain words."""
    images: Sequence[str | Path] = ()
    """Rasters, pictures, STAC items; vector files open as features."""
    features: Sequence[str | Path] = ()
    """Vector files."""
    aoi: str | Path | None = None
    """Area of interest: a vector file, or `W,S,E,N` in degrees."""
    catalog: str | Path | None = None
    """STAC catalog, item collection or folder of rasters to find scenes in; path or URL."""
    index: str | None = None
    """Name of the index that questions of likeness are about."""
    places: str | Path | None = None
    """Vector file of named places."""
    bands: Sequence[str] = ()
    """Band names in the order of the file."""
    gsd_m: float | None = None
    """Ground sampling distance of a picture without georeference, metres."""
    thread: str | None = None
    """Name of a conversation that is continued; None is a single question."""
    out_dir: Path | None = None
    """Folder that `export` may write to."""
    max_steps: int | None = None
    """Tool calls in this run."""
    max_seconds: float | None = None
    """Wall time of this run, seconds."""
    max_cost_usd: float | None = None
    """US dollars that the language model may take in this run."""
    approve: Callable[[Approval], bool] | bool = False
    """Says yes or no to what exceeds the limits of the settings; by itself nothing is approved."""
    stop: Event | None = None
    """Ends the run when set: it answers with what it has by then."""
    use_cache: bool = True
    """Whether results of earlier, equal calls may be taken."""
    typed: Sequence[str] = field(default_factory=tuple)
    """More places to be trusted as if typed, such as those a replayed answer names."""
    handles: Sequence[str] = field(default_factory=tuple)
    """Artifacts of earlier runs that this one may name, such as those of a replayed plan."""

    def __post_init__(self) -> None:
        if not isinstance(self.question, str):
            raise InputError("the question is no text", hint="ask in a sentence")
        if len(self.question) > _MAX_QUESTION_CHARS:
            raise InputError(
                f"the question has {len(self.question)} characters, more than "
                f"{_MAX_QUESTION_CHARS}",
                hint="hand over long material as a file",
            )
        for name in _LISTS:
            given = getattr(self, name)
            if isinstance(given, (str, bytes, Path)) or not isinstance(given, Sequence):
                raise InputError(
                    f"{name} is {type(given).__name__}, and a list is wanted",
                    hint=f"write {name}=[...]",
                )
            if not all(isinstance(item, (str, Path)) for item in given):
                raise InputError(f"{name} holds something that is no text", hint="give texts")
        if self.gsd_m is not None and not (math.isfinite(self.gsd_m) and self.gsd_m > 0):
            raise InputError(
                f"a pixel of {self.gsd_m} m was stated", hint="give metres per pixel, above 0"
            )
        if self.thread is not None:
            check_thread_name(self.thread)
