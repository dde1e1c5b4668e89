"""The tour: a small world is made or opened, asked about, and told in one report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from eoagent.app.agent import Agent
from eoagent.app.answer import Answer
from eoagent.app.demo_live import EARTH_SEARCH, LIVE, live_scene
from eoagent.app.report import page
from eoagent.contracts.errors import EoAgentError, NotFound
from eoagent.contracts.events import Event
from eoagent.contracts.units import convert
from eoagent.io.atomic import write_atomic
from eoagent.io.describe import describe_files
from eoagent.io.origin import OriginGuard
from eoagent.io.sampleworld.truth import SceneTruth, WorldTruth
from eoagent.io.sampleworld.world import write_world
from eoagent.io.scene import Scene
from eoagent.io.scene_bands import scene_band_hints
from eoagent.io.stac import open_catalog
from eoagent.io.stac_item import names_item

__all__ = ["DemoStop", "Truth", "run_demo"]

_WATER = "How many square kilometres of water are there, and what share of the image is that?"
_GREEN = "How green is it?"
_STATISTICS = "What are the mean and the standard deviation of NDVI over this scene?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is known of an answer beforehand."""

    label: str
    value: float
    unit: str
    tolerance: float
    """Largest difference that passes, in the unit."""


_Stop = tuple[str, str, str, tuple[Truth, ...]]


@dataclass(slots=True, kw_only=True)
class DemoStop:
    """One question of the tour."""

    question: str
    """What is asked."""
    about: str
    """Which scene it is asked about."""
    events: Iterator[Event]
    """The run, as it happens."""
    out: Path
    """Folder of this question's answer."""
    truths: tuple[Truth, ...] = ()
    """What the results must be, in their order; empty where nothing is known."""
    answers: list[Answer] = field(default_factory=list)
    """All answers of the tour so far."""

    def finish(self, answer: Answer) -> None:
        """Keep the answer and write the report of the tour so far."""
        answer.save(self.out)
        self.answers.append(answer)
        report = page("eoagent: a short tour", [a.section() for a in self.answers])
        write_atomic(self.out.parent / "report.html", report.encode())

    def holds(self, answer: Answer) -> bool:
        """Return whether the answer came, and is true as far as the truth is known."""
        if answer.status != "answered" or len(answer.results) < len(self.truths):
            return False
        pairs = zip(self.truths, answer.results, strict=False)
        return all(
            abs(convert(figure.number, figure.unit, truth.unit) - truth.value) <= truth.tolerance
            for truth, figure in pairs
        )

    def truth_lines(self, answer: Answer) -> list[str]:
        """Return the truth beside the answer, a line each."""
        lines = [f"asked about: {self.about}"]
        for truth, figure in zip(self.truths, answer.results, strict=False):
            value = convert(figure.number, figure.unit, truth.unit)
            lines.append(f"{truth.label}: answer {value:.4f}, truth {truth.value:.4f} {truth.unit}")
        return lines


def run_demo(source: str, out: Path, *, api: str = EARTH_SEARCH) -> Iterator[DemoStop]:
    """Yield the stops of the tour; each must be watched and finished before the next.

    Everything is written below `out`, the store too.

    Args:
        source: `sample` for the generated world, `earth-search` for a fresh scene from the network,
            else a STAC catalog, item or folder of rasters.
        out: folder for the world, the answers and the report.
        api: the STAC API behind `earth-search`.

    Raises:
        NotFound: if the source has no scene with the bands for the questions.
        EoAgentError: whatever reading the source raises.
    """
    root = out.expanduser().absolute()
    agent = Agent("offline", home=root / "home")
    answers: list[Answer] = []
    stops = _stops(source, root, api)
    for number, (question, image, about, truths) in enumerate(stops, start=1):
        yield DemoStop(
            question=question,
            about=about,
            events=agent.stream(question, images=[image]),
            out=root / f"answer-{number}",
            truths=truths,
            answers=answers,
        )


