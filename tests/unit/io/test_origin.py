"""The guard: what is trusted, what is not, and what it says."""

from __future__ import annotations

import pytest

from eoagent.contracts.errors import NotFound, SourceError
from eoagent.contracts.store import Admitted
from eoagent.io.origin import OriginGuard

PUBLIC = "93.184.216.34"
DOCUMENT = "https://catalog.example/items/one.json"
NAMES = {"public.example": (PUBLIC,), "other.example": ("1.1.1.1",), "lan.example": ("10.0.0.5",)}


def look_up(host, port):
    if host not in NAMES:
        raise OSError("unknown name")
    return NAMES[host]


def guard(*typed, **options):
    return OriginGuard(typed, resolver=look_up, **options)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    (folder / "items").mkdir(parents=True)
    for name in ("catalog.json", "scene.tif", "items/one.json", "items/one.tif"):
        (folder / name).write_text(name)
    (tmp_path / "beside.tif").write_text("beside")
    return folder


def test_a_typed_file_is_admitted_by_its_real_path(data):
    path = data / "scene.tif"
    found = guard(str(path)).admit(str(path))
    assert found == Admitted(scheme="file", href=str(path.resolve()), typed=True)


def test_a_typed_file_covers_no_other_file(data):
    with pytest.raises(SourceError, match="the user did not type") as caught:
        guard(str(data / "scene.tif")).admit(str(data / "items/one.tif"))
    assert "name the place yourself" in caught.value.hint


def test_a_typed_folder_covers_what_lies_under_it_and_can_be_listed(data):
    trusted = guard(str(data))
    assert trusted.admit(str(data / "items/one.tif")).typed
    assert trusted.admit(str(data)).href == str(data.resolve())


def test_a_folder_beside_a_typed_one_with_the_same_beginning_is_not_covered(data):
    (data.parent / "data2").mkdir()
    (data.parent / "data2" / "x.tif").write_text("x")
    with pytest.raises(SourceError, match="did not type"):
        guard(str(data)).admit(str(data.parent / "data2" / "x.tif"))


def test_a_typed_catalog_covers_its_folder(data):
    assert guard(str(data / "catalog.json")).admit(str(data / "items/one.tif")).typed


def test_another_typed_document_covers_itself_only(data):
    with pytest.raises(SourceError, match="did not type"):
        guard(str(data / "items/one.json")).admit(str(data / "items/one.tif"))


def test_a_relative_path_counts_from_the_working_directory(data, monkeypatch):
    monkeypatch.chdir(data)
    assert guard("scene.tif").admit("scene.tif").href == str((data / "scene.tif").resolve())


def test_a_home_sign_that_the_user_types_is_the_home(data, monkeypatch):
    monkeypatch.setenv("HOME", str(data))
    assert guard("~/scene.tif").admit("~/scene.tif").href == str((data / "scene.tif").resolve())


def test_a_home_of_nobody_is_a_name_like_any_other():
    with pytest.raises(NotFound, match="there is no file"):
        guard("~nobody-of-that-name/x.tif").admit("~nobody-of-that-name/x.tif")


def test_a_missing_typed_file_is_not_found(data):
    with pytest.raises(NotFound, match=r"there is no file '.*gone\.tif'") as caught:
        guard(str(data)).admit(str(data / "gone.tif"))
    assert caught.value.hint == "check the path"


def test_whether_an_untyped_file_exists_is_not_told(data):
    messages = []
    for name in ("scene.tif", "gone.tif"):
        with pytest.raises(SourceError) as caught:
            guard().admit(str(data / name))
        messages.append(str(caught.value).replace(name, ""))
    assert messages[0] == messages[1]


def test_a_root_of_our_own_may_be_read_and_is_not_typed(data):
    found = guard(roots=[data]).admit(str(data / "scene.tif"))
    assert not found.typed


def test_a_local_document_names_local_files(data):
    document = str(data / "items/one.json")
    trusted = guard(document)
    for href in ("one.tif", "./one.tif", "../scene.tif", str(data.parent / "beside.tif")):
        assert trusted.admit(href, base=document).scheme == "file"


def test_what_a_document_named_can_be_opened_again_without_it(data):
    document = str(data / "items/one.json")
    trusted = guard(document)
    found = trusted.admit("../scene.tif", base=document)
    assert trusted.admit(found.href) == found
    with pytest.raises(SourceError, match="did not type"):
        guard(document).admit(found.href)


