"""Suites of sight on real pictures, with a stub that gives their true masks: all must be right."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import rasterio

from eoagent.app.evaluation.benchmarks.captionlists import read_captions
from eoagent.app.evaluation.benchmarks.coco import read_coco
from eoagent.app.evaluation.benchmarks.counts import read_counts
from eoagent.app.evaluation.captioning import evaluate_captioning
from eoagent.app.evaluation.classifying import evaluate_classification
from eoagent.app.evaluation.counting import evaluate_counting
from eoagent.app.evaluation.detecting import evaluate_detection
from eoagent.app.evaluation.segmenting import evaluate_segmentation


def _pixels(path):
    with rasterio.open(path) as file:
        return np.moveaxis(file.read(), 0, -1)


@pytest.fixture
def nwpu(tmp_path, shared_data, kit):
    """Two pictures of NWPU VHR-10 whose objects do not touch, and what knows them."""
    source = shared_data / "counting/nwpu_vhr10"
    listed = json.loads((source / "instances.json").read_text())
    names = {own["id"]: own["name"] for own in listed["categories"]}
    _, pictures = read_coco(source)
    oracle, chosen = kit.Oracle(), []
    for picture in pictures:
        if len(chosen) == 2 or len(picture.counts) != 1 or not _apart(picture.boxes):
            continue
        pixels = _pixels(picture.file)
        if max(pixels.shape) <= 896:
            chosen.append(picture.name)
            truth = {}
            for label in picture.counts:
                known = {"storage_tank": "storagetank"}.get(label, label.replace("_", " "))
                mask = np.zeros(pixels.shape[:2], bool)
                for x1, y1, x2, y2 in picture.boxes.astype(int):
                    mask[y1:y2, x1:x2] = True
                truth[f"{known} in the image"] = mask
            oracle.learn(pixels, truth)
    keep = {own["id"] for own in listed["images"] if own["file_name"] in chosen}
    listed["images"] = [own for own in listed["images"] if own["id"] in keep]
    listed["annotations"] = [own for own in listed["annotations"] if own["image_id"] in keep]
    assert set(names.values()) >= {"airplane", "ship"}
    data = tmp_path / "nwpu"
    (data / "images").mkdir(parents=True)
    for name in chosen:
        shutil.copy(source / "images" / name, data / "images")
    (data / "instances.json").write_text(json.dumps(listed))
    return data, oracle, len(listed["annotations"])


def _apart(boxes):
    held = np.array(boxes)
    low = np.maximum(held[:, None, :2], held[None, :, :2]) - 4
    high = np.minimum(held[:, None, 2:], held[None, :, 2:])
    meets = ((high - low) > 0).all(axis=-1)
    return meets.sum() == len(held)


def test_every_object_of_nwpu_is_counted_and_framed(nwpu, kit):
    data, oracle, objects = nwpu
    request = kit.request(data, present_only=True)
    counted = evaluate_counting(request, kit.Stubs(oracle), kit.tell)
    assert (counted.metrics["exact"], counted.metrics["rmse"]) == (1.0, 0.0)
    assert counted.metrics["objects_true"] == objects
    pytest.importorskip("pycocotools")
    boxed = evaluate_detection(kit.request(data), kit.Stubs(oracle), kit.tell)
    assert boxed.metrics["ap"] == pytest.approx(1.0)


def test_counts_of_nwpu_in_both_files_agree(shared_data):
    source = shared_data / "counting/nwpu_vhr10"
    _, boxed = read_coco(source)
    _, counted = read_counts(source, "counts.csv")
    assert {one.name: dict(one.counts) for one in boxed} == {
        one.name: dict(one.counts) for one in counted
    }
    assert all(one.file.is_file() for one in (*boxed, *counted))


def test_counts_of_isaid_are_read_beside_their_pictures(shared_data):
    _, pictures = read_counts(shared_data / "counting/isaid")
    assert [(own.name, own.file.name) for own in pictures] == [
        ("P0003", "P0003.png"),
        ("P0004", "P0004.png"),
    ]
    assert pictures[1].counts == {"large_vehicle": 92, "small_vehicle": 24}


@pytest.mark.parametrize("way", ["tiles", "parity"])
def test_buildings_of_whu_are_found_where_masks_are_zero(shared_data, kit, way):
    data = shared_data / "buildings"
    oracle = kit.Oracle(side=512)
    for number in (0, 1):
        truth = _pixels(data / f"whu_{number}_mask.tif")[..., 0] == 0
        oracle.learn(_pixels(data / f"whu_{number}.tif"), {"building": truth})
    request = kit.request(data, phrase="building", value=0, way=way)
    found = evaluate_segmentation(request, kit.Stubs(oracle), kit.tell)
    assert found.metrics["pictures"] == 2
    for name in ("miou", "oiou", "f1", "miou_512", "oiou_512", "p90"):
        assert found.metrics[name] == 1.0
    others = evaluate_segmentation(
        kit.request(data, phrase="building", value=1, way=way), kit.Stubs(oracle), kit.tell
    )
    assert others.metrics["oiou"] == 0.0


def test_scenes_of_folders_are_told_by_their_class(shared_data, kit):
    data = shared_data / "scenes/whu_rs19"
    oracle = kit.Oracle(side=64)
    wanted = ("airport", "beach", "footballfield")
    for name in wanted:
        pixels = _pixels(min((data / name).iterdir()))
        oracle.learn(pixels, {f"{name} in the image": np.ones(pixels.shape[:2], bool)})
    request = kit.request(data, classes=wanted, limit=3, way="parity")
    found = evaluate_classification(request, kit.Stubs(oracle), kit.tell)
    assert (found.metrics["top1"], found.metrics["pictures"]) == (1.0, 3)


def test_captions_of_ucm_are_found_with_their_pictures(shared_data, kit):
    data = shared_data / "scenes"
    _, pictures = read_captions(data, "ucm_captions.csv")
    assert len(pictures) > 300
    assert {len(own.captions) for own in pictures} == {5}
    there = [own for own in pictures if own.file.is_file()]
    assert len(there) > 250
    assert there[0].file.parent.parent.name == "ucmerced_jpg"
    request = kit.request(data, file="ucm_captions.csv", limit=1, classes=("ship",))
    found = evaluate_captioning(request, kit.Stubs(kit.Colours()), kit.tell)
    assert set(found.metrics) >= {"bleu4", "cider", "cider_d"}
