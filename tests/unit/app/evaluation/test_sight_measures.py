"""Measures of sight beside brute force, other people's code, and figures by hand."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.app.evaluation.benchmarks.outlines import draw_outline, unpack_runs
from eoagent.app.evaluation.benchmarks.truths import ObjectPicture
from eoagent.app.evaluation.measures.answers import area_range, count_range, is_right, letters_in
from eoagent.app.evaluation.measures.boxtally import around, tally_boxes
from eoagent.app.evaluation.measures.captionscores import bleu4, caption_words, cider, cider_d
from eoagent.app.evaluation.measures.countscores import score_counts
from eoagent.app.evaluation.measures.frames import choose_frame, read_both
from eoagent.app.evaluation.measures.labelscores import score_labels
from eoagent.app.evaluation.measures.overlap import Tally, nearest_square, pass_rates, tally
from eoagent.app.evaluation.measures.precision import FoundBoxes, score_boxes
from eoagent.contracts.errors import InputError

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS)
def test_tallies_of_masks_are_those_of_sets_of_pixels(seed):
    random = np.random.default_rng(seed)
    found, truth, counts = random.random((3, 9, 7)) < random.random((3, 1, 1))
    own = tally(found, truth, counts)
    ours = {p for p in zip(*np.nonzero(found), strict=True) if counts[p]}
    theirs = {p for p in zip(*np.nonzero(truth), strict=True) if counts[p]}
    assert (own.both, own.found, own.true) == (len(ours & theirs), len(ours), len(theirs))
    assert own.iou == (len(ours & theirs) / len(ours | theirs) if ours | theirs else 1.0)
    assert own.f1 == pytest.approx(
        2 * own.precision * own.recall / (own.precision + own.recall)
        if own.precision + own.recall
        else 0.0
    )


def test_what_is_rightly_empty_is_right_and_what_is_wrongly_empty_is_not():
    empty, full = np.zeros((2, 2), bool), np.ones((2, 2), bool)
    assert (tally(empty, empty).iou, tally(empty, empty).f1) == (1.0, 1.0)
    assert (tally(empty, full).iou, tally(empty, full).precision) == (0.0, 0.0)
    assert (tally(full, empty).iou, tally(full, empty).recall) == (0.0, 1.0)


def test_pass_rates_count_overlaps_that_just_reach_them():
    rates = pass_rates([0.5, 0.6, 0.95, 0.0])
    assert rates == {0.5: 0.75, 0.6: 0.5, 0.7: 0.25, 0.8: 0.25, 0.9: 0.25}


@pytest.mark.parametrize(("shape", "side"), [((400, 500), 896), ((1000, 900), 896), ((7, 7), 7)])
def test_masks_are_brought_to_the_square_as_torch_does(shape, side):
    torch = pytest.importorskip("torch")
    mask = np.random.default_rng(0).random(shape) < 0.5
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(mask)[None, None].float(), (side, side)
    )
    assert (nearest_square(mask, side) == wanted[0, 0].numpy().astype(bool)).all()


@given(SEEDS)
def test_tallies_of_boxes_are_those_of_their_pixels(seed):
    random = np.random.default_rng(seed)
    sides = random.integers(0, 12, (2, random.integers(0, 4), 4))
    boxes = np.concatenate([sides[..., :2], sides[..., :2] + 1 + sides[..., 2:] // 2], axis=-1)
    drawn = np.zeros((2, 24, 24), bool)
    for mask, some in zip(drawn, boxes, strict=True):
        for x1, y1, x2, y2 in some:
            mask[y1:y2, x1:x2] = True
    own = tally_boxes(*boxes.astype(float))
    wanted = tally(*drawn)
    assert (own.both, own.found, own.true) == (wanted.both, wanted.found, wanted.true)


def test_the_box_around_none_is_none():
    assert around(np.empty((0, 4))).shape == (0, 4)
    assert around(np.array([[3, 4, 5, 6], [1, 5, 2, 9.5]])).tolist() == [[1, 4, 5, 9.5]]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=20))
def test_count_scores_are_those_of_the_definitions(pairs):
    own = score_counts([f for f, _ in pairs], [t for _, t in pairs])
    off = [f - t for f, t in pairs]
    assert own.exact == pytest.approx(sum(o == 0 for o in off) / len(off))
    assert own.mae == pytest.approx(sum(map(abs, off)) / len(off))
    assert own.rmse == pytest.approx(math.sqrt(sum(o * o for o in off) / len(off)))
    assert own.bias == pytest.approx(sum(off) / len(off))


def test_label_scores_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(4)
    told, truth = random.random((2, 30, 6)) < 0.3
    own = score_labels(told, truth)
    assert own["elementwise_accuracy"] == pytest.approx(1 - metrics.hamming_loss(truth, told))
    assert own["f1_micro"] == pytest.approx(metrics.f1_score(truth, told, average="micro"))
    assert own["f1_macro"] == pytest.approx(metrics.f1_score(truth, told, average="macro"))
    assert own["recall_micro"] == pytest.approx(metrics.recall_score(truth, told, average="micro"))


TRUTH = [
    ["a plane is parked on the runway", "one airplane stands on the concrete runway"],
    [
        "many small ships lie in the harbor",
        "the harbor is full of boats",
        "ships and boats in a harbor",
    ],
    ["there is a green golf course with bunkers"],
    ["two storage tanks beside a road", "two white tanks"],
]
SAID = [
    "one plane is parked on the runway",
    "the harbor is full of small ships",
    "there is a river with trees",
    "two storage tanks beside a wide road with many cars and two tanks",
]


def test_bleu_and_cider_d_are_those_of_published_code():
    # figures of pycocoevalcap 1.2 (Cider, Bleu) and nltk 3.10 (corpus_bleu) on these sentences
    assert cider_d(SAID, TRUTH) == pytest.approx(2.9572833947958923, rel=1e-9)
    assert bleu4(SAID, TRUTH) == pytest.approx(0.49253565753684175, rel=1e-9)


def test_cider_is_the_mean_cosine_of_weighed_runs_of_words():
    def runs(text, size):
        words = text.split()
        return Counter(tuple(words[i : i + size]) for i in range(len(words) - size + 1))

    total = []
    for size in (1, 2, 3, 4):
        known = sorted({gram for own in TRUTH for text in own for gram in runs(text, size)}
                       | {gram for text in SAID for gram in runs(text, size)})  # fmt: skip
        seen = [sum(any(gram in runs(t, size) for t in own) for own in TRUTH) for gram in known]
        rare = np.log(len(TRUTH)) - np.log(np.maximum(seen, 1))
        vector = lambda text: np.array([runs(text, size)[gram] for gram in known]) * rare  # noqa: B023, E731
        for text, own in zip(SAID, TRUTH, strict=True):
            ours = vector(text)
            for other in map(vector, own):
                norms = np.linalg.norm(ours) * np.linalg.norm(other)
                total.append((ours @ other / norms if norms else 0.0) / len(own))
    assert cider(SAID, TRUTH) == pytest.approx(10 * sum(total) / 4 / len(TRUTH))


def test_captions_that_are_those_of_people_score_best_and_strangers_nothing():
    own = [texts[0] for texts in TRUTH]
    assert bleu4(own, TRUTH) == pytest.approx(1.0)
    alone = [[text] for text in own]
    assert cider(own, alone) == pytest.approx(10.0)
    assert cider_d(own, alone) == pytest.approx(10.0)
    assert cider_d(["xyz"] * 4, TRUTH) == bleu4(["xyz"] * 4, TRUTH) == 0.0
    assert bleu4([""] * 4, TRUTH) == 0.0
    assert caption_words("The sea-side's 2 Tanks, here.") == (
        "the",
        "sea-side's",
        "2",
        "tanks",
        "here",
    )


def _picture(boxes, labels, groups=None):
    held = np.array(boxes, float).reshape(-1, 4)
    return ObjectPicture(
        name="p", file=None, counts=Counter(labels), boxes=held, labels=tuple(labels),
        areas_px=np.prod(held[:, 2:] - held[:, :2], axis=1),
        groups=np.array(groups or [False] * len(labels), bool),
    )  # fmt: skip


def _boxes(label, boxes, scores):
    return FoundBoxes(
        label=label, boxes=np.array(boxes, float).reshape(-1, 4), scores=np.array(scores, float)
    )


def test_average_precision_is_what_pycocotools_gives_for_files_of_coco(tmp_path):
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    import contextlib
    import io
    import json

    random = np.random.default_rng(7)
    truth, found, listed, results = [], [], [], []
    for image in (1, 2, 3):
        starts = random.integers(0, 400, (6, 2))
        boxes = np.concatenate([starts, starts + random.integers(10, 200, (6, 2))], axis=1)
        labels = [("ship", "tank")[n] for n in random.integers(0, 2, 6)]
        groups = [n == 5 for n in range(6)]
        truth.append(_picture(boxes, labels, groups))
        listed += [
            {
                "id": len(listed) + n + 1, "image_id": image, "iscrowd": int(groups[n]),
                "category_id": ("ship", "tank").index(labels[n]) + 1,
                "bbox": [int(b[0]), int(b[1]), int(b[2] - b[0]), int(b[3] - b[1])],
                "area": int((b[2] - b[0]) * (b[3] - b[1])),
            }
            for n, b in enumerate(boxes)
        ]  # fmt: skip
        moved = boxes + random.integers(-15, 15, boxes.shape)
        scores = random.random(6)
        some = []
        for number, name in enumerate(("ship", "tank"), start=1):
            mine = [n for n in range(6) if labels[n] == name]
            some.append(_boxes(name, moved[mine], scores[mine]))
            results += [
                {
                    "image_id": image, "category_id": number, "score": float(scores[n]),
                    "bbox": [float(v) for v in (*moved[n, :2], *(moved[n, 2:] - moved[n, :2]))],
                }
                for n in mine
            ]  # fmt: skip
        found.append(some)
    document = {
        "info": {}, "images": [{"id": n} for n in (1, 2, 3)], "annotations": listed,
        "categories": [{"id": 1, "name": "ship"}, {"id": 2, "name": "tank"}],
    }  # fmt: skip
    (tmp_path / "truth.json").write_text(json.dumps(document))
    (tmp_path / "found.json").write_text(json.dumps(results))
    with contextlib.redirect_stdout(io.StringIO()):
        known = coco.COCO(str(tmp_path / "truth.json"))
        run = cocoeval.COCOeval(known, known.loadRes(str(tmp_path / "found.json")), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    own = score_boxes(("ship", "tank"), truth, found)
    assert 0.1 < own.overall["ap"] < 0.95
    assert own.overall["ap"] == pytest.approx(run.stats[0])
    assert own.overall["ap50"] == pytest.approx(run.stats[1])
    assert own.overall["ap75"] == pytest.approx(run.stats[2])
    assert own.overall["ar100"] == pytest.approx(run.stats[8])
    assert np.mean([ap for ap, _ in own.by_class.values()]) == pytest.approx(run.stats[0])


def test_average_precision_by_hand():
    pytest.importorskip("pycocotools")
    truth = [_picture([(0, 0, 40, 40), (100, 100, 140, 140)], ["ship", "ship"])]
    # one right above one wrong: recall a half at precision 1; 51 of 101 recalls are reached
    found = [[_boxes("ship", [(0, 0, 40, 40), (200, 200, 240, 240)], [0.9, 0.8])]]
    own = score_boxes(("ship", "tank"), truth, found)
    assert own.overall["ap50"] == pytest.approx(51 / 101)
    assert set(own.by_class) == {"ship"}
    nothing = score_boxes(("ship",), truth, [[_boxes("ship", [], [])]])
    assert nothing.overall["ap"] == 0.0


@given(SEEDS)
def test_packed_runs_are_unpacked_as_pycocotools_packs_them(seed):
    masks = pytest.importorskip("pycocotools.mask")
    random = np.random.default_rng(seed)
    mask = np.asfortranarray(random.random((random.integers(1, 40), random.integers(1, 300))) < 0.2)
    packed = masks.encode(mask.astype(np.uint8))
    outline = {"size": list(packed["size"]), "counts": packed["counts"].decode()}
    assert (draw_outline(outline, *mask.shape) == mask).all()
    plain = {"size": outline["size"], "counts": unpack_runs(outline["counts"])}
    assert (draw_outline(plain, *mask.shape) == mask).all()


def test_polygons_take_the_pixels_whose_centres_they_hold():
    drawn = draw_outline([[1, 1, 5, 1, 5, 3, 1, 3], [8, 8, 10, 8, 10, 10, 8, 10]], 12, 12)
    wanted = np.zeros((12, 12), bool)
    wanted[1:3, 1:5] = wanted[8:10, 8:10] = True
    assert (drawn == wanted).all()
    assert not draw_outline([], 3, 3).any()


@pytest.mark.parametrize(
    ("outline", "said"),
    [
        ([[1, 2, 3]], "6 or more finite numbers"),
        ([[1, 2, 3, 4, 5, math.nan]], "6 or more finite numbers"),
        ({"size": [2, 3], "counts": [6]}, "the picture is 3 x 3"),
        ({"size": [3, 3], "counts": [4, 4]}, "do not fill a picture of 3 x 3"),
        ({"size": [3, 3], "counts": [-1, 10]}, "do not fill"),
        ({"size": [3, 3], "counts": "\x7f"}, "cannot be read at character 0"),
        ({"size": [3, 3], "counts": "P"}, "cannot be read at character 1"),
    ],
)
def test_outlines_that_are_none_are_told(outline, said):
    with pytest.raises(InputError, match=said):
        draw_outline(outline, 3, 3)


@pytest.mark.parametrize(
    ("answer", "truth", "right"),
    [
        ("Yes, there is a road.", "yes", True),
        ("There is no road", "yes", False),
        ("yes and no", "no", False),
        ("No.", "no", True),
        ("an urban scene, not rural", "urban", False),
        ("Urban", "urban", True),
        ("There are 12 of them", "12", True),
        ("twelve", "12", True),
        ("12 or 13", "12", False),
        ("1,204 cars", "1204", True),
        ("none", "0", True),
        ("<think>5?</think><answer>7</answer>", "7", True),
        ("about 250 m2", "between 101m2 and 1000m2", True),
        ("250 m²", "between 11m2 and 100m2", False),
        ("between 11 and 100", "between 11 and 100", True),
        ("57", "between 11 and 100", True),
        ("more than 1000", "more than 1000", True),
        ("0m2", "0m2", True),
        ("a football field", "football field", True),
        ("a field", "football field", False),
    ],
)
def test_answers_are_judged_by_what_they_say(answer, truth, right):
    assert is_right(answer, truth) is right


def test_ranges_are_those_of_the_benchmark():
    assert [count_range(n) for n in (0, 1, 10, 11, 100, 101, 1000, 1001)] == [
        "0", "between 1 and 10", "between 1 and 10", "between 11 and 100", "between 11 and 100",
        "between 101 and 1000", "between 101 and 1000", "more than 1000",
    ]  # fmt: skip
    assert [area_range(a) for a in (0, 0.5, 55, 4000)] == [
        "0m2", "between 1m2 and 10m2", "between 11m2 and 100m2", "more than 1000m2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "letters"),
    [
        ("B", ("B",)), ("(b)", ("B",)), ("B. a park", ("B",)), ("A, C", ("A", "C")),
        ("The answer is C", ("C",)), ("It shows a park", ("B",)), ("a port or a park", ()),
        ("E", ()), ("(A) or (B)", ()),
    ],
)  # fmt: skip
def test_letters_are_read_where_they_are_clear(answer, letters):
    assert letters_in(answer, ("a port", "a park", "a lake")) == letters


def test_small_pictures_and_few_differences_tell_no_frame():
    true = np.array([[10.0, 10, 20, 20]])
    assert read_both([(10, 10, 20, 20)], true, 100, 100, cap_px=10_000) is None
    assert read_both([], true, 1000, 1000, cap_px=10_000) is None
    assert choose_frame([]).better == "unknown"
    same = read_both(
        [(0, 0, 1000, 1000)], np.array([[0.0, 0, 1000, 1000]]), 1000, 1000, cap_px=810_000
    )
    assert same is not None
    assert choose_frame([same]).better == "unknown"


def test_tallies_add_up():
    whole = sum([Tally(both=1, found=2, true=3), Tally(both=4, found=5, true=6)], Tally())
    assert (whole.both, whole.found, whole.true, whole.either) == (5, 7, 9, 11)
