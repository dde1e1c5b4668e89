"""Replies: those of transformers' own `generate`, alone or beside others, cut where they must be."""

from __future__ import annotations

import itertools
import time

import pytest
import torch

from eoagent.contracts.errors import InputError, ModelError
from eoagent.runners.qwenvl.dialogue import prepare, read_item
from eoagent.runners.qwenvl.generation import Decoding, Ends, Penalty
from eoagent.runners.qwenvl.pieces import Pieces


def _theirs(runner, item, **settings):
    """Return the text that transformers gives for one dialogue, with its own processors."""
    inputs = prepare(runner._processor, [read_item(item)], positions=10**6, name="theirs")
    with torch.inference_mode():
        found = runner._network.generate(
            **inputs,
            do_sample=False,
            max_new_tokens=item["max_tokens"],
            eos_token_id=list(runner._decoding.stop_ids),
            pad_token_id=runner._decoding.pad_id,
            **settings,
        )
    new = found[0, inputs["input_ids"].shape[1] :]
    return runner._processor.tokenizer.decode(new, skip_special_tokens=True)


@pytest.fixture
def several(item, picture):
    return [
        item("find", picture(84, 56), "a quay", max_tokens=24),
        item("where is the longest pier of them all?", picture(56, 112), max_tokens=16),
        item("no picture", max_tokens=20),
        item("two", picture(56, 56), "and", picture(84, 84), max_tokens=7),
    ]


def test_the_scripted_model_says_its_reply_whatever_it_is_shown(talker, several, tiny_reasoner):
    for one in several[:3]:
        (reply,) = talker.run("chat", [one | {"max_tokens": 60}])
        assert reply["text"] == tiny_reasoner.REPLY
        assert not reply["is_cut"]
        assert not reply["is_late"]


def test_a_reply_is_the_greedy_one_of_transformers(babbler, several):
    """With the repetition penalty of the folder, which transformers takes as an argument."""
    assert babbler._decoding.repetition_penalty == 1.3
    for one in several:
        (reply,) = babbler.run("chat", [one])
        assert reply["text"] == _theirs(babbler, one, repetition_penalty=1.3)
        assert reply["text"] != _theirs(babbler, one, repetition_penalty=1.0)


def test_replies_beside_others_are_those_given_alone(babbler, several):
    alone = [babbler.run("chat", [one])[0] for one in several]
    for order in itertools.islice(itertools.permutations(range(4)), 5, 24, 13):
        found = babbler.run("chat", [several[place] for place in order])
        for place, reply in zip(order, found, strict=True):
            told, wanted = dict(reply), dict(alone[place])
            del told["seconds"], wanted["seconds"]
            assert told == wanted


def test_a_reply_that_is_not_let_finish_says_so(talker, item, picture, tiny_reasoner):
    cut, whole = talker.run(
        "chat", [item("a", picture(), max_tokens=5), item("b", picture(), max_tokens=60)]
    )
    assert cut["is_cut"]
    assert not cut["is_late"]
    assert cut["output_tokens"] == 5
    assert tiny_reasoner.REPLY.startswith(cut["text"])
    assert (whole["text"], whole["is_cut"]) == (tiny_reasoner.REPLY, False)
    assert talker.run("chat", [item("a", max_tokens=45)])[0]["is_cut"] is False
    assert talker.run("chat", [item("a", max_tokens=44)])[0]["is_cut"] is True


def test_the_tokens_that_were_read_and_written_are_counted(talker, item, picture):
    reply, longer = talker.run("chat", [item("a", picture(56, 56)), item("abc", picture(84, 84))])
    assert longer["input_tokens"] - reply["input_tokens"] == 2 + (9 - 4)
    assert reply["output_tokens"] == 45
    assert reply["seconds"] > 0


@pytest.mark.parametrize("length", [1, 18])
def test_pieces_put_together_are_the_reply(babbler, talker, item, picture, length):
    for runner in (babbler, talker):
        told = [[], []]
        found = runner.run(
            "chat",
            [
                item("a", picture(), max_tokens=length, tell=told[0].append),
                item("b", max_tokens=length),
                item("longer", max_tokens=24, tell=told[1].append),
            ],
        )
        assert "".join(told[0]) == found[0]["text"]
        assert "".join(told[1]) == found[2]["text"]
        assert len(told[1]) > 10


