"""Suites of a reasoner, with stubs that give known boxes and answers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from eoagent.app.evaluation.answering import evaluate_answers
from eoagent.app.evaluation.reasoning import evaluate_reasoning
from eoagent.contracts.errors import InputError, ModelMissing, NotFound


def _reason(data, name, box, questions, *, height=40, width=60):
    for folder in ("images", "labels", "QAs"):
        (data / "test" / folder).mkdir(parents=True, exist_ok=True)
    pixels = np.full((height, width, 3), 90, np.uint8)
    Image.fromarray(pixels).save(data / f"test/images/{name}.jpg")
    label = np.zeros((height, width), np.uint8)
    x1, y1, x2, y2 = box
    label[y1:y2, x1:x2] = 255
    Image.fromarray(label).save(data / f"test/labels/{name}.png")
    asked = {"questions": questions, "answers": ["there"] * len(questions)}
    (data / f"test/QAs/{name}.json").write_text(json.dumps(asked))


@pytest.fixture
def places(tmp_path):
    """Three pictures with a question each, and a second one that is not asked."""
    for name in "abc":
        _reason(tmp_path, name, (10, 10, 20, 20), [f"where {name}", f"again {name}"])
    return tmp_path


def test_boxes_and_masks_have_the_figures_by_hand(kit, places):
    # whole, half of the area, and a reply that cannot be read
    answers = {
        "where a": [(10, 10, 20, 20)],
        "where b": [(10, 10, 20, 15)],
        "where c": "unparseable",
    }
    models = kit.Stubs(reasoner=kit.Knowing(answers), outliner=kit.Filling())
    found = evaluate_reasoning(kit.request(places), models, kit.tell)
    assert found.metrics["giou"] == pytest.approx((1 + 0.5 + 0) / 3)
    assert found.metrics["ciou"] == pytest.approx(150 / 300)
    assert found.metrics["acc50_boxes"] == pytest.approx(2 / 3)
    assert found.metrics["mean_box_iou"] == pytest.approx(0.5)
    assert (found.metrics["replies_found"], found.metrics["replies_unparseable"]) == (2, 1)
    assert [model.card for model in found.models] == ["stub-reasons", "stub-outlines"]
    assert "of each picture its first question was asked" in found.notes
    assert any("cannot be told: no picture" in note for note in found.notes)


def test_all_questions_are_asked_where_that_is_wanted(kit, places):
    boxes = [(10, 10, 20, 20)]
    stub = kit.Knowing({f"{word} {name}": boxes for name in "abc" for word in ("where", "again")})
    found = evaluate_reasoning(kit.request(places, every=True), kit.Stubs(reasoner=stub), kit.tell)
    assert found.metrics["pictures"] == 6
    assert "giou" not in found.metrics
    assert any("boxes alone were measured" in note for note in found.notes)


@pytest.mark.parametrize("better", ["model_input", "original"])
def test_large_pictures_tell_which_pixels_the_boxes_count(kit, tmp_path, better):
    # a picture of 100 x 200 pixels, of which the model is shown 84 x 168 at most
    cap = 84 * 168
    _reason(tmp_path, "large", (100, 20, 180, 80), ["where"], height=100, width=200)
    true = np.array([100, 20, 180, 80], float)
    shown = true * np.array([168 / 200, 84 / 100] * 2)
    told = tuple(shown if better == "model_input" else true)
    stub = kit.Knowing({"where": [told]}, frame="original", cap=str(cap))
    request = kit.request(tmp_path, way="parity")
    found = evaluate_reasoning(request, kit.Stubs(reasoner=stub), kit.tell)
    best, other = (
        found.metrics[f"frame_{name}_iou"]
        for name in (better, *({"model_input", "original"} - {better}))
    )
    assert best == pytest.approx(1.0)
    assert other < 0.8
    said = "which is the frame used" if better == "original" else "and the frame used is original"
    assert any(f"{better} is better, {said}" in note for note in found.notes)


def test_as_the_tools_do_large_pictures_are_shown_smaller_and_compared_in_their_own_pixels(
    kit, tmp_path
):
    _reason(tmp_path, "large", (100, 20, 180, 80), ["where"], height=100, width=200)

    class Looking(kit.Knowing):
        def ground(self, picture, question, *, on_text=None):
            self.shown = picture.shape
            return super().ground(picture, question)

    stub = Looking({"where": [(50, 10, 90, 40)]}, cap=str(50 * 100))
    models = kit.Stubs(reasoner=stub, outliner=kit.Filling())
    found = evaluate_reasoning(kit.request(tmp_path), models, kit.tell)
    assert stub.shown == (50, 100, 3)
    assert (found.metrics["mean_box_iou"], found.metrics["giou"]) == (1.0, 1.0)
    assert any("as the tool does: pictures of more than 5,000 pixels" in n for n in found.notes)


def test_a_file_of_questions_with_another_layout_is_named(kit, places):
    (places / "test/QAs/b.json").write_text('{"questions": []}')
    with pytest.raises(InputError, match=r"b\.json: questions: Tuple should have at least 1 item"):
        evaluate_reasoning(kit.request(places), kit.Stubs(reasoner=kit.Knowing()), kit.tell)
    (places / "test/labels/b.png").unlink()
    with pytest.raises(NotFound, match=r"there is no .*b\.png for the picture b\.jpg"):
        evaluate_reasoning(kit.request(places), kit.Stubs(reasoner=kit.Knowing()), kit.tell)
    with pytest.raises(NotFound, match="there is no folder") as caught:
        evaluate_reasoning(kit.request(places, split="val"), kit.Stubs(), kit.tell)
    assert "there are: test" in caught.value.hint


def test_a_missing_reasoner_is_said(kit, places):
    with pytest.raises(ModelMissing):
        evaluate_reasoning(kit.request(places), kit.Stubs(), kit.tell)


RSVQA = [
    ("presence", "Is there a road?", "yes", "Yes, there is one."),
    ("presence", "Is there a river?", "no", "yes"),
    ("count", "How many buildings?", "23", "about 40"),
    ("comp", "More roads than rivers?", "no", "unparseable"),
    ("rural_urban", "Is it rural or urban?", "rural", "It is a rural area"),
]


@pytest.fixture
def rsvqa(tmp_path, kit):
    """RSVQA-LR of five questions, and one that is not active."""
    kit.paint(tmp_path / "Images_LR/7.tif", [])
    questions = [
        {
            "id": n,
            "img_id": 7,
            "type": kind,
            "question": text,
            "answers_ids": [100 + n],
            "active": True,
        }
        for n, (kind, text, _, _) in enumerate(RSVQA)
    ] + [{"id": 99, "active": False}]
    answers = [
        {"id": 100 + n, "question_id": n, "answer": right, "active": True}
        for n, (_, _, right, _) in enumerate(RSVQA)
    ]
    (tmp_path / "LR_split_test_questions.json").write_text(json.dumps({"questions": questions}))
    (tmp_path / "LR_split_test_answers.json").write_text(json.dumps({"answers": answers}))
    return tmp_path


def test_questions_are_judged_by_type_and_on_average(kit, rsvqa):
    stub = kit.Knowing({text: said for _, text, _, said in RSVQA})
    found = evaluate_answers(kit.request(rsvqa), kit.Stubs(reasoner=stub), kit.tell)
    # 40 lies in the range of 23; the comparison was not readable
    assert found.metrics["overall_accuracy"] == pytest.approx(3 / 5)
    assert found.metrics["average_accuracy"] == pytest.approx((0.5 + 1 + 0 + 1) / 4)
    assert found.metrics["accuracy_presence"] == 0.5
    assert found.metrics["unanswered"] == 1
    assert found.details["answers"]["2"] == {
        "said": "about 40", "right": "between 11 and 100", "is_right": True,
    }  # fmt: skip


def test_a_limit_takes_questions_of_all_types(kit, rsvqa):
    stub = kit.Knowing({text: said for _, text, _, said in RSVQA})
    found = evaluate_answers(kit.request(rsvqa, limit=4), kit.Stubs(reasoner=stub), kit.tell)
    assert {name for name in found.metrics if name.startswith("accuracy_")} == {
        "accuracy_presence", "accuracy_count", "accuracy_comp", "accuracy_rural_urban",
    }  # fmt: skip


def test_a_question_without_an_answer_is_named(kit, rsvqa):
    (rsvqa / "LR_split_test_answers.json").write_text('{"answers": []}')
    with pytest.raises(InputError, match=r"questions\.0 \(id 0\) has no answer in"):
        evaluate_answers(kit.request(rsvqa), kit.Stubs(reasoner=kit.Knowing()), kit.tell)
    (rsvqa / "LR_split_test_questions.json").write_text(
        json.dumps({"questions": [{"id": 4, "active": True}]})
    )
    with pytest.raises(InputError, match=r"questions\.0 \(id 4\) has no question or no picture"):
        evaluate_answers(kit.request(rsvqa), kit.Stubs(reasoner=kit.Knowing()), kit.tell)


def test_multiple_choices_are_framed_and_judged_by_letter(kit, tmp_path):
    kit.paint(tmp_path / "images/big.png", [])
    entry = {"question": "What is it?", "multi-choice options": ["(A) a port", "(B) a park"],
             "answer": "B", "category": "Perception", "l2-category": "Land", "path": "big.png"}  # fmt: skip
    several = {**entry, "question": "Which?", "answer": "A B", "category": "Reasoning"}
    (tmp_path / "lite.jsonl").write_text("\n".join(map(json.dumps, (entry, several))))
    framed = (
        "What is it? The choices are listed below:\n(A) a port\n(B) a park\nSelect the best answer "
        "for the multiple-choice question based on the image. Only respond with the letter "
        "corresponding to the correct answer (A, B).\nThe answer is:"
    )
    stub = kit.Knowing()
    stub.answers = type(
        "Any", (dict,), {"__missing__": lambda _, q: "B" if q == framed else "B, A"}
    )()
    request = kit.request(tmp_path, layout="xlrs")
    found = evaluate_answers(request, kit.Stubs(reasoner=stub), kit.tell)
    assert found.metrics["overall_accuracy"] == 1.0
    assert stub.asked[0] == framed
    assert "separated by spaces" in stub.asked[1]
    assert "accuracy_Perception/Land" in found.metrics


def test_a_wrong_line_of_choices_is_named(kit, tmp_path):
    good = {"question": "q", "multi-choice options": ["a", "b"], "answer": "A", "path": "x.png"}
    request = kit.request(tmp_path, layout="xlrs")
    models = kit.Stubs(reasoner=kit.Knowing())
    for bad, said in (
        ({"question": "q"}, r"line 2: .*: Field required"),
        ({**good, "answer": "E"}, r"entry 1 has the answer 'E', which is no letter of it"),
        ({**good, "multi-choice options": ["a"]}, r"entry 1 has 1 options"),
    ):
        (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, (good, bad))))
        with pytest.raises(InputError, match=said):
            evaluate_answers(request, models, kit.tell)
