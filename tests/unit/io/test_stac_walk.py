"""Large catalogs over the network: several documents at a time, in the order of the links."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from eoagent.contracts.errors import SourceError
from eoagent.contracts.geometry import BBox
from eoagent.io.dates import parse_time
from eoagent.io.origin import OriginGuard
from eoagent.io.scene import SceneConditions
from eoagent.io.stac import CatalogLimits, open_catalog


def extent(bbox: Any, interval: Any) -> dict[str, Any]:
    return {"spatial": {"bbox": bbox}, "temporal": {"interval": interval}}


def container(identity: str, *links: tuple[str, str], **members: Any) -> dict[str, Any]:
    found = [{"rel": rel, "href": href} for rel, href in links]
    kind = "Collection" if "extent" in members else "Catalog"
    return {
        "type": kind,
        "stac_version": "1.0.0",
        "id": identity,
        "description": identity,
        "links": found,
        **members,
    }


class Tree:
    """Documents by path, the requests for them, and how many are under way at once."""

    def __init__(self, servers: Any) -> None:
        self.documents: dict[str, Any] = {}
        self.meet: Callable[[], None] = lambda: None
        self.asked: list[str] = []
        self.server = servers.Server(b"", self._answer)

    def _answer(self, exchange: Any) -> None:
        self.asked.append(exchange.path)
        if exchange.path != "/catalog.json":
            self.meet()
        found = self.documents.get(exchange.path)
        if found is None:
            exchange.reply(404)
        else:
            exchange.reply(200, json.dumps(found).encode())

    def open(self, conditions: SceneConditions | None = None, **limits: Any) -> Any:
        url = self.server.url("/catalog.json")
        return open_catalog(url, OriginGuard([url]), CatalogLimits(**limits), conditions)


@pytest.fixture
def tree(servers, stac_server):
    """Six collections of three items each, west to east and year by year."""
    made = Tree(servers)
    names = [f"c{n}" for n in range(6)]
    links = [("child", f"./{name}/collection.json") for name in names]
    made.documents["/catalog.json"] = container("root", *links)
    for n, name in enumerate(names):
        west, year = 10.0 * n, 2018 + n
        made.documents[f"/{name}/collection.json"] = container(
            name,
            *[("item", f"./{k}.json") for k in range(3)],
            ("child", "../catalog.json"),
            extent=extent(
                [[west, 0, west + 5, 5]], [[f"{year}-01-01T00:00:00Z", f"{year}-12-31T00:00:00Z"]]
            ),
        )
        for k in range(3):
            made.documents[f"/{name}/{k}.json"] = stac_server.make_item(
                f"{name}-{k}",
                collection=name,
                box=(west, 0, west + 5, 5),
                properties={"datetime": f"{year}-0{k + 4}-01T10:00:00Z"},
            )
    with made.server:
        yield made


def test_documents_are_asked_for_at_the_same_time_and_scenes_come_in_order(tree):
    both = threading.Barrier(6, timeout=10)
    waits = iter(range(6))
    tree.meet = lambda: both.wait() if next(waits, None) is not None else None
    found = tree.open(concurrency=6)
    assert [scene.id for scene in found.scenes] == [f"c{n}-{k}" for n in range(6) for k in range(3)]
    assert [one.id for one in found.collections] == [f"c{n}" for n in range(6)]
    assert not found.is_partial
    assert len(tree.asked) == len(set(tree.asked)) == 25
    assert found.looked_at == 18


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_the_bound_is_kept_and_changes_nothing(tree, concurrency):
    lock = threading.Lock()
    under_way = [0, 0]

    def count(step: int) -> None:
        with lock:
            under_way[0] += step
            under_way[1] = max(under_way)

    answer = tree.server.answer
    tree.server.answer = lambda exchange: (count(1), answer(exchange), count(-1))
    found = tree.open(concurrency=concurrency)
    assert len(found.scenes) == 18
    assert under_way[1] <= concurrency


@pytest.mark.parametrize(
    ("conditions", "wanted"),
    [
        ({"bbox": BBox(west=21, south=1, east=22, north=2)}, ["c2"]),
        ({"time": parse_time("2019-06/2020-01")}, ["c1", "c2"]),
        ({"bbox": BBox(west=51, south=1, east=-170, north=2)}, ["c5"]),
    ],
)
def test_collections_whose_extent_rules_the_conditions_out_are_not_read(tree, conditions, wanted):
    found = tree.open(SceneConditions(**conditions))
    assert {scene.collection for scene in found.scenes} <= set(wanted)
    read = {path.split("/")[1] for path in tree.asked if path.endswith(("0.json", "1.json"))}
    assert read == set(wanted)
    assert set(found.passed_over) == {f"c{n}" for n in range(6)} - set(wanted)
    assert not found.is_partial
    assert len(found.collections) == 6
    whole = tree.open().meeting(SceneConditions(**conditions))
    assert [scene.id for scene in found.scenes] == [scene.id for scene in whole.scenes]


def test_items_of_collections_that_are_not_wanted_are_not_read(tree):
    found = tree.open(SceneConditions(collections=("c4",)))
    assert [scene.id for scene in found.scenes] == ["c4-0", "c4-1", "c4-2"]
    assert len(tree.asked) == 1 + 6 + 3


def test_enough_scenes_end_the_walk(tree):
    found = tree.open(SceneConditions(limit=2), concurrency=2)
    assert [scene.id for scene in found.scenes] == ["c0-0", "c0-1"]
    assert not found.is_partial
    assert len(tree.asked) < 10


@pytest.mark.parametrize(
    "stated",
    [
        {},
        extent("x", None),
        extent([[1, 2]], [["never", None]]),
        extent([[0, 0, 1, 1], ["x"]], [[None, None], 3]),
        {"spatial": {"bbox": []}, "temporal": 3},
        extent([[0, 0, 1, 1], [20, 0, 25, 5]], [["2018-01-01T00:00:00Z", None]]),
        extent([[-180, -90, 180, 90]], [["2030-01-01T00:00:00Z", "2001-01-01T00:00:00Z"]]),
    ],
)
def test_an_extent_that_is_unsound_or_open_rules_nothing_out(tree, stated):
    tree.documents["/c2/collection.json"]["extent"] = stated
    conditions = SceneConditions(
        bbox=BBox(west=21, south=1, east=22, north=2), time=parse_time("2020")
    )
    assert len(tree.open(conditions).scenes) == 3


def test_a_document_that_fails_is_left_out_and_said(tree):
    del tree.documents["/c3/1.json"]
    tree.documents["/c5/collection.json"] = {"hello": 1}
    found = tree.open()
    assert len(found.scenes) == 18 - 1 - 3
    assert len(found.missing) == 2
    assert any("404" in text and "c3/1.json" in text for text in found.missing)
    assert set(found.missing) <= set(found.warnings)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_documents": 9}, "stopped at 9 documents"),
        ({"max_scenes": 4}, "stopped at 4 scenes"),
        ({"max_depth": 1}, "1 catalogs deep"),
    ],
)
def test_a_limit_makes_the_list_partial(tree, limits, said):
    found = tree.open(**limits)
    assert any(said in text for text in found.missing)
    assert len(tree.asked) <= limits.get("max_documents", 25)


def test_a_server_that_hangs_is_left_when_time_is_up(tree):
    tree.meet = lambda: tree.server.closing.wait(30)
    found = tree.open(deadline_s=0.3, document_s=0.2)
    assert found.scenes == ()
    assert found.is_partial


def test_a_whole_catalog_that_cannot_be_had_is_an_error(tree):
    del tree.documents["/catalog.json"]
    with pytest.raises(SourceError, match="404"):
        tree.open()
