"""Show pictures in a terminal: true ones where it can draw, else two pixels to each character."""

from __future__ import annotations

import io
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from typing import Final

from PIL import Image
from rich.color import Color
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.style import Style

from eoagent.cli.options import PictureMode

if sys.platform != "win32":  # a terminal there says in other ways what it can do
    import select
    import termios
    import tty

__all__ = ["HalfBlocks", "Pictures"]

_ASK_S: Final = 0.5
_QUICK_S: Final = 0.08
"""A terminal that answers later than this would type its next answers into the prompt."""
_WHAT_ARE_YOU: Final = "\x1b[c"
_ANSWER: Final = re.compile(rb"\x1b\[\?([\d;]*)c")
_SIXEL: Final = b"4"
_PLACES_PICTURES: Final = ("kitty", "ghostty")
_MOST_COLUMNS: Final = 100
_FREE_LINES: Final = 3
_CELL_ASPECT: Final = 1.8
"""Height of a character by its width, at the least; what is drawn higher than a screen is torn."""


class Pictures:
    """Shows pictures on a console, in the way that it can.

    Args:
        console: where to show them.
        mode: `auto` asks the terminal once, before the first picture; `blocks` draws with half
            blocks without asking; `off` shows none.
        environ: environment variables, which name some terminals.
    """

    def __init__(self, console: Console, mode: PictureMode, environ: Mapping[str, str]) -> None:
        self._console = console
        self._mode = mode
        self._environ = environ
        self._draws: bool | None = None

    @property
    def are_shown(self) -> bool:
        """Whether a picture can be seen at all: on a terminal with colours."""
        console = self._console
        return (
            self._mode is not PictureMode.OFF
            and console.is_terminal
            and console.color_system is not None
        )

    def show(self, png: bytes) -> None:
        """Show a PNG picture, no wider and no higher than the terminal."""
        if not self.are_shown:
            return
        with Image.open(io.BytesIO(png)) as file:
            picture = file.convert("RGB")
        self._console.print(self._drawn(picture))

    def _drawn(self, picture: Image.Image) -> RenderableType:
        if self._draws is None:
            self._draws = self._mode is PictureMode.AUTO and _draws_pictures(self._environ)
        if not self._draws:
            return HalfBlocks(picture)
        # Its import asks the terminal again, so it waits until that is known to be answered.
        from textual_image.renderable import Image as TerminalImage

        room = self._console.height - _FREE_LINES
        fitting = round(_CELL_ASPECT * max(room, 2) * picture.width / picture.height)
        columns = max(1, min(self._console.width, _MOST_COLUMNS, fitting))
        return TerminalImage(picture, width=columns, height="auto")


class HalfBlocks:
    """A picture as upper half blocks: the letter's colour is the upper pixel, its ground the lower.

    Rich reduces the colours to those that the terminal has.
    """

    def __init__(self, picture: Image.Image) -> None:
        self._picture = picture

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        small = self._fitted(
            min(options.max_width, _MOST_COLUMNS), 2 * max(console.height - _FREE_LINES, 4)
        )
        data = small.tobytes()
        row_bytes = 3 * small.width
        for top in range(0, small.height, 2):
            first = top * row_bytes
            starts = range(first, first + row_bytes, 3)
            pairs = ((data[i : i + 3], data[i + row_bytes : i + row_bytes + 3]) for i in starts)
            for (upper, lower), same in groupby(pairs):
                yield Segment("▀" * len(list(same)), _style(upper, lower))
            yield Segment.line()

    def _fitted(self, columns: int, rows: int) -> Image.Image:
        """Return the picture with so many columns and an even number of rows, at most."""
        picture = self._picture
        share = min(columns / picture.width, rows / picture.height, 1.0)
        width = max(1, round(picture.width * share))
        height = 2 * max(1, round(picture.height * share / 2))
        return picture.resize((width, height), Image.Resampling.BOX)


def _style(upper: bytes, lower: bytes) -> Style:
    return Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower))


def _draws_pictures(environ: Mapping[str, str]) -> bool:
    """Return whether the terminal draws pictures, and answers quickly enough to be asked more."""
    if sys.platform == "win32" or not sys.stdin.isatty():
        return False
    says = _asked(sys.stdin.fileno())
    if says is None:
        return False
    names = (environ.get("TERM", ""), environ.get("TERM_PROGRAM", "").lower())
    is_named = any(name in said for name in _PLACES_PICTURES for said in names)
    return is_named or _SIXEL in says


def _asked(keyboard: int) -> list[bytes] | None:
    """Ask the terminal what it can do; None if it says nothing, or says it late.

    Nobody is asked while something typed ahead waits to be read: it would be lost.
    """
    if sys.platform == "win32":
        return None
    with _unbuffered(keyboard):
        if select.select([keyboard], [], [], 0)[0]:
            return None
        began = time.monotonic()
        sys.stdout.write(_WHAT_ARE_YOU)
        sys.stdout.flush()
        said = b""
        while (left := began + _ASK_S - time.monotonic()) > 0:
            if not select.select([keyboard], [], [], left)[0]:
                break
            said += os.read(keyboard, 1)
            answer = _ANSWER.search(said)
            if answer is not None:
                is_quick = time.monotonic() - began <= _QUICK_S
                return answer.group(1).split(b";") if is_quick else None
    return None


@contextmanager
def _unbuffered(keyboard: int) -> Iterator[None]:
    """Take what comes from the terminal byte by byte, without showing it."""
    if sys.platform != "win32":
        before = termios.tcgetattr(keyboard)
        try:
            tty.setcbreak(keyboard, termios.TCSANOW)
            yield
        finally:
            termios.tcsetattr(keyboard, termios.TCSANOW, before)
