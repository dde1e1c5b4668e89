"""Fault row D1: whatever a language model replies, it is told what was wrong and can go on.

Each bad reply goes through a whole agent over a real raster. The run raises nothing it should not,
the next request holds a message that the model can act on, every request is such as strict servers
take, and a good reply after the fault gives the right answer.
"""

from __future__ import annotations

import json

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk

from eoagent import Agent
from eoagent.contracts.errors import ModelError
from eoagent.settings import Settings

QUESTION = "How much water is there?"
WATER_M2 = 20 * 40 * 100 / 0.9996**2
"""20 columns of 40 pixels of 10 m, on the central meridian of a UTM zone."""


def chunk(*parts, text="", **more):
    """A streamed reply in one piece; each part is name and raw arguments, then index and id."""
    calls = []
    for place, part in enumerate(parts):
        name, args, index, identity = part if len(part) == 4 else (*part, place, f"id{place}")
        calls.append(
            {"name": name, "args": args, "index": index, "id": identity, "type": "tool_call_chunk"}
        )
    return [AIMessageChunk(content=text, tool_call_chunks=calls, **more)]


def text(said, **more):
    return [AIMessageChunk(content=said, **more)]


def whole(**more):
    return AIMessage(content="", **more)


def _pieces(*raw):
    """Raw arguments of one call of `threshold`, in pieces as they would be streamed."""
    first = chunk(("threshold", raw[0], 0, "a"))
    return first + [chunk((None, piece, 0, None))[0] for piece in raw[1:]]


def _finish(reason):
    return {"response_metadata": {"finish_reason": reason}}


def _deep(levels):
    return '{"raster": ' + "[" * levels + "]" * levels + "}"


