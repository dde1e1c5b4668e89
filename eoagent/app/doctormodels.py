"""What the doctor finds of models and indexes: libraries, device, weights, and what is damaged."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from typing import Final

from eoagent import plugins
from eoagent.app.finding import Finding
from eoagent.app.keeping import IndexKeeper
from eoagent.app.workshop import Workshop
from eoagent.contracts.card import ModelCard
from eoagent.contracts.errors import EoAgentError
from eoagent.contracts.runner import Counters, RunnerKind
from eoagent.io.modeluse import read_use
from eoagent.runners.devices import choose_placement
from eoagent.runners.weights import ModelStore

__all__ = ["examine_models"]

_LIBRARIES: Final = ("torch", "open_clip_torch", "safetensors", "huggingface-hub")
_MODULES: Final = ("torch", "open_clip", "safetensors", "huggingface_hub")


def examine_models(shop: Workshop) -> list[Finding]:
    """Return the findings; nothing raises, for what is broken is what is reported."""
    return [_libraries(), _device(), _faiss(), *_weights(shop), *_use(shop), *_indexes(shop)]


def _libraries() -> Finding:
    missing = [module for module in _MODULES if not _is_there(module)]
    if missing:
        detail = f"no {', '.join(missing)}: no model runs"
        remedy = "pip install 'eoagent[models]'"
        return Finding(what="models extra", state="missing", detail=detail, remedy=remedy)
    found = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES)
    return Finding(what="models extra", state="ok", detail=found)


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # a finder refuses it, or a half-imported one has no spec
        return False


def _device() -> Finding:
    try:
        place = choose_placement("")
    except EoAgentError as error:
        return Finding(what="device", state="missing", detail=str(error), remedy=error.hint)
    return Finding(what="device", state="ok", detail=f"{place.device}, {place.dtype}")


def _faiss() -> Finding:
    if not _is_there("faiss"):
        detail = "no faiss: every search compares all tiles, which is exact and slower"
        remedy = "pip install 'eoagent[faiss]'"
        return Finding(what="faiss", state="missing", detail=detail, remedy=remedy)
    names = importlib.metadata.packages_distributions().get("faiss", ["faiss"])
    detail = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in dict.fromkeys(names)
    )
    return Finding(what="faiss", state="ok", detail=detail)


def _weights(shop: Workshop) -> list[Finding]:
    store = ModelStore(shop.home)
    cards, findings = _cards()
    installed = []
    for card in cards:
        try:
            if store.installed(card.id) is not None:
                installed.append(card.id)
        except EoAgentError as error:
            remedy = error.hint or f"eoagent models import {card.id} PATH"
            findings.append(
                Finding(what=f"model {card.id}", state="broken", detail=str(error), remedy=remedy)
            )
    if installed:
        detail = f"{len(installed)} of {len(cards)} installed: {', '.join(installed)}"
        return [Finding(what="weights", state="ok", detail=detail), *findings]
    detail = f"none of {len(cards)} models is installed: no search by words or pictures"
    remedy = "eoagent models pull ID, or eoagent models import ID PATH (eoagent models list)"
    return [Finding(what="weights", state="missing", detail=detail, remedy=remedy), *findings]


def _use(shop: Workshop) -> list[Finding]:
    """What the models did so far, one line for each that was ever asked."""
    return [
        Finding(what=f"used {name.split()[0]}", state="ok", detail=_told(name, counters))
        for name, counters in sorted(read_use(shop.home).items())
    ]


def _told(name: str, use: Counters) -> str:
    said = (
        f"{name.partition(' ')[2]}: {use.requests:,} requests in {use.batches:,} passes, "
        f"{use.busy_s:,.1f} s busy"
    )
    faults = {
        "failed": use.failures,
        "timed out": use.timeouts,
        "out of memory": use.out_of_memory,
        "restarted": use.restarts,
    }
    return said + "".join(f", {count:,} {what}" for what, count in faults.items() if count)


def _cards() -> tuple[list[ModelCard], list[Finding]]:
    """Return the cards of all kinds of runner, and a finding for each kind that does not import."""
    cards: list[ModelCard] = []
    findings: list[Finding] = []
    try:
        found = plugins.find("eoagent.runners")
    except EoAgentError:  # told among the plugins
        return cards, findings
    for name, entry in found.items():
        try:
            kind: RunnerKind = plugins.load_entry(entry)
            cards += kind.cards()
        except EoAgentError as error:
            what = f"runner {name}"
            findings.append(
                Finding(what=what, state="missing", detail=str(error), remedy=error.hint)
            )
    return cards, findings


def _indexes(shop: Workshop) -> list[Finding]:
    try:
        found = IndexKeeper(shop).every()
    except EoAgentError as error:
        return [Finding(what="indexes there", state="broken", detail=str(error), remedy=error.hint)]
    findings, told = [], []
    for name, one in found:
        if isinstance(one, EoAgentError):
            remedy = one.hint or f"eoagent index verify {name}"
            findings.append(
                Finding(what=f"index {name}", state="broken", detail=str(one), remedy=remedy)
            )
        else:
            told.append(f"{name} ({one.tiles:,} tiles)")
    if not told and not findings:
        remedy = "eoagent index build NAME --from CATALOG"
        return [Finding(what="indexes there", state="missing", detail="none", remedy=remedy)]
    detail = ", ".join(told) or "none that is sound"
    return [Finding(what="indexes there", state="ok", detail=detail), *findings]
