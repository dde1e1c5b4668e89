"""Vectors of texts on the disk, prompt ensembles, and the check of texts and vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.contracts.encoder import EncoderFingerprint
from eoagent.contracts.errors import InputError, ModelError, NotFound
from eoagent.runners.textcache import TextCache
from eoagent.runners.texts import as_texts
from eoagent.runners.unit import unit_vectors
from eoagent.vectors.prompts import ensembles, prompts

PRINT = EncoderFingerprint(card="tiny", weights_sha256="a" * 64, architecture="tiny", dimensions=4)


class Encoder:
    def __init__(self):
        self.asked = []

    def __call__(self, texts):
        self.asked.append(list(texts))
        rows = [[len(text), text.count("a"), 1, 2] for text in texts]
        return np.array(rows, np.float32).reshape(len(texts), 4)


@pytest.fixture
def encode():
    return Encoder()


def test_a_text_is_encoded_once(tmp_path, encode):
    cache = TextCache(tmp_path)
    first = cache.vectors(["harbour", "sea", "harbour"], PRINT, encode)
    assert encode.asked == [["harbour", "sea"]]
    assert np.array_equal(first, Encoder()(["harbour", "sea", "harbour"]))
    again = TextCache(tmp_path).vectors(["sea", "lake", "harbour"], PRINT, encode)
    assert encode.asked[1:] == [["lake"]]
    assert np.array_equal(again, Encoder()(["sea", "lake", "harbour"]))
    assert again.dtype == np.float32
    assert cache.vectors([], PRINT, encode).shape == (0, 4)


def test_another_encoder_has_entries_of_its_own(tmp_path, encode):
    cache = TextCache(tmp_path)
    cache.vectors(["sea"], PRINT, encode)
    cache.vectors(["sea"], PRINT.model_copy(update={"card": "other name"}), encode)
    assert len(encode.asked) == 1  # a name decides nothing
    for change in ({"weights_sha256": "b" * 64}, {"precision": "half"}, {"activation": "gelu"}):
        cache.vectors(["sea"], PRINT.model_copy(update=change), encode)
    assert len(encode.asked) == 4


def test_an_encoder_of_unknown_weights_keeps_nothing(tmp_path, encode):
    unknown = PRINT.model_copy(update={"weights_sha256": "unknown"})
    for _ in range(2):
        TextCache(tmp_path).vectors(["sea"], unknown, encode)
    assert len(encode.asked) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "longer", "folder"])
def test_a_damaged_entry_is_made_again(tmp_path, encode, harm):
    cache = TextCache(tmp_path)
    expected = cache.vectors(["sea"], PRINT, encode)
    (entry,) = tmp_path.glob("*/*")
    data = entry.read_bytes()
    if harm == "flip":
        entry.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif harm == "folder":
        entry.unlink()
        entry.mkdir()
    else:
        entry.write_bytes({"cut": data[:-4], "empty": b"", "longer": data + b"0000"}[harm])
    assert np.array_equal(cache.vectors(["sea"], PRINT, encode), expected)
    assert len(encode.asked) == 2


def test_a_disk_that_refuses_costs_time_only(tmp_path, encode):
    file = tmp_path / "file"
    file.write_text("not a folder")
    cache = TextCache(file)
    for _ in range(2):
        assert cache.vectors(["sea"], PRINT, encode).shape == (1, 4)
    assert len(encode.asked) == 2


def test_the_oldest_entries_go_when_there_are_too_many(tmp_path, encode):
    cache = TextCache(tmp_path, most_entries=10)
    cache.vectors([f"text {n}" for n in range(600)], PRINT, encode)
    assert len(list(tmp_path.glob("*/*"))) <= 10 + 256
    assert len(list(tmp_path.glob("*/*"))) < 600


@given(st.lists(st.text(min_size=1), max_size=5))
def test_any_text_comes_back_as_its_own(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("texts")
    rows = np.arange(4 * len(texts), dtype=np.float32).reshape(len(texts), 4)
    place = dict(zip(texts, rows, strict=True))  # the last one of a text stands
    expected = np.array([place[text] for text in texts], np.float32).reshape(len(texts), 4)
    for _ in range(2):
        found = TextCache(folder).vectors(
            texts, PRINT, lambda some: np.array([place[text] for text in some], np.float32)
        )
        assert np.array_equal(found, expected)


def test_ensembles_are_sentences_with_one_slot():
    for name, ensemble in ensembles().items():
        assert len(set(ensemble.templates)) == len(ensemble.templates), name
        assert all(template.count("{}") == 1 for template in ensemble.templates), name
        assert "a satellite photo of {}." in ensemble.templates
    assert [len(ensembles()[name].templates) for name in ("single", "short", "wide")] == [1, 6, 24]


def test_a_text_is_put_into_every_sentence():
    assert prompts("a harbour") == ("a satellite photo of a harbour.",)
    assert prompts(" {} and {0}. ", "single") == ("a satellite photo of {} and {0}.",)
    assert prompts("a harbour.", "none") == ("a harbour.",)
    assert len(prompts("a harbour", "wide")) == 24
    with pytest.raises(NotFound, match="no prompt ensemble 'huge'") as caught:
        prompts("a harbour", "huge")
    assert caught.value.hint == "there are: none, single, short, wide"
    with pytest.raises(InputError, match="the text to search for is empty"):
        prompts("  ")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("harbour", "came as one"),
        (["a", ""], "text 1 of 2 is empty"),
        ([" \n"], "text 0 of 1 is empty"),
        ([3], "text 0 is a int"),
    ],
)
def test_what_is_no_text_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        as_texts(wrong)


@given(st.lists(st.lists(st.floats(-1e6, 1e6, width=32), min_size=4, max_size=4), min_size=1))
def test_vectors_have_length_one_and_their_direction(rows):
    raw = np.array(rows, np.float32)
    lengths = np.linalg.norm(raw.astype(np.float64), axis=1)
    if (lengths == 0).any():
        with pytest.raises(ModelError, match="without a direction"):
            unit_vectors(raw, dimensions=4, name="m")
        return
    unit = unit_vectors(raw, dimensions=4, name="m")
    assert np.allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)
    assert np.allclose(unit * lengths[:, None], raw, rtol=1e-5, atol=1e-5 * lengths.max())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_not_finite_name_their_item(bad):
    raw = np.ones((3, 4), np.float32)
    raw[1, 2] = bad
    with pytest.raises(ModelError, match="m gave 1 of 3 vectors.*item 1 is not finite"):
        unit_vectors(raw, dimensions=4, name="m")
    with pytest.raises(ModelError, match="shape 3 x 4, its card says n x 5"):
        unit_vectors(np.ones((3, 4)), dimensions=5, name="m")
