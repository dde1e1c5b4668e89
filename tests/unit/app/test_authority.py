"""Tool entry: what arguments may name."""

from __future__ import annotations

import pytest

from eoagent.app.authority import addresses_in, authorise, handles_in, hrefs_of, written_by
from eoagent.app.handles import HandleBook
from eoagent.contracts.errors import NotFound, SourceError
from eoagent.io.origin import OriginGuard

OWN = "mask:0123456789ab"
OTHER = "raster:ba9876543210"


def _never(*_):
    raise AssertionError("tool entry looked a host up")


@pytest.fixture
def enter(tmp_path):
    (tmp_path / "scenes").mkdir()
    for name in ("scenes/a.tif", "items.json", "b.tif"):
        (tmp_path / name).write_text(name)
    typed = [str(tmp_path / "scenes"), str(tmp_path / "items.json"), "https://public.example/stac"]
    origins, handles = OriginGuard(typed, resolver=_never), HandleBook([OWN])

    def enter(**arguments):
        authorise(arguments, handles=handles, origins=origins)

    return enter


def test_what_is_the_users_passes(enter, tmp_path):
    enter(hrefs=[str(tmp_path / "scenes/a.tif")], bands=None, scale=0.1)
    enter(catalog="https://public.example/stac", words=["a", "b"])
    enter(href=f"{tmp_path}/items.json#one%20of%20them")
    enter(layers=[OWN], style={OWN: "red"}, title="water: NDWI > 0")


@pytest.mark.parametrize(
    "arguments",
    [
        {"target": OTHER},
        {"layers": [OWN, OTHER]},
        {"style": {OTHER: "red"}},
        {"deep": {"deeper": [[OTHER]]}},
        {"each": OTHER},
    ],
)
def test_a_handle_of_somebody_else_is_refused_wherever_it_stands(enter, arguments):
    with pytest.raises(NotFound, match=f"{OTHER} was not made in this run or conversation"):
        enter(**arguments)


@pytest.mark.parametrize("name", ["href", "catalog"])
@pytest.mark.parametrize(
    "place",
    ["{}/b.tif", "file://{}/b.tif", "{}/scenes/../b.tif", "/etc/passwd", "~/.netrc", "b.tif"],
)
def test_a_path_that_nobody_typed_is_refused_in_the_fields_for_places(enter, tmp_path, name, place):
    with pytest.raises(SourceError, match="did not type"):
        enter(**{name: place.format(tmp_path)})


@pytest.mark.parametrize("name", ["hrefs", "places"])
def test_each_place_of_a_list_is_looked_at(enter, tmp_path, name):
    with pytest.raises(SourceError, match="did not type"):
        enter(**{name: [str(tmp_path / "scenes/a.tif"), str(tmp_path / "b.tif")]})


@pytest.mark.parametrize("name", ["href", "title", "callback", "crs"])
@pytest.mark.parametrize(
    "address", ["https://evil.example/x?leak=1", "http://127.0.0.1:1/", "HTTPS://EVIL.example"]
)
def test_an_address_that_nobody_named_is_refused_in_any_field(enter, name, address):
    with pytest.raises(SourceError, match="refused: neither the user nor a document"):
        enter(**{name: address})


@pytest.mark.parametrize("address", ["s3://bucket/x", "vrt:///etc/passwd", "javascript://x"])
def test_an_address_of_a_kind_that_is_not_open_is_refused_in_any_field(enter, address):
    with pytest.raises(SourceError, match="is refused: "):
        enter(label=address)


def test_a_sentence_that_holds_an_address_is_no_place(enter):
    enter(reason="the archive at https://evil.example/ holds no such scene")


def test_what_stands_for_an_item_is_looked_at_once_it_is_filled_in(enter):
    enter(hrefs=["$item"], href="$item.href", target="$item.mask")
    with pytest.raises(SourceError):
        enter(href="$items")


def test_a_member_lends_its_document_nothing(enter, tmp_path):
    with pytest.raises(SourceError, match="did not type"):
        enter(href=f"{tmp_path}/other.json#one")


def test_places_files_and_handles_are_found_by_the_names_of_arguments():
    given = {"href": "a", "hrefs": ["b", 3], "places": ["c"], "catalog": "d", "path": "e", "x": OWN}
    assert list(hrefs_of(given)) == ["a", "b", "d", "c"]
    assert list(written_by(given)) == ["e"]
    assert list(handles_in(given)) == [OWN]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("How green is https://public.example/a.tif?", ("https://public.example/a.tif",)),
        (
            "(http://a.example/x?y=1), then <https://b.example>.",
            ("http://a.example/x?y=1", "https://b.example"),
        ),
        ("twice https://a.example https://a.example", ("https://a.example",)),
        ("none at all, not even file:///etc/passwd", ()),
    ],
)
def test_addresses_in_a_question_are_found_without_the_marks_around_them(text, found):
    assert addresses_in(text) == found