def test_a_link_within_a_typed_folder_is_followed(data):
    (data / "items" / "link.tif").symlink_to(data / "scene.tif")
    found = guard(str(data)).admit("link.tif", base=str(data / "items/one.json"))
    assert found.href == str((data / "scene.tif").resolve())


def test_a_link_out_of_the_folder_is_refused_and_the_target_can_be_typed(data):
    (data / "link.tif").symlink_to(data.parent / "beside.tif")
    document = str(data / "catalog.json")
    with pytest.raises(SourceError, match="symbolic link leads out of the folder"):
        guard(document).admit("link.tif", base=document)
    both = guard(document, str(data.parent / "beside.tif"))
    assert both.admit("link.tif", base=document).typed


def test_a_document_in_a_linked_folder_is_where_it_really_is(data):
    (data.parent / "alias").symlink_to(data)
    document = str(data.parent / "alias" / "catalog.json")
    assert guard(document).admit("scene.tif", base=document).typed


def test_a_document_names_no_folder(data):
    with pytest.raises(SourceError, match="not a regular file"):
        guard(str(data)).admit("items", base=str(data / "catalog.json"))


def test_a_document_of_the_network_names_any_public_https_host():
    found = guard().admit("https://public.example/x.tif", base=DOCUMENT)
    assert found == Admitted(
        scheme="https",
        href="https://public.example/x.tif",
        typed=False,
        addresses=(PUBLIC,),
        url="https://public.example/x.tif",
    )


def test_a_query_may_be_read_with_and_never_written_down():
    own = guard("https://public.example/x.tif")
    found = own.admit("https://public.example/x.tif?sig=SECRET", base=DOCUMENT)
    assert found.href.startswith("https://public.example/x.tif?...")
    assert "SECRET" not in repr(found)
    assert found.url == "https://public.example/x.tif?sig=SECRET"
    assert own.admit(found.href) == found
    other = own.admit("https://public.example/x.tif?sig=OTHER", base=DOCUMENT)
    assert other.href != found.href
    with pytest.raises(SourceError, match="was not kept") as lost:
        guard().admit(found.href)
    assert lost.value.hint == "give the whole address anew"


def test_a_document_may_not_borrow_the_query_that_the_user_typed(tmp_path):
    own = guard("https://public.example/x.tif?sig=SECRET")
    marked = own.admit("https://public.example/x.tif?sig=SECRET").href
    note = tmp_path / "item.json"
    note.write_text("{}")
    for document in (str(note), "https://public.example/item.json"):
        with pytest.raises(SourceError, match="was not kept"):
            own.admit(marked, base=document)


def test_plain_http_is_read_where_it_was_typed_listed_or_of_the_own_origin():
    url = "http://public.example/x.tif"
    with pytest.raises(SourceError, match="plain http") as caught:
        guard().admit(url, base=DOCUMENT)
    assert "https" in caught.value.hint
    assert guard(url).admit(url).typed
    assert guard(allow_hosts=["PUBLIC.example"]).admit(url).scheme == "http"
    assert guard().admit("x.tif", base="http://public.example/item.json").href == url
    with pytest.raises(SourceError, match="plain http"):
        guard(url).admit(url, base="https://other.example/item.json")


def test_a_private_host_is_read_where_it_was_typed_or_listed():
    url = "https://lan.example:8443/x.tif"
    with pytest.raises(SourceError, match="not on the public internet") as caught:
        guard().admit(url, base=DOCUMENT)
    assert "allow_hosts" in caught.value.hint
    assert guard(url).admit(url).addresses == ("10.0.0.5",)
    assert not guard(allow_hosts=["lan.example:8443"]).admit(url).typed
    with pytest.raises(SourceError, match="not on the public internet"):
        guard(allow_hosts=["lan.example:443"]).admit(url, base=DOCUMENT)


def test_a_typed_private_catalog_may_name_its_own_origin_but_lends_no_trust_to_others():
    catalog = "http://lan.example/stac/catalog.json"
    trusted = guard(catalog)
    assert trusted.admit("../data/x.tif", base=catalog).href == "http://lan.example/data/x.tif"
    with pytest.raises(SourceError, match="refused"):
        trusted.admit("http://lan.example/stac/x.tif", base="https://public.example/item.json")
    with pytest.raises(SourceError, match="not on the public internet"):
        trusted.admit("https://lan.example:444/x.tif", base=catalog)


def test_a_private_origin_that_nobody_typed_gives_itself_no_trust():
    with pytest.raises(SourceError, match="not on the public internet"):
        guard().admit("x.tif", base="https://lan.example/item.json")


