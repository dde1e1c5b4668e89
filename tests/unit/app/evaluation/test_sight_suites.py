"""Suites of a segmenter, on pictures painted here, with a stub that sees every colour."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eoagent.app.evaluation.captioning import UCM_CLASSES, evaluate_captioning
from eoagent.app.evaluation.classifying import evaluate_classification
from eoagent.app.evaluation.counting import evaluate_counting
from eoagent.app.evaluation.detecting import evaluate_detection
from eoagent.app.evaluation.grounding import evaluate_grounding
from eoagent.app.evaluation.measured import Measured, measured_lines, save_measured
from eoagent.app.evaluation.segmenting import evaluate_segmentation
from eoagent.contracts.errors import InputError, ModelError, ModelMissing

WAYS = pytest.mark.parametrize("way", ["tiles", "parity"])


@WAYS
def test_a_model_that_sees_all_counts_without_error(kit, planted, way):
    found = evaluate_counting(kit.request(planted, way=way), kit.Stubs(kit.Colours()), kit.tell)
    pairs = 6 if way == "tiles" else 3  # as published, only classes that a picture shows
    wanted = {"exact": 1.0, "mae": 0.0, "rmse": 0.0, "bias": 0.0, "counts": pairs}
    assert {name: found.metrics[name] for name in wanted} == wanted
    assert found.metrics["objects_true"] == 4
    assert found.details["found_and_true"]["a.png"]["ship"] == [2, 2]
    assert found.models[0].card == "stub-sees-colours"
    assert found.models[0].sha256 == "ab" * 32
    assert found.models[0].settings["way"].startswith(way)
    assert len(found.sha256) == 64


def test_objects_that_touch_count_as_one_and_the_errors_are_those_by_hand(kit, tmp_path):
    kit.paint(tmp_path / "a.png", [(0, 4, 4, 24, 10)])
    kit.paint(tmp_path / "b.png", [(0, 4, 4, 9, 9), (0, 20, 4, 30, 9), (0, 40, 4, 50, 9)])
    halves = [(0, 4, 4, 14, 10), (0, 14, 4, 24, 10)]
    three = [(0, 4, 4, 9, 9)]
    kit.coco(tmp_path / "objects.json", [("a.png", halves), ("b.png", three)], names=["ship"] * 1)
    found = evaluate_counting(kit.request(tmp_path), kit.Stubs(kit.Colours()), kit.tell)
    # counts 1 of 2 and 3 of 1: errors -1 and +2
    assert found.metrics["exact"] == 0
    assert found.metrics["mae"] == 1.5
    assert found.metrics["rmse"] == pytest.approx(np.sqrt(2.5))
    assert found.metrics["bias"] == 0.5


def test_as_published_boxes_below_the_least_area_of_their_class_do_not_count(kit, tmp_path):
    # a ship counts above 0.8 times 14 square pixels in DIOR: 12 count, 9 do not
    kit.paint(tmp_path / "a.png", [(0, 4, 4, 8, 7), (0, 20, 4, 23, 7)], height=64)
    listed = [(0, 4, 4, 8, 7), (0, 20, 4, 23, 7)]
    kit.coco(tmp_path / "objects.json", [("a.png", listed)], names=["ship"])
    models = kit.Stubs(kit.Colours())
    published = evaluate_counting(kit.request(tmp_path, way="parity"), models, kit.tell)
    assert published.details["found_and_true"]["a.png"]["ship"] == [1, 2]
    assert any("0.8 times the least area" in note for note in published.notes)
    ours = evaluate_counting(kit.request(tmp_path), models, kit.tell)
    assert ours.details["found_and_true"]["a.png"]["ship"] == [2, 2]


def test_counts_alone_can_be_measured_too(kit, planted):
    (planted / "counts.csv").write_text("image,ship,storage_tank\na,2,1\nb.png,1,0\n")
    request = kit.request(planted, layout="counts", file="counts.csv", classes=("ship",))
    found = evaluate_counting(request, kit.Stubs(kit.Colours()), kit.tell)
    assert (found.metrics["exact"], found.metrics["counts"]) == (1.0, 2.0)


@WAYS
def test_boxes_of_a_model_that_sees_all_have_an_average_precision_of_one(kit, planted, way):
    pytest.importorskip("pycocotools")
    found = evaluate_detection(kit.request(planted, way=way), kit.Stubs(kit.Colours()), kit.tell)
    assert [found.metrics[name] for name in ("ap", "ap50", "ap75")] == [1.0, 1.0, 1.0]
    assert (found.metrics["objects"], found.metrics["boxes"]) == (4, 4)
    assert [row[:2] for row in found.tables[1].rows] == [
        ("ship", "100.00"),
        ("storage_tank", "100.00"),
    ]


def test_a_ship_that_is_not_there_lowers_precision_as_coco_reckons_it(kit, planted):
    pytest.importorskip("pycocotools")
    listed = json.loads((planted / "objects.json").read_text())
    listed["annotations"] = [a for a in listed["annotations"] if a["image_id"] != 1]
    (planted / "objects.json").write_text(json.dumps(listed))
    found = evaluate_detection(
        kit.request(planted, classes=("ship",)), kit.Stubs(kit.Colours()), kit.tell
    )
    # three boxes of one score, the two right ones first: the wrong one comes after full recall
    assert found.metrics["ap50"] == pytest.approx(1.0)
    assert found.metrics["boxes"] == 3


@WAYS
def test_masks_of_a_model_that_sees_all_agree_wholly(kit, planted, way):
    found = evaluate_segmentation(
        kit.request(planted, layout="coco", way=way), kit.Stubs(kit.Colours()), kit.tell
    )
    for name in (
        "miou",
        "oiou",
        "f1",
        "precision",
        "recall",
        "p50",
        "p90",
        "miou_classes",
        "miou_64",
    ):
        assert found.metrics[name] == 1.0, name
    assert found.metrics["pictures"] == 3  # a picture for each class that it shows


def test_as_published_classes_of_masks_are_asked_with_a_full_stop(kit, planted):
    stub = kit.Colours()
    evaluate_segmentation(
        kit.request(planted, layout="coco", way="parity"), kit.Stubs(stub), kit.tell
    )
    assert {phrase for _, phrase in stub.asked} == {
        "ship in the image.",
        "storagetank in the image.",
    }
    assert {shape for shape, _ in stub.asked} == {(64, 64, 3)}


def test_masks_beside_pictures_are_read_with_the_value_that_is_stated(kit, tmp_path):
    from PIL import Image

    pixels = kit.paint(tmp_path / "x.png", [(0, 8, 8, 24, 24)])
    truth = np.ones((48, 64), np.uint8)
    truth[8:24, 8:16] = 0  # half of what the model sees, 0 is the object
    Image.fromarray(truth).save(tmp_path / "x_mask.png")
    request = kit.request(tmp_path, phrase="ship", value=0)
    found = evaluate_segmentation(request, kit.Stubs(kit.Colours()), kit.tell)
    assert found.metrics["miou"] == 0.5
    assert found.metrics["precision"] == 0.5
    assert found.metrics["recall"] == 1.0
    assert found.metrics["f1"] == pytest.approx(2 / 3)
    assert (found.metrics["p50"], found.metrics["p60"]) == (1.0, 0.0)
    assert pixels.any()
    assert "the object is where a mask is 0" in found.notes


def test_grounding_reckons_both_means_and_no_box_as_no_overlap(kit, rsvg):
    # overlaps by hand: whole, half, none found
    data, sentences = rsvg
    found = evaluate_grounding(kit.request(data), kit.Stubs(kit.Colours()), kit.tell)
    assert found.metrics["mean_iou"] == pytest.approx((1 + 0.5 + 0) / 3)
    # shared areas 100 and 50 of joined ones 100, 100 and 25
    assert found.metrics["cum_iou"] == pytest.approx(150 / 225)
    assert (found.metrics["p50"], found.metrics["p60"]) == (
        pytest.approx(2 / 3),
        pytest.approx(1 / 3),
    )
    assert found.metrics["found_nothing"] == 1
    assert len(sentences) == 3


def test_a_reasoner_grounds_and_captions_too(kit, rsvg, planted):
    data, _ = rsvg
    stub = kit.Knowing(
        {
            "ship": [(10, 10, 20, 20), (0, 0, 60, 40)],  # the first one counts
            "vehicle": "none",
            "storagetank": [(2, 2, 7, 7)],
        }
    )
    models = kit.Stubs(reasoner=stub)
    found = evaluate_grounding(kit.request(data, by="reasoner"), models, kit.tell)
    assert found.metrics["mean_iou"] == pytest.approx(2 / 3)
    assert found.models[0].card == "stub-reasons"
    assert found.models[0].settings["profile"] == "stub"
    (planted / "captions.csv").write_text("image,caption1\na,two ships lie beside a white tank\n")
    stub.describe = lambda picture: stub.answer([picture], "describe")
    stub.answers["describe"] = "Two ships lie beside a white tank."
    request = kit.request(planted, file="captions.csv", by="reasoner")
    told = evaluate_captioning(request, models, kit.tell)
    assert told.metrics["bleu4"] == pytest.approx(1.0)
    assert told.details["captions"] == {"a": "Two ships lie beside a white tank."}


@pytest.fixture
def rsvg(tmp_path, kit):
    """DIOR-RSVG of four objects, of which the split asks three."""
    data = tmp_path / "rsvg"
    objects = {
        "00001": [("ship", (10, 10, 20, 20)), ("vehicle", (30, 10, 40, 15))],
        "00002": [("not asked", (1, 1, 5, 5)), ("storagetank", (2, 2, 7, 7))],
    }
    kit.paint(data / "JPEGImages/00001.png", [(0, 10, 10, 20, 20), (2, 30, 10, 40, 20)])
    kit.paint(data / "JPEGImages/00002.png", [])
    (data / "Annotations").mkdir()
    for name, some in objects.items():
        parts = "".join(
            f"<object><name>x</name><bndbox><xmin>{b[0]}</xmin><ymin>{b[1]}</ymin>"
            f"<xmax>{b[2]}</xmax><ymax>{b[3]}</ymax></bndbox><description>{text}</description></object>"
            for text, b in some
        )
        text = f"<annotation><filename>{name}.png</filename>{parts}</annotation>"
        (data / f"Annotations/{name}.xml").write_text(text)
    (data / "test.txt").write_text("0\n1\n3\n")
    return data, [0, 1, 3]


@WAYS
def test_the_class_of_each_picture_is_told(kit, tmp_path, way):
    for folder, band in (("ship", 0), ("storage_tank", 1), ("vehicle", 2)):
        for number in range(2):
            kit.paint(tmp_path / folder / f"{number}.png", [(band, 4, 4, 20, 20 + number)])
    kit.paint(tmp_path / "vehicle/9.png", [(1, 4, 4, 20, 20)])  # shows a tank
    found = evaluate_classification(
        kit.request(tmp_path, way=way), kit.Stubs(kit.Colours()), kit.tell
    )
    assert found.metrics["top1"] == pytest.approx(6 / 7)
    assert found.details["confusion"] == [[2, 0, 0], [0, 2, 0], [0, 1, 2]]
    assert found.details["classes"] == ["ship", "storage_tank", "vehicle"]


def test_as_published_one_class_scores_the_highest_probability_alone(kit, tmp_path):
    from eoagent.app.evaluation.seeing.parity import ParitySight

    pixels = kit.paint(tmp_path / "a.png", [(0, 0, 0, 16, 16)], height=64)
    (seen,) = ParitySight(segmenter=kit.Colours(), origins=kit.request(tmp_path).guard()).see(
        tmp_path / "a.png", ["ship in the image"]
    )
    share = (pixels[..., 0] > 127).mean()
    assert seen.peak == pytest.approx(0.9)
    assert seen.presence == pytest.approx(0.5 * 0.9 + 0.5 * (0.9 * share + 0.1 * (1 - share)))


def test_several_classes_of_a_picture_have_the_accuracy_of_their_elements(kit, tmp_path):
    # presence is above a half where more than an eighth of a picture is of the class:
    # 0.45 + 0.5 * (0.1 + 0.8 * share) > 0.5 always; a stub with a weaker peak tells them apart
    class Weak(kit.Colours):
        def _mask(self, picture, phrase):
            mask = super()._mask(picture, phrase)
            share = float((mask.probability > 0.5).mean())
            return type(mask)(probability=mask.probability, presence=float(share > 0.1))

    big, small = (0, 0, 0, 32, 48), (1, 50, 0, 52, 2)
    kit.paint(tmp_path / "a.png", [big, small])
    kit.paint(tmp_path / "b.png", [])
    kit.coco(tmp_path / "objects.json", [("a.png", [big, small]), ("b.png", [])])
    request = kit.request(tmp_path, layout="coco")
    found = evaluate_classification(request, kit.Stubs(Weak()), kit.tell)
    assert found.metrics["elementwise_accuracy"] == pytest.approx(5 / 6)
    assert found.metrics["precision_micro"] == 1.0
    assert found.metrics["recall_micro"] == 0.5
    assert found.metrics["f1_micro"] == pytest.approx(2 / 3)
    assert found.metrics["f1_macro"] == 0.5


def test_captions_say_what_was_found_and_are_scored(kit, planted):
    rows = ["image,caption1,caption2", "a,The image shows 2 ships and 1 storage tank.,two ships"]
    (planted / "captions.csv").write_text("\n".join(rows))
    request = kit.request(planted, file="captions.csv", classes=("ship", "storage tank"))
    found = evaluate_captioning(request, kit.Stubs(kit.Colours()), kit.tell)
    assert found.details["captions"]["a"].startswith("The image shows 2 ships and 1 storage tank.")
    assert found.metrics["found_nothing"] == 0
    assert 0 < found.metrics["bleu4"] < 1
    published = evaluate_captioning(
        kit.request(planted, file="captions.csv", way="parity"), kit.Stubs(kit.Colours()), kit.tell
    )
    assert "storagetank, 2 boats" in published.details["captions"]["a"]
    assert any("seed 0" in note for note in published.notes)
    assert len(UCM_CLASSES) == 37


def test_a_picture_that_fails_is_left_out_with_its_reason_and_the_rest_counts(
    kit, planted, tmp_path
):
    (planted / "images/b.png").write_bytes(b"no picture")
    found = evaluate_counting(kit.request(planted), kit.Stubs(kit.Colours()), kit.tell)
    assert (found.metrics["pictures"], found.metrics["left_out"]) == (1, 1)
    assert [(own.picture, own.error) for own in found.left_out] == [("b.png", "SourceError")]
    assert any("1 of 2 were left out" in note for note in found.notes)
    lines = "\n".join(measured_lines(found))
    assert "b.png" in lines
    assert "model stub-sees-colours, weights sha256 abababababab" in lines
    assert f"measured in {found.seconds:.1f} s" in lines
    folder = save_measured(found, tmp_path / "out")
    kept = Measured.model_validate_json((folder / "results.json").read_text())
    assert kept.left_out == found.left_out
    assert kept.models == found.models
    assert "stub-sees-colours" in (folder / "report.html").read_text()


def test_a_benchmark_of_which_nothing_can_be_measured_is_an_error(kit, planted):
    for path in (planted / "images").iterdir():
        path.unlink()
    with pytest.raises(
        InputError, match=r"none of 2 pictures could be measured; the first: the pict"
    ):
        evaluate_counting(kit.request(planted), kit.Stubs(kit.Colours()), kit.tell)

    class Broken(kit.Colours):
        def segment(self, picture, phrases):
            raise ModelError("out of memory")
            yield

    kit.paint(planted / "images/a.png", [])
    with pytest.raises(ModelError, match=r"none of 2 .*"):
        evaluate_counting(kit.request(planted, way="parity"), kit.Stubs(Broken()), kit.tell)


def test_a_missing_model_is_said_before_anything_is_measured(kit, planted):
    for evaluate in (evaluate_counting, evaluate_detection):
        with pytest.raises(ModelMissing) as caught:
            evaluate(kit.request(planted), kit.Stubs(), kit.tell)
        assert caught.value.command == "eoagent models pull it"


def test_what_is_asked_wrongly_is_refused(kit, planted):
    models = kit.Stubs(kit.Colours())
    with pytest.raises(InputError, match="reads no format 'masks'") as caught:
        evaluate_counting(kit.request(planted, layout="masks"), models, kit.tell)
    assert caught.value.hint == "it reads: coco, counts"
    with pytest.raises(InputError, match="no folder was named"):
        evaluate_counting(kit.request(None), models, kit.tell)
    with pytest.raises(InputError, match="there is no way 'sideways'"):
        evaluate_counting(kit.request(planted, way="sideways"), models, kit.tell)
    with pytest.raises(InputError, match="without what they are of"):
        evaluate_segmentation(kit.request(planted), models, kit.tell)


def test_large_pictures_are_looked_at_in_tiles_and_stretched_as_published(kit, tmp_path):
    kit.paint(tmp_path / "a.png", [(0, 60, 60, 80, 80)], height=150, width=150)
    kit.coco(tmp_path / "objects.json", [("a.png", [(0, 60, 60, 80, 80)])], names=["ship"])
    stub = kit.Colours()
    found = evaluate_counting(kit.request(tmp_path), kit.Stubs(stub), kit.tell)
    assert found.metrics["exact"] == 1.0  # over four tiles, one object
    assert len(stub.asked) > 4
    assert {shape for shape, _ in stub.asked} == {(64, 64, 3)}


def test_published_figures_stand_beside_those_of_the_same_benchmark(kit, planted, tmp_path):
    other = planted.rename(tmp_path / "DIOR")
    found = evaluate_counting(kit.request(other), kit.Stubs(kit.Colours()), kit.tell)
    assert found.tables[-1].rows[0] == ("RemoteSAM", "exact", "62.00")
    assert "README" in found.tables[-1].note


def test_as_published_contours_part_objects_that_touch(kit, tmp_path):
    from eoagent.contracts.segmenter import PhraseMask

    class Edges:
        card = kit.card(id="directsam-stub", tasks=("contours",))

        def segment(self, picture, phrases):
            edges = np.zeros(picture.shape[:2], np.float32)
            edges[:, 20:22] = 0.2  # above 0.15, which counting takes, and below 0.25
            yield PhraseMask(probability=edges, presence=1.0)

    class Both(kit.Stubs):
        def segmenter(self, card="", *, gsd_m=None):
            return Edges() if card.startswith("directsam") else super().segmenter(card)

    whole = (0, 10, 10, 32, 20)
    halves = [(0, 10, 10, 20, 20), (0, 22, 10, 32, 20)]
    kit.paint(tmp_path / "a.png", [whole], height=64)
    kit.coco(tmp_path / "objects.json", [("a.png", halves)], names=["ship"])
    models = Both(kit.Colours())
    counted = evaluate_counting(kit.request(tmp_path, way="parity"), models, kit.tell)
    assert counted.details["found_and_true"]["a.png"]["ship"] == [2, 2]
    assert "directsam-stub" in counted.models[0].settings["contours"]
    pytest.importorskip("pycocotools")
    boxed = evaluate_detection(kit.request(tmp_path, way="parity"), models, kit.tell)
    assert boxed.metrics["boxes"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_as_published_a_picture_gives_what_its_logits_give(kit, tmp_path, seed):
    from scipy import ndimage

    from eoagent.app.evaluation.seeing.parity import ParitySight
    from eoagent.contracts.segmenter import PhraseMask
    from eoagent.runners.remotesam.detection import PUBLISHED, detect, ground
    from eoagent.runners.remotesam.segmented import Segmented

    random = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(random.normal(size=(64, 64)), 2)
    margin = (12 * noise / np.abs(noise).max() - 2).astype(np.float32)
    kit.paint(tmp_path / "a.png", [], height=50, width=90)
    theirs = Segmented(text="x", margin=margin, height=50, width=90)

    class Drawn(kit.Colours):
        def _mask(self, picture, phrase):
            return PhraseMask(probability=theirs.scene_probability(), presence=theirs.presence(0.5))

    sight = ParitySight(segmenter=Drawn(), origins=kit.request(tmp_path).guard())
    (seen,) = sight.see(tmp_path / "a.png", ["x"])
    wanted = detect(theirs, rules=PUBLISHED)
    assert len(wanted) > 1
    assert (seen.mask == theirs.mask()).all()
    assert [one.box for one in seen.objects] == [one.box for one in wanted]
    assert [one.score for one in seen.objects] == pytest.approx([one.score for one in wanted])
    assert seen.box == ground(theirs, rules=PUBLISHED)
    assert (seen.presence, seen.peak) == pytest.approx((theirs.presence(0.5), theirs.presence(1.0)))


def test_what_is_measured_in_tiles_is_what_the_tools_give(kit, tmp_path, services):
    from dataclasses import replace

    from PIL import Image
    from scipy import ndimage

    from eoagent import plugins
    from eoagent.app.evaluation.seeing.tiles import TiledSight
    from eoagent.io.features import load_features
    from eoagent.testing import check_call

    noise = ndimage.gaussian_filter(np.random.default_rng(2).normal(size=(150, 110)), 3)
    pixels = np.zeros((150, 110, 3), np.uint8)
    pixels[..., 0] = np.where(noise > 0.04, 255, 0)
    Image.fromarray(pixels).save(tmp_path / "scene.png")
    equipped = replace(services, models=kit.Stubs(kit.Colours()))

    def run(tool, **arguments):
        return check_call(plugins.load("eoagent.tools", tool), arguments, equipped)

    raster = run("open_image", hrefs=[str(tmp_path / "scene.png")]).artifacts["raster"].handle
    found = run("detect", raster=raster, classes=["ship"])
    kept = equipped.store.get(found.artifacts["boxes"].handle)
    boxes = load_features(equipped.store.locate(kept.path))
    columns = (boxes.values(name) for name in ("col", "row", "width", "height", "score"))
    theirs = [(x, y, x + w, y + h, score) for x, y, w, h, score in zip(*columns, strict=True)]
    sight = TiledSight(segmenter=kit.Colours(), origins=kit.request(tmp_path).guard())
    (seen,) = sight.see(tmp_path / "scene.png", sight.phrases(["ship"]).values())
    ours = [(*one.box, one.score) for one in seen.objects]
    assert len(ours) > 5
    assert np.array(ours) == pytest.approx(np.array(theirs))
    said = {figure.name: figure.value for figure in found.figures}
    assert said["count"] == len(ours)
