"""Fault row F4: a conversation gets nothing of another one, however it asks.

Two conversations share a home: store, ledger, cache and threads. The second one, A, names what the
first one, B, has: handles, figures, threads, runs. It is refused in the same words whether or not
there is such a thing, and no word or number of B is in what A is told, or in what is kept of A.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from affine import Affine

from eoagent import Agent
from eoagent.app.replay import replay_answer
from eoagent.app.session import Session, Situation
from eoagent.app.threadstore import open_threads
from eoagent.app.workshop import open_workshop
from eoagent.cli.main import main
from eoagent.contracts.artifact import KINDS, handle_kind
from eoagent.contracts.errors import EoAgentError, InputError, NotFound
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft, View
from eoagent.io.origin import OriginGuard
from eoagent.io.transcript import Transcript
from eoagent.planner.scripted import ScriptedPlanner
from eoagent.settings import Settings

WORDS = ("strangers-harbour", "Saltmarsh Pact", "14.9123")
SIZES = {"quantities": ["area", "share"]}
THREAD = "ab"
ABSENT = "0123456789ab"
REAL = ("raster", "mask", "features", "table", "picture", "scenes")
_REFUSED = "was not made in this run or conversation"
_OTHER = "is wanted"  # a handle of another kind, which its own letters say
NAMES = (
    "a%",
    "a_",
    "%",
    "*",
    "[a]b",
    "a?",
    "AB",
    "Ab",
    "ab ",
    " ab",
    "ab'",
    "ab' OR '1'='1",
    "x' UNION SELECT thread FROM transcript --",
    'ab"; DROP TABLE transcript; --',
    "$.ab",
    "$[*]",
    "ab|",
    "ab:",
    "ab/..",
    "../ab",
    "\uff41\uff42",
    "\u0430b",
    "a\u0443b",
    "ab\u0301",
    "\u00e1b",
    "a\u0301b",
    "ab" * 100,
    "?1",
    ":thread",
    "%(thread)s",
)
"""Names that are not B's, whatever a query, a pattern or an eye might take them for."""
NO_NAMES = (
    "",
    " ",
    "ab\n",
    "ab\0",
    "\0ab",
    "ab\r\nab",
    "a\tb",
    "\tab",
    "ab\u200b",
    "\u202eba",
    "ab\x1b[2K",
    "ab\ud800",
    "ab" * 101,
    "a" * 1_000_000,
)
"""Texts that name no conversation at all."""


@dataclass
class World:
    """A home where B has been, and the files of A."""

    root: Path
    write_scene: Callable[..., Path]
    handles: dict[str, str] = field(default_factory=dict)
    figures: tuple[str, ...] = ()
    numbers: set[str] = field(default_factory=set)
    run: str = ""
    asked: int = 0

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def mine(self) -> Path:
        return self.root / "mine"

    def agent(self, planner: Any) -> Agent:
        return Agent(planner, home=self.home, settings=Settings(max_steps=100))

    def check_silent(self, *told: object) -> None:
        """Check that nothing of B is in what was told."""
        text = "\n".join(one if isinstance(one, str) else repr(one) for one in told)
        assert [word for word in WORDS if word in text] == []
        assert [number for number in self.numbers if number in text] == []

    def ask(self, *steps: Step, name: str = "", **given: Any) -> tuple[Any, list[View]]:
        """Ask as A, in a conversation of its own if none is named; check all that is kept of it."""
        self.asked += 1
        name = name or f"mine {self.asked}"
        views: list[View] = []

        def plan(view: View) -> Plan:
            views.append(view)
            return Plan(steps=() if view.plan else steps)

        agent = self.agent(ScriptedPlanner(plan, Draft(text="Done.")))
        out = self.root / "out" / str(self.asked)
        given = {"images": [self.mine], "out_dir": out} | given
        answer = agent.ask("What is mine?", thread=name, **given)
        ledger = agent.workshop.ledger
        with open_threads(agent.workshop) as threads:
            state = threads.saver.get({"configurable": {"thread_id": name}})
        assert state is not None
        kept = [ledger.get_run(answer.record.run), *ledger.calls(answer.record.run)]
        said = agent.thread(name).turns()
        self.check_silent(answer.record.model_dump_json(), views, state, kept, said)
        written = [path for path in out.rglob("*") if path.is_file()] if out.exists() else []
        self.check_silent(*(path.read_text("latin-1") for path in written), *map(str, written))
        return answer, views


