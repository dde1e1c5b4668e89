"""Suites that measure an encoder, on pictures made here, beside numpy and scikit-learn."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from eoagent.app.evaluation.measured import measured_lines, save_measured
from eoagent.app.evaluation.picturefolder import class_folders, words_of
from eoagent.app.evaluation.published import PUBLISHED_RETRIEVAL, benchmark_of
from eoagent.app.evaluation.retrieval import evaluate_retrieval
from eoagent.app.evaluation.zeroshot import evaluate_zeroshot
from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.io.origin import OriginGuard
from eoagent.vectors.prompts import ensembles


def _picture(path, colour, seed=0, noise=20):
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    pixels = np.clip(
        np.array(colour) + random.normal(0, noise, 3) + random.normal(0, 5, (24, 24, 3)), 0, 255
    )
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def _tell(done, what):
    assert 0 <= done <= 1
    assert what


@pytest.fixture
def encoder(meaning):
    """A model that sees the mean colour of a picture."""
    return meaning.ColourEncoder()


@pytest.fixture
def classes(tmp_path, meaning):
    """Folders of ten pictures for each of four classes; two of one class show another."""
    data = tmp_path / "data"
    folders = {
        "Water": "water",
        "forest": "forest",
        "desert": "desert",
        "storage_tanks": "storage tanks",
    }
    for folder, word in folders.items():
        for n in range(10):
            shown = meaning.COLOURS[
                "forest" if (folder, n) in {("Water", 0), ("Water", 9)} else word
            ]
            _picture(data / folder / f"{n:02d}.png", shown, seed=n + len(folder))
    return data


def _zeroshot(encoder, data, **more):
    wanted = {"ensemble": "short", "holdout": False} | more
    return evaluate_zeroshot(encoder, data, OriginGuard(typed=[str(data)]), tell=_tell, **wanted)


def test_class_names_are_put_into_words():
    names = ("AnnualCrop", "storage_tanks", "Forest", "baseball-diamond", "SeaLake2")
    assert [words_of(name) for name in names] == [
        "annual crop", "storage tanks", "forest", "baseball diamond", "sea lake2",
    ]  # fmt: skip


def test_zero_shot_rates_are_those_of_the_pictures_that_show_their_class(encoder, classes):
    found = _zeroshot(encoder, classes)
    assert found.metrics == {"top1_single": 38 / 40, "top1_short": 38 / 40, "top1_joint": 38 / 40}
    assert found.details["classes"] == ["water", "desert", "forest", "storage tanks"]
    counts = np.array(found.details["confusion"])
    assert counts.sum() == 40
    assert counts[0].tolist() == [8, 0, 2, 0]
    by_class = {row[0]: row[1:] for row in found.tables[1].rows}
    assert by_class["water"] == ("80.0", "10", "forest (2)")
    assert by_class["storage tanks"] == ("100.0", "10", "")
    assert found.encoder == encoder.fingerprint


def test_every_prompt_of_the_ensemble_is_asked_for_every_class(encoder, classes):
    _zeroshot(encoder, classes, ensemble="wide")
    assert len(encoder.texts) == 4 * (1 + len(ensembles()["wide"].templates))
    assert "a satellite photo of storage tanks." in encoder.texts


def test_a_holdout_labels_the_last_fifth_by_name_and_learns_from_the_rest(encoder, classes):
    found = _zeroshot(encoder, classes, holdout=True)
    assert np.array(found.details["confusion"]).sum(axis=1).tolist() == [2, 2, 2, 2]
    assert found.metrics["top1_single"] == 7 / 8  # Water/09 shows a forest, Water/00 is learnt from
    neighbors = pytest.importorskip("sklearn.neighbors")
    train, test, own, truth = [], [], [], []
    for label, folder in enumerate(sorted(p for p in classes.iterdir())):
        files = sorted(folder.iterdir())
        pixels = [np.asarray(Image.open(path)) for path in files]
        vectors = encoder.encode_images(pixels).astype(np.float64)
        train.append(vectors[:8])
        test.append(vectors[8:])
        own += [label] * 8
        truth += [label] * 2
    other = neighbors.KNeighborsClassifier(
        20, weights=lambda d: np.maximum(1 - d, 0), metric="cosine"
    )
    rate = np.mean(other.fit(np.concatenate(train), own).predict(np.concatenate(test)) == truth)
    assert found.metrics["knn_20"] == rate
    assert set(found.metrics) >= {"linear_probe", "1_shot_means", "4_shot_means", "8_shot_means"}
    assert "16_shot_means" not in found.metrics
    assert any("last fifth of each class" in note for note in found.notes)


def test_folders_that_are_no_classes_are_told(tmp_path, encoder, classes):
    with pytest.raises(NotFound, match="there is no folder"):
        _zeroshot(encoder, tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds 0 folders; zero-shot labels choose"):
        _zeroshot(encoder, classes / "forest")
    with pytest.raises(NotFound, match="there is no prompt ensemble 'odd'"):
        _zeroshot(encoder, classes, ensemble="odd")
    (classes / "empty").mkdir()
    (classes / "empty/notes.txt").write_text("no picture")
    with pytest.raises(InputError, match=r"the class folder .*empty holds no picture"):
        _zeroshot(encoder, classes)


def test_two_folders_of_one_class_are_refused(tmp_path):
    for name in ("storage_tanks", "Storage Tanks"):
        _picture(tmp_path / "two" / name / "a.png", (1, 2, 3))
    with pytest.raises(InputError, match="two folders of .* name the class 'storage tanks'"):
        class_folders(tmp_path / "two")


def test_a_class_of_one_picture_cannot_be_split(encoder, classes):
    _picture(classes / "lone/a.png", (1, 2, 3))
    with pytest.raises(InputError, match="the class 'lone' has 1 picture, and a split needs two"):
        _zeroshot(encoder, classes, holdout=True)


def test_a_damaged_picture_is_named(encoder, classes):
    (classes / "forest/03.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    with pytest.raises((SourceError, InputError), match=r"03\.png"):
        _zeroshot(encoder, classes)


@pytest.fixture
def captions(tmp_path, meaning):
    """A folder as RSITMD is laid out: six pictures to be tested, one of them twice, one trained."""
    data = tmp_path / "RSITMD"
    images = []
    for n, word in enumerate(("water", "forest", "desert", "snow", "farmland", "storage tanks")):
        _picture(data / "images" / f"{word[:3]}_{n}.png", meaning.COLOURS[word], seed=n, noise=5)
        texts = [f"a LARGE {word} here .", f" {word} everywhere ."]
        images.append({
            "filename": f"{word[:3]}_{n}.png", "split": "test", "imgid": n,
            "sentences": [{"raw": text, "tokens": []} for text in texts],
        })  # fmt: skip
    images.append({"filename": "wat_0.png", "split": "test", "sentences": [{"raw": "more water"}]})
    images.append({"filename": "absent.png", "split": "train", "sentences": [{"raw": "x"}]})
    (data / "dataset_RSITMD.json").write_text(json.dumps({"images": images, "dataset": "x"}))
    return data


def _retrieval(encoder, data, **more):
    return evaluate_retrieval(encoder, data, OriginGuard(typed=[str(data)]), tell=_tell, **more)


def test_retrieval_follows_the_protocol(encoder, captions):
    found = _retrieval(encoder, captions)
    assert encoder.pictures == 6
    assert encoder.texts[:3] == ["A large water here .", "Water everywhere .", "More water"]
    assert len(encoder.texts) == 13
    assert "6 pictures of the split test and 13 captions" in found.notes
    assert found.metrics["image_to_text_r10"] == 1.0
    assert found.metrics["text_to_image_r10"] == 1.0
    six = [value for name, value in found.metrics.items() if name != "mean_recall"]
    assert len(six) == 6
    assert found.metrics["mean_recall"] == pytest.approx(np.mean(six))


def test_retrieval_is_what_numpy_counts(encoder, captions):
    found = _retrieval(encoder, captions)
    names = [
        f"{w[:3]}_{n}.png"
        for n, w in enumerate(("water", "forest", "desert", "snow", "farmland", "storage tanks"))
    ]
    pictures = encoder.encode_images(
        [np.asarray(Image.open(captions / "images" / n)) for n in names]
    )
    listed = json.loads((captions / "dataset_RSITMD.json").read_text())["images"]
    own = [
        (n, s["raw"].strip().capitalize())
        for n in names
        for i in listed
        if i["filename"] == n
        for s in i["sentences"]
    ]
    texts = encoder.encode_texts([text for _, text in own])
    scores = pictures.astype(np.float64) @ texts.astype(np.float64).T
    hits = [own[int(np.argmax(row))][0] == name for row, name in zip(scores, names, strict=True)]
    assert found.metrics["image_to_text_r1"] == pytest.approx(np.mean(hits))


def test_published_figures_stand_below_with_their_source(encoder, captions):
    found = _retrieval(encoder, captions)
    (table,) = found.tables
    assert table.rows[0][0] == "colours"
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["RemoteCLIP ViT-B/32"] == (
        "27.88", "50.66", "65.71", "22.17", "56.46", "73.41", "49.38",
    )  # fmt: skip
    assert "RemoteCLIP repository, table 2" in table.note


def test_published_means_are_those_of_their_six_recalls():
    off = {
        (benchmark, model)
        for benchmark, rows in PUBLISHED_RETRIEVAL.items()
        for model, figures in rows
        if abs(np.mean(figures[:6]) - figures[6]) > 0.011
    }
    assert off == {("rsicd", "CLIP-CL ViT-B/32")}
    assert benchmark_of("/data/dataset_UCM.json") == "ucm"
    assert benchmark_of("/data/mine.json") == ""


BAD = [
    ({"pictures": []}, InputError, r"images: Field required"),
    ({"images": [{"split": "test", "sentences": []}]}, InputError, r"images\.0\.filename: Field required"),
    ({"images": [{"filename": "a", "split": "test"}]}, InputError, r"images\.0\.sentences: Field required"),
    ({"images": [{"filename": "a", "split": "val", "sentences": []}]}, InputError, "no picture of the split 'test'; it has: val"),
    ({"images": [{"filename": "a", "split": "test", "sentences": []}]}, InputError, "1 pictures have no caption; the first is a"),
    ({"images": [{"filename": "a.png", "split": "test", "sentences": [{"raw": "x"}]}]}, NotFound, "1 of 1 pictures of .* are not in .*; the first is a.png"),
    ({"images": [{"filename": "../../x.png", "split": "test", "sentences": [{"raw": "x"}]}]}, NotFound, "are not in"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "kind", "said"), BAD)
def test_captions_of_another_layout_are_told_by_field(tmp_path, encoder, document, kind, said):
    data = tmp_path / "a" / "set"
    data.mkdir(parents=True)
    _picture(tmp_path / "x.png", (1, 2, 3))
    (data / "set.json").write_text(json.dumps(document))
    with pytest.raises(kind, match=said):
        _retrieval(encoder, data)


def test_several_lists_need_a_name(encoder, captions, tmp_path):
    (captions / "other.json").write_text("{}")
    with pytest.raises(NotFound, match="holds 2 JSON files") as caught:
        _retrieval(encoder, captions)
    assert "--file" in caught.value.hint
    assert _retrieval(encoder, captions, file="dataset_RSITMD.json").suite == "retrieval"
    with pytest.raises(NotFound, match="there is no folder"):
        _retrieval(encoder, tmp_path / "nowhere")
    with pytest.raises(NotFound, match="there is no .*absent.json"):
        _retrieval(encoder, captions, file="absent.json")


def test_what_was_measured_is_shown_and_kept(tmp_path, encoder, captions):
    found = _retrieval(encoder, captions)
    lines = measured_lines(found)
    assert lines[0].split() == [
        "image>text", "R@1", "image>text", "R@5", "image>text", "R@10",
        "text>image", "R@1", "text>image", "R@5", "text>image", "R@10", "mean", "recall",
    ]  # fmt: skip
    assert lines[1].startswith("colours")
    document = json.loads(found.document())
    assert document["schema"] == "eoagent/measured/1"
    assert document["metrics"] == found.metrics
    folder = save_measured(found, tmp_path / "out")
    assert json.loads((folder / "results.json").read_text()) == document
    assert "49.38" in (folder / "report.html").read_text()
    with pytest.raises(SourceError, match="cannot be written"):
        save_measured(found, captions / "dataset_RSITMD.json" / "out")
