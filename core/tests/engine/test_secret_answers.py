"""A secret that a person types: for the tool that asked, and for nobody else, not even later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking import asked
from kernels import all_events, open_kernel, request
from steer import ToolContext
from steer.actions import Input
from steer.ports.gate import EffectRun
from steer.values import ActionStatus, Expiry, JobStatus
from stepwise import Call, Stepwise, ToolSpec, Turn

pytestmark = pytest.mark.anyio

SECRET = "correct horse"
ASKS = Input(message="The password?", secret=True)


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


def asking_agent(got: list[Any], *questions: Input) -> Stepwise:
    async def sign_in(run: EffectRun) -> str:
        context = ToolContext(
            job_id="", scope_id="", principal_id="", call_id="", effect_key="", ask=run.ask
        )
        got.extend([await context.require_action(question) for question in questions])
        return "signed in"

    return Stepwise(
        turns=(Turn(calls=(Call(tool="sign_in"),)), Turn(text="Done.")),
        tools={"sign_in": ToolSpec(run=sign_in)},
    )


async def test_a_secret_answer_reaches_the_tool_and_is_in_no_event_and_no_list(url: str) -> None:
    got: list[Any] = []
    async with open_kernel(storage=url) as kernel:
        handle = await kernel.execute(request(asking_agent(got, ASKS)))
        (action,) = await asked(kernel, handle)
        await kernel.resolve_action(action.action_id, {"value": SECRET})
        listed = (await kernel.actions()).items
        assert (await handle.result()).status is JobStatus.SUCCEEDED
        events = await all_events(handle)
    assert got == [{"value": SECRET}]
    assert SECRET not in repr(listed)
    assert listed[0].resolution == {"value": "**********"}
    assert SECRET not in repr(events)


async def test_a_secret_answer_is_forgotten_when_the_job_has_ended(url: str) -> None:
    plain = Input(message="The name?", secret=False)
    async with open_kernel(storage=url) as kernel:
        handle = await kernel.execute(request(asking_agent([], ASKS, plain)))
        for number, value in enumerate((SECRET, "ann"), 1):
            action = (await asked(kernel, handle, number))[-1]
            await kernel.resolve_action(action.action_id, {"value": value})
        await handle.result()
        stored = (await kernel.storage.actions.list("default")).items
    assert [each.status for each in stored] == [ActionStatus.RESOLVED] * 2
    assert [each.resolution for each in stored] == [None, {"value": "ann"}]
    assert all(each.resolved_by == "local" for each in stored)


async def test_records_that_are_kept_keep_the_secret_that_a_replay_needs(url: str) -> None:
    async with open_kernel(storage=url) as kernel:
        handle = await kernel.execute(request(asking_agent([], ASKS), keep_records=True))
        (action,) = await asked(kernel, handle)
        await kernel.resolve_action(action.action_id, {"value": SECRET})
        await handle.result()
        stored = await kernel.storage.actions.get("default", action.action_id)
    assert stored.resolution == {"value": SECRET}


async def test_what_an_application_asked_for_stays_until_it_was_read(url: str) -> None:
    async with open_kernel(storage=url) as kernel:
        handle = await kernel.execute(request(asking_agent([], ASKS)))
        (action,) = await asked(kernel, handle)
        own = await kernel.require_action(handle.job_id, ASKS)
        for answered in (own.action.action_id, action.action_id):
            await kernel.resolve_action(answered, {"value": SECRET})
        await handle.result()
        assert (await kernel.wait_action(own.action.action_id)).resolution == {"value": SECRET}
        assert SECRET not in repr((await kernel.actions()).items)


async def test_a_default_that_is_secret_is_listed_hidden() -> None:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(asking_agent([], ASKS)))
        await asked(kernel, handle)
        await kernel.require_action(
            handle.job_id, ASKS, on_expiry=Expiry.DEFAULT, default={"value": SECRET}
        )
        assert SECRET not in repr((await kernel.actions()).items)
