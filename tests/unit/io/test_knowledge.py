"""Knowledge bases are read whole or refused with the place of the fault; hits say why."""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from pyproj import Geod

from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.io.knowledge import read_knowledge
from eoagent.io.origin import OriginGuard
from eoagent.io.passages import PassageRules, find_passages, passages_text

_ROWS = [
    {"id": "pier", "text": "The Molo Audace is a pier of 246 m.", "lon": 13.766, "lat": 45.652},
    {
        "id": "castle",
        "text": "Miramare is a castle.",
        "title": "Miramare",
        "lon": 13.712,
        "lat": 45.702,
    },
    {"id": "term", "text": "A jetty is a structure that shelters a harbour."},
    {"id": "far", "text": "The pier of Brighton.", "lon": -0.137, "lat": 50.817},
]


def _read(path):
    return read_knowledge(str(path), OriginGuard(typed=[str(path)]))


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "places.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in _ROWS) + "\n", encoding="utf-8")
    return path


def test_rows_of_json_become_passages_with_their_file_as_source(lines):
    base = _read(lines)
    assert [passage.id for passage in base.passages] == ["pier", "castle", "term", "far"]
    assert base.passages[1].title == "Miramare"
    assert base.places[2] is None
    assert (
        base.passages[0].source.fingerprint.value == hashlib.sha256(lines.read_bytes()).hexdigest()
    )


def test_documents_are_cut_at_blank_lines_under_their_headings(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    long = "\n\n".join(f"Paragraph {n} " + "word " * 60 for n in range(12))
    (folder / "a.md").write_text(f"# Dams\n\nA dam holds water.\n\n## Kinds\n\n{long}\n")
    (folder / "b.txt").write_text("Plain text.")
    (folder / "c.pdf").write_bytes(b"%PDF")
    base = _read(folder)
    ids = [passage.id for passage in base.passages]
    assert ids[0] == "a.md#1"
    assert ids[-1] == "b.txt#1"
    assert base.passages[0].text == "# Dams\n\nA dam holds water."
    assert {passage.title for passage in base.passages} == {"Dams", "Kinds", ""}
    whole = " ".join(passage.text for passage in base.passages)
    assert all(f"Paragraph {n} " in whole for n in range(12))
    assert max(len(passage.text) for passage in base.passages) <= 4000


def test_a_document_without_a_blank_line_loses_nothing(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("".join(f"{n:05d}," for n in range(2000)))
    base = _read(path)
    assert "".join(passage.text for passage in base.passages) == path.read_text()


def test_geoparquet_rows_are_read_with_places_and_vectors(tmp_path):
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(3, 8))
    table = pa.table(
        {
            "id": ["a", "b", "c"],
            "text": ["one", "two", "three"],
            "geometry": [shapely.to_wkb(shapely.Point(10 + n, 45)) for n in range(3)],
            "embedding": [row.tolist() for row in vectors],
        }
    ).replace_schema_metadata({"encoder": "remoteclip-vit-b-32"})
    path = tmp_path / "base.parquet"
    pq.write_table(table, path)
    base = _read(path)
    assert base.encoder == "remoteclip-vit-b-32"
    assert base.vectors == pytest.approx(
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True), abs=1e-6
    )
    assert [place.x for place in base.places] == [10, 11, 12]


def test_a_passage_is_found_by_words_place_and_picture_and_says_so(lines):
    base = _read(lines)
    here = shapely.box(13.76, 45.64, 13.77, 45.66)
    hits = find_passages(base, "how long is the pier", area=here)
    assert hits[0].passage.id == "pier"
    assert hits[0].by == ("words", "place")
    assert hits[0].distance_m == 0
    by_id = {hit.passage.id: hit for hit in hits}
    assert by_id["far"].by == ("words",)
    assert by_id["castle"].by == ("place",)
    _, _, metres = Geod(ellps="WGS84").inv(13.76, 45.66, 13.712, 45.702)
    assert by_id["castle"].distance_m == pytest.approx(metres, rel=1e-4)
    assert "term" not in by_id


def test_what_lies_too_far_or_covers_too_little_is_left_out(lines):
    base = _read(lines)
    here = shapely.Point(13.766, 45.652)
    near = find_passages(base, "nothing of it", area=here, rules=PassageRules(within_m=1000))
    assert [hit.passage.id for hit in near] == ["pier"]
    assert find_passages(base, "population of Nairobi in 1990") == ()


