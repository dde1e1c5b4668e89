"""The price of a call, from what the store knows and without opening any source."""

from __future__ import annotations

import json
import socket

import numpy as np
import pytest
import shapely
from pydantic import Field

from eoagent.app.handles import HandleBook, OwnStore
from eoagent.app.shelf import Shelf
from eoagent.app.toolbox import Bench, Toolbox
from eoagent.contracts.artifact import AnyHandle, TableRef
from eoagent.contracts.errors import InputError, NotFound
from eoagent.contracts.planner import Limits
from eoagent.contracts.price import Price
from eoagent.contracts.raster import BandRef, Grid, RasterRef
from eoagent.contracts.tool import (
    Arguments,
    FunctionTool,
    Options,
    Output,
    ToolCard,
    ToolResult,
)
from eoagent.io.featureset import feature_set
from eoagent.io.origin import OriginGuard
from eoagent.io.store import FileStore
from eoagent.io.stored_features import store_features
from eoagent.planner.execution import Call

BAND = 1000 * 500 * 2


class Take(Arguments):
    """Arguments of the tools of this test."""

    one: AnyHandle | None = None
    """An artifact."""
    several: tuple[AnyHandle, ...] = ()
    """Artifacts."""
    named: dict[str, str] = Field(default_factory=dict)
    """Texts."""
    path: str | None = None
    """A file."""
    url: str | None = None
    """A place."""


def _tool(name, *, kind="figure", price=None, outward=False):
    card = ToolCard(
        name=name,
        summary="Nothing.",
        outputs=(Output(name="out", kind=kind, about="nothing"),),
        outward=outward,
    )
    return FunctionTool(
        card=card, arguments=Take, function=lambda _a, _s: ToolResult(), price=price
    )


def _stated(arguments, services):
    assert services.store
    return Price(seconds=5.0, tokens=len(arguments.several))


TOOLS = [
    _tool("look"),
    _tool("opens", kind="raster"),
    _tool("stated", price=_stated),
    _tool("wrong", price=lambda _a, _s: 3),
    _tool("sends", outward=True),
    _tool("tells", outward=True, price=lambda _a, _s: Price(outward=("a letter to 'x'",))),
]


class Patient:
    remaining_s = 1e9

    def check(self):
        pass


@pytest.fixture
def kept(tmp_path):
    return FileStore(tmp_path / "home")


@pytest.fixture
def handles():
    return HandleBook()


@pytest.fixture
def store(kept, handles):
    return OwnStore(kept, handles)


@pytest.fixture
def price(kept, handles, monkeypatch):
    def refuse(*_args, **_kwargs):
        pytest.fail("a price must not ask the network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    bench = Bench(
        store=kept,
        origins=OriginGuard(),
        options=Options(),
        limits=Limits(max_items=5),
        cache=None,
        handles=handles,
    )
    toolbox = Toolbox(bench, Shelf(TOOLS))

    def of(tool, each=None, **arguments):
        return toolbox.price(
            Call(
                n=1,
                tool=tool,
                arguments=arguments,
                each=each,
                figures={},
                deadline=Patient(),
                progress=lambda _done, _what: None,
            )
        )

    return of


def _raster(store, *, host="https://h.example", bands=("red", "nir")):
    ref = RasterRef(
        grid=Grid(width=1000, height=500),
        bands=tuple(
            BandRef(name=band, href=f"{host}/{band}.tif", index=1, dtype="uint16") for band in bands
        ),
        values="reflectance",
    )
    return store.put("raster", title=host, payload=ref.to_dict(), preview={}).handle


def _scenes(store, *hrefs):
    items = [{"id": str(n), "href": href} for n, href in enumerate(hrefs)]
    return store.put("scenes", title="s", payload={"items": items}, preview={}).handle


def _table(store, rows):
    columns = list(rows[0])
    file = store.scratch(".json")
    content = {"columns": columns, "rows": [[row[c] for c in columns] for row in rows]}
    file.write_text(json.dumps(content))
    ref = TableRef(path="", columns=tuple(columns), rows=len(rows), label="t")
    return store.put("table", title="t", payload=ref.to_dict(), preview={}, file=file).handle


def test_every_remote_raster_among_the_arguments_is_read_once(store, price):
    first, second = _raster(store), _raster(store, host="https://other.example", bands=("red",))
    here = _raster(store, host="/data")
    both = {"one": first, "several": [second, first, here], "named": {"a": here}}
    assert price("look", **both) == Price(bytes=3 * BAND, is_upper_bound=True)
    assert price("look", one=here) == Price()
    assert price("look") == Price()


def test_a_tool_that_opens_images_opens_one_scene(price):
    href = "https://h.example/a.tif"
    assert price("opens", named={"a": href, "b": href + "2"}) == Price(scenes=1)
    assert price("opens", named={"a": "/data/a.tif"}) == Price()
    assert price("look", named={"a": href}) == Price()


