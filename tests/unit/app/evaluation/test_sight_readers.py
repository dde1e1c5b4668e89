"""Readers of benchmarks: what is there comes out, and what is broken is named by file and place."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from eoagent.app.evaluation.benchmarks.captionlists import read_captions
from eoagent.app.evaluation.benchmarks.coco import read_coco
from eoagent.app.evaluation.benchmarks.counts import read_counts
from eoagent.app.evaluation.benchmarks.diorrsvg import read_dior_rsvg
from eoagent.app.evaluation.benchmarks.files import picture_path, read_bounded
from eoagent.app.evaluation.benchmarks.maskfiles import mask_file
from eoagent.app.evaluation.benchmarks.maskfolders import read_mask_folders
from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.io.origin import OriginGuard


def _guard(path):
    return OriginGuard(typed=[str(path)])


def test_coco_files_give_boxes_counts_and_masks(planted):
    benchmark, pictures = read_coco(planted)
    assert benchmark.classes == ("ship", "storage_tank", "vehicle")
    first, second = pictures
    assert dict(first.counts) == {"ship": 2, "storage_tank": 1}
    assert first.boxes.tolist() == [[4, 4, 14, 10], [30, 20, 40, 28], [48, 4, 56, 12]]
    assert first.areas_px.tolist() == [60, 80, 64]
    yes, counts = first.mask("ship", 64, 64)
    assert yes.sum() == 140
    assert counts.all()
    assert second.file == planted / "images/b.png"


def test_groups_are_framed_and_not_counted(planted):
    listed = json.loads((planted / "objects.json").read_text())
    listed["annotations"][0]["iscrowd"] = 1
    (planted / "objects.json").write_text(json.dumps(listed))
    _, (first, _) = read_coco(planted)
    assert dict(first.counts) == {"ship": 1, "storage_tank": 1}
    assert first.groups.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image_id": 77}, r"annotations\.1 is of the image 77, which is not listed"),
        ({"category_id": 9}, r"annotations\.1 is of the category 9, which is not listed"),
        ({"bbox": [1, 2, -3, 4]}, r"annotations\.1 has the box .* not x, y, width, height"),
        ({"bbox": [1, 2, 3]}, r"annotations\.1\.bbox"),
        ({"bbox": "x"}, r"annotations\.1\.bbox"),
    ],
)
def test_a_broken_entry_of_a_coco_file_is_named(planted, change, said):
    listed = json.loads((planted / "objects.json").read_text())
    listed["annotations"][1] |= change
    (planted / "objects.json").write_text(json.dumps(listed))
    with pytest.raises(InputError, match=said) as caught:
        read_coco(planted)
    assert str(planted / "objects.json") in str(caught.value)


def test_files_that_list_nothing_or_are_no_coco_are_told(planted, tmp_path):
    with pytest.raises(InputError, match=r"has no class 'bridge'") as caught:
        read_coco(planted, classes=("bridge",))
    assert caught.value.hint == "it has: ship, storage_tank, vehicle"
    with pytest.raises(InputError, match="lists no object"):
        read_coco(planted, classes=("vehicle",))
    (planted / "objects.json").write_text("{")
    with pytest.raises(InputError, match="Invalid JSON"):
        read_coco(planted)
    (planted / "other.json").write_text("{}")
    with pytest.raises(NotFound, match="holds 2 files .json; objects stand in one"):
        read_coco(planted)
    with pytest.raises(NotFound, match="there is no folder"):
        read_coco(tmp_path / "nowhere")
    with pytest.raises(NotFound, match=r"holds no file \.json with objects"):
        read_coco(planted / "images")


def test_names_that_lead_out_of_the_folder_are_passed_over(planted, tmp_path):
    (tmp_path / "secret.png").write_bytes(b"x")
    path = picture_path(planted, "../secret.png")
    assert path == planted / "secret.png"
    assert not path.is_file()


def test_files_that_are_too_large_or_gone_are_not_read(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    with pytest.raises(InputError, match="has 5 bytes, and at most 4 are read"):
        read_bounded(tmp_path / "a", 4)
    with pytest.raises(SourceError, match="cannot be read"):
        read_bounded(tmp_path / "b", 4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("picture,ship\na,1\n", "line 1 is no head with `image`"),
        ("image,ship,ship\na,1,2\n", "line 1 is no head"),
        ("image,ship\na,1\nb,two\n", "line 3 is not a picture and 1 counts"),
        ("image,ship\na,1,2\n", "line 2 is not a picture"),
        ("image,ship\na,-1\n", "line 2 is not a picture"),
        ("image\na\n", "counts nothing"),
    ],
)
def test_a_broken_line_of_counts_is_named(tmp_path, text, said):
    (tmp_path / "counts.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        read_counts(tmp_path)


def test_counts_are_read_from_json_too(tmp_path, kit):
    kit.paint(tmp_path / "P1.png", [])
    (tmp_path / "counts.json").write_text('{"P1": {"ship": 3, "tank": 0}}')
    benchmark, (picture,) = read_counts(tmp_path)
    assert (benchmark.classes, dict(picture.counts)) == (("ship", "tank"), {"ship": 3})
    assert picture.file == tmp_path / "P1.png"
    (tmp_path / "counts.json").write_text('{"P1": {"ship": -3}}')
    with pytest.raises(InputError, match=r"P1\.ship"):
        read_counts(tmp_path)


def test_masks_lie_beside_their_pictures_or_in_a_folder_of_their_own(tmp_path, kit):
    kit.paint(tmp_path / "one/x.png", [])
    Image.fromarray(np.ones((48, 64), np.uint8)).save(tmp_path / "one/x_mask.png")
    kit.paint(tmp_path / "two/images/x.png", [])
    (tmp_path / "two/masks").mkdir()
    Image.fromarray(np.ones((48, 64), np.uint8)).save(tmp_path / "two/masks/x.tif")
    for name in ("one", "two"):
        _, (own,) = read_mask_folders(tmp_path / name, _guard(tmp_path), phrase="roof")
        assert own.file.name == "x.png"
        assert own.mask(48, 64)[0].all()
        with pytest.raises(InputError, match=r"is 48 x 64 pixels, and its picture 9 x 9"):
            own.mask(9, 9)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no picture of .* has a mask"):
        read_mask_folders(tmp_path / "none", _guard(tmp_path), phrase="roof")


def test_a_mask_of_colours_is_refused(tmp_path, kit):
    kit.paint(tmp_path / "m.png", [])
    with pytest.raises(InputError, match="has 3 bands, and a mask has one"):
        mask_file(tmp_path / "m.png", _guard(tmp_path))(48, 64)


XML = (
    "<annotation><filename>1.jpg</filename><object><bndbox><xmin>{}</xmin><ymin>2</ymin>"
    "<xmax>9</xmax><ymax>9</ymax></bndbox><description>{}</description></object></annotation>"
)


@pytest.fixture
def rsvg(tmp_path):
    """A DIOR-RSVG of one object."""
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations/00001.xml").write_text(XML.format(1, "a ship  near\nthe pier"))
    (tmp_path / "test.txt").write_text("0\n")
    return tmp_path


def test_sentences_are_taken_by_number_or_by_name_of_the_file(rsvg):
    benchmark, (own,) = read_dior_rsvg(rsvg)
    assert (own.sentence, own.box) == ("a ship near the pier", (1, 2, 9, 9))
    assert benchmark.notes[0].startswith("the split lists running numbers")
    (rsvg / "val.txt").write_text("00001\n")
    benchmark, (own,) = read_dior_rsvg(rsvg, split="val")
    assert benchmark.notes[0].startswith("the split lists names of XML files")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("test.txt", "0\n1\n", r"test\.txt: line 2 names '1', and there are 1 objects"),
        ("test.txt", "\n", r"lists nothing"),
        ("test.txt", "é\n", r"is no list of ids"),
        ("Annotations/00001.xml", "<a>", r"00001\.xml is no XML"),
        ("Annotations/00001.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "declares entities"),
        ("Annotations/00001.xml", XML.format("x", "s"), "object 0: xmin is 'x', no number"),
        ("Annotations/00001.xml", XML.format("nan", "s"), "object 0 has the box nan 2 9 9"),
        ("Annotations/00001.xml", XML.format("9", "s"), "object 0 has the box 9 2 9 9"),
        ("Annotations/00001.xml", XML.format(1, " "), "object 0 has no `description`"),
    ],
)
def test_a_broken_file_of_dior_rsvg_is_named(rsvg, name, text, said):
    (rsvg / name).write_text(text)
    with pytest.raises(InputError, match=said):
        read_dior_rsvg(rsvg)


def test_a_split_that_is_not_there_is_told(rsvg, tmp_path):
    with pytest.raises(NotFound, match="there is no split file") as caught:
        read_dior_rsvg(rsvg, split="train")
    assert caught.value.hint == "there are: test.txt"
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match="Annotations"):
        read_dior_rsvg(tmp_path / "empty")


def test_captions_are_read_from_json_by_split(tmp_path, kit):
    kit.paint(tmp_path / "images/a.png", [])
    entries = [
        {"filename": "a.png", "split": "test", "sentences": [{"raw": " one  ship "}, {"raw": ""}]},
        {"filename": "b.png", "split": "train", "sentences": [{"raw": "x"}]},
    ]
    (tmp_path / "dataset.json").write_text(json.dumps({"images": entries}))
    _, (own,) = read_captions(tmp_path)
    assert (own.captions, own.file) == (("one ship",), tmp_path / "images/a.png")
    with pytest.raises(InputError, match=r"no picture of the split 'val'; it has: test, train"):
        read_captions(tmp_path, split="val")
    entries[0]["sentences"] = []
    (tmp_path / "dataset.json").write_text(json.dumps({"images": entries}))
    with pytest.raises(InputError, match=r"1 pictures have no caption; the first is a\.png"):
        read_captions(tmp_path)
    (tmp_path / "c.csv").write_text("image,caption1\na,b,c\n")
    with pytest.raises(InputError, match="line 2 has 3 cells, and the head 2"):
        read_captions(tmp_path, "c.csv")
    (tmp_path / "c.csv").write_text("image,text\n")
    with pytest.raises(InputError, match="line 1 is no head"):
        read_captions(tmp_path, "c.csv")
