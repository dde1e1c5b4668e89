"""Scenes asked tile by tile give the objects that scipy finds in the whole scene at once.

The model is a stand-in that finds what is bright in whatever tile it is given, and, where that is
tested, is wrong along the edges of its tiles.
"""

from __future__ import annotations

import math
import shutil
import warnings

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Proj
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine
from scipy import ndimage

from eoagent.contracts.card import ModelCard, WeightsSource
from eoagent.contracts.segmenter import PhraseMask
from eoagent.io.mask import MaskReader
from eoagent.io.origin import OriginGuard
from eoagent.io.raster import RasterReader, open_raster
from eoagent.io.sceneobjects import object_boxes
from eoagent.io.scenesegment import SceneRules, Work, segment_scene

PIXEL_M = 0.5
ORIGIN = 480_000.0, 5_000_000.0
EIGHT = np.ones((3, 3), bool)
NODATA = 3
CARD = ModelCard(
    id="stub-one", kind="stub", title="Stub", summary="finds what is bright", licence="none",
    homepage="none", weights=WeightsSource(file="none"), architecture="none", input_px=896,
    memory_mb=1,
)  # fmt: skip


class Bright:
    """Finds what is bright; along the edges of its tiles it says the opposite."""

    card = CARD

    def __init__(self, spoiled=0):
        self.spoiled = spoiled

    def segment(self, picture, phrases):
        truth = (picture[..., 0] > 127).astype(np.float32)
        m = self.spoiled
        if m:
            inner = np.zeros(truth.shape, bool)
            inner[m:-m, m:-m] = True
            truth = np.where(inner, truth, 1 - truth)
        presence = float(truth.max())
        return [PhraseMask(probability=truth, presence=presence) for _ in phrases]


class NoDeadline:
    remaining_s = math.inf

    def check(self):
        pass


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Write a scene and ask it; each call in a folder of its own, which is then removed."""
    state = {"count": 0}

    def run(yes, valid=None, *, angle=0.0, rules, ratio=1.0, spoiled=0, placed=True):
        state["count"] += 1
        folder = tmp_path_factory.mktemp(f"scene{state['count']}")
        values = np.where(yes, np.uint8(255), np.uint8(10))
        if valid is not None:
            values = np.where(valid, values, np.uint8(NODATA))
        turn = math.radians(angle)
        a, d = PIXEL_M * math.cos(turn), PIXEL_M * math.sin(turn)
        place = {"crs": "EPSG:32633", "transform": Affine(a, d, ORIGIN[0], d, -a, ORIGIN[1])}
        path = folder / "scene.tif"
        height, width = yes.shape
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(
                path, "w", driver="GTiff", width=width, height=height, count=3, dtype="uint8",
                nodata=NODATA, photometric="RGB", **(place if placed else {}),
            ) as file:  # fmt: skip
                file.write(np.repeat(values[None], 3, axis=0))
        origins = OriginGuard(typed=[str(folder)])
        ref = open_raster([str(path)], origins, gsd_m=None if placed else PIXEL_M)
        files = iter(range(9))
        work = Work(
            new_file=lambda: folder / f"mask{next(files)}.tif",
            deadline=NoDeadline(),
            progress=lambda done, what: None,
        )
        with RasterReader(ref, origins) as reader:
            found = segment_scene(
                reader, Bright(spoiled), ["bright"], work, rules=rules, gsd_m=PIXEL_M * ratio
            )
        with MaskReader(found.masks[0].path) as file:
            mask, known = file.read()
        boxes = object_boxes(
            found.masks[0], found.sampling, np.arange(len(found.masks[0].instances)),
            own=ref.grid,
        )  # fmt: skip
        shutil.rmtree(folder)
        return found, mask, known, boxes

    return run


@st.composite
def layouts(draw):
    """Rectangles, lines and corners that touch: shapes of all sizes on a small scene."""
    height, width = draw(st.integers(4, 60)), draw(st.integers(4, 60))
    yes = np.zeros((height, width), bool)
    for _ in range(draw(st.integers(0, 9))):
        row, col = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        kind = draw(st.sampled_from(["block", "row", "column", "steps"]))
        if kind == "steps":
            for n in range(draw(st.integers(1, 30))):
                yes[(row + n) % height, (col + n) % width] = True
            continue
        high = 1 if kind == "row" else draw(st.integers(1, height))
        wide = 1 if kind == "column" else draw(st.integers(1, width))
        yes[row : row + high, col : col + wide] = draw(st.integers(0, 3)) > 0
    return yes


@st.composite
def cuts(draw):
    tile = draw(st.integers(5, 40))
    return SceneRules(
        tile_px=tile,
        overlap_px=draw(st.integers(0, tile // 2)),
        edge_share=draw(st.sampled_from([0.0, 0.25, 0.5])),
        most_values=draw(st.sampled_from([1, 64_000_000])),
    )


def whole(yes):
    labels, count = ndimage.label(yes, EIGHT)
    pixels = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    boxes = [(c.start, r.start, c.stop, r.stop) for r, c in ndimage.find_objects(labels)]
    return pixels.tolist(), [list(box) for box in boxes]


def ground(gsd_m, pixels):
    """Area on the ellipsoid, from PROJ's own scale of the map at the scene."""
    proj = Proj("EPSG:32633")
    lon, lat = proj(*ORIGIN, inverse=True)
    return np.array(pixels) * gsd_m**2 / proj.get_factors(lon, lat).areal_scale


