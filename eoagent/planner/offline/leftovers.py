"""What a reading says that a family of questions would leave out: a reason to decline."""

from __future__ import annotations

from eoagent.planner.offline.phrases import say
from eoagent.planner.offline.quantities import quantity
from eoagent.planner.offline.reading import Reading, Subject

__all__ = ["leftovers", "subject_name", "unit_of"]


def leftovers(reading: Reading, uses: frozenset[str]) -> tuple[str, ...]:
    """Return in words what a reading says beyond what a family uses.

    A question is answered only if each thing that it says is used: `width of the water` is not
    the width of the image, and `mean NDVI in km2` is no mean NDVI.

    Args:
        reading: the question, read.
        uses: names of parts of a reading: `cover`, `condition`, `zone`, `subject`, `bit`,
            `cloud`, `valid`, `largest`, `parameters`, kinds of want, and units of results.
    """
    return tuple(words for part, words in _said(reading) if part not in uses)


def subject_name(subject: Subject, *, chinese: bool) -> str:
    """Return a quantity's name in the question's language."""
    return (
        say("subject_height", chinese=chinese) if subject.kind == "height" else subject.id.upper()
    )


def _said(reading: Reading) -> list[tuple[str, str]]:
    """Return each part of a reading that bears on the result, with words for it."""
    zh = reading.chinese
    said = [("cover", say(f"cover_{c.name}", chinese=zh)) for c in reading.covers]
    said += [("condition", subject_name(c.subject, chinese=zh)) for c in reading.conditions]
    said += [("subject", subject_name(s, chinese=zh)) for s in reading.subjects]
    said += [(unit, unit) for unit in reading.units]
    for want in reading.wants:
        phrase = f"what_{want.what}" if want.what else f"want_{want.kind}"
        said.append((want.kind, say(phrase, chinese=zh)))
    if reading.zone is not None:
        said.append(("zone", reading.zone.name or reading.zone.noun))
    if reading.bit is not None:
        said.append(("bit", f"bit {reading.bit}"))
    if reading.clouds or reading.quality:
        said.append(("cloud", say("word_cloud", chinese=zh)))
    if reading.valid:
        said.append(("valid", say("word_valid", chinese=zh)))
    if reading.largest or reading.connectivity is not None:
        said.append(("largest", say("word_largest", chinese=zh)))
    if reading.parameters:
        said.append(("parameters", ", ".join(reading.parameters)))
    return said


def unit_of(subject: Subject) -> str:
    """Return the unit that results of a quantity have."""
    unit = quantity(subject.id).unit
    return "1" if unit == "reflectance" else unit
