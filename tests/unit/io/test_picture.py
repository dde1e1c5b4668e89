"""Map pictures: colours at known pixels, the scale bar's length on the ground, legends, odd text."""

from __future__ import annotations

import io
import re

import numpy as np
import pyproj
import pytest
import shapely
from PIL import Image, ImageFont

from eoagent.contracts.errors import InputError
from eoagent.contracts.raster import Grid
from eoagent.io.map_page import map_html
from eoagent.io.mapcolour import PALETTE, RAMPS, color_of_cover, limits_of, ramp_color
from eoagent.io.mapframe import legend_rows, ramp_numbers, scale_bar, up_bearing_deg
from eoagent.io.maplayers import NO_DATA
from eoagent.io.maptext import font, plain_text, text_width, wrap_text
from eoagent.io.picture import (
    MaskLayer,
    OutlineLayer,
    RgbLayer,
    ScalarLayer,
    legend_of,
    render,
)

SIDE = 40
WIDTH = 828  # 800 pixels of map: 20 per raster pixel
UTM = Grid(width=SIDE, height=SIDE, crs="EPSG:32633", transform=(10, 0, 354_000, 0, -10, 4_978_000))
BARE = Grid(width=SIDE, height=SIDE)
ALL = np.ones((SIDE, SIDE), dtype=bool)


def draw(layers, grid=UTM, title="", width_px=WIDTH):
    return render(layers, grid=grid, title=title, attribution="", width_px=width_px)


def at(image, row, col, *, top=14):
    """Colour at the centre of a raster pixel; without a title the map starts at the margin."""
    return image.getpixel((14 + 20 * col + 10, top + 20 * row + 10))


