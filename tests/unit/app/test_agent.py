"""The agent: what it answers, what it keeps, and in which order things are told."""

from __future__ import annotations

import json
import sqlite3
import threading

import pytest

from eoagent import Agent
from eoagent.app.modelling import HomeModels
from eoagent.contracts.answer import ModelUse
from eoagent.contracts.errors import InputError, NotFound, SourceError
from eoagent.contracts.plan import Plan, Step
from eoagent.contracts.planner import Draft
from eoagent.contracts.runner import Counters
from eoagent.planner.scripted import ScriptedPlanner
from eoagent.settings import Settings

WATER = "How many square kilometres of water are there?"
SHARE = "How much of it is water?"


@pytest.fixture
def agent(tmp_path) -> Agent:
    return Agent(home=tmp_path / "home", settings=Settings())


def _threads(home) -> list[tuple[str, int]]:
    with sqlite3.connect(home / "threads.sqlite") as connection:
        query = "SELECT thread_id, count(*) FROM checkpoints GROUP BY thread_id"
        return connection.execute(query).fetchall()


def test_water_of_a_known_scene_is_measured(agent, scene):
    # 40 rows x 20 columns of 10 m on UTM 33N beside the central meridian, where a metre on the
    # map is 1 / 0.9996 metres on the ground.
    answer = agent.ask(SHARE, images=[scene])
    assert answer.status == "answered"
    area, share = answer.results
    assert (area.unit, share.unit) == ("m2", "percent")
    assert area.value == pytest.approx(800 * 100 / 0.9996**2, rel=1e-5)
    assert share.value == pytest.approx(100 / 3, rel=1e-6)
    assert area.sources[0].href == str(scene)
    assert repr(answer).startswith("Answer(status='answered'")


def test_the_parts_of_an_answer_are_those_of_its_record(agent, scene):
    answer = agent.ask(WATER, images=[scene])
    for name in ("figures", "artifacts", "steps", "assumptions", "warnings", "usage", "unverified"):
        assert getattr(answer, name) == getattr(answer.record, name)
    assert set(answer.results) <= set(answer.figures)
    assert answer.usage.tool_calls == len(answer.steps)
    assert answer.record.planner == "offline"


def test_events_come_in_the_order_in_which_things_happen(agent, scene):
    events = list(agent.stream(SHARE, images=[scene]))
    kinds = [e.kind for e in events if e.kind != "step-progress"]
    assert kinds[0] == "plan"
    assert kinds[-1] == "answer"
    assert kinds.count("answer") == 1
    started, ended = set(), set()
    for event in events:
        if event.kind == "step-start":
            assert event.step not in started
            assert event.data.n == event.step
            started.add(event.step)
        if event.kind == "step-progress":
            assert event.step in started - ended
        if event.kind == "step-end":
            assert event.step in started
            assert event.data.n == event.step
            ended.add(event.step)
    planned = {step.n for e in events if e.kind == "plan" for step in e.data}
    assert planned == started == ended


def test_without_an_image_the_agent_asks_back(agent):
    answer = agent.ask(SHARE)
    assert answer.status == "clarify"
    assert "--image" in answer.record.question_back
    assert not answer.results


def test_a_reply_in_the_thread_continues_a_question_back(tmp_path, agent, scene):
    assert agent.ask(SHARE, thread="coast").status == "clarify"
    again = Agent(home=tmp_path / "home", settings=Settings())
    answer = again.ask("here it is", images=[scene], thread="coast")
    assert answer.status == "answered"
    assert SHARE in answer.record.question
    assert len(answer.results) == 2


