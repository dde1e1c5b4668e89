"""Asking scenes for phrases: what may go wrong, what is kept, and how much memory it takes."""

from __future__ import annotations

import json
import math
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from pyproj import Geod
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine
from scipy import ndimage

from eoagent.contracts.card import ModelCard, WeightsSource
from eoagent.contracts.errors import BudgetExceeded, InputError, ModelError, SourceError
from eoagent.contracts.raster import MaskRef
from eoagent.contracts.segmenter import PhraseMask
from eoagent.geo.reprojection import to_lonlat
from eoagent.io.mask import MaskReader, MaskWriter
from eoagent.io.origin import OriginGuard
from eoagent.io.raster import RasterReader, open_raster
from eoagent.io.sceneobjects import object_boxes, object_outlines, store_mask
from eoagent.io.scenesegment import SceneRules, Work, segment_scene

RULES = SceneRules(tile_px=16, overlap_px=4)
UTM = {"crs": "EPSG:32633", "transform": Affine(0.5, 0, 5e5, 0, -0.5, 5e6)}


def card(**more):
    said = {"gsd_min_m": 0.0, "gsd_max_m": math.inf} | more
    return ModelCard(
        id="stub-one", kind="stub", title="Stub", summary="finds colours", licence="none",
        homepage="none", weights=WeightsSource(file="none"), architecture="none", input_px=896,
        memory_mb=1, **said,
    )  # fmt: skip


class Colours:
    """Finds the pixels of one colour: `red`, `green` or `blue`."""

    def __init__(self, **more):
        self.card = card(**more)
        self.asked = []

    def segment(self, picture, phrases):
        self.asked.append((picture.copy(), tuple(phrases)))
        for phrase in phrases:
            band = ("red", "green", "blue").index(phrase)
            own = (picture[..., band] > 127).astype(np.float32)
            yield PhraseMask(probability=own, presence=float(own.mean()))


class Forgetful(Colours):
    """Does not keep what it was asked, so that its memory does not count."""

    def segment(self, picture, phrases):
        self.asked.clear()
        return super().segment(picture, phrases)


class Fixed:
    """Gives what it was told."""

    card = card()

    def __init__(self, *answers):
        self.answers = answers

    def segment(self, picture, phrases):
        return self.answers


class Deadline:
    """Ends after some checks."""

    def __init__(self, checks=10**9):
        self.left = checks

    remaining_s = 1.0

    def check(self):
        self.left -= 1
        if self.left < 0:
            raise BudgetExceeded("the time is over")


def write(path, values, **profile):
    bands, height, width = values.shape
    size = {"width": width, "height": height, "count": bands, "dtype": values.dtype.name}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", **size, **profile) as file:
            file.write(values)
    return path


@pytest.fixture
def ask(tmp_path):
    """Ask a file for phrases; masks go to the folder `made`."""
    made = tmp_path / "made"
    made.mkdir()
    number = iter(range(1000))

    def run(path, model=None, phrases=("red",), *, deadline=None, progress=None, **more):
        origins = OriginGuard(typed=[str(path.parent)])
        opening = {key: more.pop(key) for key in ("bands", "scale") if key in more}
        ref = open_raster([str(path)], origins, gsd_m=more.pop("stated_m", None), **opening)
        work = Work(
            new_file=lambda: made / f"{next(number)}.tif",
            deadline=deadline or Deadline(),
            progress=progress or (lambda done, what: None),
        )
        with RasterReader(ref, origins) as reader:
            return segment_scene(
                reader, model or Colours(), phrases, work, **({"rules": RULES} | more)
            )

    run.made = made
    return run


@pytest.fixture
def picture(tmp_path):
    """A picture of 50 x 40 pixels: a red and a green rectangle over several tiles."""
    values = np.zeros((3, 40, 50), np.uint8)
    values[0, 5:30, 10:45] = 255
    values[1, 33:36, :] = 255
    return write(tmp_path / "picture.tif", values, photometric="RGB", **UTM)


def read_mask(mask):
    with MaskReader(mask.path) as file:
        return file.read()


def test_each_phrase_gets_its_mask_in_the_order_asked(ask, picture):
    found = ask(picture, phrases=("green", "red", "blue"))
    assert [mask.phrase for mask in found.masks] == ["green", "red", "blue"]
    assert [mask.yes_pixels for mask in found.masks] == [3 * 50, 25 * 35, 0]
    assert [len(mask.instances) for mask in found.masks] == [1, 1, 0]
    assert found.tiles == 12
    assert found.masks[2].presence == 0
    yes, valid = read_mask(found.masks[0])
    assert valid.all()
    assert yes.sum() == 150


