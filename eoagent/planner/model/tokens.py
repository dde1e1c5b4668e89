"""How many tokens a text will take, estimated without any tokenizer's files."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["estimate_tokens"]

_PIECE: Final = re.compile(
    r"(?P<word>[A-Z]?[a-z]+)|(?P<capitals>[A-Z]+)|(?P<digit>\d)|[ \t](?=[^\s\d])|(?P<space>\s+)|"
    r"(?P<signs>[^\sA-Za-z\d\u0080-\U0010ffff]+)|(?P<far>[\U00010000-\U0010ffff])|(?P<other>.)",
    re.ASCII,
)
_LETTERS_A_TOKEN: Final = 6
_CAPITALS_A_TOKEN: Final = 2
_SIGNS_A_TOKEN: Final = 2
_LONGEST_WORD: Final = 20
"""Letters beyond which a word is none, but an id or a text in some encoding."""
_TOKENS_OF_A_FAR_SIGN: Final = 5


def estimate_tokens(text: str) -> int:
    """Return an estimate that is rather too high than too low.

    Tokenizers of today's models take about one token for a short word with the space before it,
    one for each digit or group of three, one for a pair of signs, about one for a letter beyond
    Latin, and up to one for each byte of a pictograph. The tests hold the estimate against a
    published tokenizer (Tekken) on real requests.
    """
    count = 0
    for match in _PIECE.finditer(text):
        kind, length = match.lastgroup, match.end() - match.start()
        if kind == "word" and length <= _LONGEST_WORD:
            count += -(-length // _LETTERS_A_TOKEN)
        elif kind == "capitals":
            count += -(-length // _CAPITALS_A_TOKEN)
        elif kind in {"word", "signs"}:
            count += -(-length // _SIGNS_A_TOKEN)
        elif kind == "far":
            count += _TOKENS_OF_A_FAR_SIGN
        elif kind is not None:
            count += 1
    return count