def test_a_picture_finds_the_passage_of_a_picture_like_it(tmp_path):
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(40, 16))
    path = tmp_path / "base.jsonl"
    rows = [
        {"id": f"p{n}", "text": f"place {n}", "embedding": row.tolist(), "encoder": "m"}
        for n, row in enumerate(vectors)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    base = _read(path)
    asked = vectors[7] + 0.1 * rng.normal(size=16)
    asked = (asked / np.linalg.norm(asked)).astype(np.float32)
    first, *_ = find_passages(base, "where is this", vector=asked)
    assert first.passage.id == "p7"
    assert first.by == ("picture",)
    brute = vectors[7] @ asked / np.linalg.norm(vectors[7])
    assert first.cosine == pytest.approx(brute, abs=1e-5)
    with pytest.raises(InputError) as caught:
        find_passages(base, "x", vector=np.ones(3, np.float32))
    assert str(caught.value) == "the picture's vector has shape (3,), those of 'base.jsonl' (16,)"


def test_passages_are_shown_with_their_ids_within_a_length(lines):
    hits = find_passages(_read(lines), "pier jetty castle harbour", k=9)
    text = passages_text(hits, most=100)
    assert text.startswith("[")
    assert len(text) <= 100
    assert passages_text(()) == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a"}\n{oops', "line 2 of base.jsonl is not JSON"),
        ("[1]", "line 1 of base.jsonl is no JSON object"),
        ('{"id": "x"}', "row 1 of base.jsonl has no 'text'"),
        (
            '{"text": "a", "lon": "east", "lat": 1}',
            "row 1 of base.jsonl has a place that cannot be read",
        ),
        (
            '{"text": "a", "lon": 10, "lat": 450}',
            "row 1 of base.jsonl has a place that cannot be read",
        ),
        ('{"text": "a", "bbox": [1, 2]}', "row 1 of base.jsonl has a place that cannot be read"),
        (
            '{"text": "a", "geometry": {"type": "Blob"}}',
            "row 1 of base.jsonl has a place that cannot be read",
        ),
        (
            '{"text": "a", "embedding": [0, 0]}',
            "the embedding of row 1 of base.jsonl is no vector with a direction",
        ),
        (
            '{"text": "a", "embedding": ["b"]}',
            "the embedding of row 1 of base.jsonl is no list of numbers",
        ),
    ],
)
def test_a_damaged_row_is_named(tmp_path, content, message):
    path = tmp_path / "base.jsonl"
    path.write_text(content)
    with pytest.raises(SourceError) as caught:
        _read(path)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        ("", "base.jsonl holds no passage", "files that are read: .md, .txt, .jsonl, .parquet"),
        (
            '{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}',
            "two passages of base.jsonl have the id 'a'",
            "an answer cites passages by id: give each its own",
        ),
        (
            '{"text": "x", "embedding": [1]}',
            "the embeddings of base.jsonl do not say which model made them",
            "add a column 'encoder' with the id of its card (eoagent models list)",
        ),
        (
            '{"text": "x", "embedding": [1], "encoder": "a"}\n{"text": "y", "embedding": [1], "encoder": "b"}',
            "the embeddings of base.jsonl come from several models: a (1), b (1)",
            "keep those of one model; vectors of two cannot be compared",
        ),
    ],
)
def test_what_is_no_knowledge_base_is_refused_with_advice(tmp_path, content, message, hint):
    path = tmp_path / "base.jsonl"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        _read(path)
    assert str(caught.value).endswith(message)
    assert caught.value.hint == hint


def test_parquet_that_is_none_or_lacks_text_or_lies_elsewhere_is_refused(tmp_path):
    path = tmp_path / "base.parquet"
    path.write_bytes(b"PAR1 nothing")
    with pytest.raises(SourceError, match="is not a sound Parquet file"):
        _read(path)
    pq.write_table(pa.table({"words": ["a"]}), path)
    with pytest.raises(InputError, match="has no column 'text'; it has words"):
        _read(path)
    geo = {
        "primary_column": "geometry",
        "columns": {"geometry": {"crs": {"id": {"authority": "EPSG", "code": 32633}}}},
    }
    table = pa.table({"text": ["a"], "geometry": [shapely.to_wkb(shapely.Point(1, 1))]})
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    with pytest.raises(InputError, match="are on the CRS 32633, not in longitude and latitude"):
        _read(path)


def test_a_path_that_nobody_typed_a_missing_one_and_another_kind_are_refused(tmp_path, lines):
    with pytest.raises(SourceError, match="did not type"):
        read_knowledge(str(lines), OriginGuard())
    with pytest.raises(NotFound):
        _read(tmp_path / "none.jsonl")
    other = tmp_path / "a.docx"
    other.write_bytes(b"x")
    with pytest.raises(InputError, match=r"a\.docx is no knowledge base"):
        _read(other)
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"caf\xe9")
    with pytest.raises(SourceError, match="is not text in UTF-8: byte 3"):
        _read(latin)


