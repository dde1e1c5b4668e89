"""Settings from environment and `eoagent.toml`, as one frozen object.

Read in this order, the first wins: arguments, `EOAGENT_*` variables, the `eoagent.toml` of the
working directory, the one in the home folder.
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from eoagent.contracts.draft import ModelPrice
from eoagent.contracts.errors import InputError
from eoagent.contracts.planner import Limits
from eoagent.contracts.tool import Options
from eoagent.io.access_rules import HostRule, read_rules
from eoagent.io.chatserver_address import is_address, read_address
from eoagent.io.href import redact_text

__all__ = ["FILE_NAME", "Settings", "load_settings"]

FILE_NAME = "eoagent.toml"
_CARD_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,60}")
_REASONER_VARIABLE: Final = "EOAGENT_REASONER"


class Settings(BaseSettings):
    """Every habit and limit that a user may set; unknown names in a file are refused."""

    model_config = SettingsConfigDict(
        env_prefix="EOAGENT_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,  # what stands in the wrong place may be a key
    )

    planner: str = "offline"
    """Planner used when none is named: `offline`, or `PROVIDER:MODEL`."""
    base_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Address of the language model's server, where it is not the provider's own."""
    model_sees: bool = False
    """Whether the language model is shown small pictures of what the tools made."""
    model_timeout_s: float = Field(default=120.0, gt=0)
    """Seconds without a sign of life after which a call of the language model is given up."""
    prices: dict[str, ModelPrice] = Field(default_factory=dict)
    """US dollars for a million tokens, by `PROVIDER:MODEL`; a cost limit needs the model's."""
    max_tokens: int = Field(default=Limits().max_tokens, ge=1)
    """Tokens sent to and received from a language model in a run."""
    max_cost_usd: float | None = Field(default=None, ge=0)
    """US dollars that the language model may take in a run."""
    allow_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Private or loopback hosts that documents may name; commas between them in a variable."""
    stac: dict[str, HostRule] = Field(default_factory=dict)
    """Hosts that want a key, each a section `[stac."HOST"]` with `auth` and what goes with it."""
    max_steps: int = Field(default=Limits().max_steps, ge=1, le=1000)
    """Tool calls in a run."""
    max_seconds: float = Field(default=Limits().max_seconds, gt=0)
    """Wall time of a run, seconds."""
    threads_url: SecretStr = SecretStr("")
    """PostgreSQL database that keeps conversations for several servers; empty keeps them here."""
    approve_bytes: int = Field(default=500_000_000, ge=0)
    """Bytes that a run may read over the network before you are asked."""
    approve_scenes: int = Field(default=200, ge=0)
    """Images that a run may open over the network before you are asked."""
    approve_seconds: float = Field(default=120.0, ge=0)
    """Seconds that tools may state beforehand before you are asked."""
    max_repeats: int = Field(default=Limits().max_repeats, ge=1)
    """Times the same call may be asked for in a run."""
    max_parallel: int = Field(default=Limits().max_parallel, ge=1, le=64)
    """Steps that run at the same time, and items of steps over a list."""
    max_memory_mb: int = Field(default=Limits().max_memory_mb, ge=64)
    """Memory that such items may take together, MB; fewer run at once where it is short."""
    max_vertices: int = Field(default=Options().max_vertices, ge=1000)
    """Polygons with more vertices are traced at a coarser stated step."""
    block_pixels: int = Field(default=Options().block_pixels, ge=65_536)
    """Pixels read at a time."""
    gdal_cache_mb: int = Field(default=Options().gdal_cache_mb, ge=16)
    """GDAL's block cache, MB."""
    request_timeout_s: float = Field(default=Options().request_timeout_s, gt=0)
    """Deadline of one remote read, seconds."""
    geocoder: Literal["", "nominatim"] = Options().geocoder
    """Service asked for places that no file and no gazetteer knows; empty asks none."""
    geocoder_url: str = Field(default=Options().geocoder_url, pattern=r"^https?://\S+$")
    """Address of that service, without its `/search`."""

    index: str = ""
    """Index meant where none is named; empty takes the only one there is."""
    encoder: str = ""
    """Model of pictures and texts meant where none is named; empty chooses by the pixel size."""
    reasoner: str = ""
    """Model that reasons about pictures where none is named: the id of a card, or the address of a
    server with the OpenAI protocol; empty takes the default card."""
    reasoner_model: str = ""
    """Name that the reasoner's server knows it by; empty takes the only one that it has."""
    reasoner_profile: str = ""
    """How a served reasoner is asked and read; empty goes by its name."""
    reasoner_key: SecretStr = SecretStr("")
    """Key that is sent to the reasoner's server, and to nobody else."""
    reasoner_timeout_s: float = Field(default=300.0, gt=0)
    """Seconds that one reply of the reasoner's server may take, all tries included."""
    knowledge: str = ""
    """Folder of documents, or file of passages (JSONL, GeoParquet), that a model which reasons
    about pictures is shown what fits from; empty shows none."""
    device: str = Field(default="", pattern=r"^(cpu|cuda(:\d+)?)?$")
    """Where models run: `cpu`, `cuda`, `cuda:1`; empty takes the first GPU, else the CPU."""
    precision: Literal["auto", "float32", "half"] = "auto"
    """Arithmetic of models: `auto` takes half precision where the device computes in it."""
    quantise: Literal["", "4bit"] = ""
    """How a reasoner that is installed here keeps its weights: `4bit` takes a fifth of the memory
    of float32, and needs `pip install bitsandbytes accelerate`."""
    model_memory_mb: int = Field(default=8_000, ge=64)
    """Most memory that the weights of loaded models take, MB."""
    isolate: bool = False
    """Whether each model runs in a process of its own: one that crashes or hangs leaves the agent
    alive, and starts anew."""

    pictures: Literal["auto", "blocks", "off"] = "auto"
    """How `eoagent chat` shows maps: as the terminal can, as half blocks, or not at all."""

    @field_validator("allow_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, hosts: object) -> object:
        return [h.strip() for h in hosts.split(",")] if isinstance(hosts, str) else hosts

    @field_validator("reasoner")
    @classmethod
    def _is_card_or_address(cls, text: str) -> str:
        return _checked_reasoner(text)

    @field_validator("stac", mode="before")
    @classmethod
    def _read_hosts(cls, sections: object) -> dict[str, HostRule]:
        return read_rules(sections)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from, the strongest first."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Yield what a printed form shows: addresses without what may be a key in them."""
        for name, value in super().__repr_args__():
            yield name, redact_text(value) if isinstance(value, str) else value

    def with_reasoner(self, reasoner: str) -> Settings:
        """Return these settings with another reasoner, a card or an address.

        Raises:
            InputError: if it is neither.
        """
        return self.model_copy(update={"reasoner": _checked_reasoner(reasoner)})

    def limits(
        self,
        *,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        max_cost_usd: float | None = None,
    ) -> Limits:
        """Return the limits of a run, with those of the call in place.

        Raises:
            InputError: if a limit of the call leaves no room for a run.
        """
        steps = self.max_steps if max_steps is None else max_steps
        seconds = self.max_seconds if max_seconds is None else max_seconds
        if steps < 1 or not seconds > 0:
            raise InputError(
                f"a run of {steps} steps and {seconds:g} s was asked for",
                hint="give at least one step and more than no time",
            )
        cost = self.max_cost_usd if max_cost_usd is None else max_cost_usd
        if cost is not None and not (cost >= 0 and math.isfinite(cost)):
            raise InputError(
                f"a cost limit of {cost:g} USD was asked for", hint="give US dollars, 0 or more"
            )
        return Limits(
            max_steps=steps,
            max_seconds=seconds,
            max_repeats=self.max_repeats,
            max_parallel=self.max_parallel,
            max_memory_mb=self.max_memory_mb,
            max_tokens=self.max_tokens,
            max_cost_usd=cost,
        )

    def options(self, out_dir: Path | None = None, *, home: Path | None = None) -> Options:
        """Return what tools get to know; answers of services are kept under `home`."""
        return Options(
            max_vertices=self.max_vertices,
            block_pixels=self.block_pixels,
            gdal_cache_mb=self.gdal_cache_mb,
            out_dir=out_dir,
            request_timeout_s=self.request_timeout_s,
            geocoder=self.geocoder,
            geocoder_url=self.geocoder_url,
            cache_dir=None if home is None else home / "answers",
            masks_dir=None if home is None else home / "cache" / "masks",
            knowledge=self.knowledge,
        )


def load_settings(home: Path, *, folder: Path | None = None, reasoner: str = "") -> Settings:
    """Return the settings that hold here.

    Args:
        home: the home folder, which may hold an `eoagent.toml`.
        folder: the working directory, unless another is given.
        reasoner: what the user typed as the reasoner; empty takes what is set.

    Raises:
        InputError: if a file cannot be read as TOML, or a setting is unknown or out of range.
    """
    files = [home / FILE_NAME, (folder or Path.cwd()) / FILE_NAME]
    typed: dict[str, Any] = {"reasoner": reasoner} if reasoner else {}

    class Here(Settings):
        """Settings with the files of this place."""

        model_config = SettingsConfigDict(toml_file=[f for f in files if f.is_file()])

    try:
        held = Here(**typed)
        is_named = bool(typed) or any(name.upper() == _REASONER_VARIABLE for name in os.environ)
        return held if is_named else _without_strange_key(held, *files)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"setting '{name}': {first['msg'].removeprefix('Value error, ')}",
            hint=f"settings are: {', '.join(Settings.model_fields)}",
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, SettingsError) as error:
        raise InputError(
            f"the settings cannot be read: {error}",
            hint=f"mend {FILE_NAME} or the EOAGENT_ variables",
        ) from error


def _without_strange_key(held: Settings, home_file: Path, file: Path) -> Settings:
    """Return settings that send the reasoner's key only where its owner meant it to go.

    A settings file in the working directory may have come with somebody's data: the server that it
    names gets no key but the one that stands beside it.
    """
    if not (is_address(held.reasoner) and file.is_file()):
        return held
    if home_file.is_file() and file.samefile(home_file):
        return held
    found = tomllib.loads(file.read_text(encoding="utf-8"))
    if not found.get("reasoner"):
        return held
    return held.model_copy(update={"reasoner_key": SecretStr(str(found.get("reasoner_key", "")))})


def _checked_reasoner(text: str) -> str:
    if is_address(text):
        read_address(text)
    elif text and not _CARD_ID.fullmatch(text):
        raise InputError(
            f"the reasoner '{redact_text(text)}' is neither the id of a card nor an address",
            hint="name a card (eoagent models list), or write http://HOST:PORT",
        )
    return text