@pytest.fixture(scope="module")
def world(tmp_path_factory, write_scene):
    """The home after B's conversation, which has something of every kind."""
    made = World(tmp_path_factory.mktemp("f4"), write_scene)
    write_scene(made.mine / "scene.tif")
    theirs = made.root / WORDS[0]
    write_scene(
        theirs / "scene_20240101.tif", water=33, transform=Affine(10, 0, 65e4, 0, -10, 51e5)
    )
    feature = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [16.94, 46.03]},
        "properties": {"name": WORDS[1]},
    }
    (theirs / "places.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [feature]})
    )
    steps = (
        Step(n=1, tool="find_scenes", arguments={"catalog": str(theirs)}),
        Step(n=2, tool="open_image", arguments={"scenes": "$1"}),
        Step(n=3, tool="threshold", arguments={"raster": "$2", "rule": "water", "label": WORDS[1]}),
        Step(n=4, tool="measure", arguments={"target": "$3", **SIZES}),
        Step(n=5, tool="open_features", arguments={"href": str(theirs / "places.geojson")}),
        Step(n=6, tool="render_map", arguments={"layers": ["$2"], "title": WORDS[1]}),
        Step(n=7, tool="describe_data", arguments={"target": "$3"}),
    )
    planner = ScriptedPlanner([Plan(steps=steps)], Draft(text=f"{WORDS[1]}: {{f1}}"))
    agent = made.agent(planner)
    answer = agent.ask(
        f"Where is the {WORDS[1]}?", thread=THREAD, images=[theirs], features=[theirs]
    )
    assert [step.status for step in answer.steps] == ["done"] * 7, answer.steps
    made.handles = {artifact.kind: artifact.id for artifact in answer.artifacts}
    store = agent.workshop.store
    payload = store.get(made.handles["features"]).payload
    for kind in set(KINDS) - set(made.handles):
        made.handles[kind] = store.put(kind, title=WORDS[1], payload=payload, preview={}).handle
    made.figures = tuple(figure.id for figure in answer.figures)
    values = (figure.value for figure in answer.figures if isinstance(figure.value, float))
    made.numbers = {repr(value) for value in values if len(repr(value)) > 8}
    assert len(made.numbers) >= 2
    assert len(made.figures) > 8
    made.run = answer.record.run
    return made


def _opening(world: World) -> list[Step]:
    """Return A's own steps: an image, what of it is water, how much, and where the image lies."""
    return [
        Step(n=1, tool="open_image", arguments={"hrefs": [str(world.mine / "scene.tif")]}),
        Step(n=2, tool="threshold", arguments={"raster": "$1", "rule": "water"}),
        Step(n=3, tool="measure", arguments={"target": "$2", **SIZES}),
        Step(n=4, tool="find_scenes", arguments={"catalog": str(world.mine)}),
    ]


def _literal(handle: str) -> list[tuple[str, dict[str, Any]]]:
    """Return calls that name a handle as it stands, where tools of its kind want one."""
    asked: dict[str, list[tuple[str, dict[str, Any]]]] = {
        "raster": [
            ("threshold", {"raster": handle, "rule": "water"}),
            ("spectral_index", {"raster": handle, "index": "ndwi"}),
            ("zonal_stats", {"raster": handle, "band": "nir"}),
            ("compare", {"first": "$1", "second": handle}),
        ],
        "mask": [
            ("measure", {"target": handle, **SIZES}),
            ("regions", {"mask": handle}),
            ("zonal_stats", {"raster": "$1", "zones": handle}),
            ("combine", {"first": "$2", "second": handle, "operation": "and"}),
        ],
        "features": [
            ("measure", {"target": handle, "quantities": ["count"]}),
            ("relate", {"first": "$2", "second": handle, "relation": "within", "distance_m": 9}),
            ("zonal_stats", {"raster": "$1", "zones": handle, "band": "nir"}),
        ],
        "table": [
            ("rank", {"table": handle, "column": "area"}),
            ("time_series", {"table": handle, "column": "area"}),
        ],
        "scenes": [
            ("open_image", {"scenes": handle}),
            ("open_image", {"scenes": handle, "item": "scene_20240101"}),
        ],
    }
    alike = {"boxes": "features", "aoi": "features"}
    kind = str(handle_kind(handle))
    calls = asked.get(alike.get(kind, kind), [])
    return [
        *calls,
        ("describe_data", {"target": handle}),
        ("measure", {"target": handle, **SIZES}),
        ("export", {"artifact": handle, "path": "taken.json"}),
    ]


