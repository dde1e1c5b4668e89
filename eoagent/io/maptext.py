"""Write text into pictures with the one font that is always there, whatever script it comes in."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

from PIL import ImageFont

__all__ = ["Font", "cut_text", "font", "plain_text", "text_width", "wrap_text"]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
"""A font of Pillow."""


def _pairs(chars: str, written: str) -> dict[str, str]:
    """Return what each character is written as; the spellings are parted by blanks."""
    return dict(zip(chars, written.split(), strict=True))


_PLAIN: Final = {
    **_pairs("ßæÆøØłŁđĐðÐþÞıœŒ", "ss ae AE o O l L d D d D th Th i oe OE"),
    **_pairs("≤≥×−–—‑•→←±µ≈", "<= >= x - - - - * -> <- +/- u ~"),
    **_pairs("“”„«»‘’‚", '" " " " " \' \' \''),
}
_LETTERS: Final = {
    **_pairs("абвгдежзийклмноп", "a b v g d e zh z i y k l m n o p"),
    **_pairs("рстуфхцчшщыэюяіїєґ", "r s t u f kh ts ch sh shch y e yu ya i yi ye g"),
    **_pairs("αβγδεζηθικλμ", "a v g d e z i th i k l m"),
    **_pairs("νξοπρσςτυφχψω", "n x o p r s s t y f ch ps o"),
    "ь": "",
    "ъ": "'",
}


@lru_cache(maxsize=8)
def font(size_px: int) -> Font:
    """Return Pillow's built-in font in a size."""
    return ImageFont.load_default(size=size_px)


def plain_text(text: str) -> str:
    """Return a text in characters that the built-in font has: ASCII, degree sign, middle dot.

    Accents are dropped, Greek and Cyrillic letters are transliterated, line breaks become blanks;
    any other character is written as its code point (`U+4E2D`), so that nothing is lost silently.
    """
    pieces: list[str] = []
    for char in text:
        piece = _plain_char(char)
        is_code = piece.startswith("U+")
        if is_code and pieces and not pieces[-1].endswith(" "):
            pieces.append(" ")
        pieces.append(piece + " " if is_code else piece)
    return " ".join("".join(pieces).split())


def _plain_char(char: str) -> str:
    if char.isspace():
        return " "
    if " " <= char <= "~" or char in "°·":
        return char
    if char in _PLAIN:
        return _PLAIN[char]
    bare = [
        piece
        for piece in unicodedata.normalize("NFKD", char)
        if unicodedata.category(piece) not in {"Mn", "Cf", "Cc"}
    ]
    written = "".join(_letter(piece) for piece in bare)
    return written if written or not bare else f"U+{ord(char):04X}"


def _letter(char: str) -> str:
    if " " <= char <= "~":
        return char
    small = char.lower()
    if small in _LETTERS:
        return _LETTERS[small] if char == small else _LETTERS[small].capitalize()
    return _PLAIN.get(char, f"U+{ord(char):04X}")


def text_width(text: str, face: Font) -> int:
    """Return the width of a line of text in pixels."""
    left, _, right, _ = face.getbbox(text)
    return int(right - left) + 1


def wrap_text(text: str, face: Font, width_px: int, *, max_lines: int = 3) -> list[str]:
    """Return a plain text in lines that fit a width; what does not fit the last ends in `...`.

    Args:
        text: plain text.
        face: font.
        width_px: room, pixels.
        max_lines: most lines.
    """
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if text_width(longer, face) <= width_px:
            line = longer
            continue
        if line:
            lines.append(line)
        line = cut_text(word, face, width_px)
        if len(lines) == max_lines:
            return [*lines[:-1], cut_text(f"{lines[-1]} ...", face, width_px)]
    return [*lines, line] if line else lines


def cut_text(text: str, face: Font, width_px: int) -> str:
    """Return a line of text, or as much of it as fits a width with dots after it."""
    if len(text) <= width_px and text_width(text, face) <= width_px:
        return text
    # No glyph is narrower than a pixel, so more characters than pixels never fit.
    fits, most = 0, min(len(text), width_px)
    while fits < most:
        middle = (fits + most + 1) // 2
        if text_width(text[:middle] + "...", face) <= width_px:
            fits = middle
        else:
            most = middle - 1
    return text[:fits] + "..."
