"""Put together what a suite of sight states: figures, tables, model, and what was left out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from eoagent.app.evaluation.benchmarks.truths import Benchmark
from eoagent.app.evaluation.measured import Measured, MeasuredModel, now_text, own_versions
from eoagent.app.evaluation.publishedsight import published_table
from eoagent.app.evaluation.seeing.leftout import Outcome
from eoagent.app.evaluation.tables import Table
from eoagent.contracts.card import ModelCard

__all__ = ["figure_table", "model_of", "share", "state"]

_ALLOWED = 1 << 28


def state(
    suite: str,
    benchmark: Benchmark,
    outcome: Outcome,
    *,
    models: tuple[MeasuredModel, ...],
    metrics: Mapping[str, float],
    tables: tuple[Table, ...],
    notes: tuple[str, ...],
    details: Mapping[str, JsonValue],
    began: float,
) -> Measured:
    """Return what a suite found, as one document.

    Args:
        suite: name of the suite.
        benchmark: where the truth comes from.
        outcome: what was measured and left out.
        models: those that took part, the measured one first.
        metrics: figures by name.
        tables: the same for people; published figures are put below them.
        notes: how it was measured.
        details: what is too long for a table.
        began: `time.perf_counter()` at its start.
    """
    counted = {"pictures": float(outcome.measured), "left_out": float(outcome.failed)}
    return Measured(
        schema="eoagent/measured/1",
        suite=suite,
        data=str(benchmark.listing),
        sha256=_sha256(benchmark.listing),
        models=models,
        metrics={**metrics, **counted},
        tables=(*tables, *published_table(suite, str(benchmark.listing))),
        details=dict(details),
        left_out=outcome.left_out,
        notes=(*outcome.notes, *benchmark.notes, *notes),
        versions=own_versions(),
        created=now_text(),
        seconds=round(time.perf_counter() - began, 3),
    )


def model_of(card: ModelCard, settings: Mapping[str, str]) -> MeasuredModel:
    """Return what identifies a model: card, weights and how it was run and asked."""
    return MeasuredModel(card=card.id, sha256=card.weights.sha256, settings=dict(settings))


def figure_table(title: str, metrics: Mapping[str, float], *, note: str = "") -> Table:
    """Return figures as a table of two columns; whole shares are shown with four digits."""
    rows = tuple((name, f"{value:.4f}") for name, value in metrics.items())
    return Table(head=(title, "figure"), rows=rows, note=note)


def share(value: float) -> str:
    """Return a share in percent."""
    return f"{100 * value:.2f}"


def _sha256(listing: Path) -> str:
    if not listing.is_file() or listing.stat().st_size > _ALLOWED:
        return ""
    return hashlib.sha256(listing.read_bytes()).hexdigest()
