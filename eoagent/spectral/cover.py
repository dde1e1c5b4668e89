"""From a plain word such as `water` to a stated, citable rule over the bands that are there.

A rule is a conjunction of comparisons. Where values are calibrated the published threshold is
used. On uncalibrated counts a water index shifts, so its threshold comes from the scene's own
histogram (Otsu) provided that the histogram shows two classes, one on each side of the published
threshold; otherwise the published threshold stands, and the rule says that it is rough.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import ValueKind
from eoagent.spectral.bandwords import band_words
from eoagent.spectral.cover_table import ConditionRow, Cover, RuleRow, find_cover, rules_for
from eoagent.spectral.expression import parse
from eoagent.spectral.index_table import INDICES
from eoagent.spectral.indices import match_bands
from eoagent.spectral.otsu import MIN_DIP, ONE_CLASS_D, Bimodality, Histogram, bimodality, otsu
from eoagent.spectral.rule import Condition, CoverRule, compare
from eoagent.spectral.sensors import common_name

__all__ = ["Condition", "CoverRule", "choose_rule", "compare", "settle"]

_UNCALIBRATED: Final = ("counts", "picture", "unknown")


def choose_rule(
    cover: str,
    available: Iterable[str],
    values: ValueKind,
    *,
    sensor: str = "",
    dates: Literal[1, 2] = 1,
    method: Literal["auto", "fixed", "otsu"] = "auto",
) -> CoverRule:
    """Return the best rule for a cover that the bands and the kind of values allow.

    Args:
        cover: A cover's id or another word for it.
        available: Names of the raster's bands.
        values: What the raster's numbers are.
        sensor: Preset id that reads names such as `band 4`; empty when not known.
        dates: 2 for the change from an image before to one after (`burned`).
        method: `auto` as described above; `fixed` keeps the published threshold, as comparisons
            over time on one scale want; `otsu` asks for the histogram's.

    Raises:
        NotFound: if no rule is known for that word.
        InputError: if the bands or values do not allow any rule; the message names what is
            missing, and the hint what would do.
    """
    known = find_cover(cover)
    there = tuple(available)
    rows = [row for row in rules_for(known.id) if row.dates == dates]
    if not rows:
        reason = known.wrong_dates or f"{known.title} is told from one date"
        advice = known.advice if known.wrong_dates else "make a mask for each date and compare them"
        raise InputError(reason, hint=advice)
    reasons: list[str] = []
    for row in rows:
        needed = _names(row)
        found, missing = match_bands(needed, there, sensor=sensor)
        if missing:
            if not row.values[0].startswith("backscatter"):
                lacking = " and ".join(band_words(name) for name in missing)
                reasons.append(f"{_label(row.conditions[0])} lacks {lacking}")
        elif values not in row.values:
            wanted = " or ".join(row.values)
            reasons.append(f"{_label(row.conditions[0])} wants {wanted}, and these are {values}")
        else:
            return _build(known, row, found, values=values, method=method, sensor=sensor)
    msg = f"{known.title} cannot be told from {', '.join(there) or 'no bands'} ({values} values)"
    raise InputError(f"{msg}: {'; '.join(dict.fromkeys(reasons))}", hint=known.advice)


def settle(rule: CoverRule, histogram: Histogram) -> CoverRule:
    """Return the rule with its final threshold; a settled rule comes back as it is.

    Otsu's threshold is taken when the two sides are two classes (`bimodality`) and, where there
    is a published threshold, their means lie on its two sides. If not, the published threshold
    is kept and an assumption says so.

    Args:
        rule: From `choose_rule`.
        histogram: Of `rule.values(...)` over the whole raster, made with `rule.histogram`.

    Raises:
        InputError: if the histogram is empty, or shows no two classes and there is no published
            threshold to fall back to.
    """
    if rule.is_settled:
        return rule
    first, *rest = rule.conditions
    if not histogram.total:
        msg = f"no valid pixel has a value of {first.label}"
        raise InputError(msg, hint="the image has no data here, or its nodata value is wrong")
    found, problem = _examine(first, histogram)
    if found is not None and not problem:
        note = (
            f"the threshold of {first.label} is Otsu's, from this image's own histogram "
            f"(Otsu 1979; two classes by Ashman's D = {found.d:.2f} and a dip of {found.dip:.0%})"
        )
        first = dataclasses.replace(first, threshold=float(f"{found.threshold:.6g}"))
    elif first.threshold is None:
        msg = f"{rule.title} cannot be told by {first.label}: {problem}"
        raise InputError(msg, hint="state a threshold of your own")
    else:
        note = (
            f"{first.label}: {problem}, so the published {first.threshold:g} was used; it is rough"
        )
    return dataclasses.replace(
        rule,
        conditions=(first, *rest),
        method="fixed" if problem else "otsu",
        histogram=None,
        assumptions=(*rule.assumptions, note),
    )


def _examine(first: Condition, histogram: Histogram) -> tuple[Bimodality | None, str]:
    """Return Otsu's cut with its check, and why it will not do (empty where it will)."""
    counts, edges = histogram.counts, histogram.edges
    if np.count_nonzero(counts) < 2:
        return None, f"all values of {first.label} are the same"
    found = bimodality(counts, edges, otsu(counts, edges))
    if not found.is_bimodal:
        measured = f"Ashman's D = {found.d:.2f}, {ONE_CLASS_D:.2f} wanted; dip {found.dip:.0%}"
        return found, f"the histogram shows no two classes ({measured}, {MIN_DIP:.0%} wanted)"
    if first.threshold is None or found.mean_below < first.threshold < found.mean_above:
        return found, ""
    means = f"{found.mean_below:.2f} and {found.mean_above:.2f}"
    side = f"lie on one side of {first.threshold:g}"
    return found, f"both classes of the histogram (means {means}) {side}"


