"""`render_map` puts colours where numpy, rasterio and pyproj say that things are."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
import shapely
from affine import Affine
from PIL import Image
from pyproj import Geod

from eoagent.contracts.errors import InputError, NotFound
from eoagent.io.mapcolour import PALETTE
from eoagent.io.maplayers import NO_DATA

WGS84 = Geod(ellps="WGS84")
YES = np.kron([[1, 0], [0, 1], [0, 0], [1, 1]], np.ones((10, 20))).astype(bool)
VALID = np.kron([[1, 1], [1, 1], [0, 1], [1, 1]], np.ones((10, 20))).astype(bool)
WHITE = (255, 255, 255)


@pytest.fixture
def drawn(bench):
    """Draw layers and return the picture, 828 pixels wide: 800 of map."""

    def draw(*layers, **arguments):
        handle = bench.handle("render_map", layers=list(layers), **{"width_px": 828} | arguments)
        with Image.open(bench.path(handle)) as picture:
            return picture.convert("RGB")

    return draw


def frame(picture):
    """Return (left, top, width, height) of the map inside its thin grey frame."""
    edge = (np.asarray(picture) == 110).all(axis=2)
    rows = np.flatnonzero(edge.sum(axis=1) > 100)
    cols = np.flatnonzero(edge.sum(axis=0) > 100)
    return cols[0] + 1, rows[0] + 1, cols[-1] - cols[0] - 1, rows[-1] - rows[0] - 1


def at(picture, across, down):
    """Return the colour at shares of the map's width and height."""
    left, top, width, height = frame(picture)
    return picture.getpixel((left + int(across * width), top + int(down * height)))


def close_to(color, wanted):
    return np.abs(np.subtract(color, wanted)).max() <= 2


def tinted(color, below=WHITE, alpha=0.55):
    return np.array(color) * alpha + np.array(below) * (1 - alpha)


def orange(picture):
    """Return where the first colour of the palette lies, as shares of the map's size."""
    left, top, width, height = frame(picture)
    inside = np.asarray(picture)[top : top + height, left : left + width].astype(int)
    rows, cols = np.nonzero(np.abs(inside - PALETTE[0]).max(axis=2) < 12)
    return cols / width, rows / height


def test_yes_is_coloured_no_is_white_and_not_valid_is_grey(bench, drawn, places):
    picture = drawn(bench.mask(YES, places["utm"], valid=VALID, label="lakes"))
    assert close_to(at(picture, 0.25, 0.1), tinted(PALETTE[0]))
    assert at(picture, 0.75, 0.2) == WHITE
    assert at(picture, 0.25, 0.6) == NO_DATA
    assert close_to(at(picture, 0.75, 0.8), tinted(PALETTE[0]))


def test_what_is_not_valid_of_a_lone_mask_is_told_in_the_legend(bench, drawn, places):
    whole = drawn(bench.mask(YES, places["utm"], name="a.tif", label="lakes"))
    holed = drawn(bench.mask(YES, places["utm"], valid=VALID, name="b.tif", label="lakes"))
    swatches = [(np.asarray(p)[-60:] == NO_DATA).all(axis=2).sum() for p in (whole, holed)]
    assert swatches[0] == 0
    assert swatches[1] > 200


def test_a_mask_lies_over_the_image_below_it(bench, drawn, places):
    values = np.zeros((3, 40, 40), np.uint8)
    values[2, :, ::2] = 255
    values[0, :, 1::2] = 255
    image = bench.image(values, places["utm"], bands=["red", "green", "blue"])
    picture = drawn(image, bench.mask(YES, places["utm"], name="mask.tif"))
    blue, red = at(picture, 2.5 / 40 + 0.5, 0.1), at(picture, 3.5 / 40 + 0.5, 0.1)
    assert (blue, red) == ((0, 0, 255), (255, 0, 0))
    assert close_to(at(picture, 2.5 / 40, 0.1), tinted(PALETTE[0], blue))


def test_shapes_lie_where_their_coordinates_say_on_any_grid(bench, drawn, place):
    image = bench.image(np.full((40, 40), 7, np.uint8), place)
    zone = bench.features([place.outline(10, 4, 20, 30)])
    across, down = orange(drawn(image, zone))
    found = [across.min(), across.max(), down.min(), down.max()]
    np.testing.assert_allclose(found, [4 / 40, 34 / 40, 10 / 40, 30 / 40], atol=0.006)


def test_shapes_alone_fill_the_map_and_keep_their_proportions(bench, drawn):
    box = shapely.box(13, 60, 13.4, 60.1)
    picture = drawn(bench.features([box]))
    across, down = orange(picture)
    _, _, width, height = frame(picture)
    east = WGS84.inv(13, 60.05, 13.4, 60.05)[2]
    north = WGS84.inv(13.2, 60, 13.2, 60.1)[2]
    drawn_wide, drawn_high = np.ptp(across) * width, np.ptp(down) * height
    assert drawn_wide / drawn_high == pytest.approx(east / north, rel=0.02)
    assert np.ptp(across) == pytest.approx(1 / 1.1, abs=0.01)


