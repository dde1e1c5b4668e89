"""Which bands a scene offers, on real items of several providers."""

from __future__ import annotations

import json

import pytest

from eoagent.io.origin import OriginGuard
from eoagent.io.scene import Scene, SceneAsset, SceneBand
from eoagent.io.scene_bands import scene_band_hints
from eoagent.io.stac import open_catalog
from eoagent.io.stac_item import scene_from_item


@pytest.fixture(scope="module")
def pack(shared_data):
    folder = str(shared_data / "catalog")
    return {scene.id: scene for scene in open_catalog(folder, OriginGuard([folder])).scenes}


def provider_items(shared_data, name):
    path = shared_data / "stac" / "planetary_computer" / name
    return [scene_from_item(entry, str(path)) for entry in json.loads(path.read_text())]


def made(*assets, **members):
    return Scene(id="i", href="/i.json", assets=assets, **members)


def asset(key, *bands, roles=("data",), **members):
    return SceneAsset(key=key, href=f"/{key}.tif", roles=roles, bands=bands, **members)


def test_a_stack_names_its_bands_in_the_order_of_the_file(pack):
    hints = scene_band_hints(pack["s2_l2a_aquileia_20190416"])
    assert [(h.name, h.index) for h in hints.bands] == [
        ("blue", 1),
        ("green", 2),
        ("red", 3),
        ("nir", 4),
        ("swir16", 5),
        ("swir22", 6),
    ]
    assert {h.scale for h in hints.bands} == {1.5259021896696422e-05}
    assert {h.nodata for h in hints.bands} == {0}
    assert hints.qa is None
    assert hints.bands[0].href.endswith("multiband/s2_l2a_aquileia_20190416.tif")


def test_a_scene_in_several_files_has_its_quality_band_apart(pack):
    hints = scene_band_hints(pack["LC08_L2SP_008059_20191201_20200825_02_T1"])
    assert [h.name for h in hints.bands] == ["blue", "green", "red", "nir", "swir16", "swir22"]
    assert {(h.scale, h.offset) for h in hints.bands} == {(2.75e-05, -0.2)}
    assert hints.qa is not None
    assert hints.qa.kind == "landsat_qa_pixel"
    assert hints.qa.href.endswith("_QA_PIXEL.TIF")


def test_every_scene_of_the_pack_offers_bands_with_names_of_their_own(pack):
    for scene in pack.values():
        hints = scene_band_hints(scene)
        names = [hint.name for hint in hints.bands]
        assert names
        assert len(set(names)) == len(names)
        assert hints.base == scene.href


def test_landsat_of_a_provider_has_surface_bands_first_and_no_pictures(shared_data):
    for scene in provider_items(shared_data, "landsat-c2-l2-pc.json"):
        hints = scene_band_hints(scene)
        names = [hint.name for hint in hints.bands]
        assert {"blue", "green", "red", "nir08", "swir16", "swir22"} <= set(names[:8])
        assert not {"rendered_preview", "tilejson", "qa_pixel", "qa_radsat"} & set(names)
        assert hints.qa is not None
        assert hints.qa.kind == "landsat_qa_pixel"


def test_sentinel_2_of_a_provider_has_red_edge_bands_by_wavelength_and_scl(shared_data):
    for scene in provider_items(shared_data, "sentinel-2-l2a-pc.json"):
        hints = scene_band_hints(scene)
        by_name = {hint.name: hint.key for hint in hints.bands}
        assert by_name["red"] == "B04"
        assert by_name["nir"] == "B08"
        assert "visual" not in by_name.values()
        assert {by_name.get(f"rededge{n}") for n in ("071", "075", "078")} <= {
            "B05",
            "B06",
            "B07",
            None,
        }
        assert {"B05", "B06", "B07"} <= set(by_name.values())
        assert hints.qa is not None
        assert (hints.qa.key, hints.qa.kind) == ("SCL", "sentinel2_scl")
        assert scene.processing_baseline


def test_of_several_resolutions_the_finest_is_taken_and_said(shared_data):
    path = next((shared_data / "stac" / "sentinel2_catalog").rglob("S2A_T07HFE*.json"))
    hints = scene_band_hints(scene_from_item(json.loads(path.read_text()), str(path)))
    by_name = {hint.name: hint for hint in hints.bands}
    assert by_name["blue"].key == "blue"
    assert by_name["blue"].gsd_m == 10
    assert by_name["rededge071"].gsd_m == 20
    assert by_name["swir16"].gsd_m == 20
    assert hints.qa is not None
    assert hints.qa.key == "scl"
    assert any("finest" in note for note in hints.notes)


def test_radar_bands_are_called_by_their_keys(shared_data):
    for scene in provider_items(shared_data, "sentinel-1-rtc-pc.json"):
        assert {hint.name for hint in scene_band_hints(scene).bands} <= {"vv", "vh", "hh", "hv"}


def test_a_file_whose_bands_are_not_listed_stands_for_all_of_them():
    (hint,) = scene_band_hints(made(asset("data", media_type="image/tiff"))).bands
    assert hint.index is None
    assert hint.name == "data"


def test_an_offset_that_is_in_the_pixels_is_not_applied_again():
    red = SceneBand(index=1, name="B04", common_name="red", scale=0.0001, offset=-0.1)
    applied = scene_band_hints(made(asset("red", red), is_offset_applied=True))
    assert applied.bands[0].offset == 0.0
    assert "already in the pixels" in applied.notes[0]
    assert (
        scene_band_hints(made(asset("red", red), is_offset_applied=False)).bands[0].offset == -0.1
    )


def test_bands_that_share_a_common_name_are_told_apart():
    first = SceneBand(index=1, name="B8", common_name="nir")
    second = SceneBand(index=2, name="B8A", common_name="nir")
    hints = scene_band_hints(made(asset("data", first, second)))
    assert [hint.name for hint in hints.bands] == ["nir", "B8A"]


def test_a_picture_is_taken_where_there_is_nothing_else():
    hints = scene_band_hints(
        made(asset("visual", roles=("visual",)), asset("m", roles=("metadata",)))
    )
    assert [hint.key for hint in hints.bands] == ["visual"]
