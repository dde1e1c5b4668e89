"""`regions` against scipy.ndimage.label and rasterio.features."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import shapely
from rasterio.features import rasterize

from eoagent.contracts.errors import InputError

STRUCTURE = {4: np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]), 8: np.ones((3, 3), int)}


def traced(bench, mask, **arguments):
    result = bench("regions", mask=mask, **arguments)
    return bench.read_features(result.artifacts["features"].handle), result


@pytest.mark.parametrize("connectivity", [4, 8])
def test_regions_are_those_of_scipy_with_the_areas_of_their_pixels(
    bench, place, blobs, connectivity
):
    features, result = traced(bench, bench.mask(blobs, place), connectivity=connectivity)
    labels, count = scipy.ndimage.label(blobs, STRUCTURE[connectivity])
    assert result.figures[0].value == count == len(features)
    areas = scipy.ndimage.sum_labels(place.areas(*blobs.shape), labels, range(1, count + 1))
    np.testing.assert_allclose(features.values("area_m2"), np.sort(areas)[::-1], rtol=1e-5)
    largest = {f.name: f for f in result.figures}["largest"]
    assert (largest.value, largest.unit) == (pytest.approx(areas.max(), rel=1e-5), "m2")
    assert sorted(features.values("pixels")) == sorted(np.bincount(labels.ravel())[1:])


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("block_pixels", [100, 8_000_000])
def test_outlines_burn_back_to_the_same_pixels(bench, place, blobs, connectivity, block_pixels):
    used = bench.using(block_pixels=block_pixels)
    features, _ = traced(used, bench.mask(blobs, place), connectivity=connectivity)
    assert all(shapely.is_valid(g) for g in features.geometries)
    burnt = rasterize(features.geometries, blobs.shape, transform=place.transform)
    assert (burnt.astype(bool) == blobs).all()


def test_a_hole_that_touches_the_outside_at_a_corner_stays_a_hole(bench, places):
    ring = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], bool)
    features, _ = traced(bench, bench.mask(ring, places["utm"]))
    outline = features.geometries[0]
    assert shapely.is_valid(outline)
    assert outline.area == pytest.approx(7 * 900)


def test_centres_are_those_of_scipy(bench, places, blobs):
    place = places["rotated"]
    features, result = traced(bench, bench.mask(blobs, place))
    labels, _ = scipy.ndimage.label(blobs, STRUCTURE[8])
    order = np.argsort(-np.bincount(labels.ravel())[1:], kind="stable") + 1
    centre = scipy.ndimage.center_of_mass(blobs, labels, [order[0]])[0]
    lon, lat = place.lonlat([centre[0] + 0.5], [centre[1] + 0.5])
    found = {f.name: f.value for f in result.figures}
    assert found["largest_lon"] == pytest.approx(lon[0], abs=1e-9)
    assert found["largest_lat"] == pytest.approx(lat[0], abs=1e-9)
    assert features.values("lon")[0] == pytest.approx(lon[0], abs=1e-9)


def test_small_regions_are_left_out_and_the_largest_few_kept(bench, places, blobs):
    mask = bench.mask(blobs, places["utm"])
    labels, _ = scipy.ndimage.label(blobs, STRUCTURE[8])
    sizes = np.sort(np.bincount(labels.ravel())[1:])[::-1]
    features, result = traced(bench, mask, min_area_m2=5.5 * 900)
    assert len(features) == result.figures[0].value == (sizes >= 6).sum()
    features, _ = traced(bench, mask, keep=2)
    assert features.values("pixels") == list(sizes[:2])
    features, _ = traced(bench, mask, keep=1)
    assert features.values("id") == [1]


def test_invalid_pixels_are_outside_and_no_edge_in_doubt(bench, places):
    yes = np.ones((4, 6), bool)
    valid = yes.copy()
    valid[:, 3] = False
    features, _ = traced(bench, bench.mask(yes, places["utm"], valid=valid))
    assert features.values("pixels") == [12, 8]
    assert features.values("area_error_m2") == [0, 0]


def test_regions_of_a_picture_are_in_pixels(bench, blobs):
    features, result = traced(bench, bench.mask(blobs))
    labels, _ = scipy.ndimage.label(blobs, STRUCTURE[8])
    assert features.crs == ""
    assert {f.name: f.unit for f in result.figures} == {"count": "count", "largest": "px2"}
    assert features.values("area_px2") == sorted(np.bincount(labels.ravel())[1:], reverse=True)
    burnt = rasterize(features.geometries, blobs.shape)
    assert (burnt.astype(bool) == blobs).all()


def test_regions_of_a_picture_of_stated_ground_size_have_areas(bench, blobs):
    mask = bench.mask(blobs, gsd_m=2.0)
    features, result = traced(bench, mask, min_area_m2=8)
    labels, _ = scipy.ndimage.label(blobs, STRUCTURE[8])
    sizes = np.sort(np.bincount(labels.ravel())[1:])[::-1]
    assert features.values("area_m2") == list(4.0 * sizes[sizes >= 2])
    assert {f.name: f.unit for f in result.figures}["largest"] == "m2"


def test_a_least_area_on_a_picture_without_ground_size_is_refused(bench, blobs):
    with pytest.raises(
        InputError, match="of 8 m2 or more were asked for, but the image has no geo"
    ):
        bench("regions", mask=bench.mask(blobs), min_area_m2=8)


def test_outlines_of_too_many_vertices_are_traced_coarser_and_said_so(bench, places):
    rng = np.random.default_rng(4)
    yes = np.kron(rng.random((6, 8)) > 0.4, np.ones((10, 10))).astype(bool)
    yes &= rng.random(yes.shape) > 0.02
    place = places["utm"]
    mask = bench.mask(yes, place)
    fine, exact = traced(bench, mask)
    coarse, result = traced(bench.using(max_vertices=300), mask)
    assert not exact.assumptions
    said = result.assumptions[0]
    step = int(said.split("at a step of ")[1].split()[0])
    assert step > 1
    assert "areas are those of the pixels" in said
    assert sum(map(shapely.get_num_coordinates, coarse.geometries)) <= 300
    assert coarse.values("area_m2") == fine.values("area_m2")
    burnt = rasterize(coarse.geometries, yes.shape, transform=place.transform).astype(bool)
    assert (burnt == yes).mean() > 0.85


def test_regions_too_small_for_the_coarse_step_are_counted_and_named(bench, places):
    yes = np.zeros((40, 40), bool)
    yes[:20, :20] = True
    yes[30, 30] = yes[35, 10] = True
    features, result = traced(bench.using(max_vertices=20), bench.mask(yes, places["utm"]))
    assert {f.name: f.value for f in result.figures}["count"] == 3
    assert len(features) == 1
    assert "2 regions smaller than half a step have no outline" in result.assumptions[0]


def test_the_coarse_trace_keeps_squares_cut_by_the_edge(bench, places):
    yes = np.ones((41, 41), bool)
    yes[::2, 20] = False
    features, _ = traced(bench.using(max_vertices=20), bench.mask(yes, places["utm"]))
    assert features.geometries[0].bounds == (400000, 5000000 - 41 * 30, 400000 + 41 * 30, 5000000)


def test_outlines_can_be_measured_as_features(bench, places, blobs):
    mask = bench.mask(blobs, places["utm"])
    outlines = bench.handle("regions", mask=mask)
    area, _, error = bench.figures("measure", target=outlines, quantities=["area"])["area"]
    wanted, _, edge = bench.figures("measure", target=mask, quantities=["area"])["area"]
    assert area == pytest.approx(wanted, rel=1e-5)
    assert error == pytest.approx(edge, rel=0.25)


def test_a_mask_without_yes_pixels_has_no_regions(bench, places):
    empty = bench.mask(np.zeros((5, 5), bool), places["utm"], label="lakes")
    with pytest.raises(InputError, match="'lakes' marks no pixel") as caught:
        bench("regions", mask=empty)
    assert "loosen the rule" in caught.value.hint


def test_a_least_area_that_no_region_has_is_refused(bench, places, blobs):
    mask = bench.mask(blobs, places["utm"], label="lakes")
    with pytest.raises(
        InputError, match=r"none of the \d+ regions of 'lakes' has 1e\+09 m2"
    ) as caught:
        bench("regions", mask=mask, min_area_m2=1e9)
    assert caught.value.hint == "lower min_area_m2"


def test_arguments_out_of_range_are_refused(bench):
    mask = "mask:0123456789ab"
    assert "connectivity" in bench.refused("regions", mask=mask, connectivity=6)
    assert "keep" in bench.refused("regions", mask=mask, keep=0)
    assert "min_area_m2" in bench.refused("regions", mask=mask, min_area_m2=-1)
    assert "threshold makes one" in bench.refused("regions", mask="raster:0123456789ab")


@pytest.mark.parametrize(
    ("rows", "columns", "is_cut"),
    [
        (slice(2, 6), slice(2, 6), False),
        (slice(0, 6), slice(2, 6), True),
        (slice(2, 6), slice(0, 6), True),
        (slice(2, 10), slice(2, 6), True),
        (slice(2, 6), slice(2, 12), True),
    ],
)
def test_a_largest_region_that_the_image_cuts_off_is_told(bench, places, rows, columns, is_cut):
    mask = np.zeros((10, 12), bool)
    mask[rows, columns] = True
    _, result = traced(bench, bench.mask(mask, places["utm"], label="water"))
    told = ("the largest region of water reaches the edge of the image and may go on beyond it",)
    assert result.warnings == (told if is_cut else ())


def test_a_small_region_at_the_edge_is_not_told_of(bench, places):
    mask = np.zeros((10, 12), bool)
    mask[0, 0] = mask[2:6, 2:6] = True
    assert traced(bench, bench.mask(mask, places["utm"]))[1].warnings == ()
