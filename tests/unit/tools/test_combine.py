"""`combine` against numpy for masks, shapely for areas and pyproj for distances."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import Geod, Transformer
from rasterio.warp import Resampling, reproject

from eoagent.contracts.errors import InputError

WGS84 = Geod(ellps="WGS84")
RNG = np.random.default_rng(11)
A, B = RNG.random((2, 14, 18)) > 0.5
KNOWN_A, KNOWN_B = RNG.random((2, 14, 18)) > 0.2
LOGIC = {"and": A & B, "or": A | B, "minus": A & ~B}
LEFT, RIGHT = shapely.box(10, 45, 12, 46), shapely.box(11, 45.5, 13, 47)
SHAPES = {
    "and": shapely.intersection(LEFT, RIGHT),
    "or": shapely.union(LEFT, RIGHT),
    "minus": shapely.difference(LEFT, RIGHT),
}
MASK, FEATURES = "mask:0123456789ab", "features:0123456789ab"


@pytest.fixture
def masks(bench, places):
    """Two masks of one grid, with pixels that are not valid."""
    return [
        bench.mask(yes, places["utm"], valid=known, name=f"{label}.tif", label=label)
        for yes, known, label in ((A, KNOWN_A, "lakes"), (B, KNOWN_B, "reeds"))
    ]


@pytest.fixture
def areas(bench):
    """Two features that overlap."""
    return [bench.features([g], name=f"{n}.gpkg") for g, n in ((LEFT, "left"), (RIGHT, "right"))]


def stored(bench, handle):
    """Return (yes, valid) of a mask's file."""
    codes = bench.pixels(handle)[0][0]
    assert set(np.unique(codes)) <= {0, 1, 255}
    return codes == 1, codes != 255


def only(bench, handle):
    """Return the one geometry of a feature set in longitude and latitude."""
    features = bench.read_features(handle)
    assert features.crs == "EPSG:4326"
    (geometry,) = features.geometries
    assert shapely.is_valid(geometry)
    return geometry


@pytest.mark.parametrize("block_pixels", [1, 8_000_000])
@pytest.mark.parametrize("operation", LOGIC)
def test_two_masks_are_combined_where_both_are_valid(bench, masks, operation, block_pixels):
    used = bench.using(block_pixels=block_pixels)
    made = used.handle("combine", operation=operation, first=masks[0], second=masks[1])
    yes, valid = stored(bench, made)
    assert (valid == (KNOWN_A & KNOWN_B)).all()
    assert (yes == (LOGIC[operation] & valid)).all()


def test_not_turns_yes_and_no_and_leaves_what_is_not_valid(bench, masks):
    yes, valid = stored(bench, bench.handle("combine", operation="not", first=masks[0]))
    assert (valid == KNOWN_A).all()
    assert (yes == (~A & KNOWN_A)).all()


def test_label_method_and_sources_tell_of_both_masks(bench, masks):
    result = bench("combine", operation="minus", first=masks[0], second=masks[1])
    assert result.assumptions == ()
    made = result.artifacts["mask"]
    assert made.title == "(lakes) minus (reeds)"
    figure = bench("measure", target=made.handle, quantities=["area"]).figures[0]
    assert figure.label == "area of (lakes) minus (reeds)"
    assert "lakes in lakes.tif; minus; reeds in reeds.tif" in figure.method
    assert [s.href.rsplit("/", 1)[1] for s in figure.sources] == ["lakes.tif", "reeds.tif"]


def test_a_mask_on_another_grid_is_brought_to_the_first_by_nearest_neighbour(bench, places):
    here, there = places["utm"], places["degrees"]
    x, y = Transformer.from_crs("EPSG:4326", here.crs, always_xy=True).transform(
        *there.lonlat(20, 25)
    )
    near = replace(here, transform=Affine(30, 0, x - 600, 0, -30, y + 450))
    fine = RNG.random((40, 50)) > 0.5
    first = bench.mask(np.ones((30, 40), bool), near, name="a.tif", label="a")
    second = bench.mask(fine, there, name="b.tif", label="b")
    result = bench("combine", operation="and", first=first, second=second)
    assert result.assumptions == ("'b' was brought to the grid of 'a' by nearest neighbour",)
    yes, valid = stored(bench, result.artifacts["mask"].handle)
    wanted = np.full((30, 40), 255, np.uint8)
    reproject(
        fine.astype(np.uint8),
        wanted,
        src_transform=there.transform,
        src_crs=there.crs,
        dst_transform=near.transform,
        dst_crs=near.crs,
        src_nodata=255,
        dst_nodata=255,
        resampling=Resampling.nearest,
    )
    assert valid.all()
    assert np.mean(yes == (wanted == 1)) > 0.99  # a centre on a pixel's edge may fall either way


