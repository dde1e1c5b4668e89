"""Write a map picture as one HTML page that needs nothing else: no link, no file, no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from string import Template
from typing import Final

from eoagent.contracts.errors import InputError
from eoagent.io.mapframe import LegendEntry, ramp_numbers

__all__ = ["map_html"]

_PNG: Final = b"\x89PNG\r\n\x1a\n"

_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>$title</title>
<style>
body { margin: 0; font: 15px/1.45 system-ui, sans-serif; color: #222; background: #f4f4f2; }
main { max-width: 1100px; margin: 0 auto; padding: 12px 16px; }
h1 { font-size: 1.3rem; margin: .4rem 0; overflow-wrap: anywhere; }
#view { position: relative; overflow: hidden; height: 78vh; border: 1px solid #888;
  background: #ddd; touch-action: none; cursor: grab; }
#map { position: absolute; left: 0; top: 0; transform-origin: 0 0; user-select: none; }
#tools { position: absolute; right: 8px; bottom: 8px; }
#tools button { width: 2.2rem; height: 2.2rem; font-size: 1.1rem; }
ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; }
.mark { display: inline-block; width: 22px; height: 13px; margin-right: .5em;
  border: 1px solid #222; vertical-align: -1px; }
.line { height: 0; border: 0; border-top: 3px solid; vertical-align: 4px; }
footer { color: #666; font-size: .85rem; overflow-wrap: anywhere; }
</style>
</head>
<body>
<main>
<h1>$title</h1>
<div id="view"><img id="map" alt="$title" draggable="false" src="data:image/png;base64,$picture">
<div id="tools"><button id="in" aria-label="closer">+</button>
<button id="out" aria-label="farther">-</button>
<button id="all" aria-label="whole map">0</button></div></div>
<ul>$legend</ul>
<footer>$attribution</footer>
</main>
<script>
const view = document.getElementById("view"), map = document.getElementById("map");
let scale = 1, x = 0, y = 0, held = null;
function show() { map.style.transform = `translate($${x}px,$${y}px) scale($${scale})`; }
function whole() {
  scale = Math.min(view.clientWidth / map.naturalWidth, view.clientHeight / map.naturalHeight);
  x = (view.clientWidth - map.naturalWidth * scale) / 2;
  y = (view.clientHeight - map.naturalHeight * scale) / 2; show();
}
function zoom(by, px, py) {
  const next = Math.min(40, Math.max(0.05, scale * by));
  x = px - (px - x) * next / scale; y = py - (py - y) * next / scale; scale = next;
  map.style.imageRendering = scale > 2 ? "pixelated" : "auto"; show();
}
function middle(by) { zoom(by, view.clientWidth / 2, view.clientHeight / 2); }
view.addEventListener("wheel", e => { e.preventDefault();
  const box = view.getBoundingClientRect();
  zoom(e.deltaY < 0 ? 1.2 : 1 / 1.2, e.clientX - box.left, e.clientY - box.top);
}, { passive: false });
view.addEventListener("pointerdown", e => { if (e.target.tagName === "BUTTON") return;
  held = [e.clientX - x, e.clientY - y]; view.setPointerCapture(e.pointerId); });
view.addEventListener("pointermove", e => { if (!held) return;
  x = e.clientX - held[0]; y = e.clientY - held[1]; show(); });
for (const end of ["pointerup", "pointercancel"]) view.addEventListener(end, () => held = null);
document.getElementById("in").onclick = () => middle(1.5);
document.getElementById("out").onclick = () => middle(1 / 1.5);
document.getElementById("all").onclick = whole;
if (map.complete) whole(); else map.onload = whole;
window.addEventListener("resize", whole);
</script>
</body>
</html>
""")


def map_html(
    picture_png: bytes, *, title: str, legend: Sequence[LegendEntry] = (), attribution: str = ""
) -> str:
    """Return an HTML page with the picture inside, to be moved and enlarged with mouse or touch.

    All words are escaped; the page's own policy forbids it to load anything.

    Args:
        picture_png: bytes of a PNG file.
        title: heading, in any script.
        legend: entries as `maplayers.legend_of` gives them.
        attribution: where the data come from.

    Raises:
        InputError: if the bytes are no PNG file.
    """
    if not picture_png.startswith(_PNG):
        msg = f"a map page of {len(picture_png)} bytes that are no PNG picture was asked for"
        raise InputError(msg, hint="save the picture that render returns as PNG")
    return _PAGE.substitute(
        title=escape(title),
        picture=base64.b64encode(picture_png).decode("ascii"),
        legend="".join(f"<li>{_entry(entry)}</li>" for entry in legend),
        attribution=escape(attribution),
    )


def _entry(entry: LegendEntry) -> str:
    words = escape(entry.label)
    red, green, blue = entry.color
    color = f"rgb({red},{green},{blue})"
    if entry.kind == "fill":
        return f'<span class="mark" style="background:{color}"></span>{words}'
    if entry.kind == "line":
        return f'<span class="mark line" style="border-color:{color}"></span>{words}'
    if entry.kind == "ramp" and entry.limits is not None:
        return f"{words}: {escape(' ... '.join(ramp_numbers(entry.limits)))}"
    return words