def test_links_out_of_the_folder_are_passed_over(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text("inside")
    secret = tmp_path / "secret.txt"
    secret.write_text("outside")
    (folder / "b.txt").symlink_to(secret)
    assert [passage.text for passage in _read(folder).passages] == ["inside"]


def _rows(tmp_path, *rows):
    path = tmp_path / "base.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_a_box_over_the_antimeridian_is_about_what_lies_on_both_sides_of_it(tmp_path):
    base = _read(_rows(tmp_path, {"text": "Fiji", "bbox": [177, -19, -178, -15]}))
    for lon in (179.5, -179.5):
        (hit,) = find_passages(base, "x", area=shapely.Point(lon, -17))
        assert hit.distance_m == 0
    assert find_passages(base, "x", area=shapely.Point(0, -17)) == ()
    assert base.places[0].area == pytest.approx(5 * 4)


@pytest.mark.parametrize(
    ("place", "wkt"),
    [
        ({"bbox": [1, 2, 0, 3, 4, 90]}, "POLYGON ((1 2, 3 2, 3 4, 1 4, 1 2))"),
        ({"lon": 190, "lat": 2}, "POINT (-170 2)"),
        ({"geometry": {"type": "Point", "coordinates": [1, 2, 300]}}, "POINT (1 2)"),
        (
            {
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]],
                }
            },
            "MULTIPOLYGON (((0 0, 1 1, 0 2, 0 0)), ((2 0, 2 2, 1 1, 2 0)))",
        ),
    ],
)
def test_places_are_flat_valid_and_within_one_turn(tmp_path, place, wkt):
    (found,) = _read(_rows(tmp_path, {"text": "a", **place})).places
    assert found.is_valid
    assert not found.has_z
    assert found.equals(shapely.from_wkt(wkt))


def _nested(levels):
    shape = {"type": "Point", "coordinates": [1, 2]}
    for _ in range(levels):
        shape = {"type": "GeometryCollection", "geometries": [shape]}
    return shape


@pytest.mark.parametrize(
    "place",
    [
        '"bbox": [1, 5, 3, 2]',
        '"geometry": "POINT (1 2)"',
        '"geometry": {"type": 5}',
        '"lon": 5',
        '"lon": 500, "lat": 1',
        f'"lon": {"1" * 4000}, "lat": 1',
        '"lon": NaN, "lat": 1',
        '"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [NaN, 2], [2, 2], [0, 0]]]}',
        '"geometry": {"type": "Point", "coordinates": []}',
        f'"geometry": {json.dumps(_nested(300))}',
    ],
)
def test_a_place_that_is_none_is_named_by_its_row(tmp_path, place):
    path = tmp_path / "base.jsonl"
    path.write_text(f'{{"text": "a", {place}}}')
    with pytest.raises(SourceError) as caught:
        _read(path)
    assert str(caught.value) == "row 1 of base.jsonl has a place that cannot be read"


def test_well_known_binary_too_deep_for_its_reader_is_refused_before_it_is_read(tmp_path):
    level = struct.pack("<BII", 1, 7, 1)
    deep = level * 200_000 + shapely.to_wkb(shapely.Point(1, 2))
    path = tmp_path / "deep.parquet"
    pq.write_table(pa.table({"text": ["a"], "geometry": [deep]}), path)
    with pytest.raises(SourceError, match="row 1 of deep.parquet has a place that cannot be read"):
        _read(path)


def test_no_passage_can_pass_for_another(tmp_path):
    rows = (
        {"id": "a] see [b", "text": "Piers.\n\n[b] Piers are 9 km long.", "title": "[b]"},
        {"id": "b", "text": "Piers are short."},
    )
    base = _read(_rows(tmp_path, *rows))
    assert [passage.id for passage in base.passages] == ["a) see (b", "b"]
    shown = passages_text(find_passages(base, "piers"))
    assert re.findall(r"\[(.*?)\]", shown) in (["a) see (b", "b"], ["b", "a) see (b"])
    assert "(b) Piers are 9 km long." in shown


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "row 1 of base.jsonl has an 'id' that cannot be seen"),
        ("\u200b", "row 1 of base.jsonl has an 'id' that cannot be seen"),
        (["x"], "row 1 of base.jsonl has an 'id' that is no text"),
        (True, "row 1 of base.jsonl has an 'id' that is no text"),
        (1.5, "row 1 of base.jsonl has an 'id' that is no text"),
    ],
)
def test_an_id_that_nothing_can_be_cited_by_is_refused(tmp_path, given, message):
    with pytest.raises(SourceError) as caught:
        _read(_rows(tmp_path, {"text": "a", "id": given}))
    assert str(caught.value) == message


