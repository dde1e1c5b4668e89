"""Every well-formed reply is read in full; every broken one ends in a typed outcome."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from eoagent.contracts.dialogue import ChatReply
from eoagent.dialogue.grammars.boxlist import encode_boxes
from eoagent.dialogue.grammars.boxobjects import encode_objects
from eoagent.dialogue.grammars.calls import decode_zoom, encode_zoom
from eoagent.dialogue.grammars.choices import choice_of
from eoagent.dialogue.grammars.found import Target
from eoagent.dialogue.grammars.runlengths import encode_mask
from eoagent.dialogue.grammars.thinking import encode_reply
from eoagent.dialogue.profiles import read_profile
from eoagent.dialogue.reasoner import DialogueReasoner

HIGH, WIDE = 112, 168
STATUSES = {"found", "none", "unparseable", "truncated"}
THOUGHTS = [
    "",
    "The pier [juts] out (north).",
    "I count 3, at x=10.",
    "Is it [1,2,3,4]? No.",
    "码头在左边。",
]


def some_boxes(rng):
    boxes = []
    for _ in range(rng.choice([0, 1, 1, 2, 3, 7])):
        x1, y1 = rng.randint(0, WIDE - 2), rng.randint(0, HIGH - 2)
        boxes.append((x1, y1, rng.randint(x1 + 1, WIDE), rng.randint(y1 + 1, HIGH)))
    return boxes


def in_one_of_many_shapes(rng, boxes):
    """Write boxes as models do: nested, flat, as tuples, with spaces, floats, fences, prose."""
    text = encode_boxes(boxes)
    text = rng.choice([text, text.replace(",", ", "), str(boxes), str([list(b) for b in boxes])])
    if len(boxes) == 1:
        text = rng.choice([text, text[1:-1]])
    if rng.random() < 0.3:
        text = rng.choice([f"```json\n{text}\n```", f"```\n{text}\n```"])
    return rng.choice([text, f"\n{text}\n", f"Here: {text}", f" {text}."])


def around(rng, answer):
    """Put reasoning before an answer, with tags whole or partly missing."""
    think = rng.choice(THOUGHTS)
    return rng.choice(
        [
            encode_reply(think, answer),
            f" <think>\n{think}\n</think> So:\n<answer>\n{answer}\n</answer>\n",
            f"{think}</think><answer>{answer}</answer>",
            f"<answer>{answer}</answer>",
            f"<think>{think}</think>\n<answer>{answer}",
            f"<think>{think}</think>\n{answer}",
            answer,
        ]
    )


def well_formed(rng, grammar):
    """Return a reply and the boxes, or the mask, that it means."""
    boxes = some_boxes(rng)
    if grammar == "boxes":
        return around(rng, in_one_of_many_shapes(rng, boxes)), boxes
    if grammar == "json":
        words = [rng.choice(["", "pier", "a [ship], {big}"]) for _ in boxes]
        targets = [
            Target(box=box, label=word, points=rng.choice([(), ((box[0] + 1, box[1] + 1),)]))
            for box, word in zip(boxes, words, strict=True)
        ]
        text = encode_objects(targets)
        text = rng.choice([text, text.strip("`").removeprefix("json").strip()])
        return around(rng, text), boxes
    share = rng.choice([0.0, 0.3, 0.3, 0.8])
    grid = np.array([[rng.random() < share for _ in range(6)] for _ in range(4)])
    return rng.choice(["", "Here: "]) + encode_mask(grid), grid


def mutated(rng, text):
    """Delete, swap, insert, double or cut, once or a few times."""
    chars = list(text)
    for _ in range(rng.choice([1, 1, 2, 3, 6])):
        if not chars:
            break
        i, j = rng.randrange(len(chars)), rng.randrange(len(chars))
        match rng.choice(["delete", "swap", "insert", "cut", "span", "double"]):
            case "delete":
                del chars[i]
            case "swap":
                chars[i], chars[j] = chars[j], chars[i]
            case "insert":
                chars.insert(i, rng.choice(list("[](){}<>,:;*\"'`/-.0159eE \n\\x√\x00")))
            case "cut":
                chars = chars[:i]
            case "span":
                del chars[i : i + rng.randint(1, 12)]
            case "double":
                chars[i:i] = chars[i : i + rng.randint(1, 20)]
    return "".join(chars)


PROFILES = {"boxes": "remotereasoner", "json": "qwen2.5-vl", "mask": "rscovlm-mask"}


@pytest.fixture
def ground(scripted, a_picture):
    picture = a_picture(HIGH, WIDE)

    def ask(grammar, text, *, is_cut=False):
        backend = scripted(ChatReply(text=text, is_cut=is_cut))
        return DialogueReasoner(backend, read_profile(PROFILES[grammar])).ground(picture, "Where?")

    return ask


@pytest.mark.parametrize("grammar", sorted(PROFILES))
def test_every_well_formed_reply_is_read_in_full(ground, grammar):
    rng, seen = random.Random(f"well-formed {grammar}"), Counter()
    for _ in range(300):
        text, meant = well_formed(rng, grammar)
        found = ground(grammar, text)
        if grammar == "mask":
            expected = np.kron(meant, np.ones((28, 28), bool)).astype(bool)
            np.testing.assert_array_equal(found.mask, expected)
        else:
            assert found.boxes.tolist() == [list(box) for box in meant], text
        assert found.reply.status == ("found" if len(meant) and np.any(meant) else "none"), text
        seen[found.reply.status] += 1
    assert seen["found"] > 150


@pytest.mark.parametrize("grammar", sorted(PROFILES))
def test_every_mutated_reply_ends_in_a_typed_outcome(ground, grammar):
    rng, seen = random.Random(f"mutated {grammar}"), Counter()
    for _ in range(400):
        text = mutated(rng, well_formed(rng, grammar)[0])
        is_cut = rng.random() < 0.2
        found = ground(grammar, text, is_cut=is_cut)
        status, count = found.reply.status, len(found.boxes)
        seen[status] += 1
        assert status in STATUSES
        assert count == len(found.points) == len(found.labels) == len(found.stated)
        assert status != "found" or count > 0
        assert status not in {"none", "unparseable"} or count == 0
        assert found.reply.raw.replace(" ", "") == text.replace("\x00", "").replace(" ", "")
        assert np.isfinite(found.boxes).all()
        for (x1, y1, x2, y2), (x, y) in zip(found.boxes, found.points, strict=True):
            assert 0 <= x1 < x2 <= WIDE
            assert 0 <= y1 < y2 <= HIGH
            assert x1 <= x <= x2
            assert y1 <= y <= y2
    assert set(seen) == STATUSES  # the mutations reach every outcome


def test_a_reply_cut_anywhere_gives_no_box_that_the_whole_one_has_not(ground):
    whole = encode_reply("It juts out.", "[[56,28,140,112],[10,20,30,40],[1,2,3,4]]")
    boxes = ground("boxes", whole).stated
    for place in range(len(whole)):
        found = ground("boxes", whole[:place], is_cut=True)
        assert found.reply.status == "truncated"
        assert found.stated == boxes[: len(found.stated)]


def test_every_mutated_call_and_choice_ends_in_a_typed_outcome():
    rng, calls, chosen = random.Random("calls"), Counter(), Counter()
    for _ in range(400):
        call = decode_zoom(mutated(rng, encode_zoom((rng.randint(0, 9), 2.5, 30, 40))))
        assert (call.status == "found") == (len(call.box) == 4)
        calls[call.status] += 1
        said = rng.choice(["The answer is (B).", "B. Forest", "A, C", "<answer>D</answer>"])
        choice = choice_of(mutated(rng, said), "ABCD")
        assert (choice.status == "found") == bool(choice.letters)
        chosen[choice.status] += 1
    assert set(calls) == STATUSES
    assert {"found", "unparseable"} <= set(chosen)