def _in_lists(handle: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("align", {"rasters": ["$1", handle], "operation": "stack"}),
        ("rank", {"figures": ["$3.area", handle]}),
        ("time_series", {"figures": ["$3.area", "$3.share", handle]}),
        ("open_image", {"hrefs": [handle]}),
        ("find_scenes", {"catalog": ".", "words": [handle]}),
    ]


def _exported(handle: str) -> list[tuple[str, dict[str, Any]]]:
    endings = ("tif", "png", "csv", "json", "geojson", "html")
    return [("export", {"artifact": handle, "path": f"taken.{ending}"}) for ending in endings]


def _drawn(handle: str) -> list[tuple[str, dict[str, Any]]]:
    return [("render_map", {"layers": layers}) for layers in (["$1", handle], [handle])]


WAYS = {"literal": _literal, "list": _in_lists, "export": _exported, "layers": _drawn}


def _said(steps: Any, handle: str) -> list[str]:
    """Return what became of steps, the handle itself left out."""
    told = (f"{step.tool} {step.status} {step.error}" for step in steps)
    return [text.replace(handle, "HANDLE") for text in told]


def _probe(
    world: World, calls: Callable[[str], list[tuple[str, dict[str, Any], str | None]]], kind: str
) -> None:
    """Ask for what is B's and for what is not there; both are refused in the same words."""
    told = []
    for handle in (world.handles[kind], f"{kind}:{ABSENT}"):
        first = _opening(world)
        asked = [
            Step(n=len(first) + n, tool=tool, arguments=arguments, each=each)
            for n, (tool, arguments, each) in enumerate(calls(handle), 1)
        ]
        answer, _ = world.ask(*first, *asked)
        own, others = answer.steps[: len(first)], answer.steps[len(first) :]
        assert {step.status for step in own} <= {"done", "cached"}, own
        assert [step.status for step in others] == ["failed"] * len(asked), others
        assert not any(step.artifacts or step.figures for step in others)
        assert all(_REFUSED in s.error["message"] or _OTHER in s.error["message"] for s in others)
        assert any(_REFUSED in step.error["message"] for step in others)
        told.append(_said(others, handle))
    assert told[0] == told[1]


@pytest.mark.parametrize("kind", KINDS)
def test_no_handle_of_another_conversation_is_good_in_arguments(world, kind):
    _probe(world, lambda handle: [(*call, None) for call in _literal(handle)], kind)


@pytest.mark.parametrize(
    ("calls", "kind"),
    [
        *((calls, kind) for calls in (_in_lists, _exported) for kind in REAL),
        *((_drawn, kind) for kind in ("raster", "mask", "features")),
    ],
)
def test_none_is_good_in_lists_and_layers_nor_to_be_written_out(world, calls, kind):
    _probe(world, lambda handle: [(*call, None) for call in calls(handle)], kind)


@pytest.mark.parametrize("kind", REAL)
def test_none_can_be_run_over(world, kind):
    def calls(handle):
        return [
            ("measure", {"target": "$item", **SIZES}, handle),
            ("measure", {"target": "$item.mask", **SIZES}, handle),
            ("open_image", {"hrefs": ["$item.href"]}, handle),
            ("open_image", {"hrefs": ["$item"]}, handle),
            ("describe_data", {"target": "$2"}, handle),
            ("find_scenes", {"catalog": "$item.href", "words": ["$item.title"]}, handle),
        ]

    _probe(world, calls, kind)


def _catalog(world: World, title: str, identity: str = "") -> str:
    """Write a catalog with one item of that title, on A's scene; return its path."""
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": identity or title,
        "geometry": None,
        "bbox": [14.9, 45.9, 15.1, 46.1],
        "properties": {"datetime": "2024-07-01T10:00:00Z", "title": title},
        "links": [],
        "assets": {"data": {"href": "../mine/scene.tif", "type": "image/tiff", "roles": ["data"]}},
    }
    folder = world.root / "catalogs"
    folder.mkdir(exist_ok=True)
    path = folder / f"{title.replace(':', '-')}.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [item]}))
    return str(path)