@settings(max_examples=70, deadline=None, derandomize=True)
@given(
    yes=layouts(), rules=cuts(), up=st.sampled_from([1, 1, 2, 3]), down=st.sampled_from([1, 2, 3]),
    angle=st.sampled_from([0.0, 17.0, 90.0, 211.0]), hole=st.booleans(),
)  # fmt: skip
def test_nothing_is_lost_doubled_or_cut_at_whole_ratios(ask, yes, rules, up, down, angle, hole):
    valid = np.ones_like(yes)
    if hole:
        valid[yes.shape[0] // 4 : yes.shape[0] // 2, yes.shape[1] // 3 :] = False
    ratio = down / 1 if up == 1 else 1 / up
    k = down if up == 1 else 1
    finer = [np.repeat(np.repeat(a, k, 0), k, 1) for a in (yes, valid)]
    found, mask, known, boxes = ask(*finer, angle=angle, rules=rules, ratio=ratio)
    truth, there = (np.repeat(np.repeat(a, up, 0), up, 1) for a in (yes & valid, valid))
    np.testing.assert_array_equal(mask, truth)
    np.testing.assert_array_equal(known, there)
    pixels, wanted = whole(truth)
    (one,) = found.masks
    assert len(one.instances) == len(pixels)
    assert one.instances.table.pixels.tolist() == pixels
    assert one.instances.boxes.tolist() == wanted
    assert (one.instances.scores == 1).all()
    np.testing.assert_allclose(
        one.instances.table.area_m2, ground(PIXEL_M * ratio, pixels), rtol=1e-5
    )
    in_file = np.array(wanted, float).reshape(-1, 4) * ratio
    np.testing.assert_allclose(boxes.values("col"), in_file[:, 0])
    np.testing.assert_allclose(boxes.values("height"), in_file[:, 3] - in_file[:, 1])
    assert one.presence == (1.0 if truth.any() else 0.0)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(yes=layouts(), rules=cuts(), down=st.sampled_from([1, 2]))
def test_pictures_without_a_place_give_the_same_in_pixels(ask, yes, rules, down):
    finer = np.repeat(np.repeat(yes, down, 0), down, 1)
    found, mask, _, boxes = ask(finer, rules=rules, ratio=down, placed=False)
    np.testing.assert_array_equal(mask, yes)
    pixels, wanted = whole(yes)
    table = found.masks[0].instances.table
    np.testing.assert_allclose(table.area_m2, np.array(pixels) * (PIXEL_M * down) ** 2)
    assert boxes.crs == ""
    bounds = [list(shape.bounds) for shape in boxes.geometries]
    assert bounds == (np.array(wanted, float).reshape(-1, 4) * down).tolist()


@st.composite
def spoiled_cuts(draw):
    margin = draw(st.integers(1, 5))
    share = draw(st.sampled_from([0.25, 0.5]))
    overlap = math.ceil(margin / share) + draw(st.integers(0, 3))
    tile = draw(st.integers(overlap + max(overlap, 2 * margin) + 1, 3 * overlap + 12))
    return margin, SceneRules(tile_px=tile, overlap_px=overlap, edge_share=share)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(yes=layouts(), cut=spoiled_cuts(), angle=st.sampled_from([0.0, 40.0]))
def test_what_a_model_spoils_along_its_edges_leaves_no_trace(ask, yes, cut, angle):
    margin, rules = cut
    scene = np.pad(yes, 4 * margin)  # beyond the edge of the scene no neighbour can help
    _, mask, _, _ = ask(scene, angle=angle, rules=rules, spoiled=margin)
    inner = slice(margin, -margin), slice(margin, -margin)
    np.testing.assert_array_equal(mask[inner], scene[inner])


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    ratio=st.one_of(st.floats(1.05, 3.8), st.floats(0.35, 0.95)), rules=cuts(),
    sizes=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=4, max_size=4),
    angle=st.sampled_from([0.0, 25.0]),
)  # fmt: skip
def test_at_any_ratio_counts_are_exact_and_areas_true_to_half_a_pixel_along_the_outline(
    ask, ratio, rules, sizes, angle
):
    least = math.ceil(3 * max(ratio, 1))
    cell = 2 * least + 10
    yes = np.zeros((2 * cell + least, 2 * cell + least), bool)
    wanted = []
    for n, (more_high, more_wide) in enumerate(sizes):
        row, col = least + (n // 2) * cell, least + (n % 2) * cell
        high, wide = least + more_high, least + more_wide
        yes[row : row + high, col : col + wide] = True
        wanted.append((high, wide))
    found, _, _, _ = ask(yes, angle=angle, rules=rules, ratio=ratio)
    table, sampling = found.masks[0].instances.table, found.sampling
    per_px = sampling.rows_per_px * sampling.cols_per_px
    assert len(table) == 4
    for pixels, (high, wide) in zip(table.pixels, wanted, strict=True):
        crossed = 2 * (wide / sampling.cols_per_px + high / sampling.rows_per_px) + 4
        assert abs(pixels * per_px - high * wide) <= crossed / 2 * per_px