def test_a_phrase_that_comes_twice_is_asked_once(ask, picture):
    model = Colours()
    found = ask(picture, model, phrases=("red", "green", "red"))
    assert {phrases for _, phrases in model.asked} == {("red", "green")}
    assert found.masks[0] is found.masks[2]
    assert len(list(ask.made.iterdir())) == 2


def test_phrases_that_do_not_fit_at_once_are_asked_in_turn_with_the_same_result(ask, picture):
    model = Colours()
    few = SceneRules(tile_px=16, overlap_px=4, most_values=1)
    found = ask(picture, model, phrases=("red", "green"), rules=few)
    together = ask(picture, phrases=("red", "green"))
    assert {phrases for _, phrases in model.asked} == {("red",), ("green",)}
    for one, other in zip(found.masks, together.masks, strict=True):
        np.testing.assert_array_equal(read_mask(one)[0], read_mask(other)[0])
        assert one.presence == other.presence


def test_the_presence_is_the_highest_of_all_tiles(ask, picture):
    model = Colours()
    (mask,) = ask(picture, model).masks
    assert mask.presence == max(float((p[..., 0] > 127).mean(dtype="f4")) for p, _ in model.asked)


def test_progress_rises_to_one_and_names_the_tile(ask, picture):
    told = []
    ask(picture, phrases=("red", "green"), progress=lambda done, what: told.append((done, what)))
    shares = [done for done, _ in told]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(1)
    assert told[0][1] == "segmenting tile 1 of 12"


def test_a_small_scene_is_asked_as_one_picture_and_it_is_said(ask, picture):
    model = Colours()
    found = ask(picture, model, rules=SceneRules())
    assert [p.shape for p, _ in model.asked] == [(40, 50, 3)]
    assert found.assumptions == (
        "the image was asked as one picture of 50 x 40 pixels, as colours as they are",
        "pixels count where the probability is above 0.5",
    )


def test_tiles_their_overlap_and_new_pixels_are_stated(ask, picture):
    found = ask(picture, gsd_m=1.0)
    assert "each the mean of 2 x 2 of its own" in found.assumptions[0]
    assert found.assumptions[1] == (
        "the image was asked in 4 tiles of 16 x 16 pixels that share 7 or more with their "
        "neighbours and are blended there, as colours as they are"
    )


@pytest.mark.parametrize("phrases", [(), ("red", " ")])
def test_no_phrase_is_refused(ask, picture, phrases):
    with pytest.raises(InputError, match="a scene was asked for no phrase") as caught:
        ask(picture, phrases=phrases)
    assert caught.value.hint == "say what to look for"


def test_a_threshold_of_one_is_refused(ask, picture):
    with pytest.raises(InputError, match="pixels above a probability of 1 were") as caught:
        ask(picture, rules=SceneRules(above=1.0))
    assert caught.value.hint == "give a threshold from 0 to less than 1"


def test_pixels_at_the_threshold_itself_do_not_count(ask, picture):
    half = PhraseMask(probability=np.full((40, 50), 0.5, np.float32), presence=0.5)
    (mask,) = ask(picture, Fixed(half), rules=SceneRules()).masks
    assert mask.yes_pixels == 0


def test_a_scene_of_too_many_tiles_is_refused(ask, picture, monkeypatch):
    monkeypatch.setattr("eoagent.io.scenesegment._MOST_TILES", 1000)
    with pytest.raises(InputError, match=r"50 x 40 pixels and 2,000 tiles, more") as caught:
        ask(picture, rules=SceneRules(tile_px=1, overlap_px=0))
    assert "coarser ground sampling distance" in caught.value.hint