@pytest.mark.parametrize(
    ("typed", "href", "is_covered"),
    [
        ("http://lan.example/a/catalog.json", "http://lan.example/a/b/x.tif", True),
        ("http://lan.example/a/catalog.json", "http://lan.example/x.tif", False),
        ("http://lan.example/a", "http://lan.example/a/search?page=2", True),
        ("http://lan.example/a", "http://lan.example/ab", False),
        ("http://lan.example/a/", "http://lan.example/a/x.tif", True),
        ("http://lan.example/x.tif", "http://lan.example/y.tif", False),
        ("http://lan.example/x.tif", "http://lan.example/x.tif", True),
        ("http://lan.example:81/a", "http://lan.example/a", False),
    ],
)
def test_a_typed_address_covers_itself_and_what_lies_under_a_catalog_or_folder(
    typed, href, is_covered
):
    if is_covered:
        assert guard(typed).admit(href).typed
    else:
        with pytest.raises(SourceError, match="refused"):
            guard(typed).admit(href)


def test_a_disguised_address_is_read_only_where_it_was_typed():
    url = "http://2130706433:8000/x.tif"
    assert guard(url).admit(url).href == "http://127.0.0.1:8000/x.tif"
    with pytest.raises(SourceError, match="disguise"):
        guard().admit("https://134744072/x.tif", base=DOCUMENT)


def test_a_host_is_looked_up_once_in_ten_minutes():
    calls, now = [], [0.0]

    def count(host, port):
        calls.append((host, port))
        return (PUBLIC,)

    trusted = OriginGuard(["https://public.example/"], resolver=count, clock=lambda: now[0])
    for _ in range(3):
        trusted.admit("https://public.example/x.tif")
    assert calls == [("public.example", 443)]
    now[0] = 601.0
    trusted.admit("https://public.example/x.tif")
    assert len(calls) == 2


def test_a_name_that_cannot_be_resolved_is_a_source_error():
    with pytest.raises(SourceError, match=r"'nowhere.example' .* could not be resolved") as caught:
        guard().admit("https://nowhere.example/x.tif?sig=SECRET", base=DOCUMENT)
    assert "SECRET" not in str(caught.value) + caught.value.href
    empty = OriginGuard(["https://nowhere.example/"], resolver=lambda *_: ())
    with pytest.raises(SourceError, match="has no address"):
        empty.admit("https://nowhere.example/x.tif")


def test_a_refusal_holds_no_query():
    with pytest.raises(SourceError) as caught:
        guard().admit("https://lan.example/x.tif?sig=SECRET")
    assert "SECRET" not in caught.value.explain() + caught.value.href
    assert "lan.example/x.tif" in str(caught.value)


@pytest.mark.parametrize("text", ["", "a b", "host:port", "[::1]:x"])
def test_a_listed_host_that_is_none_is_refused(text):
    with pytest.raises(SourceError, match="which is no host"):
        guard(allow_hosts=[text])


def test_a_listed_address_of_version_six_may_carry_a_port():
    trusted = guard(allow_hosts=["[::1]:8000", "fd00::1"])
    assert trusted.admit("http://[::1]:8000/x").addresses == ("::1",)
    assert trusted.admit("http://[fd00::1]:9/x").addresses == ("fd00::1",)
    with pytest.raises(SourceError, match="refused"):
        trusted.admit("http://[::1]:8001/x")


def test_a_trick_cannot_be_typed_either():
    for href in ("/vsicurl/http://127.0.0.1/x", "vrt:///x", "a\0b", "s3://bucket/x"):
        with pytest.raises(SourceError, match="refused"):
            guard(href)


def test_a_name_that_turns_private_is_refused_even_where_it_was_typed():
    now = 0.0
    answers = [(PUBLIC,), ("127.0.0.1",)]
    guard = OriginGuard(
        ["http://rebind.example/"], resolver=lambda *_: answers.pop(0), clock=lambda: now
    )
    first = guard.admit("http://rebind.example/x.tif", base="http://rebind.example/")
    assert first.addresses == (PUBLIC,)
    now = 10.0
    again = guard.admit(first.href)
    assert again.addresses == (PUBLIC,)
    now = 10_000.0
    with pytest.raises(SourceError, match="was public and now resolves to a private one"):
        guard.admit(first.href)


# A place that stands by itself, in no document.

ALONE = "https://public.example/x.tif"


def never(*_):
    """Resolve nothing: being asked at all is the mistake."""
    raise AssertionError("a host that nobody named was looked up")


