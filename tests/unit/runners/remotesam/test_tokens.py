"""The vocabulary: beside transformers, and beside a rule written out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eoagent.contracts.errors import InputError, ModelError, ModelMissing
from eoagent.runners.remotesam.tokens import Vocabulary

BERT_PLACES = {
    "[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103,
    "the": 1996, "in": 1999, "image": 3746, "airplane": 13297,
}  # fmt: skip


@pytest.fixture
def words(tiny_words):
    return Vocabulary({word: n for n, word in enumerate(tiny_words)})


def _write(folder, lines):
    path = folder / "vocab.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_words_are_split_into_their_longest_pieces(words, tiny_words):
    ids, was_cut = words.split("Big AIRPLANEs in the image.")
    assert [tiny_words[n] for n in ids] == [
        "[CLS]", "big", "air", "##plane", "##s", "in", "the", "image", ".", "[SEP]"
    ]  # fmt: skip
    assert not was_cut


def test_accents_and_unknown_words_are_read_as_bert_does(words, tiny_words):
    ids, _ = words.split("Shíp zebra")
    assert [tiny_words[n] for n in ids] == ["[CLS]", "ship", "[UNK]", "[SEP]"]


def test_marks_inside_a_text_have_no_meaning(words, tiny_words):
    ids, _ = words.split("ship [SEP] ship")
    assert [tiny_words[n] for n in ids].count("[SEP]") == 1


def test_a_long_text_is_cut_to_twenty_tokens_and_loses_its_end_mark(words, tiny_words):
    ids, was_cut = words.split("ship " * 18)
    assert len(ids) == 20
    assert tiny_words[ids[-1]] == "[SEP]"
    assert not was_cut
    ids, was_cut = words.split("ship " * 19)
    assert len(ids) == 20
    assert tiny_words[ids[-1]] == "ship"
    assert not was_cut  # only the mark is lost
    ids, was_cut = words.split("ship " * 20)
    assert len(ids) == 20
    assert was_cut


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(["ship", "Harbour", "airplanes", "in", ".", "x-ray", "é"]), max_size=9)
)
def test_tokens_are_those_of_transformers(tiny_words, tmp_path_factory, parts):
    from transformers import BertTokenizer

    text = " ".join(["a", *parts])
    entries = {word: n for n, word in enumerate(tiny_words)}
    theirs = BertTokenizer(vocab=dict(entries), do_lower_case=True)
    assert list(Vocabulary(entries).split(text)[0]) == theirs.encode(text)[:20]


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_empty_text_is_refused(words, text):
    with pytest.raises(InputError, match="a text must say what is looked for"):
        words.split(text)


def test_a_missing_vocabulary_is_named_with_what_to_do(tmp_path):
    with pytest.raises(ModelMissing, match="vocab.txt is not beside the weights") as caught:
        Vocabulary.read(tmp_path / "vocab.txt", size=40)
    assert "bert-base-uncased" in caught.value.hint


def test_a_vocabulary_of_another_length_is_refused(tmp_path, tiny_words):
    path = _write(tmp_path, tiny_words)
    with pytest.raises(ModelError, match="40 different entries on 40 lines, and .* with 41"):
        Vocabulary.read(path, size=41)
    path = _write(tmp_path, [*tiny_words[:-1], tiny_words[5]])
    with pytest.raises(ModelError, match="39 different entries on 40 lines"):
        Vocabulary.read(path, size=40)


def test_a_file_without_the_marks_is_no_vocabulary(tmp_path):
    path = _write(tmp_path, [f"w{n}" for n in range(40)])
    with pytest.raises(ModelError, match=r"no vocabulary of BERT: \[UNK\], \[CLS\], \[SEP\]"):
        Vocabulary.read(path, size=40)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "vocab.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="no text in UTF-8"):
        Vocabulary.read(tmp_path / "vocab.txt", size=40)


def test_the_vocabulary_of_bert_is_told_from_another_of_its_length(tmp_path):
    at = {place: word for word, place in BERT_PLACES.items()}
    lines = [at.get(n, f"##{n}") for n in range(30522)]
    ids, _ = Vocabulary.read(_write(tmp_path, lines), size=30522).split("Airplane in the image")
    assert list(ids) == [101, 13297, 1999, 1996, 3746, 102]  # text A of the parity files
    lines[1999], lines[1998] = lines[1998], lines[1999]
    with pytest.raises(ModelError, match="'in' is at 1998 and not at 1999"):
        Vocabulary.read(_write(tmp_path, lines), size=30522)
