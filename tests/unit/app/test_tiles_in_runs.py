"""Tiles in a run: opened one by one, carried into the next message, results kept by weights."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from eoagent import Agent
from eoagent.app.handles import HandleBook, carry_in
from eoagent.app.shelf import Shelf
from eoagent.app.toolbox import Bench, Toolbox
from eoagent.contracts.errors import SourceError
from eoagent.contracts.figure import FigureDraft
from eoagent.contracts.planner import Limits
from eoagent.contracts.tool import Arguments, FunctionTool, Options, Output, ToolCard, ToolResult
from eoagent.io.origin import OriginGuard
from eoagent.planner.execution import Call
from eoagent.settings import Settings

COLOURS = ((200, 10, 10), (10, 200, 10), (10, 10, 200))


class Patient:
    remaining_s = 1e9

    def check(self):
        """Let the call go on."""


@pytest.fixture
def shop(tmp_path):
    return Agent(home=tmp_path / "home", settings=Settings()).workshop


@pytest.fixture
def index(meaning, tmp_path):
    """An index of three pictures that nobody typed."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    tiles = []
    for n, color in enumerate(COLOURS, 1):
        path = folder / f"{n}.png"
        Image.fromarray(np.full((32, 32, 3), color, np.uint8)).save(path)
        tiles.append(meaning.tile(n, path, (0, 0, 32, 32), gsd_m=1.0))
    return meaning.OneIndex(tiles, meaning.unit(COLOURS), meaning.ColourEncoder())


def begin(shop, *, shelf=None, models=None, indexes=None, cache=False, book=None, origins=None):
    given = {"models": models, "indexes": indexes}
    bench = Bench(
        store=shop.store,
        origins=origins or OriginGuard(),
        options=Options(),
        limits=Limits(),
        cache=shop.ledger if cache else None,
        handles=book or HandleBook(),
        **{name: one for name, one in given.items() if one is not None},
    )
    toolbox = Toolbox(bench, shelf)

    def run(tool, each=None, **arguments):
        if each is None:
            toolbox.check(tool, arguments)
        return toolbox.run(
            Call(
                n=1,
                tool=tool,
                arguments=arguments,
                each=each,
                figures={},
                deadline=Patient(),
                progress=lambda _share, _what: None,
            )
        )

    return run


def handle(outcome):
    return next(iter(outcome.result.artifacts.values())).handle


def test_a_step_runs_over_every_tile_that_was_found(shop, index, meaning):
    run = begin(shop, indexes=meaning.OneIndexes(index))
    tiles = handle(run("search_tiles", like_ids=[f"{1:032x}"], k=3))
    opened = run("open_image", each=tiles, tiles=tiles, item="$item")
    figures = run(
        "zonal_stats",
        each=handle(opened),
        raster="$item.raster",
        band="red",
        statistics=["mean"],
    ).result.figures
    means = {f.value for f in figures if f.name.startswith("mean")}
    assert means == {200.0, 10.0}


def test_a_file_that_the_index_names_is_reached_only_through_a_search(shop, index, meaning):
    href = index.all[0].href
    run = begin(shop, indexes=meaning.OneIndexes(index))
    with pytest.raises(SourceError, match="did not type"):
        run("open_image", hrefs=[href])
    run("search_tiles", like_ids=[f"{1:032x}"])
    assert run("open_image", hrefs=[href]).result.artifacts


def test_tiles_of_an_earlier_message_may_be_opened_again(shop, index, meaning):
    tiles = handle(
        begin(shop, indexes=meaning.OneIndexes(index))("search_tiles", like_ids=[f"{1:032x}"])
    )
    origins, book = OriginGuard(), HandleBook()
    carry_in([tiles], book=book, store=shop.store, origins=origins)
    later = begin(shop, book=book, origins=origins)
    assert later("open_image", tiles=tiles, item="2").result.artifacts


class Nothing(Arguments):
    """No arguments."""


def test_a_kept_result_is_taken_only_while_the_weights_are_the_same(shop):
    weights, calls = ["a"], []

    def look(_arguments, _services):
        calls.append(weights[0])
        figure = FigureDraft(name="n", value=len(calls), unit="count", label="n", method="counted")
        return ToolResult(figures=(figure,))

    tool = FunctionTool(
        card=ToolCard(
            name="look", summary="Looks.", outputs=(Output(name="n", kind="figure", about="n"),)
        ),
        arguments=Nothing,
        function=look,
        depends=lambda _arguments, _services: {"weights": weights[0]},
    )
    run = begin(shop, shelf=Shelf([tool]), cache=True)
    assert run("look").cached is False
    assert run("look").cached is True
    weights[0] = "b"
    assert run("look").cached is False
    assert calls == ["a", "b"]


def test_models_are_made_when_first_asked_and_again_after_they_were_closed(shop):
    first = shop.models.pool
    assert shop.models.pool is first
    shop.close()
    second = shop.models.pool
    assert second is not first
    assert {card.id for card in shop.models.cards()} >= {"remoteclip-vit-b-32"}