def test_shapes_on_both_sides_of_the_antimeridian_are_neighbours(bench, drawn, places):
    islands = [shapely.box(179.5, -18, 179.9, -17), shapely.box(-179.9, -18, -179.5, -17)]
    zones = bench.features(islands)
    over_180 = replace(places["degrees"], transform=Affine(0.05, 0, 179, 0, -0.05, -16.5))
    image = bench.image(np.ones((40, 60), np.uint8), over_180)
    for picture, share in ((drawn(zones), 1 / 1.1), (drawn(image, zones), 1 / 3)):
        across, _ = orange(picture)
        assert np.ptp(across) == pytest.approx(share, abs=0.02)
        lon = 179.5 + (across - across.min()) / np.ptp(across)
        for edge in (179.5, 179.9, 180.1, 180.5):
            assert np.abs(lon - edge).min() < 0.02
        assert not ((lon > 179.93) & (lon < 180.07)).any()


def test_a_lone_point_has_about_a_kilometre_around_it(bench, drawn):
    picture = drawn(bench.features([shapely.Point(13.2, 60.3)]))
    across, down = orange(picture)
    assert across.mean() == pytest.approx(0.5, abs=0.01)
    assert down.mean() == pytest.approx(0.5, abs=0.02)
    assert np.ptp(across) < 0.05


def test_the_title_is_the_top_layers_unless_one_is_given(bench, places):
    mask = bench.mask(YES, places["utm"], label="lakes")
    plain = bench("render_map", layers=[mask]).artifacts
    assert plain["picture"].title == "lakes in mask.tif"
    given = bench("render_map", layers=[mask], title="Lakes & <b>ponds</b>").artifacts
    assert given["picture"].title == "Lakes & <b>ponds</b>"
    page = bench.path(given["page"].handle).read_text(encoding="utf-8")
    assert "<title>Lakes &amp; &lt;b&gt;ponds&lt;/b&gt;</title>" in page


def test_the_page_holds_the_picture_and_loads_nothing(bench, places):
    made = bench("render_map", layers=[bench.mask(YES, places["utm"])]).artifacts
    assert (made["picture"].media_type, made["page"].media_type) == ("image/png", "text/html")
    page = bench.path(made["page"].handle).read_text(encoding="utf-8")
    (inside,) = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert base64.b64decode(inside) == bench.path(made["picture"].handle).read_bytes()
    assert not re.search(r"https?://|<link|@import|url\(", page)


@pytest.mark.parametrize("width_px", [200, 901, 1600])
def test_the_picture_is_as_wide_as_asked(bench, places, width_px):
    handle = bench.handle("render_map", layers=[bench.mask(YES, places["utm"])], width_px=width_px)
    with Image.open(io.BytesIO(bench.path(handle).read_bytes())) as picture:
        assert picture.width == width_px


def test_shapes_in_pixels_are_drawn_over_their_image_only(bench, drawn, places):
    mask = bench.mask(YES, label="lakes")
    outline = bench.handle("regions", mask=mask, keep=1)
    with pytest.raises(InputError, match="lakes is in pixels$") as caught:
        drawn(outline)
    assert caught.value.hint == "draw it over its image"
    strange = bench.mask(YES, places["utm"], name="strange.tif")
    with pytest.raises(InputError, match="is in pixels, and the map is on the ground") as caught:
        drawn(strange, outline)
    assert caught.value.hint == "draw it over its own image"
    assert drawn(mask, outline).width == 828


def test_shapes_with_a_place_cannot_lie_on_a_picture_without_one(bench, drawn):
    zones = bench.features([shapely.box(13, 60, 13.4, 60.1)])
    with pytest.raises(InputError, match="georeference"):
        drawn(bench.mask(YES), zones)


def test_no_feature_at_all_is_told(bench, drawn, tmp_path):
    empty = tmp_path / "empty.geojson"
    empty.write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(InputError, match="there is no feature to draw") as caught:
        drawn(bench.handle("open_features", href=str(empty)))
    assert caught.value.hint == "give features that are not empty"


def test_a_layer_that_is_not_there_is_told(bench):
    with pytest.raises(NotFound, match="mask:0123456789ab"):
        bench("render_map", layers=["mask:0123456789ab"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"layers": []}, "layers"),
        ({"layers": ["mask:0123456789ab"] * 13}, "at most 12"),
        ({"layers": ["table:0123456789ab"]}, "is a table"),
        ({"layers": ["mask:0123456789ab"], "width_px": 199}, "greater than or equal to 200"),
        ({"layers": ["mask:0123456789ab"], "width_px": 4001}, "less than or equal to 4000"),
        ({"layers": ["mask:0123456789ab"], "title": "t" * 121}, "at most 120"),
    ],
)
def test_arguments_out_of_bounds_are_refused(bench, arguments, said):
    assert said in bench.refused("render_map", **arguments)
