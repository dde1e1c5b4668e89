"""Calls that take their time: told of, cut short, and never more at once than allowed."""

from __future__ import annotations

import threading
import time

import anyio
import pytest

from eoagent.settings import Settings


def test_progress_is_told_and_never_goes_back(talk, stand_ins):
    heard = []

    async def hear(done, total, message):
        heard.append((done, total, message))

    async def conversation(client, session):
        result = await client.call_tool("steps", {}, progress_callback=hear)
        assert result.structured_content["figures"][0]["value"] == 3
        assert not (await client.call_tool("steps", {})).is_error  # nobody listens

    talk(conversation, tools=stand_ins.tools)
    assert [done for done, _, _ in heard] == [0.25, 0.75]
    assert {(total, message) for _, total, message in heard} == {(1.0, "counting")}


def test_a_call_that_nobody_waits_for_any_more_ends(talk, stand_ins):
    async def conversation(client, session):
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "waits", {})
            await anyio.to_thread.run_sync(stand_ins.started.wait, 20)
            group.cancel_scope.cancel()
        assert await anyio.to_thread.run_sync(stand_ins.ended.wait, 20)
        assert not (await client.call_tool("crowd", {})).is_error  # its room is free again

    talk(conversation, tools=stand_ins.tools, settings=Settings(max_parallel=1))


def test_a_call_keeps_to_the_time_of_the_settings(talk, stand_ins):
    async def conversation(client, session):
        result = await client.call_tool("waits", {})
        assert result.structured_content["error"]["kind"] == "BudgetExceeded"
        assert "time limit" in result.content[0].text

    talk(conversation, tools=stand_ins.tools, settings=Settings(max_seconds=0.3))


@pytest.mark.parametrize("room", [1, 3])
def test_no_more_calls_run_at_once_than_the_settings_say(talk, stand_ins, room):
    async def conversation(client, session):
        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(client.call_tool, "crowd", {})

    talk(conversation, tools=stand_ins.tools, settings=Settings(max_parallel=room))
    assert stand_ins.most == room


def test_a_client_that_leaves_ends_its_calls(talk, stand_ins):
    threads = []

    async def conversation(client, session):
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "waits", {})
            await anyio.to_thread.run_sync(stand_ins.started.wait, 20)
            threads.extend(threading.enumerate())
            group.cancel_scope.cancel()

    talk(conversation, tools=stand_ins.tools)
    assert stand_ins.ended.wait(20)
    until = time.monotonic() + 20
    while any(t.is_alive() for t in threads if "worker" in t.name) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(thread.is_alive() for thread in threads if "worker" in thread.name)