@pytest.mark.parametrize(
    "href",
    [
        ALONE,
        "https://public.example/x?leak=everything",
        "https://everything.public.example/",
        "http://public.example/x.tif",
        "https://134744072/x.tif",
    ],
)
def test_an_address_that_nobody_named_is_refused_before_its_host_is_looked_up(href):
    for ask in (OriginGuard(resolver=never).admit, OriginGuard(resolver=never).require):
        with pytest.raises(SourceError, match="neither the user nor a document of this run") as no:
            ask(href)
        assert no.value.hint.startswith("take the place from a result of this run")
        assert "everything" not in str(no.value) or "everything." in href


def test_an_address_stands_by_itself_once_a_document_led_to_it():
    own = guard()
    own.admit(ALONE, base=DOCUMENT)
    own.require(ALONE)
    assert own.admit(ALONE).addresses == (PUBLIC,)


def test_an_address_stands_by_itself_where_it_was_typed_or_its_host_is_listed():
    for own in (
        guard(ALONE),
        guard("https://public.example"),
        guard(allow_hosts=["public.example"]),
    ):
        own.require(ALONE)
        assert own.admit(ALONE).url == ALONE


def test_a_place_beside_the_typed_one_on_its_host_must_be_named():
    own = guard("https://public.example/a/catalog.json")
    with pytest.raises(SourceError, match="neither the user nor"):
        own.admit(ALONE)
    own.remember([ALONE], base="https://public.example/a/catalog.json")
    assert own.admit(ALONE).url == ALONE


def test_what_a_document_was_noted_to_name_is_held_against_its_rules():
    own = guard("http://lan.example/stac")
    found = "http://lan.example/stac/search"
    own.remember(
        [ALONE, "http://public.example/x.tif", "http://lan.example/data/x.tif"], base=found
    )
    own.remember(["https://lan.example:444/x.tif"], base=DOCUMENT)
    assert own.admit(ALONE).addresses == (PUBLIC,)
    assert own.admit("http://lan.example/data/x.tif").addresses == ("10.0.0.5",)
    with pytest.raises(SourceError, match="plain http"):
        own.admit("http://public.example/x.tif")
    with pytest.raises(SourceError, match="not on the public internet"):
        own.admit("https://lan.example:444/x.tif")


def test_noting_what_a_document_names_looks_nothing_up():
    own = OriginGuard(resolver=never)
    own.remember([ALONE, "https://public.example/y.tif"], base=DOCUMENT)
    own.require(ALONE)


def test_a_document_that_is_not_known_any_more_named_public_hosts_and_typed_ones():
    own = guard("http://lan.example/stac")
    lan, other = "http://lan.example/data/x.tif", "http://10.0.0.9/x.tif"
    own.remember([ALONE, lan, other, "http://public.example/x.tif"])
    assert own.admit(ALONE).addresses == (PUBLIC,)
    assert own.admit(lan).addresses == ("10.0.0.5",)
    for href in (other, "http://public.example/x.tif"):
        with pytest.raises(SourceError, match="plain http"):
            own.admit(href)


def test_a_local_path_is_noted_for_a_local_document_only(data):
    path = str(data / "scene.tif")
    own = guard()
    own.remember([path, f"file://{path}", "scene.tif"])
    own.remember([path, f"file://{path}"], base=DOCUMENT)
    with pytest.raises(SourceError, match="did not type"):
        own.admit(path)
    own.remember([path], base=str(data / "catalog.json"))
    own.require(path)
    assert own.admit(path) == Admitted(scheme="file", href=path, typed=False)


def test_a_path_noted_for_a_document_may_not_be_a_folder_or_leak_through_a_link(data):
    (data / "link.tif").symlink_to(data.parent / "beside.tif")
    own = guard()
    own.remember([str(data / "items"), str(data / "link.tif")], base=str(data / "catalog.json"))
    with pytest.raises(SourceError, match="not a regular file"):
        own.admit(str(data / "items"))
    with pytest.raises(SourceError, match="symbolic link"):
        own.admit(str(data / "link.tif"))


def test_an_address_whose_query_was_left_out_is_not_noted():
    marked = guard(ALONE).admit(f"{ALONE}?sig=SECRET", base=DOCUMENT).href
    own = guard()
    own.remember([marked])
    with pytest.raises(SourceError, match="was not kept"):
        own.admit(marked)


def test_whether_an_untyped_path_exists_is_not_told_when_it_is_asked_for(data):
    messages = set()
    for name in ("scene.tif", "gone.tif"):
        with pytest.raises(SourceError) as caught:
            guard().require(str(data / name))
        messages.add(str(caught.value).replace(name, ""))
    assert len(messages) == 1