BAD = {
    # arguments that are no JSON, or not the JSON that was asked for
    "malformed JSON": (chunk(("open_image", '{"hrefs": [HREF}')), "no JSON object"),
    "JSON with single quotes": (chunk(("open_image", "{'hrefs': ['a']}")), "no JSON object"),
    "JSON with a comment": (chunk(("open_image", '{"hrefs": [] // none\n}')), "no JSON object"),
    "stream cut in the arguments": (_pieces('{"ras', 'ter": "raster:', "0123"), "no JSON object"),
    "stream cut after the name": (
        chunk(("open_image", "", 0, "a"), **_finish("length")),
        "the arguments were cut off",
    ),
    "stream cut between calls": (
        chunk(("open_image", '{"hrefs": HREF}'), ("threshold", '{"raster": "$1", "ru')),
        "no JSON object",
    ),
    "whole reply with an invalid call": (
        whole(
            invalid_tool_calls=[
                {
                    "name": "open_image",
                    "args": '{"hrefs":',
                    "id": "x",
                    "error": "e",
                    "type": "invalid_tool_call",
                }
            ]
        ),
        "no JSON object",
    ),
    "arguments as a list": (chunk(("open_image", "[HREF]")), "a list and no JSON object"),
    "arguments as a text": (chunk(("open_image", '"HREF"')), "no JSON object"),
    "arguments in JSON twice": (
        chunk(("open_image", json.dumps('{"hrefs": []}'))),
        "a text and no JSON object",
    ),
    "arguments as null": (chunk(("open_image", "null")), "null and no JSON object"),
    "arguments nested deep": (chunk(("threshold", _deep(60))), "nested deeper than"),
    "arguments nested deeper than Python goes": (
        chunk(("threshold", _deep(100_000))),
        "characters, at most",
    ),
    "argument of a megabyte": (
        chunk(("open_image", json.dumps({"hrefs": ["x" * 1_000_000]}))),
        "characters, at most 8000 fit",
    ),
    "huge list": (
        chunk(("open_image", json.dumps({"hrefs": list(range(5000))}))),
        "at most 8000 fit",
    ),
    "endless arguments in pieces": (
        _pieces(*['{"raster": "', *["x" * 900] * 60]),
        "cut off at its length limit",
    ),
    "NaN": (chunk(("threshold", '{"raster": "$1", "above": NaN}')), "not a finite number"),
    "Infinity": (
        chunk(("threshold", '{"raster": "$1", "above": -Infinity}')),
        "not a finite number",
    ),
    "number beyond floats": (
        chunk(("threshold", '{"raster": "$1", "above": 1e999}')),
        "not a finite number",
    ),
    "integer beyond 64 bits": (
        chunk(("threshold", '{"raster": "$1", "above": 99999999999999999999}')),
        "18 digits",
    ),
    "half of a letter": (
        chunk(("open_image", '{"hrefs": ["\\ud800"]}')),
        "characters that are no text",
    ),
    "NUL in a path": (
        chunk(("open_image", '{"hrefs": ["a\\u0000.tif"]}')),
        "characters that are no text",
    ),
    "missing argument": (chunk(("threshold", "{}")), "'raster' is missing"),
    "extra argument": (
        chunk(("open_image", '{"hrefs": HREF, "colour": "red"}')),
        "'colour' is not an argument",
    ),
    "argument of a wrong type": (chunk(("open_image", '{"hrefs": 7}')), "'hrefs'"),
    "list in JSON inside a text": (chunk(("open_image", '{"hrefs": "[1, 2]"}')), "'hrefs'"),
    # names and ids
    "unknown tool": (chunk(("open_imgae", '{"hrefs": HREF}')), "did you mean open_image?"),
    "empty name": (chunk(("", '{"hrefs": HREF}')), "no name in the call"),
    "no name": (chunk((None, '{"hrefs": HREF}', 0, "x")), "no name in the call"),
    "name with a prefix": (
        chunk(("functions.open_image", '{"hrefs": HREF}')),
        "did you mean open_image?",
    ),
    "name that no server takes back": (chunk(("open image! 水\x1b[2J", "{}")), "there is no tool"),
    "name of a thousand letters": (chunk(("a" * 1000, "{}")), "there is no tool"),
    "two calls in one place": (
        chunk(("open_image", '{"hrefs": HREF}', 0, None))
        + chunk(("threshold", '{"raster": "$1"}', 0, None)),
        "no JSON object: Extra data",
    ),
    # references
    "reference forward": (
        chunk(("threshold", '{"raster": "$2", "rule": "water"}')),
        "$2 refers to no step",
    ),
    "reference to itself": (
        chunk(("threshold", '{"raster": "$1", "rule": "water"}')),
        "$1 refers to no step",
    ),
    "reference to a refused step": (
        chunk(("opn_image", '{"hrefs": HREF}'), ("threshold", '{"raster": "$1", "rule": "water"}')),
        "$1 refers to no step",
    ),
    "reference to an output that is not there": (
        chunk(("open_image", '{"hrefs": HREF}'), ("measure", '{"target": "$1.mask"}')),
        "has no output 'mask'",
    ),
    "reference that is none": (
        chunk(("open_image", '{"hrefs": HREF}'), ("measure", '{"target": "$1.raster.0"}')),
        "step 2 failed",
    ),
    "each over what is no list": (
        chunk(
            ("open_image", '{"hrefs": HREF}'),
            ("describe_data", '{"target": "$item", "each": "$1"}'),
        ),
        "step 2 failed",
    ),
    "each of a wrong kind": (
        chunk(("measure", '{"target": "$item", "each": ["$1"]}')),
        "`each` is no text",
    ),
    "each over a word": (
        chunk(("measure", '{"target": "$item", "each": "scenes"}')),
        "step 1 failed",
    ),
    "handle that nobody made": (
        chunk(("measure", '{"target": "mask:0123456789ab"}')),
        "step 1 failed",
    ),
    # too much of something
    "the same call twice": (
        chunk(("open_image", '{"hrefs": HREF}'), ("open_image", '{"hrefs": HREF}')),
        "the same call as step 1",
    ),
    "four hundred calls": (
        chunk(*(("describe_data", f'{{"target": "raster:{n:012d}"}}') for n in range(400))),
        "your reply had 400 calls; only the first 40 were looked at",
    ),
    # no calls at all
    "empty reply": (text(""), "your reply was empty"),
    "only thoughts": (text("<think>I should open the image and"), "your reply was empty"),
    "no letters in it": (text("\u200b".replace("\u200b", "\x00\ud800")), "your reply was empty"),
    "cut at length": (text("Water covers", **_finish("length")), "cut off at its length limit"),
    "calls that did not arrive": (text("", **_finish("tool_calls")), "did not arrive"),
    "only the line of results": (text("RESULTS: f1"), "lists figures and says nothing"),
    "answer of a book's length": (text("water " * 4000), "at most 12000 fit"),
    "call in text, Hermes": (
        text('<tool_call>{"name": "open_image", "arguments": {}}</tool_call>'),
        "as text",
    ),
    "call in text, Mistral": (
        text('[TOOL_CALLS][{"name": "open_image", "arguments": {}}]'),
        "as text",
    ),
    "call in text, Llama": (text('{"name": "open_image", "parameters": {"hrefs": []}}'), "as text"),
    "call in text, Llama 4": (text("[open_image(hrefs=['a.tif'])]"), "as text"),
    "call in text, DeepSeek": (text("<｜tool▁calls▁begin｜>open_image"), "as text"),
    "call in text, gpt-oss": (
        text("<|channel|>commentary to=functions.open_image <|message|>{}"),
        "as text",
    ),
    "call in text, Gemma": (text("```tool_code\nopen_image(hrefs=['a'])\n```"), "as text"),
    "call in text, ReAct": (text("Thought: look\nAction: open_image\nAction Input: {}"), "as text"),
    "call in text behind thoughts": (text("<think>hm</think>open_image({})"), "as text"),
    "call in blocks of content": (
        [AIMessageChunk(content=[{"type": "text", "text": "open_image({})"}])],
        "as text",
    ),
    # asking for tools
    "tools that are not there": (
        chunk(("load_tools", '{"names": ["teleport"]}')),
        "there is no tool 'teleport'",
    ),
    "tools without names": (chunk(("load_tools", "{}")), "no names of tools came"),
}
"""Reply, and what the model is told of it."""


