"""Run a phrase segmenter over a scene of any size, and write one mask for each phrase.

Tiles overlap and are blended; the threshold and the search for objects see the scene as a whole, so
that no object is cut, lost or doubled where tiles meet. Memory is that of one row of tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from eoagent.contracts.errors import InputError, ModelError
from eoagent.contracts.geometry import Window
from eoagent.contracts.progress import Deadline, Progress
from eoagent.contracts.raster import Grid
from eoagent.contracts.segmenter import PhraseMask, PhraseSegmenter
from eoagent.geo.area import Bools, pixel_areas
from eoagent.geo.blending import Blend, Values
from eoagent.geo.instances import Instances, InstanceTable
from eoagent.geo.sampling import Sampling, choose_sampling
from eoagent.geo.scenetiles import SceneTiles, tile_scene
from eoagent.io.mask import MaskWriter
from eoagent.io.raster import RasterReader
from eoagent.io.scenepictures import ScenePicture, ScenePictures

__all__ = ["SceneMask", "SceneRules", "SegmentedScene", "Work", "segment_scene"]

_MOST_TILES: Final = 100_000
_MOST_AT_ONCE: Final = 32
"""Phrases in one pass: each has a file open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneRules:
    """How a scene is cut, and when a pixel counts."""

    tile_px: int = 896
    """Side of a tile, pixels at the ground sampling distance; what the network takes in."""
    overlap_px: int = 224
    """Pixels that neighbouring tiles share at least."""
    edge_share: float = 0.25
    """Share of an overlap, along the edge of a tile, in which the neighbour alone counts."""
    above: float = 0.5
    """Pixels whose probability is above it are of the object."""
    most_values: int = 64_000_000
    """Probabilities that are held at a time; more phrases than fit are asked in another pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a run over a scene may use."""

    new_file: Callable[[], Path]
    """Gives a fresh path (`.tif`) for each mask; nothing is left there if the run fails."""
    deadline: Deadline
    """Time left; checked before every tile and after every phrase."""
    progress: Progress
    """Told how far the run is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneMask:
    """What one phrase means in a scene."""

    phrase: str
    """What was asked."""
    path: Path
    """Mask on the lattice of the sampling: 1 yes, 0 no, 255 not valid."""
    instances: InstanceTable
    """Its objects: regions of pixels that touch by sides or corners."""
    presence: float
    """How likely the object is anywhere, 0 to 1: the highest of all tiles."""
    yes_pixels: int
    """Pixels of the mask that are yes."""
    valid_pixels: int
    """Pixels of the mask that are valid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentedScene:
    """What several phrases mean in a scene."""

    sampling: Sampling
    """How the scene was looked at."""
    masks: tuple[SceneMask, ...]
    """One for each phrase, in order."""
    tiles: int
    """Tiles of the scene."""
    empty_tiles: int
    """Tiles without a valid pixel, which the model was not asked about."""
    assumptions: tuple[str, ...]
    """Choices that were made, each a sentence."""


def segment_scene(
    reader: RasterReader,
    segmenter: PhraseSegmenter,
    phrases: Sequence[str],
    work: Work,
    *,
    rules: SceneRules | None = None,
    gsd_m: float | None = None,
) -> SegmentedScene:
    """Ask a scene of any size for phrases.

    Args:
        reader: the scene, open.
        segmenter: the model.
        phrases: what is asked; the same phrase twice is asked once.
        work: files, time and progress.
        rules: how the scene is cut.
        gsd_m: metres per pixel to look at it; None takes the file's own where the model's card
            allows it.

    Raises:
        InputError: if no phrase is given, or the model is of no use at that pixel size.
        ModelError: if the model fails, or gives something that is no probability.
        BudgetExceeded: if the time is over; no file is left.
        SourceError: if pixels could not be had, or a mask not be written.
    """
    rules = rules or SceneRules()
    asked = tuple(dict.fromkeys(phrases))
    if not asked or not all(phrase.strip() for phrase in asked):
        raise InputError("a scene was asked for no phrase", hint="say what to look for")
    sampling = choose_sampling(reader.ref.grid, segmenter.card, gsd_m=gsd_m)
    tiles = _tiles(sampling, rules)
    pictures = ScenePictures(reader, sampling)
    fits = rules.most_values // (tiles.tile_height * tiles.width)
    at_once = min(max(1, fits), _MOST_AT_ONCE)
    groups = [asked[start : start + at_once] for start in range(0, len(asked), at_once)]
    found: list[SceneMask] = []
    asking = _Asking(segmenter, work, tiles)
    with ExitStack() as undo:
        for number, group in enumerate(groups):
            asking.share = number / len(groups), 1 / len(groups)
            layers = [_Layer(phrase, sampling.grid, work.new_file(), undo) for phrase in group]
            with ExitStack() as closing:
                for layer in layers:
                    closing.enter_context(layer.writer)
                _fill(asking, pictures, layers, above=rules.above)
                found += [layer.finish() for layer in layers]
        undo.pop_all()
    by_phrase = {mask.phrase: mask for mask in found}
    return SegmentedScene(
        sampling=sampling,
        masks=tuple(by_phrase[phrase] for phrase in phrases),
        tiles=tiles.count,
        empty_tiles=asking.empty // len(groups),
        assumptions=_choices(sampling, tiles, pictures, rules=rules),
    )