def _stops(source: str, root: Path, api: str) -> list[_Stop]:
    if source == "sample":
        return _sample_stops(root)
    if source == LIVE:
        item, about = live_scene(root / "scene", datetime.now(tz=UTC), api=api)
        return [(question, str(item), about, ()) for question in (_WATER, _GREEN, _STATISTICS)]
    return _source_stops(source)


def _sample_stops(root: Path) -> list[_Stop]:
    folder = root / "world"
    world = write_world(folder)
    first, last = _clear_scene(world, 0), _clear_scene(world, -1)
    scenes = {
        scene.id: scene.href
        for scene in open_catalog(str(folder / "catalog.json"), _guard(folder)).scenes
    }
    return [
        (_WATER, scenes[first.id], f"{world.title}, {first.date}", _water_truth(first)),
        (_WATER, scenes[last.id], f"{world.title}, {last.date}", _water_truth(last)),
        (_GREEN, scenes[first.id], f"{world.title}, {first.date}", _green_truth(first)),
        (_STATISTICS, scenes[last.id], f"{world.title}, {last.date}", (_ndvi_truth(last),)),
    ]


def _guard(folder: Path | str) -> OriginGuard:
    guard = OriginGuard()
    guard.type_in(str(folder))
    return guard


def _clear_scene(world: WorldTruth, which: int) -> SceneTruth:
    """Return the first or last scene of ten metres without cloud or snow."""
    clear = [
        scene
        for scene in world.scenes
        if scene.cloud_pct == 0
        and scene.gsd_m == 10
        and not any(cover.label == "snow" and cover.pixels for cover in scene.covers)
    ]
    return clear[which]


def _water_truth(scene: SceneTruth) -> tuple[Truth, ...]:
    area = convert(scene.water.area_m2, "m2", "km2")
    share = 100.0 * scene.water.area_m2 / scene.valid.area_m2
    return (
        Truth(label="water", value=area, unit="km2", tolerance=0.001 * area),
        Truth(label="share", value=share, unit="percent", tolerance=0.001 * share),
    )


def _green_truth(scene: SceneTruth) -> tuple[Truth, ...]:
    green = next(rule for rule in scene.rules if "nir - red" in rule.rule)
    share = 100.0 * green.valid.area_m2 / scene.valid.area_m2
    return (
        Truth(label="green share", value=share, unit="percent", tolerance=0.001 * share),
        _ndvi_truth(scene),
    )


def _ndvi_truth(scene: SceneTruth) -> Truth:
    return Truth(label="mean NDVI", value=scene.mean_ndvi_valid, unit="1", tolerance=1e-4)


def _source_stops(source: str) -> list[_Stop]:
    guard = _guard(source)
    scenes = open_catalog(source, guard).scenes
    able = [scene for scene in scenes if _has_bands(scene, guard)]
    if not able:
        raise NotFound(
            f"none of the {len(scenes)} scenes of {source} has green, red and near-infrared bands",
            hint="give a catalog of multispectral scenes, or --source sample",
        )
    calibrated = [scene for scene in able if _is_calibrated(scene)] or able
    chosen = [calibrated[0], calibrated[len(calibrated) // 2], calibrated[-1]]
    questions = (_WATER, _GREEN, _STATISTICS)
    return [
        (question, _href(scene), scene.title or scene.id, ())
        for question, scene in zip(questions, chosen, strict=True)
    ]


def _has_bands(scene: Scene, guard: OriginGuard) -> bool:
    if names_item(scene.href):
        names = {hint.common_name for hint in scene_band_hints(scene).bands}
    else:
        names = set(describe_files([_href(scene)], guard).ref.band_names)
    return {"green", "red"} <= names and bool({"nir", "nir08"} & names)


def _is_calibrated(scene: Scene) -> bool:
    return all(hint.scale is not None for hint in scene_band_hints(scene).bands)


def _href(scene: Scene) -> str:
    """Return what opens the scene: its item, or the file of a scene without one."""
    if names_item(scene.href):
        return scene.href
    if not scene.assets:
        raise EoAgentError(f"scene {scene.id} has no file")
    return scene.assets[0].href