def _with_href(reply, href):
    if not isinstance(reply, list):
        return reply
    named = json.dumps([href])
    return [
        piece.model_copy(
            update={
                "tool_call_chunks": [
                    {**c, "args": (c["args"] or "").replace("HREF", named)}
                    for c in piece.tool_call_chunks
                ]
            }
        )
        for piece in reply
    ]


@pytest.fixture
def good(chatmodels, scene):
    """What a model that minds what it is told does next: the whole chain, numbered on."""

    def plan(messages):
        shown = [c["name"] for m in messages for c in getattr(m, "tool_calls", [])]
        n = 1 + sum(name != "load_tools" for name in shown)
        return chatmodels.calls(
            ("open_image", {"hrefs": [str(scene)]}),
            ("threshold", {"raster": f"${n}", "rule": "water"}),
            ("measure", {"target": f"${n + 1}", "quantities": ["area"]}),
        )

    return plan


@pytest.fixture
def answer(chatmodels):
    """The answer that cites the area measured last."""

    def write(messages):
        told = messages[-1].text
        assert " area = " in told, told
        identity = told.split(" area = ")[0].split()[-1]
        return chatmodels.says(f"Water covers {{{identity}}}.\nRESULTS: {identity}")

    return write


@pytest.fixture
def agent_of(chatmodels, tmp_path):
    """Make an agent of a script."""

    def make(*script):
        model = chatmodels.ScriptedChat(script=list(script))
        settings = Settings(max_steps=60, max_tokens=2_000_000)
        return Agent(planner=model, home=tmp_path / "home", settings=settings), model

    return make


def _is_right(given):
    assert given.status == "answered"
    assert given.unverified == ()
    assert [figure.number for figure in given.results] == [pytest.approx(WATER_M2, rel=2e-4)]
    assert given.text == "Water covers 8.01 ± 0.20 ha."


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_reply_is_told_and_a_good_one_after_it_gives_the_answer(
    fault, good, answer, agent_of, chatmodels, scene
):
    reply, told = BAD[fault]
    agent, model = agent_of(_with_href(reply, str(scene)), good, answer)
    given = agent.ask(QUESTION, images=[scene])
    assert [chatmodels.flaws(request) for request in model.requests] == [[]] * 3
    shown = "\n".join(message.text for message in model.requests[1][2:])
    assert told in shown
    assert "\x1b" not in shown
    _is_right(given)


