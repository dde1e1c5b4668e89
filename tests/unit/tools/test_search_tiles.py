"""Search of tiles as a tool, on an index that compares every tile and a model that sees colours."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from pydantic import ValidationError
from pyproj import CRS

from eoagent import plugins
from eoagent.contracts.errors import InputError, ModelMissing, NotFound
from eoagent.contracts.raster import RasterRef
from eoagent.testing import check_tool

ORDER = ("water", "forest", "desert", "snow")


@pytest.fixture
def scene(bench, meaning):
    """A picture of four squares of 32 pixels in a row, on the ground: the tiles of an index."""
    pixels = np.concatenate(
        [np.full((3, 32, 32), 1) * np.array(meaning.COLOURS[w])[:, None, None] for w in ORDER],
        axis=2,
    ).astype(np.uint8)
    place = CRS("EPSG:4326").to_wkt(), Affine(0.001, 0, 12.0, 0, -0.001, 45.0)
    return bench.write(pixels, place, name="squares.tif")


@pytest.fixture
def searched(bench, meaning, scene):
    """A bench with the index, and the index."""
    encoder = meaning.ColourEncoder()
    tiles = [
        meaning.tile(
            n + 1,
            scene,
            (32 * n, 0, 32, 32),
            bbox=(12 + 0.032 * n, 44.968, 12.032 + 0.032 * n, 45.0),
            day=f"2019-0{n + 1}-15",
            collection="squares",
        )
        for n in range(4)
    ]
    index = meaning.OneIndex(tiles, meaning.unit([meaning.COLOURS[w] for w in ORDER]), encoder)
    other = bench.using(models=meaning.OneModels(encoder), indexes=meaning.OneIndexes(index))
    return other, index


def test_the_tool_passes_the_exam_of_plugin_authors():
    check_tool(plugins.load("eoagent.tools", "search_tiles"), name="search_tiles")


def test_the_best_tile_of_a_word_is_the_one_of_its_colour(searched):
    bench, index = searched
    found = bench("search_tiles", text=["forest"], k=3)
    figures = {f.name: f for f in found.figures}
    items = found.artifacts["tiles"].payload["items"]
    assert items[0]["item_id"] == "scene-2"
    assert len(items) == 3
    assert figures["matched"].value == 4
    assert figures["count"].value == 3
    assert figures["best"].value == f"{2:032x}"
    assert figures["best_score"].unit == "1"
    scores = [item["score"] for item in items]
    assert scores == sorted(scores, reverse=True)
    assert figures["best_lon"].value == pytest.approx(12.048)
    assert index.is_closed


def test_footprints_come_as_features_with_scores(searched):
    bench, _ = searched
    found = bench("search_tiles", text=["water"], k=2)
    features = bench.read_features(found.artifacts["features"].handle)
    assert len(features) == 2
    assert features.values("rank") == [1, 2]
    assert features.values("item_id")[0] == "scene-1"
    assert features.geometries[0].bounds == pytest.approx((12.0, 44.968, 12.032, 45.0))


def test_choices_name_encoder_prompts_and_what_a_score_is(searched):
    bench, _ = searched
    said = " ".join(bench("search_tiles", text=["water"]).assumptions)
    assert "encoder colours" in said
    assert "a satellite photo of water." in said
    assert "not a probability or a detection" in said
    assert "version 3" in said


def test_a_search_by_picture_looks_at_the_raster(searched, meaning):
    bench, index = searched
    color = np.array(meaning.COLOURS["desert"], dtype=np.uint8)
    raster = bench.image(np.broadcast_to(color[:, None, None], (3, 40, 40)).copy(), name="like.tif")
    found = bench("search_tiles", like=[raster], k=1)
    assert found.artifacts["tiles"].payload["items"][0]["item_id"] == "scene-3"
    assert index.queries[-1].pictures[0].shape == (40, 40, 3)


def test_tiles_found_before_are_examples_and_a_place_to_search_within(searched):
    bench, index = searched
    first = bench.handle("search_tiles", text=["snow"], k=1)
    again = bench("search_tiles", like=[first], k=1)
    assert again.artifacts["tiles"].payload["items"][0]["item_id"] == "scene-4"
    within = bench("search_tiles", text=["water"], within=first)
    assert [i["item_id"] for i in within.artifacts["tiles"].payload["items"]] == ["scene-4"]
    assert index.queries[-1].where.tile_ids == (f"{4:032x}",)


def test_what_it_is_not_reaches_the_index(searched):
    bench, index = searched
    bench("search_tiles", text=["water"], unlike=["snow"])
    assert index.queries[-1].unlike_texts == ("snow",)


def test_place_time_and_cloud_are_handed_on(searched):
    bench, index = searched
    found = bench(
        "search_tiles", text=["water"], bbox=[12.04, 44.9, 12.2, 45.1], datetime="2019-03"
    )
    assert [i["item_id"] for i in found.artifacts["tiles"].payload["items"]] == ["scene-3"]
    area = bench.handle("open_features", box=[12.07, 44.97, 12.09, 44.99])
    inside = bench("search_tiles", text=["water"], aoi=area)
    assert {i["item_id"] for i in inside.artifacts["tiles"].payload["items"]} == {"scene-3"}
    assert index.queries[-1].where.area["type"] == "Polygon"


def test_nothing_found_says_what_the_index_covers(searched):
    bench, index = searched
    with pytest.raises(NotFound, match="no tile of index 'coast' meets") as caught:
        bench("search_tiles", text=["water"], datetime="2021")
    assert "12,44.968" in caught.value.hint
    assert "2019-01-15" in caught.value.hint
    assert "squares" in caught.value.hint
    assert index.is_closed


def test_a_wrong_index_lists_those_there_are(searched):
    bench, _ = searched
    with pytest.raises(NotFound, match="no index 'cost'") as caught:
        bench("search_tiles", text=["water"], index="cost")
    assert "coast" in caught.value.hint


def test_asking_for_nothing_or_two_places_is_refused(searched):
    bench, _ = searched
    with pytest.raises(InputError, match="what to look for"):
        bench("search_tiles", k=3)
    area = bench.handle("open_features", box=[12.07, 44.97, 12.09, 44.99])
    with pytest.raises(InputError, match="more than one place"):
        bench("search_tiles", text=["water"], aoi=area, bbox=[12, 44, 13, 45])


def test_points_are_no_area_to_search_in(searched):
    import shapely

    bench, _ = searched
    points = bench.features([shapely.Point(12, 45)])
    with pytest.raises(InputError, match="no polygon"):
        bench("search_tiles", text=["water"], aoi=points)


def test_a_missing_index_and_a_missing_model_say_the_command(bench, meaning, scene):
    with pytest.raises(NotFound, match="no index") as caught:
        bench("search_tiles", text=["water"])
    assert "eoagent index build" in caught.value.hint
    raster = bench.image(np.zeros((3, 40, 40), np.uint8) + 9, name="x.tif")
    with pytest.raises(ModelMissing) as missing:
        bench("classify_scene", raster=raster)
    assert missing.value.command.startswith("eoagent models")


def test_the_kth_tile_is_opened_with_the_pixels_of_its_window(searched, scene):
    bench, _ = searched
    tiles = bench.handle("search_tiles", text=["forest"], k=4)
    opened = bench("open_image", tiles=tiles, item="1")
    ref = RasterRef.model_validate(opened.artifacts["raster"].payload)
    assert (ref.grid.width, ref.grid.height) == (32, 32)
    figures = bench.values(
        "zonal_stats", raster=opened.artifacts["raster"].handle, band="green", statistics=["mean"]
    )
    assert figures["mean"] == pytest.approx(160)
    by_id = bench("open_image", tiles=tiles, item=f"{1:032x}")
    assert RasterRef.model_validate(by_id.artifacts["raster"].payload).grid.transform[
        2
    ] == pytest.approx(12.0)


def test_a_tile_without_georeference_is_copied_out(bench, meaning):
    pixels = np.zeros((3, 32, 64), dtype=np.uint8)
    pixels[0, :, 32:] = 200
    path = bench.write(pixels, name="plain.tif")
    encoder = meaning.ColourEncoder()
    tiles = [meaning.tile(n + 1, path, (32 * n, 0, 32, 32), gsd_m=0.5) for n in range(2)]
    index = meaning.OneIndex(tiles, meaning.unit([(0, 0, 0), (200, 0, 0)]), encoder)
    bench = bench.using(models=meaning.OneModels(encoder), indexes=meaning.OneIndexes(index))
    found = bench("search_tiles", like_ids=[f"{2:032x}"], k=1)
    assert "features" not in found.artifacts
    assert "no place on Earth" in " ".join(found.warnings)
    opened = bench("open_image", tiles=found.artifacts["tiles"].handle).artifacts["raster"]
    array, _ = bench.pixels(opened.handle)
    assert array.shape == (3, 32, 32)
    assert (array[0] == 200).all()
    assert RasterRef.model_validate(opened.payload).grid.gsd_m == 0.5


def test_which_tile_is_meant_must_be_told(searched):
    bench, _ = searched
    tiles = bench.handle("search_tiles", text=["forest"], k=3)
    for item, message in (("", "no tile was named"), ("9", "names 0"), ("0" * 30, "names 3")):
        with pytest.raises(NotFound, match=message):
            bench("open_image", tiles=tiles, item=item)
    with pytest.raises(InputError, match="hrefs, scenes or tiles"):
        bench("open_image", tiles=tiles, hrefs=["a.tif"])


@pytest.mark.parametrize(
    "name", ["/data/River_1.jpg", "scene.TIF", "https://x.example/a", "/data/scenes/river", " "]
)
def test_the_name_of_a_file_is_not_taken_for_words(name):
    tool = plugins.load("eoagent.tools", "search_tiles")
    for field in ("text", "unlike"):
        with pytest.raises(ValidationError, match="name of a file|no words"):
            tool.arguments.model_validate({field: [name]})
    regions = plugins.load("eoagent.tools", "find_regions")
    with pytest.raises(ValidationError, match="name of a file|no words"):
        regions.arguments.model_validate({"raster": "raster:0123456789ab", "text": name})


@pytest.mark.parametrize(
    "words", ["a river", "land/water border", "a road 7.5 m wide", "U.S. town"]
)
def test_words_are_taken_as_they_are(words):
    tool = plugins.load("eoagent.tools", "search_tiles")
    assert tool.arguments.model_validate({"text": [f" {words} "]}).text == (words,)