@pytest.mark.parametrize("kind", REAL)
def test_none_gets_in_as_a_cell_of_ones_own_table(world, kind):
    told = []
    for handle in (world.handles[kind], f"{kind}:{ABSENT}"):
        path = _catalog(world, handle)
        calls = [
            (tool, json.loads(json.dumps(arguments).replace(handle, "$item.title")))
            for tool, arguments in (*_literal(handle), *_exported(handle)[:2], *_drawn(handle))
        ]
        answer, _ = world.ask(
            *_opening(world),
            Step(n=5, tool="find_scenes", arguments={"catalog": path}),
            *(
                Step(n=n, tool=tool, arguments=arguments, each="$5.table")
                for n, (tool, arguments) in enumerate(calls, 6)
            ),
            catalog=path,
        )
        assert answer.steps[4].status == "done"
        others = answer.steps[5:]
        assert [step.status for step in others] == ["failed"] * len(calls), others
        assert any(_REFUSED in step.error["message"] for step in others)
        told.append(_said(others, handle))
    assert told[0] == told[1]


def test_texts_that_almost_are_a_handle_of_another_conversation_are_none(world):
    for kind in ("raster", "mask"):
        handle = world.handles[kind]
        almost = (
            f" {handle}",
            f"{handle} ",
            f"{handle}\n",
            f"{handle}\0",
            handle.upper(),
            handle.replace(":", "-"),
            handle.replace(":", "::"),
            handle.replace(":", "\uff1a"),
            f"{handle[:-1]}%",
            f"{handle[:-1]}_",
            f"{handle[:-1]}*",
            f"../artifacts/{handle.replace(':', '-')}.json",
            f"{handle},{handle}",
            f"eoagent://artifact/{handle}",
        )
        asked = [
            call
            for text in almost
            for call in (*_literal(text), *_drawn(text), *_exported(text)[:2], *_in_lists(text)[:1])
        ]
        steps = [Step(n=n, tool=tool, arguments=given) for n, (tool, given) in enumerate(asked, 5)]
        answer, _ = world.ask(*_opening(world), *steps)
        assert {step.status for step in answer.steps[4:]} == {"failed"}


def test_no_file_of_the_home_or_of_another_conversation_is_read(world):
    store = open_workshop(world.home).store
    there = [
        world.home / "threads.sqlite",
        world.home / "ledger.sqlite",
        store.locate(store.get(world.handles["mask"]).payload["path"]),
        store.layout.record_path(world.handles["mask"]),
        world.root / WORDS[0] / "scene_20240101.tif",
    ]
    told = []
    for paths in (there, [path.with_name(f"none{path.suffix}") for path in there]):
        asked = [
            call
            for path in map(str, paths)
            for call in (
                ("open_image", {"hrefs": [path]}),
                ("open_features", {"href": path}),
                ("find_scenes", {"catalog": path}),
            )
        ]
        steps = [Step(n=n, tool=tool, arguments=given) for n, (tool, given) in enumerate(asked, 1)]
        planner = ScriptedPlanner([Plan(steps=tuple(steps))], Draft(text="Done."))
        answer = world.agent(planner).ask("What is mine?", images=[world.mine])
        assert {step.status for step in answer.steps} == {"failed"}
        told.append(
            [
                f"{step.error}".replace(path, "PATH")
                for step, path in zip(
                    answer.steps, [p for p in map(str, paths) for _ in "123"], strict=True
                )
            ]
        )
    assert told[0] == told[1]


def test_figures_that_only_another_conversation_has_are_unknown(world):
    first = _opening(world)
    told = []
    for identity in (world.figures[-1], "f999"):
        steps = [
            Step(n=5, tool="calculate", arguments={"expression": identity, "unit": "1"}),
            Step(n=6, tool="calculate", arguments={"expression": f"{identity} * 2", "unit": "1"}),
            Step(n=7, tool="rank", arguments={"figures": ["$3.area", identity]}),
            Step(n=8, tool="time_series", arguments={"figures": ["$3.area", "$3.share", identity]}),
            Step(n=9, tool="rank", arguments={"figures": [f"figure:{identity}", "$3.area"]}),
        ]
        answer, _ = world.ask(*first, *steps)
        assert identity not in {figure.id for figure in answer.figures}
        assert {step.status for step in answer.steps[4:]} == {"failed"}, answer.steps
        told.append([f"{step.error}".replace(identity, "FIGURE") for step in answer.steps[4:]])
    assert told[0] == told[1]


