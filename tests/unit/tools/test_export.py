"""`export` writes what rasterio, pyogrio, shapely and csv read back as it was, in one folder only."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pyogrio
import pyogrio.raw
import pytest
import rasterio
import shapely
from PIL import Image
from pyproj import Transformer

from eoagent.contracts.errors import InputError, NotFound, SourceError

YES = np.kron([[1, 0, 1], [0, 0, 1]], np.ones((4, 5))).astype(bool)
SQUARES = [shapely.box(4e5, 5e6, 4.01e5, 5.001e6), shapely.box(4.03e5, 5e6, 4.05e5, 5.002e6)]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def export(bench, out):
    """Export a handle to a path inside `out` and return the file."""

    def run(handle, path):
        result = bench.using(out_dir=out)("export", artifact=handle, path=path)
        (figure,) = result.figures
        assert (figure.name, figure.unit, figure.method) == ("path", "choice", "written")
        assert figure.value == str(out / path)
        return out / path

    return run


@pytest.fixture
def mask(bench, places):
    return bench.mask(YES, places["utm"], label="lakes")


@pytest.fixture
def squares(bench):
    return bench.features(
        SQUARES, crs="EPSG:32633", name="squares.gpkg", name_of=["a", 'b, "x"'], size=[1, 4]
    )


@pytest.fixture
def table(bench, mask):
    return bench.handle("describe_data", target=mask)


def left(out):
    """Return the names of all files in a folder."""
    return sorted(path.name for path in out.rglob("*") if path.is_file())


def test_a_mask_as_tif_has_the_pixels_and_place_it_had(export, mask, places):
    with rasterio.open(export(mask, "deep/down/lakes.tif")) as file:
        assert (file.read(1) == YES).all()
        assert file.nodata == 255
        assert file.crs.to_epsg() == 32633
        assert file.transform == places["utm"].transform


def test_a_computed_raster_as_tif_has_its_values(bench, export, places):
    bands = np.random.default_rng(1).random((2, 6, 7)).astype("float32")
    raster = bench.image(bands, places["utm"], bands=["red", "nir"])
    index = bench.handle("spectral_index", raster=raster, index="ndvi")
    with rasterio.open(export(index, "NDVI.TIF")) as file:
        red, nir = bands
        np.testing.assert_allclose(file.read(1), (nir - red) / (nir + red), rtol=1e-6)


@pytest.mark.parametrize("ending", ["gpkg", "parquet"])
def test_features_keep_system_shapes_and_columns(bench, export, squares, ending):
    path = export(squares, f"squares.{ending}")
    if ending == "parquet":
        found = bench.handle("open_features", href=str(path))
        features = bench.read_features(found)
        crs, shapes = features.crs, features.geometries
        names, sizes = features.values("name_of"), features.values("size")
    else:
        meta, _, wkb, (names, sizes) = pyogrio.raw.read(path)
        crs, shapes = meta["crs"], shapely.from_wkb(wkb)
    assert crs == "EPSG:32633"
    assert all(a.equals(b) for a, b in zip(shapes, SQUARES, strict=True))
    assert list(names) == ["a", 'b, "x"']
    assert list(sizes) == [1, 4]


def test_features_as_geojson_and_csv_are_in_longitude_and_latitude(export, squares):
    way = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True).transform
    wanted = [
        shapely.transform(g, lambda xy: np.column_stack(way(xy[:, 0], xy[:, 1]))) for g in SQUARES
    ]
    document = json.loads(export(squares, "squares.geojson").read_text())
    shapes = [shapely.from_geojson(json.dumps(f["geometry"])) for f in document["features"]]
    rows = list(csv.DictReader(io.StringIO(export(squares, "squares.csv").read_text())))
    lines = [shapely.from_wkt(row["wkt"]) for row in rows]
    for found in (shapes, lines):
        assert all(a.hausdorff_distance(b) < 1e-9 for a, b in zip(found, wanted, strict=True))
    assert [f["properties"]["name_of"] for f in document["features"]] == ["a", 'b, "x"']
    assert [row["name_of"] for row in rows] == ["a", 'b, "x"']


def test_a_table_as_json_and_as_csv_has_the_same_rows(export, table):
    content = json.loads(export(table, "facts.json").read_text())
    rows = list(csv.reader(io.StringIO(export(table, "facts.csv").read_text())))
    assert rows == [content["columns"], *content["rows"]]
    assert ["crs", '"EPSG:32633"'] in rows


def test_anything_drawn_as_png_is_the_map_of_it(bench, export, mask, squares):
    for handle in (mask, squares):
        with Image.open(export(handle, "map.png")) as picture:
            assert (picture.format, picture.width) == ("PNG", 900)
            colors = {color for _, color in picture.getcolors(2**24)}
        assert len(colors) > 10


def test_a_map_is_written_as_it_is(bench, export, mask):
    made = bench("render_map", layers=[mask]).artifacts
    for artifact, name in ((made["picture"], "map.png"), (made["page"], "map.html")):
        assert (
            export(artifact.handle, name).read_bytes() == bench.path(artifact.handle).read_bytes()
        )
    with pytest.raises(InputError, match="is kept as '.png'") as caught:
        export(made["picture"].handle, "map.html")
    assert caught.value.hint == "use .png"


def test_a_file_of_that_name_is_replaced_and_nothing_else_is_left(export, mask, out):
    out.mkdir()
    (out / "lakes.tif").write_text("old")
    with rasterio.open(export(mask, "lakes.tif")) as file:
        assert file.width == 15
    assert left(out) == ["lakes.tif"]


def test_a_name_as_long_as_the_disk_allows_can_be_written(export, mask):
    assert export(mask, "l" * 251 + ".tif").is_file()


def test_what_cannot_be_written_leaves_the_old_file_alone(bench, export, out):
    out.mkdir()
    (out / "lakes.geojson").write_text("old")
    outline = bench.handle("regions", mask=bench.mask(YES))
    with pytest.raises(InputError, match="features in pixels have no longitude and latitude"):
        export(outline, "lakes.geojson")
    assert (out / "lakes.geojson").read_text() == "old"
    assert left(out) == ["lakes.geojson"]


def test_an_opened_file_is_no_file_of_its_own(bench, export, places, out):
    raster = bench.image(YES.astype(np.uint8), places["utm"])
    with pytest.raises(InputError, match=f"{raster} is a reference to files elsewhere") as caught:
        export(raster, "copy.tif")
    assert caught.value.hint == "export a computed raster, or a .png of it"
    assert left(out) == []


@pytest.mark.parametrize(
    ("path", "ending", "hint"),
    [
        ("lakes.gpkg", ".gpkg", ".tif, .png"),
        ("lakes", "", ".tif, .png"),
        ("lakes.tif.exe", ".exe", ".tif, .png"),
    ],
)
def test_a_format_that_does_not_go_is_refused_with_those_that_do(
    bench, export, mask, out, path, ending, hint
):
    with pytest.raises(InputError) as caught:
        export(mask, path)
    assert str(caught.value) == f"{mask} cannot be written as '{ending}'"
    assert caught.value.hint == f"endings that go: {hint}"
    assert not out.exists()


@pytest.mark.parametrize(
    "path", ["../lakes.tif", "a/../../lakes.tif", "/tmp/lakes.tif", ".", "a/.."]
)
def test_a_path_that_leads_out_of_the_folder_is_refused(export, mask, out, path):
    with pytest.raises(InputError) as caught:
        export(mask, path)
    assert str(caught.value) == f"'{path}' leads out of {out}"
    assert caught.value.hint == "give a name inside the folder"
    assert not (out.parent / "lakes.tif").exists()


def test_links_lead_out_no_more_than_dots_do(export, mask, out, tmp_path):
    victim = tmp_path / "victim.tif"
    victim.write_text("mine")
    out.mkdir()
    (out / "lakes.tif").symlink_to(victim)
    (out / "away").symlink_to(tmp_path)
    (out / "round.tif").symlink_to(out / "round.tif")
    for path in ("lakes.tif", "away/victim.tif"):
        with pytest.raises(InputError, match=f"'{path}' leads out of"):
            export(mask, path)
    with pytest.raises(InputError, match="is no usable file name"):
        export(mask, "round.tif")
    assert victim.read_text() == "mine"


def test_a_link_that_lies_in_wait_for_the_unfinished_file_is_not_followed(
    export, mask, out, tmp_path
):
    victim = tmp_path / "victim.tif"
    victim.write_text("mine")
    out.mkdir()
    (out / ".lakes.part.tif").symlink_to(victim)
    export(mask, "lakes.tif")
    assert victim.read_text() == "mine"


def test_a_name_with_a_nul_is_refused(export, mask):
    with pytest.raises(InputError, match=r"'a\\x00.tif' is no usable file name") as caught:
        export(mask, "a\x00.tif")
    assert caught.value.hint == "give a plain name inside the folder"


def test_without_an_output_folder_nothing_is_written(bench, mask):
    with pytest.raises(InputError, match="nothing is written outside of one") as caught:
        bench("export", artifact=mask, path="lakes.tif")
    assert caught.value.hint == "give --out DIR (out_dir= in Python)"


def test_an_output_folder_that_is_a_file_is_told(export, mask, out):
    out.write_text("a file")
    with pytest.raises(InputError, match=f"^the output folder {out} is a file$") as caught:
        export(mask, "lakes.tif")
    assert "a folder that can be written" in caught.value.hint


def test_a_folder_below_that_is_a_file_is_told(export, mask, out):
    out.mkdir()
    (out / "deep").write_text("a file")
    with pytest.raises(SourceError, match=f"^{out}/deep/down/lakes.tif cannot be") as caught:
        export(mask, "deep/down/lakes.tif")
    assert caught.value.hint == "give --out DIR (out_dir= in Python), a folder that can be written"
    assert caught.value.href == str(out / "deep/down/lakes.tif")


def test_a_name_that_is_a_folder_is_told(export, mask, squares, out):
    (out / "lakes.tif").mkdir(parents=True)
    with pytest.raises(SourceError, match="lakes.tif could not be read or written: Is a dir"):
        export(mask, "lakes.tif")
    assert left(out) == []


def test_an_artifact_that_is_not_there_is_told(export):
    with pytest.raises(NotFound, match="mask:0123456789ab"):
        export("mask:0123456789ab", "lakes.tif")


def test_arguments_are_checked(bench):
    assert "is no handle" in bench.refused("export", artifact="lakes.tif", path="x.tif")
    assert "path" in bench.refused("export", artifact="mask:0123456789ab", path="")
