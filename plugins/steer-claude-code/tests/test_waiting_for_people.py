"""Calls on the real CLI that wait for people: the job leaves its process, and any other goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from governed import Asks, check_history, events_of, open_kernel, parked, sqlite, told
from steer import ApprovalSpec, ExecutionHandle, ExecutionRequest, RuntimeKernel
from steer.errors import Conflict
from steer.events import ActionRequired, ToolFailed
from steer.ports.records import ActionRecord
from steer.values import ActionStatus, JobStatus
from steer_conformance.provider import Provider, Reply, Request, Rule, Script, ToolCall, Turn
from steer_conformance.suites.runtime.surroundings import Surroundings

pytestmark = pytest.mark.anyio

APPROVE, DENY = {"decision": "approve"}, {"decision": "deny", "reason": "not today"}

AGENT = '''\
from pathlib import Path

from steer.agents import Agent, tool

HERE = Path(__file__).parent


@tool
def pay(amount: int) -> str:
    """Pay an amount."""
    with (HERE / "payments").open("a") as file:
        file.write(f"{amount}\\n")
    return f"paid {amount}"


@tool
def look(at: str) -> str:
    """Look at something."""
    with (HERE / "looks").open("a") as file:
        file.write(f"{at}\\n")
    return f"saw {at}"


agent = Agent(
    name="Payer",
    model="claude-sonnet-5",
    tools=[pay, look],
    runtime="claude-code",
    runtime_config={
        "cwd": str(HERE),
        "tools": ["Bash", "Read", "Edit"],
        "subagents": {
            "helper": {
                "description": "Helps.",
                "instructions": "You are the helper.",
                "tools": ["pay", "look"],
            }
        },
    },
)
'''


def helper(call_id: str) -> ToolCall:
    task = {"description": "help", "prompt": "Help.", "subagent_type": "helper"}
    return ToolCall("Agent", task, id=call_id)


def script(calls: Sequence[ToolCall], inside: Sequence[ToolCall] = ()) -> Script:
    """One message with these calls, one of a subagent with those, and an answer to each."""

    def answer(request: Request) -> Reply:
        if any("You are the helper." in message.text for message in request.messages):
            return Turn("Helped.") if request.tool_results else Turn("I help.", *inside)
        return Turn("All done.") if request.tool_results else Turn("I begin.", *calls)

    return Script(rules=[Rule(lambda _: True, answer)])


class Office:
    """One job in a folder, as workers come to it one after the other."""

    def __init__(self, folder: Path, provider: Provider, *asked_about: str) -> None:
        self.folder = folder
        self._url = provider.anthropic_base_url
        self._policy = Asks(*asked_about)
        (folder / "agent.py").write_text(AGENT)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[RuntimeKernel]:
        async with open_kernel(
            self._url, storage=sqlite(self.folder), policies=[self._policy]
        ) as kernel:
            yield kernel

    async def begin(self, kernel: RuntimeKernel, *, inline_seconds: float = 0) -> ExecutionHandle:
        return await kernel.execute(
            ExecutionRequest(
                agent=str(self.folder / "agent.py"),
                prompt="Begin.",
                approvals=ApprovalSpec(inline_seconds=inline_seconds),
            )
        )

    def lines(self, name: str) -> list[str]:
        file = self.folder / name
        return file.read_text().split() if file.exists() else []


async def pending(kernel: RuntimeKernel, job_id: str) -> dict[str, ActionRecord]:
    """What the job asks people about, by the arguments of the calls."""
    page = await kernel.actions(job_id=job_id, status=ActionStatus.PENDING)
    return {str(argument_of(action)): action for action in page.items}


def argument_of(action: ActionRecord) -> object:
    payload: Any = action.payload
    [argument] = payload["arguments"].values()
    return argument


def results_of(request: Request) -> dict[str, str]:
    return {each.call_id: each.text for each in request.tool_results}


async def test_three_calls_of_one_message_wait_and_none_is_lost_or_made_twice(
    tmp_path: Path,
) -> None:
    """Two are of a function, beside one that runs, and one is the CLI's own, whose turn comes
    when these have ended."""
    command = f"echo one >> {tmp_path}/lines"
    calls = [
        ToolCall("pay", {"amount": 3}, id="c1"),
        ToolCall("pay", {"amount": 4}, id="c2"),
        ToolCall("look", {"at": "home"}, id="c3"),
        ToolCall("Bash", {"command": command}, id="c4"),
    ]
    with Provider(script(calls)) as provider:
        office = Office(tmp_path, provider, "pay", "Bash")
        async with office.worker() as kernel:
            before = Surroundings.now()
            # Long enough for the CLI to come with all of them: once a question is to be parked, no
            # further call is asked about before the run goes on.
            handle = await office.begin(kernel, inline_seconds=3)
            seq = await parked(handle)
            assert Surroundings.now().children == before.children, "a parked run left a process"
            asked = await pending(kernel, handle.job_id)
            assert sorted(asked) == ["3", "4"]
            assert (office.lines("looks"), office.lines("payments")) == (["home"], [])
        async with office.worker() as kernel:
            await kernel.resolve_action(asked["3"].action_id, APPROVE)
            await kernel.resolve_action(asked["4"].action_id, DENY)
            handle = await kernel.resume(handle.job_id)
            await parked(handle, after=seq)
            asked = await pending(kernel, handle.job_id)
            assert list(asked) == [command]
        async with office.worker() as kernel:
            edited = APPROVE | {"arguments": {"command": command.replace("echo one", "echo other")}}
            await kernel.resolve_action(asked[command].action_id, edited)
            handle = await kernel.resume(handle.job_id)
            result, events = await handle.result(), await events_of(handle)
            assert Surroundings.now().children == before.children
        requests = provider.requests
    check_history(result, events)
    assert (result.status, result.content) == (JobStatus.SUCCEEDED, "All done.")
    assert [office.lines(name) for name in ("payments", "lines", "looks")] == [
        ["3"], ["other"], ["home"],
    ]  # fmt: skip
    assert len(requests) == 2
    read = results_of(requests[-1])
    assert (read["c1"], read["c3"]) == ("paid 3", "saw home")
    assert "not today" in read["c2"]
    assert [event.type for event in events].count("action.required") == 3


async def test_a_call_in_a_subagent_waits_and_of_two_workers_one_goes_on(tmp_path: Path) -> None:
    calls = [helper("c1"), ToolCall("look", {"at": "home"}, id="c2")]
    inside = [ToolCall("pay", {"amount": 3}, id="s1"), ToolCall("look", {"at": "sea"}, id="s2")]
    with Provider(script(calls, inside)) as provider:
        office = Office(tmp_path, provider, "pay")
        async with office.worker() as kernel:
            before = Surroundings.now()
            handle = await office.begin(kernel)
            seq = await parked(handle)
            assert Surroundings.now().children == before.children, "a parked run left a process"
            asked = await pending(kernel, handle.job_id)
            # Nobody has answered yet: whoever goes on comes to the same question.
            handle = await kernel.resume(handle.job_id)
            await parked(handle, after=seq)
            assert await pending(kernel, handle.job_id) == asked
            so_far = len(provider.requests)
            assert so_far == 2
        async with office.worker() as kernel, office.worker() as other:
            await kernel.resolve_action(asked["3"].action_id, APPROVE)
            took: list[RuntimeKernel] = []

            async def take(worker: RuntimeKernel) -> None:
                with suppress(Conflict):
                    await worker.resume(handle.job_id)
                    took.append(worker)

            async with anyio.create_task_group() as group:
                group.start_soon(take, kernel)
                group.start_soon(take, other)
            result = await (await took[0].attach(handle.job_id)).result()
            events = await events_of(await took[0].attach(handle.job_id))
            # Of what has ended nothing is left to go on with.
            again = await (await other.resume(handle.job_id)).result()
            assert again == result
        requests = provider.requests
    assert len(took) == 1
    check_history(result, events)
    assert (result.status, result.content) == (JobStatus.SUCCEEDED, "All done.")
    assert office.lines("payments") == ["3"]
    assert sorted(office.lines("looks")) == ["home", "sea"]
    _, _, helped, _ = requests
    assert results_of(helped) == {"s1": "paid 3", "s2": "saw sea"}
    [required] = [event for event in events if isinstance(event.data, ActionRequired)]
    assert (required.path, required.agent) == (("c1",), "helper")
    assert [data.held for data in told(events, ActionRequired)] == ["suspended"]


@pytest.mark.long
async def test_an_approved_edit_that_the_cli_then_refuses_is_told_as_that_and_asked_about_once(
    tmp_path: Path,
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("old\n")
    edit = {"file_path": str(notes), "old_string": "old", "new_string": "edited"}
    calls = [ToolCall("Edit", edit, id="c1"), ToolCall("look", {"at": "home"}, id="c2")]
    with Provider(script(calls)) as provider:
        office = Office(tmp_path, provider, "Edit")
        async with office.worker() as kernel:
            handle = await office.begin(kernel)
            await parked(handle)
            notes.write_text("another\n")
            [action] = (await kernel.actions(job_id=handle.job_id)).items
            await kernel.resolve_action(action.action_id, APPROVE)
            handle = await kernel.resume(handle.job_id)
            result, events = await handle.result(), await events_of(handle)
        read = results_of(provider.requests[-1])
    check_history(result, events)
    assert (result.status, notes.read_text()) == (JobStatus.SUCCEEDED, "another\n")
    assert "String to replace not found" in read["c1"]
    assert office.lines("looks") == ["home"]
    assert len(told(events, ActionRequired)) == 1
    [failed] = told(events, ToolFailed)
    assert (failed.call_id, failed.origin) == ("c1", "vendor")