def test_clip_keeps_pixels_whose_centre_lies_in_the_features(bench, place):
    mask = bench.mask(A, place, valid=KNOWN_A, label="lakes")
    zone = bench.features([place.outline(2.3, 3.2, 7.5, 9.1, steps=64)])
    rows, cols = np.mgrid[:14, :18] + 0.5
    inside = (rows > 2.3) & (rows < 9.8) & (cols > 3.2) & (cols < 12.3)
    result = bench("combine", operation="clip", first=mask, second=zone)
    yes, valid = stored(bench, result.artifacts["mask"].handle)
    assert (valid == (inside & KNOWN_A)).all()
    assert (yes == (A & valid)).all()
    assert result.artifacts["mask"].title == "lakes inside zones"


def test_clip_to_a_mask_leaves_what_lies_outside_without_a_value(bench, place):
    lakes = bench.mask(A, place, valid=KNOWN_A, label="lakes")
    plain = bench.mask(B, place, valid=KNOWN_B, label="plain", name="plain.tif")
    result = bench("combine", operation="clip", first=lakes, second=plain)
    yes, valid = stored(bench, result.artifacts["mask"].handle)
    assert (valid == (KNOWN_A & KNOWN_B & B)).all()
    assert (yes == (A & valid)).all()
    assert result.artifacts["mask"].title == "(lakes) clip (plain)"


@pytest.mark.parametrize("operation", SHAPES)
def test_two_areas_are_combined_as_shapely_does(bench, areas, operation):
    made = bench.handle("combine", operation=operation, first=areas[0], second=areas[1])
    difference = shapely.symmetric_difference(only(bench, made), SHAPES[operation])
    assert difference.area < 1e-9
    assert bench.services.store.get(made).payload["label"] == f"(left) {operation} (right)"


def test_areas_in_other_systems_meet_in_longitude_and_latitude(bench, places):
    square = shapely.box(400000, 4990000, 410000, 5000000)
    utm = bench.features([square], crs="EPSG:32633", name="utm.gpkg")
    made = bench.handle("combine", operation="and", first=utm, second=utm)
    area = bench.values("measure", target=made, quantities=["area"])["area"]
    assert area == pytest.approx(
        bench.values("measure", target=utm, quantities=["area"])["area"], rel=1e-6
    )


def test_areas_that_only_touch_have_nothing_in_common(bench):
    parts = [shapely.box(10, 45, 11, 46), shapely.box(11, 45, 12, 46)]
    handles = [bench.features([g], name=f"{n}.gpkg") for n, g in zip("ab", parts, strict=True)]
    with pytest.raises(InputError, match=r"^\(a\) and \(b\) is empty: they do not") as caught:
        bench("combine", operation="and", first=handles[0], second=handles[1])
    assert caught.value.hint == "check the order"
    both = only(bench, bench.handle("combine", operation="or", first=handles[0], second=handles[1]))
    assert both.area == pytest.approx(2)


@pytest.mark.parametrize("lat", [0, 45, -78])
@pytest.mark.parametrize("lon", [13, 180])
def test_a_buffer_of_a_point_is_its_distance_away_all_round(bench, lon, lat):
    place = bench.features([shapely.Point(lon, lat)], name="tower.gpkg", height=[80])
    result = bench("combine", operation="buffer", first=place, distance_m=2500)
    handle = result.artifacts["features"].handle
    circle = only(bench, handle)
    edge = shapely.get_coordinates(circle.boundary)
    edge = edge[np.abs(edge[:, 0]) != 180]
    away = WGS84.inv(*np.broadcast_arrays(lon, lat, edge[:, 0], edge[:, 1]))[2]
    np.testing.assert_allclose(away, 2500, rtol=3e-4)
    area = bench.values("measure", target=handle, quantities=["area"])["area"]
    assert area == pytest.approx(np.pi * 2500**2, rel=1e-3)
    assert list(bench.read_features(handle).values("height")) == [80]
    (said,) = result.assumptions
    assert said.startswith("'within 2500 m of tower': each feature buffered in an azimuthal")


def test_a_feature_too_large_for_a_true_buffer_is_refused(bench):
    wide = bench.features([shapely.box(0, 40, 20, 50)], name="wide.gpkg")
    with pytest.raises(InputError, match=r"^a feature of wide reaches [\d,]+ km from") as caught:
        bench("combine", operation="buffer", first=wide, distance_m=10)
    assert "a buffer is true to 500 km" in str(caught.value)
    assert caught.value.hint == "cut it into smaller features first"