@pytest.mark.parametrize("identity", ["last", "f999"])
def test_an_answer_cannot_cite_a_figure_of_another_conversation(world, identity):
    identity = world.figures[-1] if identity == "last" else identity
    draft = Draft(text=f"It is {{{identity}}}.", results=(identity,))
    planner = ScriptedPlanner([Plan()], draft)
    answer = world.agent(planner).ask("What is mine?", thread=f"cites {identity}")
    assert answer.text == "It is [no such figure]."
    assert not answer.results
    world.check_silent(answer.record.model_dump_json())


def test_equal_findings_of_two_conversations_keep_their_own_words(world):
    """What both find in files that both know is not called what B calls it."""

    def steps(catalog: str, title: str, **conditions: Any) -> list[Step]:
        return [
            Step(n=1, tool="find_scenes", arguments={"catalog": catalog, **conditions}),
            Step(n=2, tool="open_image", arguments={"scenes": "$1"}),
            Step(n=3, tool="threshold", arguments={"raster": "$2", "rule": "water"}),
            Step(
                n=4,
                tool="render_map",
                arguments={"layers": ["$3"], "title": title, "width_px": 200},
            ),
            Step(n=5, tool="render_map", arguments={"layers": ["$3"]}),
            Step(n=6, tool="describe_data", arguments={"target": "$1.table"}),
        ]

    def look() -> None:
        world.check_silent(*(store.get(artifact.id) for artifact in mine.artifacts))

    catalog, long = _catalog(world, "common"), "m" * 100
    mine, _ = world.ask(*steps(catalog, long), catalog=catalog, name="mine first")
    store = open_workshop(world.home).store
    look()
    renamed = _catalog(world, WORDS[1], "common")
    theirs = (
        steps(catalog, f"{long} {WORDS[1]}", bbox=[14.9123, 45.9, 15.1, 46.1]),
        steps(renamed, WORDS[1]),
    )
    for n, plan in enumerate(theirs):
        planner = ScriptedPlanner([Plan(steps=tuple(plan))], Draft(text="Done."))
        given = {"catalog": plan[0].arguments["catalog"], "thread": f"theirs {n}"}
        answer = world.agent(planner).ask("What is there?", **given)
        assert {step.status for step in answer.steps} <= {"done", "cached"}, answer.steps
        look()
    asked = [
        call
        for artifact in mine.artifacts
        if artifact.kind in {"mask", "raster", "table"}
        for call in (_literal(artifact.id)[-3], *_drawn(artifact.id)[1:])
        if not (artifact.kind == "table" and call[0] == "render_map")
    ]
    again = [Step(n=n, tool=tool, arguments=given) for n, (tool, given) in enumerate(asked, 1)]
    after, _ = world.ask(*again, name="mine first")
    assert {step.status for step in after.steps} <= {"done", "cached"}, after.steps


def test_what_was_made_in_a_conversation_is_good_in_its_next_message(world):
    first, _ = world.ask(*_opening(world), name="goes on")
    raster, mask = (next(a.id for a in first.artifacts if a.kind == k) for k in ("raster", "mask"))
    asked = [*_literal(mask)[:2], *_literal(raster)[:2], *_drawn(mask)[1:], *_exported(mask)[:1]]
    steps = [Step(n=n, tool=tool, arguments=given) for n, (tool, given) in enumerate(asked, 1)]
    answer, _ = world.ask(*steps, name="goes on")
    assert {step.status for step in answer.steps} <= {"done", "cached"}, answer.steps
    other, _ = world.ask(*steps, name="does not go on")
    assert {step.status for step in other.steps} == {"failed"}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_that_is_not_the_same_is_another_conversation(world, name):
    agent = world.agent(ScriptedPlanner([], Draft(text="Done.")))
    turns = len(agent.thread(THREAD).turns())
    with pytest.raises(NotFound) as caught:
        agent.thread(name).turns()
    world.check_silent(str(caught.value), caught.value.hint)
    _, views = world.ask(name=name)
    assert not views[0].history
    assert not views[0].figures
    assert [turn.question for turn in agent.thread(name).turns()] == ["What is mine?"]
    assert len(agent.thread(THREAD).turns()) == turns