def test_an_image_given_before_the_question_back_is_still_trusted_after_it(tmp_path, scene):
    def plan(view):
        if view.steps:
            return Plan()
        if "yes" in view.question:
            hrefs = [given.href for given in view.inputs]
            return Plan(steps=(Step(n=1, tool="open_image", arguments={"hrefs": hrefs}),))
        return Plan(steps=(Step(n=1, tool="ask_user", arguments={"question": "Sure?"}),))

    agent = Agent(ScriptedPlanner(plan, Draft(text="Done.")), home=tmp_path / "h")
    assert agent.ask("Open it", images=[scene], thread="t").status == "clarify"
    answer = agent.ask("yes", thread="t")
    assert answer.record.question == "Open it yes"
    assert answer.steps[0].status == "done"


def test_a_single_question_leaves_no_checkpoint_and_a_named_thread_leaves_one(
    tmp_path, agent, scene
):
    agent.ask(WATER, images=[scene])
    assert _threads(tmp_path / "home") == []
    agent.ask(WATER, images=[scene], thread="a")
    agent.ask(SHARE, images=[scene], thread="a")
    agent.ask(SHARE, thread="b")
    assert _threads(tmp_path / "home") == [("a", 1), ("b", 1)]


def test_checkpoints_hold_plain_data_only(tmp_path, agent, scene):
    import ormsgpack

    agent.ask(WATER, images=[scene], thread="a")
    seen = []
    with sqlite3.connect(tmp_path / "home" / "threads.sqlite") as connection:
        rows = connection.execute("SELECT type, checkpoint FROM checkpoints").fetchall()
        rows += connection.execute("SELECT type, value FROM writes").fetchall()
    for kind, blob in rows:
        assert kind in {"msgpack", "null", "json"}
        if kind == "msgpack":  # an extension type would be one of somebody's classes
            ormsgpack.unpackb(blob, ext_hook=lambda tag, data: seen.append((tag, data)))
    assert rows
    assert seen == []


def test_a_run_that_fails_leaves_no_checkpoint_and_a_failed_line(tmp_path, agent):
    with pytest.raises(InputError, match="empty"):
        agent.ask("   ")
    assert _threads(tmp_path / "home") == []
    assert [run.status for run in agent.workshop.ledger.list_runs(5)] == ["failed"]


def test_a_run_that_nobody_follows_is_written_down_as_failed(tmp_path, agent, scene):
    events = agent.stream(WATER, images=[scene])
    next(events)
    events.close()
    assert [run.status for run in agent.workshop.ledger.list_runs(5)] == ["failed"]
    assert _threads(tmp_path / "home") == []


def test_a_planner_with_a_bug_leaves_no_run_behind_as_running(agent):
    def broken(_view):
        raise ZeroDivisionError

    agent._planner = ScriptedPlanner(broken, Draft(text=""))
    with pytest.raises(ZeroDivisionError):
        agent.ask(WATER)
    assert [run.status for run in agent.workshop.ledger.list_runs(5)] == ["failed"]


def test_the_ledger_holds_the_run_as_it_was_answered(agent, scene):
    answer = agent.ask(WATER, images=[scene])
    run = agent.workshop.ledger.get_run(answer.record.run)
    assert run.summary.status == "answered"
    assert run.answer["text"] == answer.text
    calls = agent.workshop.ledger.calls(answer.record.run)
    assert [c.record.n for c in calls] == [s.n for s in answer.steps]


def test_two_agents_on_one_home_ask_at_once(tmp_path, scene):
    agents = [Agent(home=tmp_path / "home", settings=Settings()) for _ in range(2)]
    answers, problems = [], []

    def work(number: int) -> None:
        try:
            for turn in range(2):
                given = {"thread": f"t{number}"} if turn else {}
                answers.append(agents[number].ask(SHARE, images=[scene], **given))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            problems.append(error)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert problems == []
    assert {a.status for a in answers} == {"answered"}
    assert len({a.record.run for a in answers}) == 4
    assert len({a.results[0].value for a in answers}) == 1
    assert sorted(_threads(tmp_path / "home")) == [("t0", 1), ("t1", 1)]


def test_one_step_is_not_enough_and_the_answer_says_so(agent, scene):
    answer = agent.ask(WATER, images=[scene], max_steps=1)
    assert answer.status == "partial"
    assert "limit of 1 steps" in " ".join(answer.warnings)


