"""Tool entry in a run: what a call may name, what becomes the run's own, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from eoagent import Agent
from eoagent.app.bench import run_tool
from eoagent.app.handles import HandleBook
from eoagent.app.request import Request
from eoagent.app.toolbox import Bench, Toolbox
from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.contracts.planner import Limits
from eoagent.contracts.tool import Options
from eoagent.io.origin import OriginGuard
from eoagent.planner.execution import Call
from eoagent.settings import Settings

WATER = {"rule": "water"}


class Patient:
    """A deadline that never comes."""

    remaining_s = 1e9

    def check(self):
        pass


@pytest.fixture
def shop(tmp_path):
    return Agent(home=tmp_path / "home", settings=Settings()).workshop


@pytest.fixture
def run_of(shop):
    """Return a function that begins a run in the home: a function that runs calls in it."""

    def begin(*typed, handles=(), cache=False, **options):
        book = HandleBook(handles)
        bench = Bench(
            store=shop.store,
            origins=OriginGuard([str(place) for place in typed]),
            options=Options(**options),
            limits=Limits(),
            cache=shop.ledger if cache else None,
            handles=book,
        )
        toolbox = Toolbox(bench)

        def run(tool, each=None, **arguments):
            call = Call(
                n=1,
                tool=tool,
                arguments=arguments,
                each=each,
                figures={},
                deadline=Patient(),
                progress=lambda _share, _what: None,
            )
            if each is None:
                toolbox.check(tool, arguments)
            return toolbox.run(call)

        return run

    return begin


def _first(outcome):
    return next(iter(outcome.result.artifacts.values())).handle


@pytest.fixture
def foreign(run_of, scene):
    """A raster and a mask of another run."""
    run = run_of(scene)
    raster = _first(run("open_image", hrefs=[str(scene)]))
    return raster, _first(run("threshold", raster=raster, **WATER))


def test_an_artifact_of_another_run_cannot_be_named(run_of, scene, foreign):
    run = run_of(scene)
    for tool, arguments in (
        ("threshold", {"raster": foreign[0], **WATER}),
        ("measure", {"target": foreign[1], "quantities": ["area"]}),
        ("render_map", {"layers": [foreign[1]]}),
    ):
        with pytest.raises(NotFound, match="was not made in this run or conversation"):
            run(tool, **arguments)


def test_a_refused_handle_and_one_that_nobody_made_are_told_alike(run_of, foreign):
    said = set()
    for handle in (foreign[1], "mask:000000000000"):
        with pytest.raises(NotFound) as caught:
            run_of()("measure", target=handle, quantities=["area"])
        said.add(caught.value.explain().replace(handle, ""))
    assert len(said) == 1


def test_what_the_run_made_can_be_named(run_of, scene, foreign):
    run = run_of(scene)
    raster = _first(run("open_image", hrefs=[str(scene)]))
    assert raster == foreign[0]  # the same content has the same handle, whoever made it
    assert run("threshold", raster=raster, **WATER).result.artifacts


def test_a_result_that_was_looked_up_is_the_runs_own(run_of, scene):
    for is_cached in (False, True):
        run = run_of(scene, cache=True)
        raster = _first(run("open_image", hrefs=[str(scene)]))
        made = run("threshold", raster=raster, **WATER)
        assert made.cached == is_cached
        assert run("measure", target=_first(made), quantities=["area"]).result.figures


def test_a_handle_that_was_handed_in_can_be_named(run_of, scene, foreign):
    run = run_of(scene, handles=[foreign[1]])
    assert run("measure", target=foreign[1], quantities=["area"]).result.figures


def test_what_a_step_over_a_list_made_can_be_named(run_of, scene, shop):
    run = run_of(scene.parent / "scene.tif", scene.parent)
    table = run("find_scenes", catalog=str(scene.parent)).result.artifacts["table"].handle
    opened = _first(run("open_image", each=table, hrefs=["$item.href"]))
    masks = _first(run("threshold", each=opened, raster="$item.raster", **WATER))
    stored = shop.store.get(masks)
    content = json.loads(shop.store.locate(stored.payload["path"]).read_text())
    mask = dict(zip(content["columns"], content["rows"][0], strict=True))["mask"]
    assert content["made"] == [mask]
    assert run("measure", target=mask, quantities=["area"]).result.figures


def test_features_are_gone_through_one_by_one(run_of, tmp_path, scene):
    points = [{"type": "Point", "coordinates": [15 + n / 100, 46]} for n in range(2)]
    features = [{"type": "Feature", "properties": {}, "geometry": p} for p in points]
    path = tmp_path / "points.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    run = run_of(path, scene)
    found = _first(run("open_features", href=str(path)))
    table = run("describe_data", each=found, target="$item").result
    assert table.figures[0].value == 2


def test_a_list_of_another_run_cannot_be_gone_through(run_of, scene):
    other = run_of(scene.parent)
    table = other("find_scenes", catalog=str(scene.parent)).result.artifacts["table"].handle
    with pytest.raises(NotFound, match=f"{table} was not made"):
        run_of(scene.parent)("open_image", each=table, hrefs=["$item.href"])


def test_a_cell_that_names_somebody_elses_is_refused_for_its_item(run_of, tmp_path, scene, foreign):
    (tmp_path / "in").mkdir()
    names = {
        "a": str(scene),
        "b": foreign[1],
        "c": "https://evil.example/x?leak=1",
        "d": "/etc/hosts",
    }
    links = []
    for key, title in names.items():
        item = {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": key,
            "geometry": None,
            "properties": {"datetime": None, "title": title},
            "assets": {"data": {"href": str(scene), "roles": ["data"]}},
            "links": [],
        }
        (tmp_path / "in" / f"{key}.json").write_text(json.dumps(item))
        links.append({"rel": "item", "href": f"./{key}.json"})
    catalog = {"type": "Catalog", "stac_version": "1.0.0", "id": "c", "description": "d"}
    (tmp_path / "in" / "catalog.json").write_text(json.dumps(catalog | {"links": links}))
    run = run_of(tmp_path / "in", scene)
    table = run("find_scenes", catalog=str(tmp_path / "in")).result.artifacts["table"].handle
    opened = run("open_image", each=table, hrefs=["$item.title"]).result
    assert opened.figures[0].value == 1
    assert opened.warnings == ("3 of 4 items failed",)
    with pytest.raises(InputError, match="all 4 items failed"):
        run("measure", each=table, target="$item.title", quantities=["area"])


def test_a_place_that_nobody_named_is_refused_before_the_tool_starts(run_of, scene):
    with pytest.raises(SourceError, match="neither the user nor a document of this run named it"):
        run_of(scene)("open_image", hrefs=["https://evil.example/x?leak=1"])
    with pytest.raises(SourceError, match="did not type"):
        run_of()("open_image", hrefs=[str(scene)])


@pytest.mark.parametrize(
    "path",
    ["../x.tif", "/x.tif", "a/../../x.tif", "link/x.tif", ".", "", "x\0.tif", "\u202e/../../x"],
)
def test_a_file_outside_of_the_output_folder_is_refused_before_the_tool_starts(
    run_of, scene, tmp_path, path
):
    out = tmp_path / "out"
    out.mkdir()
    (out / "link").symlink_to(tmp_path)
    run = run_of(scene, out_dir=out)
    raster = _first(run("open_image", hrefs=[str(scene)]))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError):
        run("export", artifact=raster, path=path)
    assert sorted(tmp_path.iterdir()) == before


def test_an_error_of_a_tool_shows_no_hidden_character(run_of, scene):
    run = run_of(scene)
    raster = _first(run("open_image", hrefs=[str(scene)]))
    with pytest.raises(InputError) as caught:
        run("spectral_index", raster=raster, index="ND\u202eVI\x1b[2J")
    assert caught.value.explain().isprintable()


def test_handles_on_the_command_line_count_as_typed(tmp_path, scene, foreign):
    found = run_tool(
        "measure", {"target": foreign[1], "quantities": ["area"]}, home=tmp_path / "home"
    )
    assert found.figures


def test_local_files_behind_a_handle_on_the_command_line_are_read_again(tmp_path, foreign):
    found = run_tool("threshold", {"raster": foreign[0], **WATER}, home=tmp_path / "home")
    assert found.artifacts


def test_a_run_of_the_agent_begins_without_handles_but_for_those_of_the_request(
    tmp_path, foreign, shop
):
    agent = Agent(home=tmp_path / "home", settings=Settings())
    request = replace(Request(question="q?"), handles=())
    toolbox = agent.toolbox(request, OriginGuard(), Limits())
    with pytest.raises(NotFound, match="was not made in this run"):
        toolbox.check("measure", {"target": foreign[1], "quantities": ["area"]})
