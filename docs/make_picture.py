"""Draw the picture of README: water found in a scene of the sample world, over its true colours.

`python docs/make_picture.py` writes docs/answer.png; the tests draw it again and compare.
"""  # noqa: INP001 - a script, not a package

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image

from eoagent.app.bench import run_tool
from eoagent.io.sampleworld import write_world

__all__ = ["COLOURS", "PICTURE", "draw"]

COLOURS = 128
"""Colours of the picture's palette; more would only make the file larger."""

PICTURE = Path(__file__).resolve().with_name("answer.png")


def draw(folder: Path) -> bytes:
    """Return the picture as PNG; world and store are written below a folder."""
    home = folder / "home"
    world = write_world(folder / "world")
    scene = folder / "world" / world.scenes[0].href
    opened = run_tool("open_image", {"hrefs": [str(scene)]}, home=home).artifacts["raster"]
    rule = {"raster": opened.handle, "rule": "water"}
    water = run_tool("threshold", rule, home=home).artifacts["mask"]
    layers = [opened.handle, water.handle]
    what = {"layers": layers, "title": "How much of it is water?", "width_px": 520}
    picture = run_tool("render_map", what, home=home).artifacts["picture"]
    assert picture.path is not None
    small = io.BytesIO()
    with Image.open(home / picture.path) as drawn:
        few = drawn.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(small, "PNG", optimize=True)
    return small.getvalue()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        PICTURE.write_bytes(draw(Path(name)))