@pytest.mark.parametrize("name", NO_NAMES, ids=lambda name: ascii(name)[:20])
def test_a_text_that_is_no_name_is_refused_before_anything_is_asked(world, name):
    agent = world.agent(ScriptedPlanner([], Draft(text="Done.")))
    runs = len(agent.workshop.ledger.list_runs())
    told = set()
    for ask in (agent.thread, lambda text: agent.ask("What is mine?", thread=text)):
        with pytest.raises(InputError, match="name of the thread|has an empty name") as caught:
            ask(name)
        told.add(f"{caught.value} {caught.value.hint}")
    assert len(told) == 1
    assert all(text.isprintable() and len(text) < 200 for text in told)
    assert len(agent.workshop.ledger.list_runs()) == runs


def test_the_id_of_a_run_is_no_way_into_a_single_question(world):
    """While it runs, and after a process died in it, its state lies beside the conversations."""
    other = world.agent(
        ScriptedPlanner(
            [Plan(steps=(Step(n=1, tool="find_scenes", arguments={"catalog": "."}),))],
            Draft(text=WORDS[1]),
        )
    )
    events = other.stream(f"Where is the {WORDS[1]}?", images=[world.root / WORDS[0]])
    with closing(events):
        assert next(events).kind == "plan"
        run = next(r.id for r in other.workshop.ledger.live_runs() if WORDS[1] in r.question)
        agent = world.agent(ScriptedPlanner([], Draft(text="Done.")))
        with pytest.raises(NotFound):
            agent.thread(run).turns()
        _, views = world.ask(name=run, images=[])
    assert not views[0].history
    assert not views[0].inputs
    assert [turn.question for turn in agent.thread(run).turns()] == ["What is mine?"]


def _runs_like(run: str) -> tuple[str, ...]:
    return (
        "%",
        "*",
        "",
        f"{run[:-1]}_",
        f"{run[:-1]}%",
        f"{run[:-1]}?",
        run[:-1],
        f"{run} ",
        f" {run}",
        f"{run}\0",
        f"{run}\n",
        run.lower(),
        f"{run}' OR '1'='1",
        "' UNION SELECT id FROM runs --",
        "x'; DROP TABLE runs; --",
        f"../{run}",
        "$.id",
        "last",
        "0",
        "\ud800",
        "x" * 100_000,
    )


def test_a_run_is_shown_by_its_whole_id_only(world):
    ledger = open_workshop(world.home).ledger
    assert ledger.get_run(world.run).summary.thread == THREAD
    for text in _runs_like(world.run):
        for look in (ledger.get_run, ledger.calls):
            with pytest.raises((NotFound, InputError)) as caught:
                look(text)
            world.check_silent(str(caught.value), caught.value.hint)
            assert len(str(caught.value)) < 200
    assert ledger.get_run(world.run).answer is not None


def test_the_command_line_shows_nothing_of_a_run_that_is_not_named_whole(
    world, monkeypatch, capsys
):
    monkeypatch.setenv("EOAGENT_HOME", str(world.home))
    monkeypatch.chdir(world.mine)
    for text in (text for text in _runs_like(world.run) if "\0" not in text):
        for command in (["runs", "show", "--", text], ["replay", "--", text or "none"]):
            monkeypatch.setattr(sys, "argv", ["eoagent", *command])
            with pytest.raises(SystemExit) as ended:
                main()
            said = capsys.readouterr()
            assert ended.value.code not in {0, None}
            assert "InternalError" not in said.err
            assert said.err.replace("\n", " ").isprintable()
            world.check_silent(said.out, said.err)


def test_a_replay_of_what_is_no_file_finds_nothing(world, monkeypatch):
    monkeypatch.chdir(world.mine)
    for text in _runs_like(world.run)[3:]:
        with pytest.raises(EoAgentError) as caught:
            replay_answer(text, home=world.home)
        world.check_silent(caught.value.explain())


