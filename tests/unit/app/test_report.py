"""The report: whole without a network, complete, and deaf to what strangers write into it."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser

import pytest
from PIL import Image

from eoagent.app.report import page, render_fragment, section
from eoagent.contracts.errors import SourceError

HOSTILE = {
    "a script": "<script>alert(1)</script>",
    "quotes": "\" onmouseover='alert(1)' x=\"",
    "an end of the attribute": "'><img src=https://evil.example/x.png onerror=alert(1)>",
    "an end of the style": "</style><link rel=stylesheet href=//evil.example/x.css>",
    "a comment": "<!-- --!><svg/onload=alert(1)>",
    "entities": "&lt;b&gt; &amp; &#x3c;script&#x3e;",
    "right to left": "\u202egpj.exe\u202c \u2067abc\u2069",
    "escape codes": "\x1b[2J\x1b]0;title\x07 \x9b31m",
    "ten thousand characters": "x<" * 5000,
}


class Reader(HTMLParser):
    """Lists tags, attributes and text as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


class Maps:
    """Draws a grey square, or fails."""

    def __init__(self, error: SourceError | None = None) -> None:
        self.error = error
        self.asked = 0
        self.over = {}

    def picture(self, handle, *, over=(), width_px=900):
        del width_px
        self.asked += 1
        self.over[handle] = over
        if self.error is not None:
            raise self.error
        buffer = io.BytesIO()
        Image.new("L", (2, 2)).save(buffer, "PNG")
        return buffer.getvalue()


def check_closed(reader: Reader) -> None:
    """Check that a page asks for nothing from outside and runs nothing."""
    allowed = {
        "html", "head", "meta", "title", "style", "body", "main", "section", "h1", "h2", "p", "br",
        "ul", "li", "div", "figure", "figcaption", "img", "table", "tr", "th", "td", "b", "span",
        "code", "hr",
    }  # fmt: skip
    for tag, attributes in reader.tags:
        assert tag in allowed
        assert not [name for name in attributes if name.startswith("on")]
        assert not {"href", "action", "srcset", "style", "formaction"} & set(attributes)
        assert (attributes.get("src") or "data:").startswith("data:")


def test_an_answer_on_a_page_needs_nothing_from_outside(agent, scene):
    answer = agent.ask("How much of it is water?", images=[scene])
    reader = Reader(page("title", [answer.section()]))
    check_closed(reader)
    policies = [a["content"] for t, a in reader.tags if t == "meta" and "content" in a]
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in policies
    pictures = [a["src"] for t, a in reader.tags if t == "img"]
    assert len(pictures) == 2
    for picture in pictures:
        data = base64.b64decode(picture.removeprefix("data:image/png;base64,"))
        with Image.open(io.BytesIO(data)) as image:
            assert image.format == "PNG"


def test_every_figure_choice_and_step_of_an_answer_is_on_its_page(agent, scene):
    answer = agent.ask("How much of it is water?", images=[scene])
    text = Reader(page("title", [answer.section()])).text
    assert answer.record.question in text
    assert answer.text in text
    for figure in answer.figures:
        assert figure.label in text
        assert figure.method in text
        assert figure.sources[0].fingerprint.value[:12] in text
    for line in (*answer.assumptions, *answer.warnings):
        assert line in text
    for step in answer.record.plan:
        assert step.tool in text
        assert step.why in text
    assert answer.record.run in text
    assert "eoagent" in text


@pytest.mark.parametrize("kind", HOSTILE)
def test_text_from_strangers_stays_text(make_record, kind):
    text = HOSTILE[kind]
    record = make_record(text)
    for html in (page(text, [section(record, Maps())]), render_fragment(record, Maps())):
        reader = Reader(html)
        check_closed(reader)
        if text.isprintable():
            assert text[:200] in reader.text
        assert not set("\u202e\u2067\x1b\x9b\x07") & set(html)


def test_a_page_without_a_figure_has_no_empty_headings(make_record):
    record = make_record(
        status="clarify", results=(), figures=(), plan=(), steps=(), artifacts=(), warnings=()
    )
    reader = Reader(section(record, Maps()))
    assert "Evidence" not in reader.text
    assert "Maps" not in reader.text
    assert "asks back" in reader.text


def test_a_map_that_cannot_be_drawn_says_why(make_record):
    broken = Maps(SourceError("the file <b>has</b> gone", href="x"))
    text = Reader(section(make_record(), broken)).text
    assert "no picture: the file <b>has</b> gone" in text


def test_only_so_many_maps_are_drawn_and_the_rest_is_counted(make_record):
    artifact = make_record().artifacts[0]
    many = tuple(artifact.model_copy(update={"id": f"raster:{n:012x}"}) for n in range(15))
    maps = Maps()
    text = Reader(section(make_record(artifacts=many), maps)).text
    assert maps.asked == 12
    assert "3 more artifacts are not drawn" in text


def test_a_notebook_shows_text_figures_choices_and_the_last_map(agent, scene):
    answer = agent.ask("How much of it is water?", images=[scene])
    reader = Reader(answer._repr_html_())
    check_closed(reader)
    assert answer.text in reader.text
    assert [t for t, _ in reader.tags].count("img") == 1
    assert answer.results[0].label in reader.text
    assert answer.assumptions[0] in reader.text


def test_a_long_title_is_cut(make_record):
    del make_record
    reader = Reader(page("x" * 5000, []))
    assert len(reader.texts[[t for t, _ in reader.tags].index("title")]) < 200