def lightness(color):
    """CIE L* of an sRGB colour (IEC 61966-2-1, CIE 15)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color / 255]
    y = float(np.dot([0.2126, 0.7152, 0.0722], linear))
    return 116 * np.cbrt(y) - 16 if y > 0.008856 else 903.3 * y


def dark_box(image, box):
    """Bounding box of dark pixels inside a box."""
    gray = np.asarray(image.convert("L"))[box[1] : box[3], box[0] : box[2]]
    rows, cols = np.nonzero(gray < 60)
    return cols.min() + box[0], rows.min() + box[1], cols.max() + box[0], rows.max() + box[1]


def test_colours_that_are_not_stretched_come_out_as_they_are():
    values = np.zeros((3, SIDE, SIDE), dtype=np.uint8)
    values[:, 20, 20] = (200, 100, 50)
    image = draw([RgbLayer(values=values, valid=ALL, is_stretched=False)])
    assert at(image, 20, 20) == (200, 100, 50)
    assert at(image, 20, 21) == (0, 0, 0)


def test_stretch_sends_low_values_to_black_and_high_to_white():
    rows = np.linspace(0.0, 0.4, SIDE)[:, None].repeat(SIDE, axis=1)
    image = draw([RgbLayer(values=np.stack([rows] * 3), valid=ALL)])
    assert at(image, 0, 20) == (0, 0, 0)
    assert at(image, SIDE - 1, 20) == (255, 255, 255)
    assert 90 < at(image, 20, 20)[0] < 165


def test_stretch_keeps_a_narrow_band_from_being_blown_up_to_full_contrast():
    rows = np.linspace(0.0, 0.4, SIDE)[:, None].repeat(SIDE, axis=1)
    narrow = 0.1 * rows
    image = draw([RgbLayer(values=np.stack([rows, rows, narrow]), valid=ALL)])
    red, _, blue = at(image, SIDE - 1, 20)
    assert red == 255
    assert blue < 128


def test_scalar_pixels_take_the_ramp_colour_of_their_value():
    values = np.zeros((SIDE, SIDE))
    values[:, SIDE // 2 :] = 10.0
    image = draw([ScalarLayer(values=values, valid=ALL, label="height", unit="m")])
    assert at(image, 20, 5) == RAMPS["sequential"][0]
    assert at(image, 20, 35) == RAMPS["sequential"][-1]


def test_diverging_ramp_puts_its_pale_middle_at_zero():
    values = np.full((SIDE, SIDE), 8.0)
    values[:, :5] = 0.0
    image = draw([ScalarLayer(values=values, valid=ALL, label="change", ramp="diverging")])
    assert at(image, 20, 2) == RAMPS["diverging"][3]


def test_lightness_rises_evenly_along_the_sequential_ramp():
    colors = ramp_color(np.linspace(0, 1, 25), "sequential").astype(float)
    steps = np.diff([lightness(color) for color in colors])
    assert steps.min() > 0.5 * steps.mean()
    assert steps.max() < 1.7 * steps.mean()


def test_mask_tints_its_pixels_and_leaves_the_others_and_invalid_ones():
    yes = np.zeros((SIDE, SIDE), dtype=bool)
    yes[20, 20:22] = True
    valid = ALL.copy()
    valid[20, 21] = False
    white = np.full((3, SIDE, SIDE), 255, dtype=np.uint8)
    layers = [
        RgbLayer(values=white, valid=ALL, is_stretched=False),
        MaskLayer(yes=yes, valid=valid, label="water", color=(0, 0, 200)),
    ]
    image = draw(layers)
    red, green, blue = at(image, 20, 20)
    assert (red, green) == (115, 115)  # 255 * (1 - 0.55)
    assert blue == pytest.approx(255 * 0.45 + 200 * 0.55, abs=1.5)
    assert at(image, 20, 21) == at(image, 20, 22) == (255, 255, 255)


def test_invalid_pixels_are_grey_and_named_in_the_legend():
    valid = ALL.copy()
    valid[20:, :] = False
    layer = ScalarLayer(values=np.arange(1600.0).reshape(40, 40), valid=valid, label="x")
    assert at(draw([layer]), 30, 20) == NO_DATA
    assert [entry.label for entry in legend_of([layer])] == ["x", "no valid data"]


@pytest.mark.parametrize("stretched", [True, False])
def test_raster_without_a_valid_pixel_gives_a_grey_map_that_says_so(stretched):
    none = ~ALL
    values = np.full((SIDE, SIDE), np.nan)
    scalar = ScalarLayer(values=values, valid=none, label="NDVI", unit="1")
    rgb = RgbLayer(values=np.stack([values] * 3), valid=none, is_stretched=stretched)
    image = draw([rgb, scalar])
    assert at(image, 20, 20) == NO_DATA
    assert "NDVI (no valid pixels)" in [entry.label for entry in legend_of([scalar])]


def test_values_that_are_not_finite_are_left_out_even_when_marked_valid():
    values = np.linspace(0.0, 1.0, 1600).reshape(SIDE, SIDE)
    values[20, 20], values[20, 21] = np.nan, np.inf
    layer = ScalarLayer(values=values, valid=ALL, label="x")
    image = draw([layer])
    assert at(image, 20, 20) == at(image, 20, 21) == NO_DATA
    assert layer.limits.high < 1.0


def test_legend_numbers_are_the_percentiles_of_the_valid_values():
    values = np.arange(1600.0).reshape(SIDE, SIDE)
    valid = values < 1000
    limits = limits_of(values, valid)
    low, high = np.percentile(values[valid], [2, 98])
    assert (limits.low, limits.high) == (low, high)
    assert ramp_numbers(limits) == ["<= 20", "500", ">= 979"]


def test_legend_of_equal_values_shows_the_one_number():
    values = np.full((SIDE, SIDE), 3.25)
    layer = ScalarLayer(values=values, valid=ALL, label="x")
    assert ramp_numbers(layer.limits) == ["3.25"]
    assert at(draw([layer]), 20, 20) == RAMPS["sequential"][3]


def test_legend_shows_the_unit_but_not_that_of_a_pure_number():
    labels = [
        legend_of([ScalarLayer(values=np.ones((2, 2)), valid=ALL[:2, :2], label="n", unit=unit)])[0]
        for unit in ("m", "1", "")
    ]
    assert [entry.label for entry in labels] == ["n [m]", "n", "n"]


def test_legend_entries_break_into_rows_that_fit():
    masks = [
        MaskLayer(yes=ALL, valid=ALL, label=f"class number {i}", color=PALETTE[i % 7])
        for i in range(20)
    ]
    rows = legend_rows(legend_of(masks), 600)
    assert sum(len(row) for row in rows) == 20
    assert 3 < len(rows) < 20
    narrow, wide = draw(masks, width_px=300), draw(masks, width_px=1400)
    assert narrow.width == 300
    assert narrow.height - 272 > wide.height - 1372  # more legend rows below the map


@pytest.mark.parametrize("per_px", [0.003, 0.7, 1.0, 6.8, 33.0, 999.0, 25_000.0])
def test_scale_bar_is_the_longest_round_length_that_fits(per_px):
    bar = scale_bar(per_px, room_px=200)
    digits = f"{bar.length:.6e}".split("e", maxsplit=1)[0].rstrip("0").rstrip(".")
    assert digits in {"1", "2", "5"}
    assert bar.length_px <= 200
    assert bar.length_px * 2.5 > 200 * 0.999
    assert bar.length == pytest.approx(bar.length_px * per_px)


@pytest.mark.parametrize(
    ("length", "text"), [(0.4, "20 cm"), (4, "2 m"), (400, "200 m"), (4100, "2 km")]
)
def test_scale_bar_text_has_the_unit_that_fits(length, text):
    assert scale_bar(length / 100, room_px=99).text == text


@pytest.mark.parametrize(
    "grid",
    [
        UTM,
        Grid(width=40, height=40, crs="EPSG:4326", transform=(1e-3, 0, 25.0, 0, -1e-3, 65.0)),
        Grid(width=40, height=40, crs="EPSG:3857", transform=(30, 0, 1.2e6, 0, -30, 9e6)),
    ],
    ids=["utm", "degrees at 65 north", "web mercator"],
)
def test_scale_bar_drawn_has_its_geodesic_length_on_the_ground(grid):
    white = np.full((3, SIDE, SIDE), 255, dtype=np.uint8)
    image = draw([RgbLayer(values=white, valid=ALL, is_stretched=False)], grid=grid)
    gray = np.asarray(image.convert("L"))
    bottom = int(np.flatnonzero(gray[:, image.width // 2] == 110)[-1])
    columns = np.flatnonzero(gray[80, :] == 110)
    map_px = int(columns[-1] - columns[0] - 1)
    left, _, right, _ = dark_box(image, (14, bottom - 24, image.width // 2 + 60, bottom - 10))
    x, y = grid.transform[2] + 20 * grid.transform[0], grid.transform[5] + 20 * grid.transform[4]
    to_lonlat = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    half = 20 * grid.transform[0]
    lon, lat = to_lonlat.transform([x - half, x + half], [y, y])
    across = pyproj.Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])[2]
    bar = scale_bar(across / map_px, room_px=0.3 * map_px)
    drawn = (right - left + 1) * across / map_px
    assert drawn == pytest.approx(bar.length, rel=0.01)


def test_map_of_degrees_is_as_wide_and_high_as_the_ground():
    grid = Grid(width=40, height=40, crs="EPSG:4326", transform=(1e-3, 0, 25.0, 0, -1e-3, 60.02))
    image = draw([ScalarLayer(values=np.ones((4, 4)), valid=ALL[:4, :4], label="x")], grid=grid)
    geod = pyproj.Geod(ellps="WGS84")
    wide = geod.inv(25.0, 60.0, 25.04, 60.0)[2]
    high = geod.inv(25.02, 59.98, 25.02, 60.02)[2]
    gray = np.asarray(image.convert("L"))
    columns = np.flatnonzero(gray[60, :] == 110)
    rows = np.flatnonzero(gray[:, 150] == 110)
    frame = (columns[-1] - columns[0] - 1) / (rows[-1] - rows[0] - 1)
    assert frame == pytest.approx(wide / high, rel=0.01)


def test_without_georeference_the_bar_counts_pixels_and_no_arrow_is_drawn():
    assert scale_bar(0.05, room_px=240, in_metres=False).text == "10 px"
    assert up_bearing_deg(BARE) is None
    white = np.full((3, SIDE, SIDE), 255, dtype=np.uint8)
    layer = RgbLayer(values=white, valid=ALL, is_stretched=False)
    corner = (WIDTH - 60, 16, WIDTH - 16, 70)
    plain = np.asarray(draw([layer], grid=BARE).crop(corner))
    assert (plain == 255).all()
    assert (np.asarray(draw([layer]).crop(corner)) < 60).any()


def test_a_stated_ground_sampling_distance_gives_a_bar_in_metres():
    known = BARE.model_copy(update={"gsd_m": 0.5})
    layer = ScalarLayer(values=np.ones((4, 4)), valid=ALL[:4, :4], label="x")
    assert draw([layer], grid=known).tobytes() != draw([layer], grid=BARE).tobytes()


@pytest.mark.parametrize(("turn", "expected"), [(0, 0.0), (90, 270.0), (180, 180.0)])
def test_up_bearing_turns_with_the_grid(turn, expected):
    angle = np.radians(turn)
    a, d = 10 * np.cos(angle), 10 * np.sin(angle)
    grid = Grid(width=9, height=9, crs="EPSG:32633", transform=(a, d, 500_000, d, -a, 4_978_000))
    bearing = up_bearing_deg(grid)
    assert abs((bearing - expected + 180) % 360 - 180) < 0.01


def test_outlines_are_drawn_where_the_shapes_lie():
    white = np.full((3, SIDE, SIDE), 255, dtype=np.uint8)
    shapes = [
        shapely.box(10, 10, 20, 20),
        shapely.MultiLineString([[(25, 5), (25, 15)], [(30, 5), (30, 15)]]),
        shapely.Polygon(),
        shapely.LineString([(-1e6, 30), (1e6, 30)]),
        shapely.Point(30.5, 25.5),
        shapely.Point(9999, 9999),
        shapely.Point(float("nan"), 1),
    ]
    layers = [
        RgbLayer(values=white, valid=ALL, is_stretched=False),
        OutlineLayer(geometries=shapes, label="shapes", color=(220, 0, 0)),
    ]
    image = draw(layers)
    for x, y in [(10, 15), (20, 15), (15, 10), (25, 10), (30, 10), (5, 30), (35, 30)]:
        assert image.getpixel((14 + 20 * x, 14 + 20 * y)) == (220, 0, 0), (x, y)
    assert image.getpixel((14 + 20 * 15, 14 + 20 * 15)) == (255, 255, 255)
    assert image.getpixel((14 + 610 - 6, 14 + 510)) == (220, 0, 0)  # the ring around a point


def test_large_arrays_shrink_by_means_of_valid_pixels_only():
    values = np.where(np.indices((4000, 400)).sum(axis=0) % 3, 7.0, 1000.0)
    valid = values == 7.0
    grid = Grid(width=400, height=4000)
    image = draw([ScalarLayer(values=values, valid=valid, label="x")], grid=grid, width_px=228)
    assert image.height < 420
    assert image.getpixel((114, 100)) == RAMPS["sequential"][3]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Ærøskøbing, Łódź & São Paulo", "AEroskobing, Lodz & Sao Paulo"),
        ("Москва, Αθήνα", "Moskva, Athina"),
        ("黄河 2020", "U+9EC4 U+6CB3 2020"),
        ("area ≤ 5 km² – 20 °C", "area <= 5 km2 - 20 °C"),
        ("two\nlines\tand\x00nul", "two lines andnul"),
        ("مرحبا", "U+0645 U+0631 U+062D U+0628 U+0627"),
        ("", ""),
    ],
)
def test_text_without_glyphs_is_transliterated_or_written_as_code_points(text, plain):
    assert plain_text(text) == plain


def test_plain_text_uses_only_characters_that_the_font_can_draw():
    face = ImageFont.load_default(size=20)
    missing = bytes(face.getmask("￿"))
    text = plain_text("".join(chr(i) for i in range(0x20, 0x3000)))
    assert all(bytes(face.getmask(char)) != missing for char in set(text) - {" "})


def test_non_latin_title_changes_the_picture_and_does_not_fail():
    layer = ScalarLayer(values=np.ones((4, 4)), valid=ALL[:4, :4], label="面积")
    assert draw([layer], title="黄河").height > draw([layer], title="").height


def test_long_title_is_cut_after_three_lines_with_dots():
    face = font(20)
    lines = wrap_text("word " * 300, face, 500)
    assert len(lines) == 3
    assert lines[-1].endswith("...")
    assert all(text_width(line, face) <= 500 for line in lines)
    assert wrap_text("x" * 100_000, face, 300)[0].endswith("...")
    exact = text_width("fits just so", face)
    assert wrap_text("fits just so", face, exact) == ["fits just so"]
    assert len(wrap_text("one two three four", face, text_width("three", face))) == 3


def test_map_of_no_layers_is_refused():
    with pytest.raises(InputError, match="no layers") as caught:
        draw([])
    assert "at least one layer" in caught.value.hint


def test_layer_whose_arrays_do_not_fit_is_refused_with_both_shapes():
    layer = ScalarLayer(values=np.ones((3, 4)), valid=np.ones((4, 4), dtype=bool), label="x")
    with pytest.raises(InputError, match=r"layer 1 \(ScalarLayer\) has values \(3, 4\).*\(4, 4\)"):
        draw([layer])


@pytest.mark.parametrize("width", [199, 4001])
def test_width_out_of_range_is_refused_with_the_range(width):
    layer = ScalarLayer(values=np.ones((4, 4)), valid=ALL[:4, :4], label="x")
    with pytest.raises(InputError, match=f"{width} pixels wide") as caught:
        draw([layer], width_px=width)
    assert "200 to 4000" in caught.value.hint


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1)])
def test_thin_rasters_still_give_a_picture(shape):
    grid = Grid(width=shape[1], height=shape[0])
    layer = ScalarLayer(values=np.ones(shape), valid=np.ones(shape, dtype=bool), label="x")
    image = draw([layer], grid=grid)
    assert image.width == WIDTH
    assert image.height < 1500


def png(image):
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def test_map_page_holds_the_picture_and_names_no_address():
    layer = ScalarLayer(values=np.arange(16.0).reshape(4, 4), valid=ALL[:4, :4], label="slope")
    data = png(draw([layer]))
    page = map_html(data, title="Karte 河", legend=legend_of([layer]), attribution="made here")
    assert "Karte 河" in page
    assert "slope: &lt;= 0.3 ... 7.5 ... &gt;= 14.7" in page
    assert "made here" in page
    assert re.search(r"data:image/png;base64,[A-Za-z0-9+/=]{100}", page)
    words = re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)
    assert not re.search(r"https?:|//[a-z]|\bsrc=\"(?!data:)|\bhref=", words)
    assert "default-src 'none'" in page


def test_map_page_escapes_every_word_it_is_given():
    evil = '"><script>alert(1)</script>'
    mask = MaskLayer(yes=ALL, valid=ALL, label=evil, color=(1, 2, 3))
    page = map_html(png(draw([mask])), title=evil, legend=legend_of([mask]), attribution=evil)
    assert page.count("<script>") == 1
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4
    assert "rgb(1,2,3)" in page


def test_map_page_of_other_bytes_is_refused():
    with pytest.raises(InputError, match="no PNG picture") as caught:
        map_html(b"GIF89a", title="x")
    assert "PNG" in caught.value.hint


def test_picture_saves_as_png_and_opens_again():
    layer = ScalarLayer(values=np.ones((4, 4)), valid=ALL[:4, :4], label="x")
    assert Image.open(io.BytesIO(png(draw([layer])))).size[0] == WIDTH


@pytest.mark.parametrize(
    ("label", "bluest"),
    [("open water", True), ("Burned ground", False), ("water: NDWI > 0", True)],
)
def test_a_cover_has_its_usual_colour(label, bluest):
    red, _, blue = color_of_cover(label)
    assert (blue > red) == bluest


def test_what_names_no_cover_has_no_usual_colour():
    assert color_of_cover("NDVI > 0.3") is None