def test_scenes_count_where_they_lie_on_the_network(store, price):
    handle = _scenes(store, "https://h.example/1.json", "/data/2.json", "http://h.example/3.json")
    assert price("look", one=handle) == Price(scenes=2)


def test_a_step_over_scenes_costs_what_its_items_cost(store, price):
    handle = _scenes(store, "https://h.example/1.json", "/data/2.json", "https://h.example/3.json")
    assert price("opens", each=handle, named={"href": "$item"}) == Price(scenes=2)


def test_a_step_over_a_table_adds_up_its_rows(store, price):
    small = _raster(store, bands=("red",))
    large = _raster(store, bands=("red", "nir", "blue"))
    table = _table(store, [{"item": "a", "raster": small}, {"item": "b", "raster": large}])
    expected = Price(bytes=4 * BAND, is_upper_bound=True)
    assert price("look", each=table, one="$item.raster") == expected
    with pytest.raises(InputError, match="no 'image'"):
        price("look", each=table, one="$item.image")


def test_a_step_over_features_costs_one_of_them_times_their_number(kept, store, price):
    boxes = [shapely.box(n, 0, n + 1, 1) for n in range(3)]
    zones = store_features(
        store, feature_set(boxes, {"n": np.arange(3)}, crs="EPSG:4326", label="z")
    ).handle
    raster = _raster(store)
    before = kept.handles()
    assert price("look", each=zones, one=raster, several=["$item"]) == Price(
        bytes=3 * 2 * BAND, is_upper_bound=True
    )
    assert price("stated", each=zones, several=["$item"]) == Price(seconds=15.0, tokens=3)
    assert kept.handles() == before


def test_a_list_that_no_step_can_run_over_has_no_price(store, price):
    with pytest.raises(InputError, match="6 items; a step runs over 1 to 5"):
        price("look", each=_scenes(store, *map(str, range(6))))
    with pytest.raises(InputError, match="has no items to run over"):
        price("look", each=_raster(store))
    with pytest.raises(NotFound):
        price("look", each="scenes:0123456789ab")


def test_a_tool_that_states_its_price_is_taken_at_its_word(store, price):
    assert price("stated", several=[_raster(store)]) == Price(seconds=5.0, tokens=1)
    with pytest.raises(TypeError, match="the price of wrong is int"):
        price("wrong")


def test_what_goes_outside_is_named_with_its_place(price):
    assert price("sends", path="a.tif").outward == ("sends writes 'a.tif'",)
    assert price("sends", url="https://h.example/?key=SECRET").outward == (
        "sends sends to 'https://h.example/?...'",
    )
    assert price("sends").outward == ("sends writes or sends outside the store: {}",)


def test_calls_with_other_arguments_are_told_apart_so_that_one_yes_covers_one(store, price):
    rasters = [_raster(store) for _ in range(2)]
    lists = ([rasters[0]], rasters * 8, rasters * 9)
    told = [price("sends", several=several).outward[0] for several in lists]
    assert len(set(told)) == 3
    assert all(len(text) < 240 for text in told)


def test_an_artifact_of_another_run_has_no_price(kept, price):
    with pytest.raises(NotFound, match="was not made in this run or conversation"):
        price("look", one=_raster(kept))


def test_arguments_that_do_not_fit_have_no_price(price):
    with pytest.raises(InputError, match="'speed' is not an argument"):
        price("look", speed=3)
    with pytest.raises(NotFound):
        price("look", one="raster:0123456789ab")
    with pytest.raises(NotFound):
        price("nothing_like_it")


@pytest.mark.parametrize(
    ("tool", "arguments", "bands"),
    [
        ("spectral_index", {"index": "ndvi"}, 2),
        ("band_math", {"expression": "2 * red"}, 1),
        ("threshold", {"band": "nir", "operator": "gt", "value": 0.1}, 1),
        ("threshold", {"rule": "water"}, 2),
        ("zonal_stats", {"band": "green"}, 1),
        ("zonal_stats", {"band": "green", "statistics": ["median"]}, 2),
        ("describe_data", {}, 6),
    ],
)
def test_installed_tools_state_the_bands_that_they_read(store, price, tool, arguments, bands):
    names = ("blue", "green", "red", "nir", "swir16", "swir22")
    raster = _raster(store, bands=names)
    given = {"target" if tool == "describe_data" else "raster": raster, **arguments}
    assert price(tool, **given) == Price(bytes=bands * BAND, is_upper_bound=True)


def test_a_map_costs_an_overview_of_the_bands_that_it_shows(store, price):
    raster = _raster(store, bands=("red", "green", "blue", "nir"))
    cost = price("render_map", layers=[raster], width_px=250)
    assert cost == Price(bytes=500 * 250 * 3 * 2)


def test_export_is_outward(store, price):
    handle = _raster(store, host="/data")
    assert price("export", artifact=handle, path="a.png").text == "export writes 'a.png'"
