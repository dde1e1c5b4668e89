"""Tables in the report: every row is told, drawings are to scale, and strangers' text is escaped."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from eoagent.app.charts import table_html
from eoagent.io.figuretable import TableContent


def _content(rows, *, columns=("item", "time", "value", "error", "figure"), **fields):
    units = {"value": "m2", "error": "m2"}
    return TableContent(
        columns=columns, rows=tuple(rows), **({"units": units, "is_series": False} | fields)
    )


ROWS = [
    ("a", "1985", 4e6, 1e5, "f1"),
    ("b", "1995", 1e6, None, "f2"),
    ("c", "2020", 2e6, 1e5, "f3"),
]


def _drawing(html):
    return ET.fromstring(re.search(r"<svg.*?</svg>", html, re.DOTALL).group())


def test_bars_are_as_long_as_their_values():
    drawing = _drawing(table_html(_content(ROWS)))
    widths = [float(bar.get("width")) for bar in drawing.iter("rect")]
    assert [width / widths[0] for width in widths] == pytest.approx([1, 0.25, 0.5], abs=0.01)
    assert "4 km²" in [text.text for text in drawing.iter("text")]


def test_bars_below_nothing_go_the_other_way():
    rows = [("gain", "", 2e6, None, ""), ("loss", "", -2e6, None, "")]
    bars = list(_drawing(table_html(_content(rows))).iter("rect"))
    gain, loss = ((float(bar.get("x")), float(bar.get("width"))) for bar in bars)
    assert loss[0] + loss[1] == pytest.approx(gain[0], abs=0.2)


def test_a_series_stands_at_its_dates():
    drawing = _drawing(table_html(_content(ROWS, is_series=True)))
    spots = [(float(c.get("cx")), float(c.get("cy"))) for c in drawing.iter("circle")]
    (x0, y0), (x1, y1), (x2, y2) = spots
    assert (x1 - x0) / (x2 - x0) == pytest.approx(10 / 35, abs=0.01)
    assert y0 < y2 < y1


def test_a_series_without_dates_is_drawn_as_bars():
    rows = [(name, "", value, None, "") for name, _, value, _, _ in ROWS]
    drawing = _drawing(table_html(_content(rows, is_series=True)))
    assert len(list(drawing.iter("rect"))) == 3


def test_rows_are_told_with_units_and_without_ids():
    html = table_html(_content(ROWS))
    assert "<th>value [m²]</th>" in html
    assert "4,000,000" in html
    assert "f1" not in html


def test_a_table_of_handles_alone_is_not_shown():
    rows = [("a", "mask:0123456789ab"), ("b", None)]
    assert not table_html(_content(rows, columns=("item", "mask"), units={}))


def test_a_table_without_values_has_rows_and_no_drawing():
    html = table_html(_content([("a", "2020")], columns=("id", "time"), units={}))
    assert "<svg" not in html
    assert "<td>a</td>" in html


def test_a_long_table_is_cut_and_that_is_said():
    rows = [(f"item {n}", "", float(n), None, "") for n in range(75)]
    html = table_html(_content(rows, units={}))
    assert "15 more rows" in html
    assert len(list(_drawing(html).iter("rect"))) == 20


def test_what_a_stranger_wrote_is_text():
    rows = [("<script>x</script>", "", 1.0, None, ""), ('"&<b>', "", 2.0, None, "")]
    html = table_html(_content(rows, columns=("item", "time", "value", "error", "<i>"), units={}))
    assert "<script>" not in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert _drawing(html) is not None