class _Layer:
    """The mask of one phrase while it is made; `undo` removes its file."""

    def __init__(self, phrase: str, grid: Grid, path: Path, undo: ExitStack) -> None:
        undo.callback(path.unlink, missing_ok=True)
        has_area = grid.is_georeferenced or grid.gsd_m is not None
        self.phrase = phrase
        self.writer = MaskWriter(path, grid, label=phrase)
        self.presence = 0.0
        self._path = path
        self._instances = Instances(pixel_areas(grid) if has_area else None)
        self._yes_pixels = self._valid_pixels = 0

    def add(self, window: Window, valid: Bools, probability: Values, above: float) -> None:
        yes = (probability > above) & valid
        self._yes_pixels += int(np.count_nonzero(yes))
        self._valid_pixels += int(np.count_nonzero(valid))
        self._instances.add(window, yes, valid, probability)
        self.writer.add(window, yes, valid)

    def finish(self) -> SceneMask:
        return SceneMask(
            phrase=self.phrase,
            path=self.writer.finish(),
            instances=self._instances.finish(),
            presence=self.presence,
            yes_pixels=self._yes_pixels,
            valid_pixels=self._valid_pixels,
        )


class _Asking:
    """Asks the model tile by tile, within the time that is left."""

    def __init__(self, segmenter: PhraseSegmenter, work: Work, tiles: SceneTiles) -> None:
        self.tiles = tiles
        self.share = 0.0, 1.0
        self.empty = 0
        self._segmenter = segmenter
        self._work = work

    def about(
        self, picture: ScenePicture, phrases: Sequence[str], number: int
    ) -> Iterator[PhraseMask]:
        """Yield what a tile shows for each phrase; nothing where it has no valid pixel."""
        self._tell(number, 0.0)
        if not picture.valid.any():
            self.empty += 1
            nothing = np.zeros(picture.valid.shape, np.float32)
            yield from (PhraseMask(probability=nothing, presence=0.0) for _ in phrases)
            return
        given = 0
        for mask in self._segmenter.segment(picture.pixels, phrases):
            _check(mask, picture.valid.shape)
            given += 1
            if given <= len(phrases):
                yield mask
            self._tell(number, given / len(phrases))
        if given != len(phrases):
            raise ModelError(f"{len(phrases)} phrases were asked and {given} masks came back")

    def _tell(self, number: int, of_tile: float) -> None:
        self._work.deadline.check()
        before, part = self.share
        done = before + part * (number + min(of_tile, 1.0)) / self.tiles.count
        self._work.progress(min(done, 1.0), f"segmenting tile {number + 1} of {self.tiles.count}")


def _fill(
    asking: _Asking, pictures: ScenePictures, layers: Sequence[_Layer], *, above: float
) -> None:
    """Ask all tiles, and give the layers what they make together, strip by strip."""
    tiles = asking.tiles
    phrases = [layer.phrase for layer in layers]
    blend = Blend(tiles, len(layers))
    valid = np.zeros((tiles.tile_height, tiles.width), bool)
    for row in range(len(tiles.rows)):
        for col, start in enumerate(tiles.cols):
            picture = pictures.read(tiles.window(row, col))
            valid[:, start : start + tiles.tile_width] = picture.valid
            answers = asking.about(picture, phrases, row * len(tiles.cols) + col)
            for number, (layer, mask) in enumerate(zip(layers, answers, strict=True)):
                blend.add(number, mask.probability)
                layer.presence = max(layer.presence, mask.presence)
        window, values = blend.finish_row()
        for layer, probability in zip(layers, values, strict=True):
            layer.add(window, valid[: window.height], probability, above)


def _tiles(sampling: Sampling, rules: SceneRules) -> SceneTiles:
    """Return how the scene is cut, once the rules are known to make sense."""
    grid = sampling.grid
    if not 0 <= rules.above < 1:
        raise InputError(
            f"pixels above a probability of {rules.above:g} were asked for",
            hint="give a threshold from 0 to less than 1",
        )
    tiles = tile_scene(
        grid.height,
        grid.width,
        tile_px=rules.tile_px,
        overlap_px=rules.overlap_px,
        edge_share=rules.edge_share,
    )
    if tiles.count > _MOST_TILES:
        raise InputError(
            f"the scene has {grid.width} x {grid.height} pixels and {tiles.count:,} tiles, more "
            f"than {_MOST_TILES:,}",
            hint="choose a part of it, a coarser ground sampling distance, or less overlap",
        )
    return tiles


def _check(mask: PhraseMask, shape: tuple[int, ...]) -> None:
    """Refuse what is no probability."""
    values = mask.probability
    if values.shape != shape or values.dtype != np.float32:
        raise ModelError(
            f"the model was given a picture of {shape} pixels and gave {values.shape} values of "
            f"{values.dtype}, not one float32 for each"
        )
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1 and 0 <= mask.presence <= 1):
        raise ModelError(
            f"the model gave probabilities from {low:g} to {high:g} and a presence of "
            f"{mask.presence:g}, which are not from 0 to 1"
        )


def _choices(
    sampling: Sampling, tiles: SceneTiles, pictures: ScenePictures, *, rules: SceneRules
) -> tuple[str, ...]:
    size = f"{tiles.tile_width} x {tiles.tile_height} pixels"
    shared = tiles.least_overlap
    if shared is None:
        cut = f"the image was asked as one picture of {size}, as {pictures.rule}"
    else:
        cut = (
            f"the image was asked in {tiles.count} tiles of {size} that share {shared} or more "
            f"with their neighbours and are blended there, as {pictures.rule}"
        )
    return (*sampling.notes, cut, f"pixels count where the probability is above {rules.above:g}")