def test_a_character_is_told_once_all_of_its_bytes_are_there(talker):
    tokenizer, told = talker._processor.tokenizer, []
    pieces = Pieces(tokenizer, [told.append], stop_ids=(258,))
    pieces.put(torch.tensor([[1, 2, 3]]))
    for token in tokenizer("ä–x").input_ids:
        pieces.put(torch.tensor([token]))
    assert told == ["ä", "–", "x"]
    pieces.put(torch.tensor(tokenizer("ä").input_ids[:1]))
    assert told == ["ä", "–", "x"]
    pieces.put(torch.tensor([258]))
    pieces.put(torch.tensor(tokenizer("y").input_ids))
    pieces.end()
    assert told == ["ä", "–", "x", "\N{REPLACEMENT CHARACTER}"]


def test_a_deadline_ends_its_own_reply_only(talker, item, tiny_reasoner):
    late, whole = talker.run(
        "chat", [item("a", ends_at=time.monotonic() - 1), item("b", ends_at=time.monotonic() + 60)]
    )
    assert late["is_late"]
    assert late["is_cut"]
    assert late["output_tokens"] == 1
    assert whole["text"] == tiny_reasoner.REPLY


def test_a_reply_that_nobody_waits_for_is_given_up(talker, item):
    asked = iter([True, True, True, False])
    (reply,) = talker.run("chat", [item("a", is_wanted=lambda: next(asked, False))])
    assert reply["is_late"]
    assert reply["output_tokens"] == 4


def test_ends_follow_the_clock():
    now = [0.0]
    asked = [
        read_item({"messages": [("user", ("a",))], "max_tokens": 10, "ends_at": end})
        for end in (2.0, None)
    ]
    ends = Ends(asked, start=3, clock=lambda: now[0])
    assert ends(torch.zeros(2, 4, dtype=torch.long), None).tolist() == [False, False]
    now[0] = 2.0
    assert ends(torch.zeros(2, 5, dtype=torch.long), None).tolist() == [True, False]
    now[0] = 1e9
    assert ends(torch.zeros(2, 12, dtype=torch.long), None).tolist() == [True, False]
    assert ends(torch.zeros(2, 13, dtype=torch.long), None).tolist() == [True, True]
    assert ends.lengths == {0: 2, 1: 10}


def test_the_penalty_is_that_of_transformers_where_nothing_is_filled_up():
    from transformers.generation.logits_process import RepetitionPenaltyLogitsProcessor

    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(0, 50, (3, 20), generator=generator)
    scores = torch.randn(3, 50, generator=generator)
    ours = Penalty(1.2, torch.ones(3, 15, dtype=torch.long))(ids, scores.clone())
    assert torch.equal(ours, RepetitionPenaltyLogitsProcessor(1.2)(ids, scores.clone()))
    mask = torch.ones(3, 15, dtype=torch.long)
    mask[:, :4] = 0
    filled = Penalty(1.2, mask)(ids, scores.clone())
    assert torch.equal(filled, RepetitionPenaltyLogitsProcessor(1.2)(ids[:, 4:], scores.clone()))


def test_sampling_is_for_cards_that_ask_for_it(make_loaded, noisy, babbler, item, picture):
    drawn = make_loaded(noisy, sampling={"temperature": 5.0, "seed": 3}).runner
    asked = [item("a", picture(), max_tokens=8), item("longer", max_tokens=8)]
    before = torch.random.get_rng_state()
    first = [one["text"] for one in drawn.run("chat", asked)]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first == [drawn.run("chat", [one])[0]["text"] for one in asked]
    assert first != [one["text"] for one in babbler.run("chat", asked)]
    other = make_loaded(noisy, sampling={"temperature": 5.0, "seed": 4}).runner
    assert first != [one["text"] for one in other.run("chat", asked)]


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        ("yes", "asks for the sampling 'yes'"),
        ({"top_p": 0.5}, "asks for the sampling"),
        ({"temperature": 1.0, "beams": 4}, "asks for the sampling"),
        ({"temperature": 0}, "asks for the sampling"),
        ({"temperature": 1.0, "top_p": 2}, "asks for the sampling"),
    ],
)
def test_a_card_that_samples_in_no_known_way_is_refused(make_loaded, noisy, sampling, said):
    with pytest.raises(InputError, match=said):
        make_loaded(noisy, sampling=sampling)


def test_another_task_and_a_closed_model_are_refused(make_loaded, scripted, item):
    runner = make_loaded(scripted).runner
    assert runner.memory_mb == 1
    assert runner.result_form("chat") is None
    with pytest.raises(InputError, match="tiny-reasoner knows no task 'segment'"):
        runner.run("segment", [item("a")])
    runner.close()
    assert runner.memory_mb == 0
    with pytest.raises(ModelError, match="was closed and is asked again"):
        runner.run("chat", [item("a")])


def test_the_way_to_write_is_told_to_generate():
    config = Decoding(stop_ids=(2, 3), pad_id=3).config(17)
    assert (config.do_sample, config.max_new_tokens, config.eos_token_id) == (False, 17, [2, 3])
