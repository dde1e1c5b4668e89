"""Read a question: tokens, then phrases by the grammar, then one reading of the whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Tree
from lark.lexer import Lexer

from eoagent.planner.offline.collector import Collector
from eoagent.planner.offline.joining import is_partitive, join
from eoagent.planner.offline.lexicon import Word, is_chinese, tokenize
from eoagent.planner.offline.reading import Reading

__all__ = ["read"]


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


def read(question: str) -> Reading:
    """Return the reading of a question; what could not be read is listed in it.

    Raises:
        InputError: if the question is empty or too long.
    """
    words = join(tokenize(question))
    collector = Collector([word.text for word in words])
    for phrase in _phrases(words):
        collector.take(phrase)
    return collector.gathered.reading(chinese=is_chinese(question), partitive=is_partitive(words))


def _phrases(words: Sequence[Word]) -> Iterator[Tree[Token]]:
    for phrase in _grammar().parse(words).children:
        if isinstance(phrase, Tree):
            yield phrase