REFUSED = {
    "refusal of its own": text("", additional_kwargs={"refusal": "I cannot help with that."}),
    "content filter": text("I cannot", **_finish("content_filter")),
    "content filter without a word": text("", **_finish("content_filter")),
    "refusal as the reason": text(
        "I cannot help with that.", response_metadata={"stop_reason": "refusal"}
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_refusal_ends_the_run_as_one_and_the_conversation_goes_on(
    fault, good, answer, agent_of, chatmodels, scene
):
    agent, model = agent_of(REFUSED[fault], good, answer)
    thread = agent.thread("talk")
    refused = thread.ask(QUESTION, images=[scene])
    assert refused.status == "cannot_answer"
    assert refused.text
    assert refused.results == ()
    _is_right(thread.ask("I mean it: how much?"))
    assert all(chatmodels.flaws(request) == [] for request in model.requests)


UNTRUE = {
    "results that name no figure": "Water covers {FIG}.\nRESULTS: f99",
    "reference to no figure": "Water covers {f99}.\nRESULTS: FIG",
    "reference in a unit of another kind": "Water covers {FIG:km}.\nRESULTS: FIG",
    "reference that is none": "Water covers {FIG area}.\nRESULTS: FIG",
    "number by hand": "Water covers 123.4 ha.\nRESULTS: FIG",
    "number in full-width digits": "Water covers １２３ ha.\nRESULTS: FIG",
    "direction without a figure": "Water increased to {FIG}.\nRESULTS: FIG",
}


@pytest.mark.parametrize("fault", UNTRUE)
def test_an_answer_that_no_figure_carries_is_sent_back_once(
    fault, good, answer, agent_of, chatmodels, scene
):
    def bad(messages):
        identity = messages[-1].text.split(" area = ")[0].split()[-1]
        return chatmodels.says(UNTRUE[fault].replace("FIG", identity))

    def mended(messages):
        assert "Your answer cannot go out as it is" in messages[-1].text
        return chatmodels.says("Water covers {f1}.\nRESULTS: f1")

    agent, model = agent_of(good, bad, mended)
    given = agent.ask(QUESTION, images=[scene])
    assert all(chatmodels.flaws(request) == [] for request in model.requests)
    assert len(model.requests) == 3
    _is_right(given)


@pytest.mark.parametrize("fault", UNTRUE)
def test_an_answer_that_stays_untrue_is_marked(fault, good, agent_of, chatmodels, scene):
    def bad(_messages):
        return chatmodels.says(UNTRUE[fault].replace("FIG", "f1"))

    agent, model = agent_of(good, bad, bad)
    given = agent.ask(QUESTION, images=[scene])
    assert len(model.requests) == 3
    assert given.unverified
    assert "f99" not in [figure.id for figure in given.results]
    assert "{f1}" not in given.text
    if "FIG}" in UNTRUE[fault]:
        assert "8.01 ± 0.20 ha" in given.text


def test_what_a_model_thinks_aloud_is_no_part_of_the_answer(good, agent_of, chatmodels, scene):
    agent, _ = agent_of(
        good,
        chatmodels.says("<think>Is it 42 {f99}?</think>\n\nWater covers {f1}.\n**RESULTS:** f1"),
    )
    _is_right(agent.ask(QUESTION, images=[scene]))


def test_text_in_blocks_beside_calls_is_taken(good, answer, agent_of, scene):
    reply = [
        AIMessageChunk(
            content=[{"type": "text", "text": "I open it."}],
            tool_call_chunks=chunk(("open_image", json.dumps({"hrefs": [str(scene)]})))[
                0
            ].tool_call_chunks,
        )
    ]
    agent, model = agent_of(reply, good, answer)
    _is_right(agent.ask(QUESTION, images=[scene]))
    assert model.requests[1][2].text == "I open it."


@pytest.mark.parametrize("identity", [None, "", "same"])
def test_ids_of_calls_may_be_missing_or_equal(identity, answer, agent_of, chatmodels, scene):
    reply = chunk(
        ("open_image", json.dumps({"hrefs": [str(scene)]}), 0, identity),
        ("threshold", '{"raster": "$1", "rule": "water"}', 1, identity),
        ("measure", '{"target": "$2", "quantities": ["area"]}', 2, identity),
    )
    agent, model = agent_of(reply, answer)
    _is_right(agent.ask(QUESTION, images=[scene]))
    assert all(chatmodels.flaws(request) == [] for request in model.requests)


def test_good_calls_beside_a_bad_one_are_run_and_not_asked_for_again(
    answer, agent_of, chatmodels, scene
):
    reply = chunk(
        ("open_image", json.dumps({"hrefs": [str(scene)]})),
        ("threshold", '{"raster": "$1", "rule": "water"}'),
        ("measure", '{"target": "$2", "quantities": ['),
    )
    agent, _ = agent_of(
        reply, chatmodels.calls(("measure", {"target": "$2", "quantities": ["area"]})), answer
    )
    given = agent.ask(QUESTION, images=[scene])
    _is_right(given)
    assert [step.tool for step in given.steps] == ["open_image", "threshold", "measure"]


def test_a_model_that_never_replies_sensibly_ends_in_one_typed_error_and_the_thread_lives(
    good, answer, agent_of, chatmodels, scene
):
    agent, model = agent_of(text(""), text(""), text(""), good, answer)
    thread = agent.thread("talk")
    with pytest.raises(ModelError, match="3 replies in a row") as caught:
        thread.ask(QUESTION, images=[scene])
    assert "your reply was empty" in str(caught.value)
    _is_right(thread.ask(QUESTION, images=[scene]))
    assert all(chatmodels.flaws(request) == [] for request in model.requests)