def test_outlines_in_pixels_have_no_ground_to_combine(bench):
    outline = bench.handle("regions", mask=bench.mask(A, label="lakes"))
    for arguments in (
        {"operation": "or", "second": outline},
        {"operation": "buffer", "distance_m": 5},
    ):
        with pytest.raises(InputError, match="lakes is in pixels and has no place on") as caught:
            bench("combine", first=outline, **arguments)
        assert caught.value.hint == "use masks"


@pytest.mark.parametrize(
    ("operation", "first", "second", "given"),
    [
        ("and", MASK, FEATURES, "mask and features"),
        ("minus", FEATURES, MASK, "features and mask"),
        ("clip", FEATURES, MASK, "features and mask"),
        ("not", FEATURES, None, "features"),
    ],
)
def test_kinds_that_do_not_go_together_are_told(bench, operation, first, second, given):
    with pytest.raises(InputError) as caught:
        bench("combine", operation=operation, first=first, second=second)
    assert str(caught.value) == f"{operation} does not go with {given}"
    assert "clip: a mask to features" in caught.value.hint


def test_a_buffer_of_a_mask_is_refused(bench):
    with pytest.raises(InputError, match="buffer does not go with mask"):
        bench("combine", operation="buffer", first=MASK, distance_m=5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"operation": "and", "first": MASK}, "and takes a second"),
        ({"operation": "not", "first": MASK, "second": MASK}, "not takes no second"),
        ({"operation": "buffer", "first": FEATURES}, "buffer needs it"),
        ({"operation": "not", "first": MASK, "distance_m": 5}, "distance_m goes with buffer"),
        ({"operation": "buffer", "first": FEATURES, "distance_m": 0}, "greater than 0"),
        ({"operation": "xor", "first": MASK}, "'and', 'or', 'minus'"),
        ({"operation": "not", "first": "raster:0123456789ab"}, "is a raster, and a mask or"),
    ],
)
def test_arguments_that_do_not_belong_together_are_refused(bench, arguments, said):
    assert said in bench.refused("combine", **arguments)


@pytest.mark.parametrize(
    ("side", "rows", "columns"),
    [
        ("east", slice(None), slice(9, None)),
        ("west", slice(None), slice(9)),
        ("north", slice(7), slice(None)),
        ("south", slice(7, None), slice(None)),
        ("north-east", slice(7), slice(9, None)),
        ("south-west", slice(7, None), slice(9)),
    ],
)
@pytest.mark.parametrize("block_pixels", [1, 8_000_000])
def test_part_keeps_a_half_or_a_quarter(bench, masks, side, rows, columns, block_pixels):
    used = bench.using(block_pixels=block_pixels)
    result = used("combine", operation="part", first=masks[0], side=side)
    yes, valid = stored(bench, result.artifacts["mask"].handle)
    inside = np.zeros(A.shape, bool)
    inside[rows, columns] = True
    assert (valid == (KNOWN_A & inside)).all()
    assert (yes == (A & valid)).all()
    (said,) = result.assumptions
    assert (said.startswith("the ") and "half" in said) or "quarter" in said


def test_the_two_halves_are_the_whole(bench, masks):
    areas = [
        bench("measure", target=handle, quantities=["area"]).figures[0].value
        for handle in (
            masks[0],
            *(
                bench.handle("combine", operation="part", first=masks[0], side=side)
                for side in ("east", "west")
            ),
        )
    ]
    assert areas[1] + areas[2] == pytest.approx(areas[0], rel=1e-9)


def test_a_grid_that_runs_the_other_way_has_its_north_below(bench, places):
    here = places["utm"]
    flipped = replace(here, transform=here.transform @ Affine(1, 0, 0, 0, -1, 0))
    mask = bench.mask(A, flipped, name="flipped.tif", label="lakes")
    _, valid = stored(bench, bench.handle("combine", operation="part", first=mask, side="north"))
    assert not valid[:7].any()
    assert valid[7:].all()


def test_a_rotated_image_or_a_picture_has_no_east(bench, places):
    here = places["utm"]
    turned = replace(here, transform=here.transform @ Affine.rotation(30))
    for place, name in ((turned, "turned.tif"), (None, "picture.tif")):
        mask = bench.mask(A, place, name=name, label="lakes")
        with pytest.raises(InputError, match="the east of this image is not known") as caught:
            bench("combine", operation="part", first=mask, side="east")
        assert caught.value.hint == "clip to features instead"


def test_part_and_side_go_together(bench, masks, areas):
    with pytest.raises(InputError, match="side goes with part"):
        bench("combine", operation="part", first=masks[0])
    with pytest.raises(InputError, match="side goes with part"):
        bench("combine", operation="not", first=masks[0], side="east")
    with pytest.raises(InputError, match="part does not go with features"):
        bench("combine", operation="part", first=areas[0], side="east")