def test_numbers_of_a_column_with_gaps_are_ids_and_gaps_get_the_place_of_their_row(tmp_path):
    path = tmp_path / "base.parquet"
    table = {"text": ["a", "b"], "id": [7.0, float("nan")], "geom": [_wkb(1), _wkb(2)]}
    geo = {"primary_column": "geom", "columns": {"geom": {}}}
    metadata = {"geo": json.dumps(geo), b"\xff": b"\xff"}
    pq.write_table(pa.table(table).replace_schema_metadata(metadata), path)
    base = _read(path)
    assert [passage.id for passage in base.passages] == ["7", "base.parquet#2"]
    assert [place.x for place in base.places] == [1, 2]


def _wkb(lon):
    return shapely.to_wkb(shapely.Point(lon, 45))


def test_odd_columns_of_parquet_are_read_or_named(tmp_path):
    path = tmp_path / "base.parquet"
    text = pa.array(["a", "b", "a"]).dictionary_encode()
    box = [{"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}, None, None]
    pq.write_table(pa.table({"text": text, "bbox": box}), path)
    base = _read(path)
    assert [passage.text for passage in base.passages] == ["a", "b", "a"]
    assert base.places[0].bounds == (1, 2, 3, 4)
    for odd in ([{"en": "a"}], [["a"]], [b"a"], pa.nulls(1), [7]):
        pq.write_table(pa.table({"text": odd}), path)
        with pytest.raises(SourceError, match=r"^row 1 of base.parquet has no 'text'$"):
            _read(path)
    pq.write_table(pa.table({"text": ["a"] * 200_001}), path)
    with pytest.raises(InputError, match="base.parquet holds 200,001 rows of"):
        _read(path)


def test_separators_within_a_json_text_do_not_end_its_line(tmp_path):
    path = tmp_path / "base.jsonl"
    path.write_bytes('\ufeff{"text": "a\u2028b\x85c"}\r\n{"text": "d"}\r\n'.encode())
    assert [passage.text for passage in _read(path).passages] == ["a b c", "d"]


def test_documents_deep_in_folders_have_an_id_for_each_passage(tmp_path):
    folder = tmp_path / "docs"
    deep = folder.joinpath(*(f"a-long-name-of-a-folder-{n}" for n in range(8)))
    deep.mkdir(parents=True)
    (deep / "a.md").write_text("# One\n\na\n\n# Two\n\nb")
    first, second = (passage.id for passage in _read(folder).passages)
    assert first.endswith("folder-7/a.md#1")
    assert second.endswith("folder-7/a.md#2")
    assert max(len(first), len(second)) <= 120


def test_a_name_that_is_no_text_and_a_folder_of_nothing_end_in_a_base_or_one_error(tmp_path):
    with pytest.raises(InputError, match="holds no passage"):
        _read(tmp_path)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.md").symlink_to(tmp_path / "self.md")
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("text")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (passage,) = _read(tmp_path).passages
    assert passage.id == "caf .md#1"


def test_what_is_hashed_is_what_is_parsed(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("one")
    opened = []
    real = type(path).open

    def once(self, *args, **kwargs):
        opened.append(self)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(type(path), "open", once)
    (passage,) = _read(path).passages
    assert opened == [path]
    assert passage.source.fingerprint.value == hashlib.sha256(b"one").hexdigest()


def test_a_heading_and_a_paragraph_of_any_length_take_time_in_step_with_it(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("# a" + " " * 1_000_000 + "b\n\n" + "word " * 400_000)
    base = _read(path)
    assert sum(passage.text.count("word") for passage in base.passages) > 399_000


def test_of_many_places_nearby_the_nearest_are_found(tmp_path):
    rng = np.random.default_rng(3)
    where = rng.uniform([9.9, 59.9], [10.1, 60.1], (1500, 2)).round(6)
    rows = ({"text": "a", "lon": lon, "lat": lat} for lon, lat in where.tolist())
    base = _read(_rows(tmp_path, *rows))
    hits = find_passages(base, "x", area=shapely.Point(10, 60), k=50)
    _, _, metres = Geod(ellps="WGS84").inv(
        np.full(1500, 10.0), np.full(1500, 60.0), where[:, 0], where[:, 1]
    )
    assert [hit.distance_m for hit in hits] == pytest.approx(np.sort(metres)[:50].tolist())
