"""Turns texts into token numbers with the vocabulary file that lies beside the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Self

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from eoagent.contracts.errors import InputError, ModelError, ModelMissing

__all__ = ["VOCABULARY_FILE", "Tokens", "Vocabulary"]

VOCABULARY_FILE: Final = "vocab.txt"
"""Name of the vocabulary file of BERT base, uncased."""
MOST_TOKENS: Final = 20
"""Tokens of a text that the network was trained on; what comes after them is cut off."""

_START: Final = "[CLS]"
_END: Final = "[SEP]"
_UNKNOWN: Final = "[UNK]"
_MOST_BYTES: Final = 8_000_000
_BERT_ENTRIES: Final = 30522
_BERT_PLACES: Final = {
    "[PAD]": 0,
    _UNKNOWN: 100,
    _START: 101,
    _END: 102,
    "in": 1999,
    "the": 1996,
    "image": 3746,
    "airplane": 13297,
}
"""Some places in the vocabulary of BERT base, uncased, which tell another of its length apart."""


class Tokens(tuple[int, ...]):
    """Numbers of the tokens of one text, start and end marks among them."""

    __slots__ = ()


class Vocabulary:
    """Splits texts into words and pieces of words, lower case, as BERT base, uncased, does.

    Marks such as `[SEP]` inside a text have no meaning; they are read as the characters they are.

    Args:
        entries: place of each entry.
        most_tokens: length that texts are cut to; the end mark is cut off too, as in training.
    """

    def __init__(self, entries: dict[str, int], *, most_tokens: int = MOST_TOKENS) -> None:
        self._most = most_tokens
        self._start, self._end = entries[_START], entries[_END]
        self._split = Tokenizer(WordPiece(entries, unk_token=_UNKNOWN))
        self._split.normalizer = BertNormalizer(lowercase=True)
        self._split.pre_tokenizer = BertPreTokenizer()

    @classmethod
    def read(cls, path: Path, *, size: int, most_tokens: int = MOST_TOKENS) -> Self:
        """Return the vocabulary of a file with an entry on each line.

        Args:
            path: the file.
            size: entries that the weights were trained with.
            most_tokens: length that texts are cut to.

        Raises:
            ModelMissing: if there is no such file.
            ModelError: if it is not the vocabulary that the weights were trained with.
        """
        if not path.is_file():
            raise ModelMissing(
                f"the vocabulary {path.name} is not beside the weights, in {path.parent}",
                command=f"cp PATH/TO/bert-base-uncased/{VOCABULARY_FILE} '{path.parent}'",
                hint=f"copy {VOCABULARY_FILE} of bert-base-uncased there",
            )
        if path.stat().st_size > _MOST_BYTES:
            raise ModelError(f"{path.name} is too long for a vocabulary of {size} entries")
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError as error:
            raise ModelError(f"{path.name} is no text in UTF-8") from error
        entries = {line: place for place, line in enumerate(lines)}
        _check(path.name, entries, lines, size)
        return cls(entries, most_tokens=most_tokens)

    def split(self, text: str) -> tuple[Tokens, bool]:
        """Return the tokens of a text, and whether its end was cut off.

        Raises:
            InputError: if the text is empty.
        """
        pieces = self._split.encode(text, add_special_tokens=False).ids
        if not pieces:
            raise InputError(f"a text must say what is looked for, got {text!r}")
        tokens = (self._start, *pieces, self._end)
        return Tokens(tokens[: self._most]), len(tokens) - 1 > self._most


def _check(name: str, entries: dict[str, int], lines: list[str], size: int) -> None:
    if len(lines) != size or len(entries) != size:
        raise ModelError(
            f"{name} has {len(entries)} different entries on {len(lines)} lines, and the weights "
            f"were trained with {size}",
            hint="copy vocab.txt of bert-base-uncased beside the weights",
        )
    absent = [mark for mark in (_UNKNOWN, _START, _END) if mark not in entries]
    if absent:
        raise ModelError(f"{name} is no vocabulary of BERT: {', '.join(absent)} is not in it")
    if size != _BERT_ENTRIES:
        return
    for entry, place in _BERT_PLACES.items():
        if entries.get(entry) != place:
            raise ModelError(
                f"{name} is another vocabulary than that of bert-base-uncased: '{entry}' is at "
                f"{entries.get(entry, 'no place')} and not at {place}",
                hint="copy vocab.txt of bert-base-uncased beside the weights",
            )