def test_a_file_too_coarse_for_the_model_is_refused_before_it_is_asked(ask, picture):
    model = Colours(gsd_max_m=0.3, gsd_reason="cars")
    with pytest.raises(InputError, match=r"Stub is for 0 to 0\.3 m per pixel, .* coarser: cars"):
        ask(picture, model)
    assert model.asked == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (PhraseMask(probability=np.zeros((4, 4), np.float32), presence=0), r"gave \(4, 4\) values"),
        (PhraseMask(probability=np.zeros((16, 16)), presence=0), "values of float64, not one"),
        (
            PhraseMask(probability=np.full((16, 16), np.nan, np.float32), presence=0),
            "probabilities from nan to nan",
        ),
        (
            PhraseMask(probability=np.full((16, 16), 2, np.float32), presence=0.5),
            r"from 2 to 2 and a presence of 0\.5",
        ),
        (
            PhraseMask(probability=np.zeros((16, 16), np.float32), presence=math.nan),
            "a presence of nan, which are not from 0 to 1",
        ),
    ],
)
def test_what_is_no_probability_is_refused_and_leaves_nothing(ask, picture, answer, said):
    with pytest.raises(ModelError, match=said):
        ask(picture, Fixed(answer))
    assert list(ask.made.iterdir()) == []


@pytest.mark.parametrize("count", [1, 3])
def test_a_mask_too_few_or_too_many_is_an_error_of_the_model(ask, picture, count):
    one = PhraseMask(probability=np.zeros((16, 16), np.float32), presence=0)
    with pytest.raises(ModelError, match=f"2 phrases were asked and {count} masks came back"):
        ask(picture, Fixed(*[one] * count), phrases=("red", "green"))
    assert list(ask.made.iterdir()) == []


@pytest.mark.parametrize("checks", [0, 1, 7, 20, 35])
def test_a_run_that_is_out_of_time_leaves_nothing(ask, picture, checks):
    few = SceneRules(tile_px=16, overlap_px=4, most_values=1)
    with pytest.raises(BudgetExceeded):
        ask(picture, phrases=("red", "green"), rules=few, deadline=Deadline(checks))
    assert list(ask.made.iterdir()) == []


def test_the_time_is_looked_at_before_the_model_is_asked(ask, picture):
    model = Colours()
    with pytest.raises(BudgetExceeded):
        ask(picture, model, deadline=Deadline(0))
    assert model.asked == []


def test_an_interrupt_leaves_nothing_not_even_what_was_finished(ask, picture):
    class Interrupted(Colours):
        def segment(self, picture, phrases):
            if phrases == ["green"] or tuple(phrases) == ("green",):
                assert len(list(ask.made.glob("0.tif"))) == 1
                raise KeyboardInterrupt
            return super().segment(picture, phrases)

    few = SceneRules(tile_px=16, overlap_px=4, most_values=1)
    with pytest.raises(KeyboardInterrupt):
        ask(picture, Interrupted(), phrases=("red", "green"), rules=few)
    assert list(ask.made.iterdir()) == []


def test_a_mask_that_cannot_be_finished_takes_the_finished_ones_with_it(ask, picture, monkeypatch):
    finish, calls = MaskWriter.finish, []

    def failing(self):
        calls.append(self)
        if len(calls) == 2:
            raise SourceError("no space left", href="mask")
        return finish(self)

    monkeypatch.setattr(MaskWriter, "finish", failing)
    with pytest.raises(SourceError, match="no space left"):
        ask(picture, phrases=("red", "green", "blue"))
    assert list(ask.made.iterdir()) == []


def test_tiles_without_a_valid_pixel_are_not_asked_and_stay_unknown(ask, tmp_path):
    values = np.full((3, 40, 60), 9, np.uint8)
    values[0, 10:20, 2:14] = 255
    values[:, :, 20:] = 0
    model = Colours()
    found = ask(write(tmp_path / "half.tif", values, nodata=0, photometric="RGB", **UTM), model)
    (mask,) = found.masks
    yes, valid = read_mask(mask)
    assert not valid[:, 20:].any()
    assert valid[:, :20].all()
    assert mask.yes_pixels == yes.sum() == 120
    assert mask.valid_pixels == 800
    assert found.empty_tiles == found.tiles - len(model.asked) > 0


def test_a_pixel_is_valid_where_half_of_its_ground_is_also_beyond_the_edge_of_the_file(
    ask, tmp_path
):
    values = np.full((3, 8, 9), 255, np.uint8)  # the last column of four reaches out by three
    values[:, 0:4, 0:2] = 0  # half of one pixel of four by four
    values[:, 4:8, 4:7] = 0  # three quarters of another
    path = write(tmp_path / "edge.tif", values, nodata=0, photometric="RGB", **UTM)
    (mask,) = ask(path, gsd_m=2.0).masks
    yes, valid = read_mask(mask)
    assert valid.tolist() == [[True, True, False], [True, False, False]]
    np.testing.assert_array_equal(yes, valid)


