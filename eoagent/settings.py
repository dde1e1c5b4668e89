"""Settings from environment and `eoagent.toml`, as one frozen object.

Read in this order, the first wins: arguments, `EOAGENT_*` variables, the `eoagent.toml` of the
working directory, the one in the home folder.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from eoagent.contracts.errors import InputError
from eoagent.contracts.planner import Limits
from eoagent.contracts.tool import Options

__all__ = ["FILE_NAME", "Settings", "load_settings"]

FILE_NAME = "eoagent.toml"


class Settings(BaseSettings):
    """Every habit and limit that a user may set; unknown names in a file are refused."""

    model_config = SettingsConfigDict(
        env_prefix="EOAGENT_",
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,  # what stands in the wrong place may be a key
    )

    planner: str = "offline"
    """Planner used when none is named."""
    allow_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Private or loopback hosts that documents may name; commas between them in a variable."""
    max_steps: int = Field(default=Limits().max_steps, ge=1, le=1000)
    """Tool calls in a run."""
    max_seconds: float = Field(default=Limits().max_seconds, gt=0)
    """Wall time of a run, seconds."""
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

    @field_validator("allow_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, hosts: object) -> object:
        return [h.strip() for h in hosts.split(",")] if isinstance(hosts, str) else hosts

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

    def limits(self, *, max_steps: int | None = None, max_seconds: float | None = None) -> Limits:
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
        return Limits(
            max_steps=steps,
            max_seconds=seconds,
            max_repeats=self.max_repeats,
            max_parallel=self.max_parallel,
            max_memory_mb=self.max_memory_mb,
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
        )


def load_settings(home: Path, *, folder: Path | None = None) -> Settings:
    """Return the settings that hold here.

    Args:
        home: the home folder, which may hold an `eoagent.toml`.
        folder: the working directory, unless another is given.

    Raises:
        InputError: if a file cannot be read as TOML, or a setting is unknown or out of range.
    """
    files = [home / FILE_NAME, (folder or Path.cwd()) / FILE_NAME]

    class Here(Settings):
        """Settings with the files of this place."""

        model_config = SettingsConfigDict(toml_file=[f for f in files if f.is_file()])

    try:
        return Here()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"setting '{name}': {first['msg']}",
            hint=f"settings are: {', '.join(Settings.model_fields)}",
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, SettingsError) as error:
        raise InputError(
            f"the settings cannot be read: {error}",
            hint=f"mend {FILE_NAME} or the EOAGENT_ variables",
        ) from error