def _names(row: RuleRow) -> tuple[str, ...]:
    """Return the band names of a rule, in order of first use."""
    texts = [_expression(condition) for condition in row.conditions]
    return tuple(dict.fromkeys(name for text in texts for name in parse(text).names))


def _expression(condition: ConditionRow) -> str:
    return INDICES[condition.index].formula if condition.index else condition.expression


def _label(condition: ConditionRow) -> str:
    return condition.index.upper() or condition.label


def _build(
    cover: Cover,
    row: RuleRow,
    found: Mapping[str, str],
    *,
    values: ValueKind,
    method: Literal["auto", "fixed", "otsu"],
    sensor: str,
) -> CoverRule:
    conditions = tuple(
        Condition(
            label=_label(item),
            expression=_expression(item),
            operator=item.operator,
            threshold=item.threshold,
        )
        for item in row.conditions
    )
    if method == "fixed" and conditions[0].threshold is None:
        msg = f"{conditions[0].label} has no published threshold for {cover.title}"
        raise InputError(msg, hint="leave the method to 'auto', or state a threshold of your own")
    uncalibrated = values in _UNCALIBRATED
    by_histogram = row.otsu == "always" or (row.otsu == "uncalibrated" and uncalibrated)
    adaptive = method == "otsu" or (method == "auto" and by_histogram)
    assumptions = [*row.assumptions]
    assumptions += [
        f"band {band} stands in for {name}"
        for name, band in found.items()
        if common_name(band, sensor=sensor) not in {None, name}
    ]
    if uncalibrated and not adaptive:
        assumptions.append(f"the values are {values}, not reflectance, so the threshold is rough")
    return CoverRule(
        cover=cover.id,
        title=cover.title,
        conditions=conditions,
        bands=MappingProxyType(dict(found)),
        dates=row.dates,
        method="otsu" if adaptive else "fixed",
        histogram=row.histogram if adaptive else None,
        source=row.source,
        assumptions=tuple(assumptions),
    )