def test_a_scene_without_a_valid_pixel_gives_an_empty_answer(ask, tmp_path):
    values = np.zeros((3, 20, 20), np.uint8)
    found = ask(write(tmp_path / "none.tif", values, nodata=0, photometric="RGB", **UTM))
    assert found.masks[0].valid_pixels == 0
    assert len(found.masks[0].instances) == 0
    assert found.masks[0].presence == 0


def test_values_are_stretched_alike_in_all_tiles(ask, tmp_path):
    values = np.full((1, 40, 60), 100, np.uint16)
    values[0, :, 30:] = 4000
    values[0, 5:7, 5:7] = 110  # bright in its own tile, dark in the scene
    model = Colours()
    found = ask(write(tmp_path / "counts.tif", values, **UTM), model)
    assert found.masks[0].yes_pixels == 40 * 30
    assert "grey, values of the whole scene stretched from 100 to 4000" in found.assumptions[0]
    assert "one band in grey" in found.assumptions[0]
    shown = {tuple(np.unique(picture)) for picture, _ in model.asked}
    assert {value for values in shown for value in values} == {0, 1, 255}


def test_stretched_values_of_which_none_is_valid_are_refused(ask, tmp_path):
    path = write(tmp_path / "none.tif", np.zeros((1, 20, 20), np.uint16), nodata=0, **UTM)
    with pytest.raises(InputError, match="has no valid pixel") as caught:
        ask(path)
    assert caught.value.hint == "check it with describe_data"


def test_masks_and_outlines_are_kept_with_geodesic_areas_and_scores(ask, services, tmp_path):
    turn = Affine(0.4, 0.3, 5e5, 0.3, -0.4, 5e6)
    values = np.zeros((3, 40, 50), np.uint8)
    values[0, 5:30, 10:45] = values[0, 33:38, 2:9] = 255
    path = write(
        tmp_path / "turned.tif", values, photometric="RGB", crs="EPSG:32633", transform=turn
    )
    ref = open_raster([str(path)], services.origins)
    work = Work(
        new_file=lambda: services.store.scratch(".tif"), deadline=Deadline(),
        progress=lambda done, what: None,
    )  # fmt: skip
    with RasterReader(ref, services.origins) as reader:
        found = segment_scene(reader, Colours(), ["red"], work, rules=RULES)
    (mask,), sampling = found.masks, found.sampling
    artifact = store_mask(services, ref, mask, sampling=sampling, rule="Stub: red")
    assert artifact.preview == {"label": "red", "size": [50, 40], "objects": 2}
    kept = MaskRef.model_validate(artifact.payload)
    outlines = object_outlines(services, kept, mask, np.array([1, 0]), sampling=sampling)
    a, b, c, d, e, f = turn[:6]
    for outline, area, box in zip(
        outlines.geometries, outlines.values("area_m2"), [(2, 33, 9, 38), (10, 5, 45, 30)],
        strict=True,
    ):  # fmt: skip
        wanted = shapely.affinity.affine_transform(shapely.box(*box), (a, b, d, e, c, f))
        assert outline.equals(wanted)
        lonlat = to_lonlat(shapely.segmentize(wanted, 0.5), "EPSG:32633")
        geodesic = abs(Geod(ellps="WGS84").geometry_area_perimeter(lonlat)[0])
        assert area == pytest.approx(geodesic, abs=0.2)  # its own sums are true to 0.1 m2
    assert outlines.values("score") == [1.0, 1.0]
    boxes = object_boxes(mask, sampling, np.array([1, 0]), own=ref.grid)
    assert all(
        box.equals(outline)
        for box, outline in zip(boxes.geometries, outlines.geometries, strict=True)
    )
    west, south, east, north = (boxes.values(k)[0] for k in ("west", "south", "east", "north"))
    bounds = to_lonlat(outlines.geometries[0], "EPSG:32633").bounds
    np.testing.assert_allclose((west, south, east, north), bounds, atol=1e-9)