def test_a_replay_lets_in_no_artifact_that_the_run_itself_was_refused(world, tmp_path):
    """A step that failed names B's mask; a table of A has it in a cell."""
    handle = world.handles["mask"]
    path = _catalog(world, handle)
    answer, _ = world.ask(
        Step(n=1, tool="find_scenes", arguments={"catalog": path}),
        Step(n=2, tool="measure", arguments={"target": handle, **SIZES}),
        Step(n=3, tool="measure", arguments={"target": "$item.title", **SIZES}, each="$1.table"),
        catalog=path,
    )
    assert [step.status for step in answer.steps] == ["done", "failed", "failed"]
    document = json.loads(answer.record.model_dump_json(by_alias=True))
    document["steps"][2]["status"] = "done"  # as if it had gone through
    kept = tmp_path / "answer.json"
    kept.write_text(json.dumps(document))
    runs = {run.id for run in open_workshop(world.home).ledger.list_runs()}
    report = replay_answer(kept, home=world.home)
    ledger = open_workshop(world.home).ledger
    (run,) = {run.id for run in ledger.list_runs()} - runs
    calls = ledger.calls(run)
    assert [call.record.status for call in calls] == ["done", "failed"]
    assert _REFUSED in calls[1].record.error["message"]
    world.check_silent(*report.lines(), calls, ledger.get_run(run))


def _session(world: World) -> Session:
    folders = [str(world.mine), str(world.root / "catalogs")]
    return Session(
        open_workshop(world.home),
        Situation(origins=OriginGuard(typed=folders), out_dir=world.root / "out"),
    )


def _refusal(work: Callable[[], object]) -> EoAgentError:
    with pytest.raises(EoAgentError) as caught:
        work()
    return caught.value


@pytest.mark.parametrize("kind", REAL)
def test_a_session_over_the_protocol_reads_and_lists_its_own_artifacts_only(world, kind):
    resources = pytest.importorskip("eoagent.mcp.resources", reason="the extra is not installed")
    results = pytest.importorskip("eoagent.mcp.results")
    with _session(world) as session:
        mine = session.run("open_image", {"hrefs": [str(world.mine / "scene.tif")]}).result
        own = next(iter(mine.artifacts.values())).handle
        listed = resources.list_artifacts(session, None).resources
        assert [resource.name for resource in listed] == [own]
        told = []
        for handle in (world.handles[kind], f"{kind}:{ABSENT}"):
            errors = [
                _refusal(lambda uri=uri: resources.read_artifact(session, uri))
                for uri in (
                    f"eoagent://artifact/{handle}",
                    f"eoagent://artifact/{handle}?",
                    f"eoagent://artifact/../artifact/{handle}",
                    f"EOAGENT://artifact/{handle}",
                    handle,
                )
            ]
            for tool, given in (*_literal(handle), *_exported(handle), *_drawn(handle)):
                known = json.loads(json.dumps(given).replace('"$1"', f'"{own}"'))
                errors += [
                    _refusal(lambda t=tool, g=known: session.price(t, g)),
                    _refusal(lambda t=tool, g=known: session.run(t, g)),
                ]
            shown = [results.failed(error).model_dump_json() for error in errors]
            world.check_silent(*shown, *(error.explain() for error in errors))
            told.append([text.replace(handle, "HANDLE") for text in shown])
        assert told[0] == told[1]
        assert [r.name for r in resources.list_artifacts(session, None).resources] == [own]


def test_a_session_knows_no_figures_of_another_one(world):
    with _session(world) as one, _session(world) as other:
        opened = one.run("open_image", {"hrefs": [str(world.mine / "scene.tif")]}).result
        raster = next(iter(opened.artifacts.values())).handle
        figures = one.run("describe_data", {"target": raster}).figures
        told = set()
        for identity in (figures[0].id, "f999"):
            asked = {"expression": identity, "unit": "1"}
            error = _refusal(lambda given=asked: other.run("calculate", given))
            told.add(error.explain().replace(identity, "FIGURE"))
        assert len(told) == 1


def test_names_are_compared_letter_by_letter_in_the_transcript_itself(world):
    """Also for names that no conversation can have."""
    transcript = Transcript(world.home / "threads.sqlite")
    assert transcript.turns(THREAD)
    for name in (*NAMES, *(name for name in NO_NAMES if "\ud800" not in name)):
        if name in {summary.name for summary in transcript.threads()}:
            assert WORDS[1] not in repr(transcript.turns(name))
        else:
            with pytest.raises(NotFound):
                transcript.turns(name)
        assert not transcript.has(name, world.run)
