"""`open_index` and what it finds, over an index that compares every tile."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio
import shapely
from affine import Affine
from PIL import Image

import eoagent
from eoagent.app import indexes
from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.contracts.geometry import BBox
from eoagent.settings import Settings

WORDS = ("water", "forest", "desert", "snow")


class Kind:
    """A kind of index that gives one index, whatever the folder."""

    def __init__(self, index):
        self.index = index
        self.around = None

    def open(self, folder, around):
        self.around = around
        return self.index


@pytest.fixture
def home(tmp_path):
    """A home with an index `coast` that is there."""
    folder = tmp_path / "home" / "indexes" / "coast"
    folder.mkdir(parents=True)
    (folder / "CURRENT").write_text("1")
    return tmp_path / "home"


@pytest.fixture
def index(home, meaning, tmp_path, monkeypatch):
    pixels = np.concatenate(
        [np.full((3, 32, 32), 1) * np.array(meaning.COLOURS[w])[:, None, None] for w in WORDS], 2
    ).astype(np.uint8)
    path = tmp_path / "squares.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=128,
        height=32,
        count=3,
        dtype="uint8",
        crs="EPSG:4326",
        transform=Affine(0.001, 0, 12, 0, -0.001, 45),
    ) as file:
        file.write(pixels)
        file.colorinterp = [rasterio.enums.ColorInterp[n] for n in ("red", "green", "blue")]
    tiles = [
        meaning.tile(
            n + 1,
            path,
            (32 * n, 0, 32, 32),
            day=f"2019-0{n + 1}-15",
            collection="squares",
            bbox=(12 + 0.032 * n, 44.968, 12.032 + 0.032 * n, 45.0),
            gsd_m=10.0,
        )
        for n in range(4)
    ]
    tiles.append(meaning.tile(5, tmp_path / "gone.png", (0, 0, 32, 32)))
    colours = [*(meaning.COLOURS[w] for w in WORDS), (90, 30, 30)]
    made = meaning.OneIndex(tiles, meaning.unit(colours), meaning.ColourEncoder())
    monkeypatch.setattr(indexes, "index_kind", lambda: Kind(made))
    return made


@pytest.fixture
def coast(home, index):
    with eoagent.open_index("coast", home=home, settings=Settings()) as opened:
        yield opened


def test_words_find_the_tile_of_their_colour(coast):
    hits = coast.search(text="forest", k=3)
    assert len(hits) == 3
    assert hits.ids[0] == f"{2:032x}"
    assert hits.scores == sorted(hits.scores, reverse=True)
    assert hits.matched == 5
    assert hits.exact is True
    assert hits.recall is None
    assert [h.rank for h in hits] == [1, 2, 3]
    assert hits[0].item_id == "scene-2"
    assert hits.query == "forest"
    assert "Hits 3 of 5" in repr(hits)


def test_a_picture_is_a_file_an_array_or_an_image(coast, meaning, tmp_path):
    color = np.full((20, 20, 3), meaning.COLOURS["desert"], dtype=np.uint8)
    path = tmp_path / "like.png"
    Image.fromarray(color).save(path)
    for like in (color, Image.fromarray(color), path, str(path)):
        assert coast.search(like=like, k=1).ids == [f"{3:032x}"]


def test_a_tile_and_a_vector_find_themselves(coast, index):
    assert coast.search(like=f"{4:032x}", k=1).ids == [f"{4:032x}"]
    assert coast.search(vector=index.rows[0], k=1).ids == [f"{1:032x}"]
    assert np.array_equal(coast.vectors([f"{1:032x}"])[0], index.rows[0])


def test_more_like_this_and_less_like_that_reach_the_index(coast, index):
    coast.search(text=["water", "sea"], like=[f"{1:032x}"], unlike=["snow", f"{4:032x}"])
    query = index.queries[-1]
    assert query.texts == ("water", "sea")
    assert query.tile_ids == (f"{1:032x}",)
    assert query.unlike_texts == ("snow",)
    assert query.unlike_tile_ids == (f"{4:032x}",)


def test_conditions_are_read_as_people_write_them(coast, index, tmp_path):
    area = tmp_path / "area.geojson"
    area.write_text(json.dumps(shapely.geometry.mapping(shapely.box(12.07, 44.97, 12.09, 44.99))))
    assert coast.search("water", bbox=(12.04, 44, 12.05, 46)).ids == [f"{2:032x}"]
    assert coast.search("water", aoi=area).ids == [f"{3:032x}"]
    assert coast.search("water", aoi="12.1,44,13,46").ids == [f"{4:032x}"]
    assert coast.search("water", datetime="2019-02").ids == [f"{2:032x}"]
    both = coast.search("water", datetime="2019-01/2019-02")
    assert sorted(both.ids) == [f"{1:032x}", f"{2:032x}"]
    assert coast.search("snow", within=both, k=5).matched == 2
    assert index.queries[-1].where.tile_ids == tuple(both.ids)


def test_nothing_within_the_conditions_says_what_the_index_covers(coast):
    hits = coast.search("water", datetime="2031")
    assert len(hits) == 0
    assert "no tile meets the conditions" in hits.warnings[0]
    assert "2019-01-15" in hits.warnings[0]
    with pytest.raises(InputError, match="no tiles"):
        hits.sheet()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"bbox": (1, 2, 3)}, "is no box"),
        ({"bbox": (1, 5, 3, 2)}, "is no box"),
        ({"datetime": "yesterday"}, "is not a date"),
        ({"max_cloud": 120}, "max_cloud_pct"),
        ({"vector": [float("nan")]}, "finite"),
        ({"vector": "x"}, "no array of numbers"),
        ({"aoi": "12,1,13,2", "bbox": (1, 2, 3, 4)}, "two boxes"),
    ],
)
def test_conditions_that_make_no_sense_are_refused(coast, said, message):
    with pytest.raises(InputError, match=message):
        coast.search("water", **said)


def test_the_name_of_a_file_is_not_taken_for_words(coast):
    with pytest.raises(InputError, match="'river.jpg' reads like the name of a file") as refused:
        coast.search(text="river.jpg")
    assert refused.value.hint == "give like=PICTURE, on the command line --like FILE"


def test_a_folder_is_no_picture(coast, tmp_path):
    with pytest.raises(InputError, match="is a folder") as refused:
        coast.search(like=tmp_path)
    assert refused.value.hint == "give one picture, or the id of a tile of the index"


def test_a_picture_that_is_not_there_is_told(coast):
    with pytest.raises(NotFound, match="no file"):
        coast.search(like="nowhere.png")


def test_geojson_holds_every_tile_with_its_attributes(coast):
    found = coast.search("water", k=5).to_geojson()
    assert found["type"] == "FeatureCollection"
    assert found["index"] == "coast"
    assert len(found["features"]) == 5
    first = next(f for f in found["features"] if f["id"] == f"{2:032x}")
    assert shapely.geometry.shape(first["geometry"]).bounds == pytest.approx(
        (12.032, 44.968, 12.064, 45)
    )
    assert first["properties"]["start"] == "2019-02-15T00:00:00+00:00"
    assert next(f for f in found["features"] if f["id"] == f"{5:032x}")["geometry"] is None
    json.dumps(found, allow_nan=False)


def test_geoparquet_is_read_by_others(coast, tmp_path):
    hits = coast.search("water", k=5)
    hits.to_geoparquet(tmp_path / "hits.parquet")
    table = pq.read_table(tmp_path / "hits.parquet")
    geo = json.loads(table.schema.metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    assert geo["columns"]["geometry"]["encoding"] == "WKB"
    assert table.column("tile_id").to_pylist() == hits.ids
    assert table.column("score").to_pylist() == hits.scores
    shapes = [
        None if w is None else shapely.from_wkb(w) for w in table.column("geometry").to_pylist()
    ]
    assert sum(s is None for s in shapes) == 1
    assert geo["columns"]["geometry"]["bbox"] == pytest.approx((12, 44.968, 12.128, 45))


def test_the_contact_sheet_shows_each_tile_and_why_one_is_missing(coast, meaning, tmp_path):
    hits = coast.search("water", k=5)
    png = hits.sheet(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").read_bytes() == png
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    colours = {tuple(c) for c in picture.reshape(-1, 3)}
    for word in WORDS:
        assert meaning.COLOURS[word] in colours
    assert (222, 222, 222) in colours  # the tile whose file has gone


def test_the_ending_decides_how_tiles_are_kept(coast, tmp_path):
    hits = coast.search("water", k=2)
    for ending in (".json", ".geojson", ".parquet", ".png"):
        hits.save(tmp_path / f"hits{ending}")
        assert (tmp_path / f"hits{ending}").stat().st_size > 0
    assert json.loads((tmp_path / "hits.json").read_text())["hits"][0]["tile_id"] == hits.ids[0]
    with pytest.raises(InputError, match="no ending"):
        hits.save(tmp_path / "hits.txt")
    (tmp_path / "file").write_text("")
    for ending in (".json", ".parquet"):
        with pytest.raises(SourceError, match="written"):
            hits.save(tmp_path / "file" / f"hits{ending}")


def test_a_wrong_name_lists_the_indexes_there_are(home, index):
    with pytest.raises(NotFound, match="no index 'cost'") as caught:
        eoagent.open_index("cost", home=home, settings=Settings())
    assert caught.value.hint == "there are: coast"
    with pytest.raises(InputError, match="cannot name an index"):
        eoagent.open_index("../coast", home=home, settings=Settings())


def test_without_a_name_the_only_index_is_meant_or_that_of_the_settings(home, index):
    assert eoagent.open_index(home=home, settings=Settings()).name == "coast"
    other = home / "indexes" / "inland"
    other.mkdir()
    (other / "CURRENT").write_text("1")
    with pytest.raises(InputError, match="2 indexes") as caught:
        eoagent.open_index(home=home, settings=Settings())
    assert "coast, inland" in caught.value.hint
    assert eoagent.open_index(home=home, settings=Settings(index="inland")).name == "inland"


def test_a_folder_without_a_committed_version_is_no_index(home, index):
    (home / "indexes" / "begun").mkdir()
    assert indexes.names_in_home(home) == ("coast",)
    with pytest.raises(NotFound, match="no index 'begun'"):
        eoagent.open_index("begun", home=home, settings=Settings())
    indexes.remove_index(home, "begun")
    assert not (home / "indexes" / "begun").exists()


def test_a_removed_index_is_gone(home, index):
    indexes.remove_index(home, "coast")
    assert indexes.names_in_home(home) == ()
    assert list((home / "indexes").iterdir()) == []
    with pytest.raises(NotFound):
        indexes.remove_index(home, "coast")


def test_the_agent_answers_from_an_index(home, index):
    agent = eoagent.Agent(home=home, settings=Settings(), index="coast")
    answer = agent.ask("Where is a forest?")
    assert answer.status == "answered", answer.text
    assert answer.results[0].value == 5
    assert "scene-2" in answer.text
    assert [s.tool for s in answer.steps] == ["search_tiles"]
    lat = next(f for f in answer.results if f.unit == "deg")
    assert lat.value == pytest.approx(44.984)


def test_the_agent_measures_the_tile_it_found(home, index):
    agent = eoagent.Agent(home=home, settings=Settings())
    answer = agent.ask(
        "Which tile looks most like snow and what is the mean of the red band?", index="coast"
    )
    assert answer.status == "answered", answer.text
    assert answer.results[-1].value == pytest.approx(255)


def test_an_index_that_is_not_there_is_told_before_a_run_begins(home, index):
    agent = eoagent.Agent(home=home, settings=Settings())
    with pytest.raises(NotFound, match="no index 'lake'"):
        agent.ask("Where is a forest?", index="lake")


def test_boxes_may_be_given_as_records(coast):
    box = BBox(west=12.04, south=44, east=12.05, north=46)
    assert coast.search("water", bbox=box).ids == [f"{2:032x}"]
