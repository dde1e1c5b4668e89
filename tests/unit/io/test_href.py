"""Hrefs: one strict reading, and errors that hold no secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoagent.contracts.errors import SourceError
from eoagent.io.href import LocalHref, UrlHref, parse_href, redact, redact_text


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("HTTPS://Example.ORG", "https://example.org/"),
        ("https://example.org:443/a", "https://example.org/a"),
        ("http://example.org:8080/a", "http://example.org:8080/a"),
        ("https://example.org./a#part", "https://example.org/a"),
        ("https://example.org/a/../b/./c/..", "https://example.org/b/"),
        ("https://example.org/../../a", "https://example.org/a"),
        ("https://example.org//a//b", "https://example.org//a//b"),
        ("https://example.org/a b/ä", "https://example.org/a%20b/%C3%A4"),
        ("https://example.org/a%20b", "https://example.org/a%20b"),
        (
            "https://example.org/x.tif?sig=a%2Fb%3D&x=1",
            "https://example.org/x.tif?sig=a%2Fb%3D&x=1",
        ),
        ("https://[2606:4700:0::1111]/x", "https://[2606:4700::1111]/x"),
        ("https://[2606:4700::1111]:81/x", "https://[2606:4700::1111]:81/x"),
    ],
)
def test_an_address_has_one_normal_form(href, url):
    place = parse_href(href)
    assert isinstance(place, UrlHref)
    assert place.url == url
    assert parse_href(url) == place


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("b.tif", "https://example.org/cat/b.tif"),
        ("../b.tif", "https://example.org/b.tif"),
        ("../../../b.tif", "https://example.org/b.tif"),
        ("/etc/passwd", "https://example.org/etc/passwd"),
        ("//other.example/x", "https://other.example/x"),
        ("?page=2", "https://example.org/cat/item.json?page=2"),
        ("https://other.example/x", "https://other.example/x"),
    ],
)
def test_an_href_in_a_network_document_is_relative_to_it(href, url):
    place = parse_href(href, base_url="https://example.org/cat/item.json")
    assert isinstance(place, UrlHref)
    assert place.url == url


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("/data/scene.tif", "/data/scene.tif"),
        ("scene.tif", "scene.tif"),
        ("./S2:scene.tif", "./S2:scene.tif"),
        ("2019-04-01T10:30:00.tif", "2019-04-01T10:30:00.tif"),
        ("file:///data/a%20b.tif", "/data/a b.tif"),
        ("file:/data/a.tif", "/data/a.tif"),
        ("data/été 50%.tif", "data/été 50%.tif"),
    ],
)
def test_a_path_stays_as_it_was_written(href, path):
    assert parse_href(href) == LocalHref(path=path)


@pytest.mark.parametrize(
    ("href", "why"),
    [
        ("", "empty href"),
        ("  ", "empty href"),
        ("a" * 8193, "8193 characters long"),
        ("a\x00b", "control characters"),
        ("a\u2028b", "control characters"),
        ("a%0ab", "encoded control"),
        (" a", "white space"),
        ("a\\b", "backslash"),
        ("<VRTDataset/>", "inline text"),
        ("/VsiCurl/x", "virtual file systems"),
        ("//host/x", "network path"),
        ("s3://bucket/x", "'s3:' is not a way in"),
        ("GTIFF_DIR:1:/x.tif", "'GTIFF_DIR:' is not a way in"),
        ("file://host/x", "may not name a host"),
        ("file:x", "one absolute path"),
        ("file:///a%00b", "encoded control"),
        ("file:////host/x", "one absolute path"),
        ("https:x", "names no host"),
        ("https://", "names no host"),
        ("https://[::1", "not a web address"),
        ("https://h:99999/", "not a web address"),
        ("https://h:0/", "port 0"),
        ("https://u:p@h/", "carries credentials"),
        ("https://a..b/", "host is not one"),
        ("https://h/a/%2E./b", "encoded parent folders"),
    ],
)
def test_a_trick_is_refused_by_name(href, why):
    with pytest.raises(SourceError, match=why):
        parse_href(href)


def test_a_network_document_may_not_write_a_file_address():
    with pytest.raises(SourceError, match="may not name local files"):
        parse_href("file:///etc/hostname", base_url="https://example.org/")


@pytest.mark.parametrize(
    ("href", "shown"),
    [
        ("https://h/x.tif?sig=SECRET", "https://h/x.tif?..."),
        ("https://h/x.tif#SECRET", "https://h/x.tif#..."),
        ("https://me:SECRET@h/x.tif", "https://...@h/x.tif"),
        ("https://me:SECRET/@h/x.tif", "https://...@/@h/x.tif"),
        ("https://me:SEC?RET@h/x.tif", "https://...@"),
        ("https:me:SECRET@h/x.tif", "https:...@h/x.tif"),
        ("x.tif?sig=SECRET", "x.tif?..."),
        ("https://h:81/a@b.tif", "https://h:81/a@b.tif"),
        ("/data/a b.tif", "/data/a b.tif"),
        ("a\nb\x1b[31m", "a\\x0ab\\x1b[31m"),
    ],
)
def test_what_is_shown_of_an_href_holds_no_secret_and_no_control_character(href, shown):
    found = redact(href)
    assert found == shown
    assert found.isprintable()


def test_a_long_href_is_shown_short():
    assert redact("https://h/" + "a" * 500).endswith("a...")
    assert len(redact("https://h/" + "a" * 500)) == 200


@given(st.text(max_size=60), st.sampled_from(["", "https://example.org/a/b"]))
def test_any_text_is_read_or_refused_with_one_typed_error(text, base):
    try:
        place = parse_href(text, base_url=base)
    except SourceError:
        return
    if isinstance(place, UrlHref):
        assert parse_href(place.url) == place
    else:
        assert not base


@given(st.text(alphabet="sS?#@:/.h", max_size=30))
def test_the_query_of_any_address_is_left_out(text):
    assert "TOKEN" not in redact(f"https://h/{text}?sig=TOKEN")


@pytest.mark.parametrize("before", ["", "see ", "x" * 40, "1", "x" * 200_000])
def test_an_address_in_a_text_loses_its_query_whatever_stands_before_it(before):
    told = redact_text(f"{before}https://user:SECRET@h/a?sig=TOKEN and more")
    assert told.startswith(before)
    assert told.endswith(" and more")
    assert "TOKEN" not in told
    assert "SECRET" not in told
