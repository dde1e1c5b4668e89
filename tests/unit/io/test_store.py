"""The artifact store: one content, one handle; damage and misuse are typed errors."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from eoagent.contracts.errors import InputError, InternalError, NotFound
from eoagent.contracts.record import canonical_json
from eoagent.io import store as store_module
from eoagent.io.store import FileStore


@pytest.fixture
def store(tmp_path):
    store = FileStore(tmp_path / "store")
    yield store
    store.close()


def put_file(store, data=b"pixels", *, title="a mask", payload=None, suffix=".tif"):
    file = store.scratch(suffix)
    file.write_bytes(data)
    return store.put(
        "mask",
        title=title,
        payload={"path": ""} if payload is None else payload,
        preview={"share": 0.5},
        file=file,
        media_type="image/tiff",
    )


def put_reference(store, href="a.tif", **labels):
    labels = {"title": "an image", "preview": {}} | labels
    return store.put("raster", payload={"href": href}, **labels)


def test_a_file_is_kept_under_its_hash_and_named_in_the_payload(store):
    artifact = put_file(store)
    sha256 = hashlib.sha256(b"pixels").hexdigest()
    assert artifact.sha256 == sha256
    assert artifact.path == f"objects/{sha256[:2]}/{sha256}.tif" == artifact.payload["path"]
    assert store.locate(artifact.path).read_bytes() == b"pixels"
    assert artifact.media_type == "image/tiff"


def test_the_id_is_the_hash_of_kind_payload_and_file(store):
    artifact = put_file(store)
    content = {
        "kind": "mask",
        "payload": artifact.payload,
        "path": artifact.path,
        "sha256": artifact.sha256,
    }
    assert artifact.id == hashlib.sha256(canonical_json(content).encode()).hexdigest()[:12]


def test_what_was_put_is_got_by_another_store_object(store):
    artifacts = [put_file(store), put_reference(store)]
    again = FileStore(store.layout.root)
    assert [again.get(a.handle) for a in artifacts] == artifacts
    assert [again.verify(a.handle) for a in artifacts] == artifacts
    assert again.handles() == tuple(sorted(a.handle for a in artifacts))


def test_a_relative_root_is_fixed_when_the_store_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = FileStore(Path("here"))
    monkeypatch.chdir("/")
    assert put_reference(store).handle in FileStore(tmp_path / "here").handles()
    store.close()


def test_the_same_content_has_one_handle_whatever_it_is_called(store):
    first = put_file(store, title="water")
    second = put_file(store, title="open water")
    assert first.handle == second.handle
    assert store.handles() == (first.handle,)
    assert store.get(first.handle).title == "open water"
    assert len(list(store.layout.object_files())) == 1


@pytest.mark.parametrize(
    "change", [{"data": b"other"}, {"payload": {"path": "", "step": 2}}, {"suffix": ".png"}]
)
def test_other_content_has_another_handle(store, change):
    assert put_file(store).handle != put_file(store, **change).handle


def test_two_artifacts_may_share_a_file(store):
    first, second = put_file(store), put_file(store, payload={"path": "", "step": 2})
    assert first.path == second.path
    assert first.handle != second.handle


def test_a_file_with_a_payload_without_path_is_kept_too(store):
    artifact = put_file(store, payload={})
    assert artifact.payload == {}
    assert store.locate(artifact.path).is_file()


def test_the_scratch_file_is_moved_in(store):
    file = store.scratch(".tif")
    file.write_bytes(b"x")
    store.put("mask", title="t", payload={"path": ""}, preview={}, file=file)
    assert not file.exists()
    assert list(file.parent.iterdir()) == []


def test_a_long_preview_is_shortened(store):
    artifact = put_reference(store, preview={"ids": [f"scene-{i}" for i in range(500)]})
    assert len(canonical_json(artifact.preview)) <= 600


# What is not there


@pytest.mark.parametrize("handle", ["mask:0123456789ab", "mask:short", "../../etc/passwd", ""])
def test_an_unknown_handle_is_not_found(store, handle):
    with pytest.raises(NotFound, match=r"no artifact|is no handle"):
        store.get(handle)


def test_a_handle_of_another_kind_is_not_found(store):
    artifact = put_file(store)
    with pytest.raises(NotFound, match=f"no artifact boxes:{artifact.id} in "):
        store.get(f"boxes:{artifact.id}")


@pytest.mark.parametrize(
    "relative",
    ["", ".", "objects", "objects/ab/none.tif", "../outside.txt", "/etc/hostname", "lock",
     "artifacts", "objects/../lock", "objects/a\0b", "x" * 5000],
)  # fmt: skip
def test_only_stored_files_are_located(store, relative):
    put_file(store)
    (store.layout.root.parent / "outside.txt").write_text("secret")
    with pytest.raises(NotFound, match="stored file"):
        store.locate(relative)


def test_a_link_out_of_the_store_is_not_located(store):
    put_file(store)
    outside = store.layout.root.parent / "outside.txt"
    outside.write_text("secret")
    (store.layout.objects / "ab").mkdir()
    (store.layout.objects / "ab" / "link.txt").symlink_to(outside)
    with pytest.raises(NotFound, match="is no stored file"):
        store.locate("objects/ab/link.txt")


# Misuse


def test_only_files_from_scratch_are_taken(store, tmp_path):
    mine = tmp_path / "mine.tif"
    mine.write_bytes(b"the user's own")
    sly = store.scratch(".tif").parent / ".." / ".." / ".." / "mine.tif"
    for file in (mine, sly, store.scratch(".tif")):
        with pytest.raises(InternalError, match="is no file written to a path from the store"):
            store.put("mask", title="t", payload={"path": ""}, preview={}, file=file)
    link = store.scratch(".tif")
    link.symlink_to(mine)
    with pytest.raises(InternalError, match="is no file written"):
        store.put("mask", title="t", payload={"path": ""}, preview={}, file=link)
    assert mine.read_bytes() == b"the user's own"


def test_a_payload_that_wants_a_path_needs_a_file(store):
    with pytest.raises(InternalError, match="stored with a path but without a file"):
        store.put("mask", title="t", payload={"path": ""}, preview={})


@pytest.mark.parametrize("payload", [{"x": float("nan")}, {"x": {1, 2}}, {"x": Path("a")}])
def test_a_payload_must_be_plain_json(store, payload):
    with pytest.raises(InternalError, match="the payload of a raster is no plain JSON"):
        store.put("raster", title="t", payload=payload, preview={})


def test_a_preview_must_be_plain_json(store):
    with pytest.raises(InternalError, match="a raster cannot be described"):
        put_reference(store, preview={"mean": float("inf")})


def test_a_name_that_is_no_text_is_the_users_to_repair(store):
    with pytest.raises(InputError, match="not valid Unicode") as caught:
        put_reference(store, "bad\udcff.tif")
    assert caught.value.hint == "rename the file or layer it came from"
    assert store.handles() == ()


def test_a_failed_put_leaves_no_scratch_file(store):
    file = store.scratch(".tif")
    file.write_bytes(b"x")
    with pytest.raises(InternalError):
        store.put("mask", title="t", payload={"path": "", "x": float("nan")}, preview={}, file=file)
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize("suffix", ["tif", "/../x", ".a/b", ". ", ".a.b.c.d", ".tif\n"])
def test_a_scratch_suffix_is_a_plain_suffix(store, suffix):
    with pytest.raises(InternalError, match="is no file suffix such as"):
        store.scratch(suffix)


def test_a_collision_of_handles_is_our_fault_and_keeps_the_first(store, monkeypatch):
    first = put_reference(store, "a.tif")
    real = store_module.identity

    def colliding(kind, payload, path, sha256):
        return first.id + real(kind, payload, path, sha256)[12:]

    monkeypatch.setattr(store_module, "identity", colliding)
    with pytest.raises(InternalError, match=f"two artifacts share the handle {first.handle}"):
        put_reference(store, "b.tif")
    assert store.get(first.handle) == first