@pytest.mark.parametrize("limits", [{"max_steps": 0}, {"max_seconds": 0.0}, {"max_seconds": -1}])
def test_a_limit_that_leaves_no_room_is_refused_and_not_taken_for_none(agent, limits):
    with pytest.raises(InputError, match="was asked for"):
        agent.ask(WATER, **limits)


def test_bands_and_pixel_size_can_be_stated(agent, tmp_path, write_scene):
    bare = write_scene(tmp_path / "bare.tif", crs=None, transform=None)
    answer = agent.ask(SHARE, images=[bare], bands=["b", "green", "r", "nir"], gsd_m=20.0)
    assert answer.results[0].value == pytest.approx(800 * 400)


def test_an_image_that_is_not_there_is_named(agent, tmp_path):
    with pytest.raises(NotFound, match=r"no file .*nowhere\.tif") as error:
        agent.ask(WATER, images=[tmp_path / "nowhere.tif"])
    assert error.value.hint == "check the path"


def test_an_unreadable_image_ends_in_an_answer_that_says_why(agent, tmp_path):
    bad = tmp_path / "bad.tif"
    bad.write_bytes(b"II*\0" + b"\xff" * 100)
    answer = agent.ask(WATER, images=[bad])
    assert answer.status == "cannot_answer"
    assert answer.steps[0].error["kind"] == "SourceError"
    assert "bad.tif" in answer.text


def test_an_argument_that_no_request_has_is_named(agent):
    with pytest.raises(InputError, match="'image' is no part") as error:
        agent.ask(WATER, image="x.tif")
    assert "images" in error.value.hint


def test_a_planner_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="planner 'gpt' is not known"):
        Agent("gpt", home=tmp_path)


def test_a_damaged_file_of_conversations_is_named_and_says_what_to_do(tmp_path, agent):
    (tmp_path / "home" / "threads.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(SourceError, match=r"threads\.sqlite cannot be read") as error:
        agent.ask(WATER, thread="a")
    assert "move that file away" in error.value.hint


def test_a_scripted_plan_may_refer_to_its_own_steps(tmp_path, scene):
    steps = (
        Step(n=1, tool="open_image", arguments={"hrefs": [str(scene)]}),
        Step(n=2, tool="threshold", arguments={"raster": "$1", "rule": "water"}),
        Step(n=3, tool="measure", arguments={"target": "$2", "quantities": ["area"]}),
    )
    draft = Draft(text="It is {f1}, not 12345.", results=("f1",))
    agent = Agent(ScriptedPlanner([Plan(steps=steps)], draft), home=tmp_path / "h")
    answer = agent.ask("How much?", images=[scene])
    assert answer.unverified == ("12345",)
    assert "[unverified: 12345]" in answer.text
    assert answer.steps[2].references == {"target": "$2"}
    assert answer.steps[2].arguments["target"].startswith("mask:")


def test_an_answer_says_what_the_models_did_for_it(agent, scene, monkeypatch, tmp_path):
    name = "remotesam-v1 cpu float32 fast"
    looks = iter(
        [
            {name: Counters(requests=2, batches=2, busy_s=3.0)},
            {name: Counters(requests=6, batches=5, busy_s=21.5), "idle": Counters()},
        ]
    )
    monkeypatch.setattr(HomeModels, "counters", lambda self: next(looks))
    answer = agent.ask(SHARE, images=[scene])
    assert answer.usage.models == {name: ModelUse(requests=4, passes=3, busy_s=18.5)}
    held = json.loads((answer.save(tmp_path / "out") / "answer.json").read_text())
    assert held["usage"]["models"] == {name: {"requests": 4, "passes": 3, "busy_s": 18.5}}
    report = (tmp_path / "out" / "report.html").read_text()
    assert f"{name}: 3 passes, 18.5 s" in report