def test_outlines_of_a_picture_are_in_its_own_pixels(ask, services, tmp_path):
    values = np.zeros((3, 40, 50), np.uint8)
    values[0, 6:30, 10:44] = 255
    path = write(tmp_path / "plain.tif", values, photometric="RGB")
    ref = open_raster([str(path)], services.origins, gsd_m=0.5)
    work = Work(
        new_file=lambda: services.store.scratch(".tif"), deadline=Deadline(),
        progress=lambda done, what: None,
    )  # fmt: skip
    with RasterReader(ref, services.origins) as reader:
        found = segment_scene(reader, Colours(), ["red"], work, rules=RULES, gsd_m=1.0)
    (mask,) = found.masks
    artifact = store_mask(services, ref, mask, sampling=found.sampling, rule="Stub: red")
    kept = MaskRef.model_validate(artifact.payload)
    places = mask.instances.choose()
    outlines = object_outlines(services, kept, mask, places, sampling=found.sampling)
    assert outlines.geometries[0].equals(shapely.box(10, 6, 44, 30))
    assert outlines.values("area_m2") == [pytest.approx(24 * 34 / 4)]
    none = object_outlines(services, kept, mask, places[:0], sampling=found.sampling)
    assert len(none) == 0
    assert len(object_boxes(mask, found.sampling, places[:0], own=ref.grid)) == 0


def test_a_box_over_the_antimeridian_has_its_west_above_its_east(ask, tmp_path):
    values = np.zeros((3, 20, 60), np.uint8)
    values[0, 5:15, 20:50] = 255
    path = write(
        tmp_path / "fiji.tif", values, photometric="RGB", crs="EPSG:4326",
        transform=Affine(1e-5, 0, 180 - 30e-5, 0, -1e-5, 0),
    )  # fmt: skip
    found = ask(path)
    (mask,) = found.masks
    boxes = object_boxes(mask, found.sampling, np.array([0]), own=found.sampling.grid)
    assert boxes.values("west")[0] == pytest.approx(180 - 10e-5)
    assert boxes.values("east")[0] == pytest.approx(-180 + 20e-5)
    assert boxes.values("north")[0] == pytest.approx(-5e-5)


def test_vehicles_of_a_real_scene_are_counted_as_people_did(ask, shared_data, tmp_path):
    folder = shared_data / "counting" / "isaid"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(folder / "P0003_instance_color_RGB.png") as file:
            yes = file.read().any(axis=0)
    wanted = json.loads((folder / "counts.json").read_text())["P0003"]
    shown = write(tmp_path / "shown.tif", np.where(yes, np.uint8(255), np.uint8(0))[None])
    (mask,) = ask(shown, rules=SceneRules(tile_px=150, overlap_px=40)).masks
    assert len(mask.instances) == wanted["large_vehicle"] + wanted["small_vehicle"]
    labels, _ = ndimage.label(yes, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())[1:]
    np.testing.assert_array_equal(mask.instances.table.pixels, sizes)


def large(path, side):
    """Write a scene with a bright disk in every 250 x 250 pixels, strip by strip."""
    rows, cols = np.mgrid[:250, :250]
    disk = np.where((rows - 120) ** 2 + (cols - 130) ** 2 < 80**2, np.uint8(255), np.uint8(0))
    strip = np.tile(disk, (1, side // 250))
    size = {"width": side, "height": side, "count": 3, "dtype": "uint8", "photometric": "RGB"}
    layout = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "DEFLATE"}
    with rasterio.open(path, "w", driver="GTiff", **size, **layout, **UTM) as file:
        for row in range(0, side, 250):
            window = rasterio.windows.Window(0, row, side, 250)
            file.write(np.repeat(strip[None], 3, axis=0), window=window)
    return path, int((disk > 0).sum())


def peak_mb(run):
    tracemalloc.start()
    try:
        found = run()
        return found, tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def status_mb(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith(name))


def test_memory_is_that_of_a_row_of_tiles(ask, tmp_path):
    path, pixels = large(tmp_path / "large.tif", 3000)
    rules = SceneRules(tile_px=256, overlap_px=64)
    found, peak = peak_mb(lambda: ask(path, Forgetful(), rules=rules))
    assert len(found.masks[0].instances) == 144
    assert (found.masks[0].instances.table.pixels == pixels).all()
    assert peak < 25  # the probabilities alone would be 36 MB, the labels as much, areas twice


@pytest.mark.full
def test_memory_stays_bounded_on_a_scene_of_a_hundred_million_pixels(ask, tmp_path):
    path, pixels = large(tmp_path / "large.tif", 10_000)
    Path("/proc/self/clear_refs").write_text("5")  # the highest counts from here
    before = status_mb("VmRSS")
    found = ask(path, Forgetful(), phrases=("red", "green"), rules=SceneRules())
    more = status_mb("VmHWM") - before
    assert len(found.masks[0].instances) == 1600
    assert (found.masks[0].instances.table.pixels == pixels).all()
    assert more < 450  # a float32 for each pixel would be 800 MB, GDAL's caches are in it
