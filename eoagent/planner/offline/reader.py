"""Read a question: tokens, then phrases by the grammar, then one reading of the whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from lark import Lark, Token, Tree
from lark.lexer import Lexer

from eoagent.contracts.errors import InputError
from eoagent.planner.offline.collector import Collector
from eoagent.planner.offline.frame import Frame
from eoagent.planner.offline.framing import take_frame, without_frame
from eoagent.planner.offline.joining import is_partitive, join
from eoagent.planner.offline.lexicon import Word, is_chinese, tokenize
from eoagent.planner.offline.reading import Reading
from eoagent.planner.offline.senses import settle

__all__ = ["read", "read_frame", "read_framed"]

_MAX_WORDS: Final = 120
"""Most words of one question: the time of a parse grows with their cube, to a second here."""


class _Words(Lexer):
    """Hands the lexicon's words to the grammar; a token's position is its number."""

    def __init__(self, lexer_conf: Any) -> None:
        del lexer_conf

    def lex(self, data: Any) -> Iterator[Token]:  # type: ignore[override]  # Earley hands over the data alone
        """Yield a token per word."""
        for number, word in enumerate(data):
            yield Token(word.type, word.value, start_pos=number)


@lru_cache(maxsize=1)
def _grammar() -> Lark:
    text = (files(__package__) / "question.lark").read_text(encoding="utf-8")
    return Lark(text, parser="earley", lexer=_Words, ambiguity="resolve")


@lru_cache(maxsize=16)  # one question is read for every round of its run
def read(question: str) -> Reading:
    """Return the reading of a question; what could not be read is listed in it.

    A pure function; the last few readings are kept, so they must not be changed.

    Raises:
        InputError: if the question is empty or too long.
    """
    return _read(without_frame(_words(question)), question)


@lru_cache(maxsize=16)
def read_framed(question: str) -> tuple[Frame, Reading]:
    """Return the frame of a question and the reading of its core, as `read` does.

    Raises:
        InputError: if the question is empty or too long.
    """
    frame, core = _framed(question)
    return frame, _read(core, question)


def read_frame(question: str) -> Frame:
    """Return the frame of a question alone.

    Raises:
        InputError: if the question is empty or too long.
    """
    return _framed(question)[0]


@lru_cache(maxsize=16)
def _framed(question: str) -> tuple[Frame, list[Word]]:
    return take_frame(_bounded(_words(question)))


def _words(question: str) -> list[Word]:
    return settle(tokenize(question), chinese=is_chinese(question))


def _bounded(words: Sequence[Word]) -> Sequence[Word]:
    if len(words) > _MAX_WORDS:
        raise InputError(
            f"the question has {len(words)} words; {_MAX_WORDS} are read", hint="put it shorter"
        )
    return words


def _read(core: Sequence[Word], question: str) -> Reading:
    words = join(_bounded(core))
    collector = Collector([word.text for word in words])
    for phrase in _phrases(words):
        collector.take(phrase)
    return collector.gathered.reading(chinese=is_chinese(question), partitive=is_partitive(words))


def _phrases(words: Sequence[Word]) -> Iterator[Tree[Token]]:
    for phrase in _grammar().parse(words).children:
        if isinstance(phrase, Tree):
            yield phrase
