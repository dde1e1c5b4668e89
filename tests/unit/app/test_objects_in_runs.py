"""Questions about things in pictures, from words to numbers, with a model that knows colours."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from PIL import Image
from pyproj import Geod, Transformer

from eoagent import Agent
from eoagent.app.modelling import HomeModels
from eoagent.settings import Settings

_CRS = "EPSG:32633"
_GSD_M = 2.0
_WEST, _NORTH = 500_000.0, 5_000_000.0
_PAINT = {
    "ship": (200, 0, 0),
    "pier": (250, 250, 250),
    "tank": (0, 0, 200),
    "building": (90, 0, 90),
}
_OPTIONS = {"class_prompt": "{} in the image", "phrase_s": {"cpu": 0.01}}
_PIER = (100, 60, 120, 66)
_SHIPS = ((90, 70, 102, 74), (130, 60, 142, 64), (100, 120, 112, 124), (20, 20, 32, 24))
"""Columns and rows of corners: west, north, east, south."""


def _write(path, things, *, shape=(160, 200)):
    """Paint rectangles of pixels on a green ground and write them as a GeoTIFF."""
    image = np.zeros((3, *shape), np.uint8)
    image[1] = 120
    for name, (west, north, east, south) in things:
        image[:, north:south, west:east] = np.array(_PAINT[name], np.uint8)[:, None, None]
    place = Affine(_GSD_M, 0, _WEST, 0, -_GSD_M, _NORTH)
    height, width = shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        dtype="uint8",
        count=3,
        height=height,
        width=width,
        crs=_CRS,
        transform=place,
    ) as file:
        file.write(image)
    return path


def _outline(box):
    west, north, east, south = (_GSD_M * edge for edge in box)
    return shapely.box(_WEST + west, _NORTH - south, _WEST + east, _NORTH - north)


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    return Agent("offline", home=tmp_path_factory.mktemp("home"), settings=Settings())


@pytest.fixture
def ask(agent, meaning, monkeypatch):
    """A function from a question and images to the answer; the model knows things by colour."""

    def asked(question, images, *, segmenter=True):
        model = meaning.ColourSegmenter(_PAINT, options=_OPTIONS) if segmenter else None
        monkeypatch.setattr(HomeModels, "segmenter", meaning.OneModels(segmenter=model).segmenter)
        return agent.ask(question, images=images).record

    return asked


@pytest.fixture
def harbour(tmp_path):
    things = [("pier", _PIER), *(("ship", box) for box in _SHIPS)]
    return _write(tmp_path / "harbour.tif", things)


def _distance_m(one, other):
    """Return the geodesic length of the shortest line between two outlines in UTM."""
    to_lonlat = Transformer.from_crs(_CRS, "EPSG:4326", always_xy=True).transform
    line = shapely.transform(shapely.shortest_line(one, other), to_lonlat, interleaved=False)
    return Geod(ellps="WGS84").geometry_length(line)


@pytest.mark.parametrize("radius", [30, 90])
def test_ships_near_the_pier_are_counted_as_their_outlines_say(ask, harbour, radius):
    near = [box for box in _SHIPS if _distance_m(_outline(_PIER), _outline(box)) <= radius]
    answer = ask(f"How many ships are within {radius} m of the pier?", [harbour])
    assert answer.status == "answered", answer.text
    assert [f.value for f in answer.results] == [len(near)]
    assert not answer.unverified


def test_the_nearest_ship_is_as_far_as_the_shortest_line(ask, harbour):
    nearest = min(_distance_m(_outline(_PIER), _outline(box)) for box in _SHIPS)
    answer = ask("Which ship is nearest to the pier, and in which direction?", [harbour])
    assert answer.results[0].value == pytest.approx(nearest, abs=0.05)
    assert "to the west-south-west" in answer.text  # 237 degrees from centre to centre
    lonlat = [figure.value for figure in answer.results[1:]]
    to_metres = Transformer.from_crs("EPSG:4326", _CRS, always_xy=True).transform
    closest = min(map(_outline, _SHIPS), key=_outline(_PIER).distance)
    assert to_metres(*lonlat) == pytest.approx(closest.centroid.coords[0], abs=0.1)


def test_no_ship_is_a_count_of_zero_and_no_pier_is_no_answer(ask, tmp_path):
    bare = _write(tmp_path / "bare.tif", [("pier", _PIER)])
    counted = ask("How many ships are within 500 m of the pier?", [bare])
    assert (counted.status, [f.value for f in counted.results]) == ("answered", [0])
    ships = _write(tmp_path / "ships.tif", [("ship", _SHIPS[0])])
    missing = ask("How many ships are within 500 m of the pier?", [ships])
    assert missing.status == "cannot_answer"
    assert "pier" in missing.text
    assert "none" in missing.text


def test_the_scene_with_most_tanks_is_named_with_the_area_they_cover(ask, tmp_path):
    few = [("tank", (10 * n, 10, 10 * n + 8, 18)) for n in range(1, 4)]
    many = [("tank", (12 * n, 60, 12 * n + 8, 70)) for n in range(1, 8)]
    images = [_write(tmp_path / "few.tif", few), _write(tmp_path / "many.tif", few + many)]
    answer = ask("Which scene has most storage tanks, and what area do they cover?", images)
    assert answer.status == "answered", answer.text
    count, area = answer.results
    assert count.value == 10
    assert "many.tif" in answer.text
    painted = sum(_outline(box).area for _, box in few + many)
    assert area.value == pytest.approx(painted, rel=2e-3)  # the scale of UTM is not that of ground


def test_the_share_of_new_buildings_is_that_of_the_pixels_painted_since(ask, tmp_path):
    old = [("building", (20, 20, 40, 40)), ("building", (60, 20, 80, 40))]
    new = [("building", (100, 20, 120, 50)), ("building", (20, 100, 40, 120))]
    images = [_write(tmp_path / "a.tif", old), _write(tmp_path / "b.tif", old[:1] + new)]
    asked = "What share is covered by buildings that were not there before?"
    answer = ask(asked, images)
    assert answer.status == "answered", answer.text
    pixels = 20 * 30 + 20 * 20
    assert answer.results[0].value == pytest.approx(100 * pixels / (160 * 200), rel=1e-3)
    assert any("no model of change" in said for said in answer.assumptions)


def test_new_buildings_are_those_whose_box_was_free_before(ask, tmp_path):
    old = [("building", (20, 20, 40, 40)), ("building", (60, 20, 80, 40))]
    moved = [("building", (21, 20, 41, 40)), ("building", (61, 20, 81, 40))]  # by one pixel
    new = [("building", (100, 20, 120, 50)), ("building", (20, 100, 40, 120))]
    images = [_write(tmp_path / "a.tif", old), _write(tmp_path / "b.tif", moved + new)]
    assert [f.value for f in ask("How many buildings are new?", images).results] == [2]
    assert [f.value for f in ask("How many buildings were demolished?", images).results] == [0]


def test_images_that_meet_a_number_are_told_and_no_other(ask, tmp_path):
    def ships(count):
        return [("ship", (15 * n, 10, 15 * n + 12, 14)) for n in range(1, count + 1)]

    images = [_write(tmp_path / f"{n}.tif", ships(n)) for n in (2, 5, 7)]
    some = ask("In which image are there more than 4 ships?", images)
    assert [f.value for f in some.results] == [5, 7]
    none = ask("In which image are there more than 20 ships?", images)
    assert [f.value for f in none.results] == [2, 5, 7]
    assert none.text.count("does not hold") == 3
    assert not some.unverified + none.unverified


def test_presence_area_and_maps_rest_on_what_was_painted(ask, harbour):
    there = ask("Is there a ship?", [harbour])
    assert there.text.startswith("Yes.")
    assert there.results[0].value == len(_SHIPS)
    absent = ask("Are there any tanks?", [harbour])
    assert absent.results[0].value == 0
    assert absent.text.startswith("None")
    shown = ask("Outline the ships on a map", [harbour])
    assert shown.results[0].value == len(_SHIPS)
    assert any(a.kind == "picture" for a in shown.artifacts)


def test_without_weights_the_answer_names_model_and_command_and_no_number(ask, harbour):
    answer = ask("How many ships are there?", [harbour], segmenter=False)
    assert answer.status == "cannot_answer"
    assert "eoagent models pull painted" in answer.text
    assert answer.results == ()


def test_a_cover_that_no_index_shows_in_a_picture_goes_to_the_model(ask, harbour):
    answer = ask("What area is water?", [harbour], segmenter=False)
    assert answer.status == "cannot_answer"
    assert "eoagent models pull painted" in answer.text
    assert any("no index shows 'water'" in said for said in answer.assumptions)


def test_a_description_names_what_was_painted(ask, harbour):
    answer = ask("Describe the image", [harbour])
    assert answer.status == "answered", answer.text
    assert "ship" in answer.results[0].value
    assert answer.results[0].value in answer.text
    assert not answer.unverified


def test_pictures_without_a_place_on_earth_are_compared_pixel_for_pixel(ask, tmp_path):
    images = []
    for name, columns in (("before", (20,)), ("after", (20, 60, 100))):
        picture = np.full((128, 128, 3), (0, 120, 0), np.uint8)
        for west in columns:
            picture[30:50, west : west + 20] = _PAINT["building"]
        images.append(tmp_path / f"{name}.png")
        Image.fromarray(picture).save(images[-1])
    share = ask("What percentage is covered by buildings that appeared in between?", images)
    assert share.results[0].value == pytest.approx(100 * 2 * 20 * 20 / 128**2, rel=1e-3)
    assert [f.value for f in ask("How many new buildings are there?", images).results] == [2]
