"""Tools: what one is, what it may ask for, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from eoagent.contracts.artifact import Artifact
from eoagent.contracts.figure import Figure, FigureDraft
from eoagent.contracts.models import Indexes, Models, NoIndexes, NoModels
from eoagent.contracts.price import Price
from eoagent.contracts.progress import Deadline, Progress
from eoagent.contracts.record import Record
from eoagent.contracts.store import ArtifactStore, Origins

__all__ = [
    "Arguments",
    "Deadline",
    "FunctionTool",
    "Options",
    "Output",
    "Progress",
    "Services",
    "Tool",
    "ToolCard",
    "ToolResult",
]


class Arguments(BaseModel):
    """Base of every tool's arguments: unknown names and non-finite numbers are refused.

    The field descriptions are the only place where arguments are explained; the planner's prompt,
    the command line and MCP are made from them.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class Output(Record):
    """One named output of a tool: a figure or an artifact."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_*]{0,40}$")
    """Name for references (`$2.area`); `*` in it stands for a part that depends on the input."""
    kind: str
    """An artifact kind, or `figure`."""
    about: str
    """What it holds, with the unit of a figure."""


class ToolCard(Record):
    """What a tool can do, as data."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")
    """The tool's name."""
    summary: str = Field(max_length=300)
    """One sentence: the question it answers."""
    outputs: tuple[Output, ...] = ()
    """Named outputs; the first artifact is what `$n` alone refers to."""
    group: Literal["open", "compute", "measure", "present", "talk", "search", "model"] = "compute"
    """Where it is listed."""
    use: Literal["basic", "usual", "special"] = "usual"
    """How many questions need it: where not all tools can be shown at once, basic ones are."""
    outward: bool = False
    """Whether it writes outside the store or sends something out."""
    ends_run: bool = False
    """Whether its result ends the run (`ask_user`, `cannot_answer`)."""
    cacheable: bool = True
    """Whether the same arguments and sources give the same result."""
    version: str = "1"
    """Raised when results change for the same arguments."""


class ToolResult(Record):
    """What a tool hands back: numbers as figures, everything else as artifacts."""

    artifacts: dict[str, Artifact] = Field(default_factory=dict)
    """Artifacts by output name, the primary one first."""
    figures: tuple[FigureDraft, ...] = ()
    """Figures, by output name."""
    assumptions: tuple[str, ...] = ()
    """Choices the tool made that change the result, each a sentence."""
    warnings: tuple[str, ...] = ()
    """What the reader should know about the quality of the result."""
    ended_as: Literal["clarify", "cannot_answer"] | None = None
    """Set by tools that end a run."""
    message: str = ""
    """For tools that end a run: the question back, or the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Limits and habits that settings give to tools."""

    max_vertices: int = 2_000_000
    """Polygons with more estimated vertices than this are traced at a coarser stated step."""
    block_pixels: int = 8_000_000
    """Pixels read at a time in block-wise work."""
    gdal_cache_mb: int = 256
    """GDAL's block cache, MB."""
    out_dir: Path | None = None
    """Folder that `export` may write to; None refuses."""
    request_timeout_s: float = 60.0
    """Deadline of one remote read, seconds."""
    geocoder: Literal["", "nominatim"] = ""
    """Service that may be asked for places by name; empty asks none."""
    geocoder_url: str = "https://nominatim.openstreetmap.org"
    """Address of that service."""
    cache_dir: Path | None = None
    """Folder for answers of services; None forbids asking them."""
    masks_dir: Path | None = None
    """Folder for masks that models made, to be used again; None keeps none."""
    knowledge: str = ""
    """Folder or file of passages that a model may be shown; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All that a tool may ask for besides its arguments."""

    store: ArtifactStore
    """Artifacts by handle."""
    origins: Origins
    """The guard in front of every read."""
    figures: Mapping[str, Figure]
    """Figures of this run so far, by id."""
    deadline: Deadline
    """Time left to the step."""
    progress: Progress
    """Where to report progress."""
    options: Options
    """Limits and habits."""
    models: Models = field(default_factory=NoModels)
    """Models by what they can do."""
    indexes: Indexes = field(default_factory=NoIndexes)
    """Indexes by name."""


class Tool(Protocol):
    """A tool: its card, the model of its arguments, and one function."""

    @property
    def card(self) -> ToolCard:
        """What the tool can do."""

    @property
    def arguments(self) -> type[Arguments]:
        """Model that its arguments are checked with."""

    def __call__(self, arguments: Any, services: Services) -> ToolResult:
        """Run the tool on validated arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTool:
    """A tool made of its three parts; what an entry point of `eoagent.tools` names."""

    card: ToolCard
    """What the tool can do."""
    arguments: type[Arguments]
    """Model that its arguments are checked with."""
    function: Callable[[Any, Services], ToolResult]
    """The tool itself: validated arguments and services in, result out."""
    price: Callable[[Any, Services], Price] | None = None
    """What a call would take, reading included; it opens and reads nothing. Where there is none,
    the price of a call is estimated from the rasters among its arguments."""
    depends: Callable[[Any, Services], JsonValue] | None = None
    """What a result hangs on besides arguments and sources: the weights of a model. A result that
    is kept is taken for an equal call only where this is equal too."""

    def __call__(self, arguments: Any, services: Services) -> ToolResult:
        """Run the tool on validated arguments."""
        return self.function(arguments, services)
