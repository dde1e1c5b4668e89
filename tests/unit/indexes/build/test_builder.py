"""Builds and updates, checked against a plain loop over the same pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.warp import transform_bounds

from eoagent.contracts.errors import InputError, ModelMissing, NotFound
from eoagent.contracts.geometry import BBox
from eoagent.contracts.index import Surroundings
from eoagent.contracts.indexing import BuildRequest
from eoagent_indexes.build import committing
from eoagent_indexes.build.encoders import make_encoder
from eoagent_indexes.snapshot import Snapshot
from eoagent_indexes.upkeep import TileUpkeep


def held(folder):
    """Live rows of an index by tile id, each with its vector."""
    with Snapshot.open(folder) as snapshot:
        found = {}
        for segment in snapshot.segments:
            rows = np.flatnonzero(segment.live)
            for row, vector in zip(
                segment.table(rows).to_pylist(), segment.vectors(rows), strict=True
            ):
                assert row["tile_id"] not in found
                found[row["tile_id"]] = row | {"vector": vector}
    return found


@pytest.fixture
def upkeep(around, tmp_path):
    return TileUpkeep(tmp_path / "home" / "coast", around())


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "home" / "coast"


def test_a_build_holds_every_tile_with_the_vector_of_a_plain_loop(
    upkeep, folder, pictures, toy, toy_folder
):
    report = upkeep.build(BuildRequest(source=str(pictures)))
    assert (report.items, report.added, report.embedded) == (3, 36, 36)
    assert (report.kept, report.removed, report.quarantined) == (0, 0, ())
    assert "rgb8: the 8-bit colours are taken as they are (3 items)" in report.assumptions
    encoder = make_encoder(toy.source(toy_folder))
    rows = held(folder)
    seen = set()
    for row in rows.values():
        with rasterio.open(row["href"]) as file:
            window = rasterio.windows.Window(row["col"], row["row"], row["width"], row["height"])
            pixels = file.read(window=window).transpose(1, 2, 0)
            a, _, x, _, e, y = tuple(file.transform)[:6]
            left, top = x + a * row["col"], y + e * row["row"]
            bounds = (left, top + e * row["height"], left + a * row["width"], top)
            crs = file.crs
        expected = encoder.encode_images(pixels[None])[0].astype(np.float16)
        assert np.array_equal(row["vector"], expected)
        place = transform_bounds(crs, "EPSG:4326", *bounds)
        box = [row["bbox"][edge] for edge in ("xmin", "ymin", "xmax", "ymax")]
        assert box == pytest.approx(place, abs=1e-6)
        assert shapely.from_wkb(row["geometry"]).is_valid
        assert row["start"].isoformat().startswith("2024-06-0")
        seen.add((row["item_id"], row["col"], row["row"]))
    assert len(seen) == 36
    assert not (folder / "spool").exists()


def test_a_long_build_merges_what_it_has_committed_before_it_ends(
    upkeep, folder, pictures, monkeypatch
):
    monkeypatch.setattr(committing, "COMMIT_TILES", 1)
    monkeypatch.setattr(committing, "MERGE_SEGMENTS", 2)
    report = upkeep.build(BuildRequest(source=str(pictures)))
    assert (report.items, report.added, report.embedded) == (3, 36, 36)
    assert len(held(folder)) == 36
    told = [json.loads(path.read_bytes()) for path in sorted((folder / "manifests").iterdir())]
    segments = [len(manifest["segments"]) for manifest in told]
    rows = [sum(segment["rows"] for segment in manifest["segments"]) for manifest in told]
    assert max(segments) == 2
    assert segments.count(1) >= 3
    assert rows == sorted(rows)
    assert segments[rows.index(36) - 1] == 1  # what came before the last item was merged
    assert not upkeep.verify()


def test_building_again_embeds_nothing_and_makes_no_version(upkeep, pictures):
    request = BuildRequest(source=str(pictures))
    first = upkeep.build(request)
    again = upkeep.build(request)
    assert (again.kept, again.added, again.embedded) == (3, 0, 0)
    assert again.version == first.version


def test_the_same_request_from_another_place_finds_the_index(upkeep, pictures, monkeypatch):
    upkeep.build(BuildRequest(source=str(pictures)))
    monkeypatch.chdir(pictures.parent)
    assert upkeep.build(BuildRequest(source="pictures", workers=1)).kept == 3


def test_another_request_under_the_name_is_refused_with_what_differs(upkeep, folder, pictures):
    upkeep.build(BuildRequest(source=str(pictures)))
    with pytest.raises(InputError, match=r"begun with another request \(tile_px: 0, now 16") as e:
        upkeep.build(BuildRequest(source=str(pictures), tile_px=16))
    assert "eoagent index delete coast" in e.value.hint
    assert len(held(folder)) == 36


def test_another_encoder_under_the_name_is_refused(around, folder, pictures):
    TileUpkeep(folder, around()).build(BuildRequest(source=str(pictures)))
    other = TileUpkeep(folder, around(input_px=16))
    with pytest.raises(InputError, match=r"made by another encoder \(input_px: 32, 16\)"):
        other.build(BuildRequest(source=str(pictures)))


def test_an_update_adds_renews_and_drops(upkeep, folder, pictures, write_raster):
    upkeep.build(BuildRequest(source=str(pictures)))
    before = held(folder)
    names = sorted(path.name for path in pictures.iterdir())
    white = np.full((3, 64, 64), 200, "uint8")
    write_raster(pictures / names[0], white)
    (pictures / names[1]).unlink()
    write_raster(pictures / "scene_9.tif", white // 2, origin=(600_000.0, 5_000_000.0))
    report = upkeep.update()
    assert (report.items, report.kept) == (3, 1)
    assert (report.added, report.embedded, report.removed) == (8, 8, 24)
    after = held(folder)
    counts = {}
    for row in after.values():
        counts[row["item_id"]] = counts.get(row["item_id"], 0) + 1
    assert counts == {"scene_0_20240601": 4, "scene_2_20240603": 12, "scene_9": 4}
    kept = {key for key, row in before.items() if row["item_id"] == "scene_2_20240603"}
    assert kept <= set(after)
    assert upkeep.update().version == report.version


def test_an_item_that_cannot_be_read_is_set_aside_and_tried_again(
    upkeep, folder, pictures, write_raster
):
    good = (pictures / "scene_1_20240602.tif").read_bytes()
    write_raster(pictures / "bands.tif", np.ones((2, 40, 40), "uint8"), names=("nir", "swir16"))
    report = upkeep.build(BuildRequest(source=str(pictures)))
    (reason,) = report.quarantined
    assert reason.startswith("bands: no render recipe fits: there is no band red, green, blue")
    assert any("1 of 4 items could not be indexed" in warning for warning in report.warnings)
    with Snapshot.open(folder) as snapshot:
        (record,) = snapshot.quarantine()
        assert (record.item_id, record.href) == ("bands", str(pictures / "bands.tif"))
    assert upkeep.update().version == report.version  # nothing is new
    (pictures / "bands.tif").write_bytes(good)
    mended = upkeep.update()
    assert (mended.added, mended.quarantined) == (12, ())
    with Snapshot.open(folder) as snapshot:
        assert snapshot.quarantine() == ()


def test_what_breaks_after_it_was_indexed_keeps_its_tiles(upkeep, folder, pictures, write_raster):
    upkeep.build(BuildRequest(source=str(pictures)))
    write_raster(
        pictures / "scene_1_20240602.tif", np.ones((2, 40, 40), "uint8"), names=("nir", "lwir")
    )
    report = upkeep.update()
    assert (report.removed, report.added, len(report.quarantined)) == (0, 0, 1)
    assert len(held(folder)) == 36


def test_a_file_that_is_damaged_in_its_middle_is_set_aside(upkeep, folder, pictures, write_raster):
    path = pictures / "late.tif"
    values = np.random.default_rng(0).integers(0, 255, (3, 256, 256)).astype("uint8")
    write_raster(path, values, tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    data = bytearray(path.read_bytes())
    data[-9000:] = bytes(9000)
    path.write_bytes(data)
    report = upkeep.build(BuildRequest(source=str(pictures)))
    assert [text.split(":")[0] for text in report.quarantined] == ["late"]
    assert report.added == 36
    assert {row["item_id"][:5] for row in held(folder).values()} == {"scene"}


def test_pictures_without_georeference_have_no_place(upkeep, folder, tmp_path, write_raster):
    values = np.random.default_rng(0).integers(0, 255, (3, 64, 64)).astype("uint8")
    write_raster(tmp_path / "plain" / "a.png", values)
    write_raster(tmp_path / "plain" / "b.tif", values, gsd_m=None)
    report = upkeep.build(BuildRequest(source=str(tmp_path / "plain")))
    assert (report.added, report.without_place) == (8, 8)
    assert any("ground sampling distance" in text for text in report.assumptions)
    assert all(row["geometry"] is None and row["gsd_m"] is None for row in held(folder).values())


def test_tiles_left_out_are_counted_by_reason(upkeep, folder, tmp_path, write_raster):
    values = np.full((3, 64, 64), 9, "uint8")
    values[:, :32, :32] = 0
    write_raster(tmp_path / "in" / "a.tif", values, nodata=0)
    report = upkeep.build(BuildRequest(source=str(tmp_path / "in")))
    assert (report.added, report.skipped) == (3, {"nodata": 1})
    assert upkeep.build(BuildRequest(source=str(tmp_path / "in"))).kept == 1


def test_when_nothing_matches_it_is_said_what_there_is(upkeep, folder, pictures):
    far = BBox(west=100, south=0, east=101, north=1)
    with pytest.raises(InputError) as caught:
        upkeep.build(BuildRequest(source=str(pictures), bbox=far))
    message = str(caught.value)
    assert "no scene in 100,0,101,1" in message
    assert "there are 3 of pictures, from 2024-06-01/2024-06-03" in message
    assert not folder.exists()


def test_when_nothing_can_be_indexed_the_first_reason_is_said(upkeep, tmp_path, write_raster):
    write_raster(tmp_path / "in" / "a.tif", np.ones((2, 40, 40), "uint8"), names=("nir", "lwir"))
    with pytest.raises(InputError, match="not one of the 1 items could be indexed; the first is a"):
        upkeep.build(BuildRequest(source=str(tmp_path / "in")))


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"recipe": "sepia"}, "no render recipe is called 'sepia'"),
        ({"tile_px": 16, "stride_px": 20}, "leave gaps"),
        ({"bbox": BBox(west=1, south=2, east=1, north=3)}, "is empty"),
        ({"source": " "}, "none was given"),
    ],
)
def test_a_request_that_cannot_be_carried_out_is_refused(upkeep, pictures, request_, said):
    with pytest.raises(InputError, match=said):
        upkeep.build(BuildRequest(**({"source": str(pictures)} | request_)))


def test_a_ground_sampling_of_no_use_to_the_encoder_is_refused(around, folder, pictures):
    upkeep = TileUpkeep(folder, around(gsd_max_m=5.0, gsd_reason="it saw houses"))
    with pytest.raises(InputError, match=r"tiles of 60 m per pixel .* it saw houses"):
        upkeep.build(BuildRequest(source=str(pictures), gsd_m=60.0))


def test_an_unknown_source_is_told(upkeep, tmp_path):
    with pytest.raises(NotFound, match="nowhere"):
        upkeep.build(BuildRequest(source=str(tmp_path / "nowhere")))


def test_without_an_encoder_the_command_that_gets_one_is_said(around, folder, pictures):
    bare = Surroundings(origins=around().origins)
    with pytest.raises(ModelMissing) as caught:
        TileUpkeep(folder, bare).build(BuildRequest(source=str(pictures)))
    assert caught.value.command.startswith("eoagent models pull")


def test_an_update_of_what_is_not_there_is_refused(upkeep):
    with pytest.raises(NotFound):
        upkeep.update()


def test_verification_embeds_samples_again(upkeep, pictures, write_raster):
    upkeep.build(BuildRequest(source=str(pictures), gsd_m=20.0))
    assert upkeep.verify(samples=9) == ()
    path = pictures / "scene_1_20240602.tif"
    write_raster(path, np.full((3, 70, 100), 7, "uint8"))
    said = upkeep.verify(samples=100)
    assert len(said) == 4
    assert all("its file has changed since" in text for text in said)
    path.unlink()
    assert all("cannot be read again" in text for text in upkeep.verify(samples=100))


def test_vectors_that_are_not_those_of_the_pixels_are_found(upkeep, pictures, monkeypatch):
    import toyencoder

    upkeep.build(BuildRequest(source=str(pictures)))
    plain = toyencoder.Toy._one
    monkeypatch.setattr(toyencoder.Toy, "_one", lambda self, p: plain(self, 255 - p))
    said = upkeep.verify(samples=5)
    assert len(said) == 5
    assert all("its vector, made again, has a cosine of" in text for text in said)


def test_vacuum_tells_what_no_version_needs(upkeep, pictures):
    upkeep.build(BuildRequest(source=str(pictures)))
    assert list(upkeep.vacuum()) == []  # what was replaced is kept for a day


def test_items_of_a_catalog_are_picked_by_collection_and_cloud(
    upkeep, folder, tmp_path, write_raster, write_item
):
    values = np.random.default_rng(0).integers(0, 255, (3, 32, 32)).astype("uint8")
    asset = {"type": "image/tiff; application=geotiff", "roles": ["data"]}
    links = []
    for n, (name, cloud) in enumerate([("x", 5.0), ("x", 60.0), ("y", 5.0)]):
        write_raster(tmp_path / "cat" / f"{n}.tif", values + n)
        path = write_item(
            tmp_path / "cat" / f"{n}.json",
            {"data": asset | {"href": f"{n}.tif"}},
            collection=name,
            **{"eo:cloud_cover": cloud},
        )
        links.append({"rel": "item", "href": path.name})
    catalog = {"type": "Catalog", "stac_version": "1.0.0", "id": "c", "description": "c"}
    (tmp_path / "cat" / "catalog.json").write_text(json.dumps(catalog | {"links": links}))
    report = upkeep.build(
        BuildRequest(source=str(tmp_path / "cat"), collections=("x",), max_cloud_pct=20.0)
    )
    assert (report.items, report.added) == (1, 1)
    (row,) = held(folder).values()
    assert (row["collection"], row["item_id"], row["cloud_pct"]) == ("x", "0", 5.0)
    assert row["item_href"] == str(tmp_path / "cat" / "0.json")


def test_progress_is_told_and_a_deadline_keeps_what_was_embedded(
    around, folder, pictures, toy_folder
):
    from dataclasses import replace

    from eoagent.contracts.errors import BudgetExceeded

    told = []

    class Deadline:
        remaining_s = 1.0

        def check(self):
            if len(told) >= 3:
                raise BudgetExceeded("the time is over")

    plain = around()
    timed = replace(
        plain, deadline=Deadline(), progress=lambda done, what: told.append((done, what))
    )
    with pytest.raises(BudgetExceeded):
        TileUpkeep(folder, timed).build(BuildRequest(source=str(pictures)))
    assert told[0] == (0.0, "0 of 3 items, 8 tiles embedded")
    report = TileUpkeep(folder, plain).build(BuildRequest(source=str(pictures)))
    assert report.added == 36
    assert report.embedded <= 36 - 2 * 8
