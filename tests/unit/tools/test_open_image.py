"""`open_image` against what was written to the files."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from PIL import Image

from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.io.origin import OriginGuard
from eoagent.io.sampleworld import write_world

PIXELS = np.arange(2 * 6 * 8, dtype=np.uint16).reshape(2, 6, 8) + 1000


def payload(bench, **arguments):
    result = bench("open_image", **arguments)
    return result.artifacts["raster"].payload, result


def test_a_file_opens_with_its_grid_bands_and_source(bench, places):
    path = bench.write(PIXELS, places["utm"])
    ref, result = payload(bench, hrefs=[str(path)], bands=["red", "nir"])
    assert (ref["grid"]["width"], ref["grid"]["height"]) == (8, 6)
    assert ref["grid"]["crs"] == "EPSG:32633"
    assert ref["grid"]["transform"] == list(places["utm"].transform)[:6]
    assert [band["name"] for band in ref["bands"]] == ["red", "nir"]
    assert ref["sources"][0]["fingerprint"]["kind"] == "sha256"
    preview = result.artifacts["raster"].preview
    assert preview["bands"] == ["red", "nir"]
    assert preview["gsd_m"] == [pytest.approx(30, rel=1e-3)] * 2


def test_scale_and_offset_are_applied_to_values(bench, places):
    raster = bench.image(PIXELS, places["utm"], bands=["red", "nir"], scale=0.001, offset=-1.0)
    found = bench.values(
        "zonal_stats", raster=raster, band="nir", statistics=["minimum", "maximum"]
    )
    assert found["minimum"] == pytest.approx(PIXELS[1].min() * 0.001 - 1, rel=1e-5)
    assert found["maximum"] == pytest.approx(PIXELS[1].max() * 0.001 - 1, rel=1e-5)


def test_several_files_become_one_raster(bench, places):
    red = bench.write(PIXELS[0], places["utm"], name="red.tif")
    nir = bench.write(PIXELS[1], places["utm"], name="nir.tif")
    ref, _ = payload(bench, hrefs=[str(red), str(nir)], bands=["red", "nir"])
    assert [(b["name"], b["href"].rsplit("/", 1)[1]) for b in ref["bands"]] == [
        ("red", "red.tif"),
        ("nir", "nir.tif"),
    ]


def test_a_picture_is_in_pixels_unless_its_ground_size_is_stated(bench):
    path = bench.folder / "scene.png"
    Image.fromarray(np.zeros((5, 7, 3), np.uint8)).save(path)
    ref, result = payload(bench, hrefs=[str(path)])
    assert ref["grid"]["crs"] == ""
    assert result.artifacts["raster"].preview["gsd_m"] is None
    ref, result = payload(bench, hrefs=[str(path)], gsd_m=0.5)
    assert ref["grid"]["gsd_m"] == 0.5
    assert result.artifacts["raster"].preview["gsd_m"] == [0.5, 0.5]


def test_equal_files_give_equal_handles(bench, places):
    path = str(bench.write(PIXELS, places["utm"]))
    assert bench.handle("open_image", hrefs=[path]) == bench.handle("open_image", hrefs=[path])


def test_clouds_are_left_out_by_the_quality_band_when_asked(bench, shared_data):
    scene = "LC08_L2SP_008059_20191201_20200825_02_T1"
    folder = shared_data / "stac_with_pixels" / scene
    hrefs = [str(folder / f"{scene}_{part}.TIF") for part in ("SR_B4", "QA_PIXEL")]
    used = bench.using(origins=OriginGuard(typed=[str(folder)]))
    raster = used.handle("open_image", hrefs=hrefs, mask_classes=["cloud"])
    found = used.values("describe_data", target=raster)
    assert found["cloud_share"] == pytest.approx(81.057, abs=0.01)
    assert found["valid_share"] < 20
    with pytest.raises(NotFound, match="has no class fog"):
        used("open_image", hrefs=hrefs, mask_classes=["fog"])
    with pytest.raises(InputError, match="there is no quality band"):
        used("open_image", hrefs=hrefs[:1], mask_classes=["cloud"])


def test_clouds_of_a_scene_do_not_count_unless_that_is_asked(bench):
    world = write_world(bench.folder / "world", size=180)
    scene = next(s for s in world.scenes if s.cloud_pct > 5 and s.gsd_m == 10)
    folder = (bench.folder / "world" / scene.href).parent
    href = str(next(folder.glob("*.json")))
    with rasterio.open(next(folder.glob("*scl*.tif"))) as file:
        codes = file.read(1)
    _, result = payload(bench, hrefs=[href])
    left = ~np.isin(codes, [0, 1, 3, 8, 9, 10])
    share = 100 * (1 - left.sum() / (codes != 0).sum())
    said = " ".join(result.assumptions)
    assert "flags as fill, saturated, cloud_shadow, cloud, cirrus are left out (ESA" in said
    assert f"leaves out {share:.1f} % of the filled pixels" in said
    handle = result.artifacts["raster"].handle
    found = bench.values("describe_data", target=handle)
    assert found["valid_share"] == pytest.approx(100 * left.mean())
    whole, result = payload(bench, hrefs=[href], mask_classes=[])
    assert whole["qa"] is None
    assert any(s.endswith("as asked: clouds count as ground") for s in result.assumptions)
    found = bench.values("describe_data", target=result.artifacts["raster"].handle)
    assert found["valid_share"] == pytest.approx(100 * (codes != 0).mean())
    snowless, _ = payload(bench, hrefs=[href], mask_classes=["snow"])
    assert snowless["qa"]["exclude"] == ["snow"]


def test_landsat_files_are_masked_by_their_quality_file_and_the_share_is_said(bench, shared_data):
    scene = "LC08_L2SP_008059_20191201_20200825_02_T1"
    folder = shared_data / "stac_with_pixels" / scene
    used = bench.using(origins=OriginGuard(typed=[str(folder)]))
    files = {part: folder / f"{scene}_{part}.TIF" for part in ("SR_B4", "SR_B5", "QA_PIXEL")}
    with rasterio.open(files["QA_PIXEL"]) as file:
        codes = file.read(1)
    filled = codes & 1 == 0
    _, result = payload(used, hrefs=[str(path) for path in files.values()])
    share = 100 * ((codes & 0b11110) != 0)[filled].mean()
    assert f"leaves out {share:.1f} % of the filled pixels" in result.assumptions[-1]
    handle = result.artifacts["raster"].handle
    ndvi = used.handle("spectral_index", raster=handle, index="ndvi")
    made = used.pixels(ndvi)[0][0]
    assert np.isnan(made[(codes & 0b11111) != 0]).all()
    assert np.isfinite(made).sum() > 0
    flagged = used.handle("threshold", raster=handle, band="qa_pixel", bit=3, exclude_bits=[0])
    cloud = used.values("measure", target=flagged, quantities=["share"])["share"]
    assert cloud == pytest.approx(81.057, abs=0.01)
    files["QA_PIXEL"] = folder / "none_QA_PIXEL.TIF"
    with pytest.raises(NotFound, match="there is no file"):
        used("open_image", hrefs=[str(path) for path in files.values()])


def test_what_cannot_be_opened_is_refused_with_a_reason(bench, places):
    path = str(bench.write(PIXELS, places["utm"]))
    with pytest.raises(NotFound, match="there is no file .*none.tif"):
        bench("open_image", hrefs=[str(bench.folder / "none.tif")])
    with pytest.raises(InputError, match="band names were given for|names"):
        bench("open_image", hrefs=[path], bands=["red", "green", "nir"])
    broken = bench.folder / "broken.tif"
    broken.write_bytes(b"II*\0" + b"\0" * 50)
    with pytest.raises(SourceError):
        bench("open_image", hrefs=[str(broken)])
    table = bench.folder / "table.csv"
    table.write_text("a,b\n1,2\n")
    with pytest.raises((SourceError, InputError)) as caught:
        bench("open_image", hrefs=[str(table)])
    assert "table.csv" in str(caught.value)


def test_a_catalog_of_several_scenes_is_no_image(bench, shared_data):
    catalog = shared_data / "catalog" / "catalog.json"
    used = bench.using(origins=OriginGuard(typed=[str(shared_data)]))
    with pytest.raises(InputError, match="scenes, and an image is one") as caught:
        used("open_image", hrefs=[str(catalog)])
    assert caught.value.hint == "name one item of it"


def test_arguments_out_of_range_are_refused(bench):
    assert "hrefs" in bench.refused("open_image", hrefs=["a.tif"] * 65)
    assert "gsd_m" in bench.refused("open_image", hrefs=["a.tif"], gsd_m=0)
    assert "scale" in bench.refused("open_image", hrefs=["a.tif"], scale=float("nan"))
    assert "colour" in bench.refused("open_image", hrefs=["a.tif"], colour="red")
