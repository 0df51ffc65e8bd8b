"""Agents that the storage keeps: versions, what runs them, and the jobs that refer to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kernels import Moment, noting, open_kernel, request
from named_runtimes import noting_agent, two_runtimes
from steer import BlockingKernel, ExecutionRequest, PrepareOptions, RuntimeKernel
from steer.agents import Agent, InlineRef, StoredDefinition, StoredRef, ref_from_json
from steer.context import BudgetSpec
from steer.errors import (
    AgentError,
    ConfigError,
    Conflict,
    Diverged,
    IdempotencyConflict,
    NotFound,
    PluginError,
    SteerError,
)
from steer.memory import open_memory
from steer.ports.changes import AgentStored, Change
from steer.ports.records import LedgerKind
from steer.ports.storage import Committed, Storage
from steer.values import JobStatus
from stepwise import ToolSpec

HELPER = {"name": "helper", "instructions": "Help.", "runtime": "first", "model": "m1"}


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/agents.db"


async def said(kernel: RuntimeKernel, agent: object, **fields: Any) -> str | None:
    handle = await kernel.execute(ExecutionRequest(agent=agent, **({"prompt": "Hi"} | fields)))
    result = await handle.result()
    assert result.status is JobStatus.SUCCEEDED, result.error
    return result.content


@pytest.mark.anyio
async def test_a_stored_agent_runs_by_its_name_in_its_newest_version(url: str) -> None:
    async with open_kernel(storage=url, registry=two_runtimes()) as kernel:
        first = await kernel.add_agent(HELPER)
        second = await kernel.add_agent({**HELPER, "model": "m2"})

        assert (first.name, first.version, second.version) == ("helper", 1, 2)
        assert await said(kernel, "@helper") == "first, m2, 0"
        assert await said(kernel, "helper@1") == "first, m1, 0"
        assert await said(kernel, StoredRef(name="helper", version=1)) == "first, m1, 0"
        versions = (await kernel.agent_versions("helper")).items
        assert versions == (second, first)
        assert (await kernel.agents()).items == (second,)


@pytest.mark.anyio
async def test_a_job_says_which_version_it_runs(url: str) -> None:
    async with open_kernel(storage=url, registry=two_runtimes()) as kernel:
        await kernel.add_agent(HELPER)
        handle = await kernel.execute(request("@helper"))
        await handle.result()
        job = await handle.job()
    assert ref_from_json(job.agent_ref or "") == StoredRef(name="helper", version=1)
    assert (job.agent, job.runtime, job.model) == ("helper", "first", "m1")


@pytest.mark.anyio
async def test_another_runtime_is_set_in_one_validated_change(url: str) -> None:
    async with open_kernel(storage=url, registry=two_runtimes()) as kernel:
        await kernel.add_agent({**HELPER, "runtime_config": {"pause": 1}})
        changed = await kernel.set_agent_runtime(
            "helper", "SECOND", model="m2", runtime_config={"pause": 2}
        )

        assert changed.version == 2
        assert StoredDefinition.decode(changed.definition).runtime == "second"
        assert await said(kernel, "@helper") == "second, m2, 2"
        assert await said(kernel, "helper@1") == "first, m1, 1"
        assert await said(kernel, "@helper", runtime="first") == "first, m2, 2"
        # What the definition says is for its own runtime; what is not given again does not stay.
        await kernel.set_agent_runtime("helper", "second")
        assert await said(kernel, "@helper") == "second, m1, 0"
        await kernel.set_agent_runtime("helper", "first")
        assert await said(kernel, "@helper") == "first, m1, 1"


@pytest.mark.parametrize(
    ("runtime", "config", "refused", "why"),
    [
        ("third", {}, PluginError, "there is no such runtime"),
        ("second", {"paws": 1}, ConfigError, "unknown key 'paws'"),
        ("second", {"pause": "long"}, ConfigError, "pause: "),
    ],
)
@pytest.mark.anyio
async def test_a_runtime_that_does_not_fit_is_refused_and_the_version_stays(
    runtime: str, config: dict[str, Any], refused: type[SteerError], why: str
) -> None:
    async with open_kernel(registry=two_runtimes()) as kernel:
        stored = await kernel.add_agent(HELPER)
        with pytest.raises(refused, match=why):
            await kernel.set_agent_runtime("helper", runtime, runtime_config=config)
        assert (await kernel.agent_versions("helper")).items == (stored,)


@pytest.mark.anyio
async def test_what_a_runtime_cannot_prepare_is_not_stored(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('name = "other"\n')
    handing_off = InlineRef(definition={**HELPER, "handoffs": ["other.toml"]}, folder=str(tmp_path))
    async with open_kernel(registry=two_runtimes()) as kernel:
        with pytest.raises(AgentError, match="first takes no handoffs"):
            await kernel.add_agent(handing_off)
        assert (await kernel.agents()).items == ()


@pytest.mark.anyio
async def test_jobs_run_the_version_they_began_with_after_it_is_changed_and_removed(
    url: str,
) -> None:
    async with open_kernel(storage=url, registry=two_runtimes()) as kernel:
        await kernel.add_agent(HELPER)
        queued = await kernel.submit(request("@helper"))
        await kernel.set_agent_runtime("helper", "second")
        await kernel.remove_agent("helper")

        await kernel.work(until_idle=True)

        assert (await queued.result()).content == "first, m1, 0"
        with pytest.raises(NotFound, match="there is no agent helper"):
            await kernel.execute(request("@helper"))


@pytest.mark.anyio
async def test_a_job_is_resumed_with_the_version_it_began_with(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/agents.db"
    notes: list[Any] = []
    shape = noting_agent(ToolSpec(run=noting(notes)))
    place = Moment("asked:1")
    held = two_runtimes(replace(shape, reach=place))
    async with open_kernel(storage=url, registry=held) as kernel:
        await kernel.add_agent(HELPER)
        handle = await kernel.execute(request("@helper"))
        await place.arrive()
    async with open_kernel(storage=url, registry=two_runtimes(shape)) as kernel:
        await kernel.set_agent_runtime("helper", "second")
        await kernel.remove_agent("helper")
        resumed = await kernel.resume(handle.job_id)
        assert (await resumed.result()).content == "first, m1, 0"
    assert len(notes) == 1, "the tool ran again"


@pytest.mark.anyio
async def test_a_job_is_started_over_with_the_version_it_began_with(url: str) -> None:
    shape = noting_agent(ToolSpec(run=noting([])))
    async with open_kernel(storage=url, registry=two_runtimes(shape)) as kernel:
        await kernel.add_agent(HELPER)
        failed = await kernel.execute(request("@helper", budgets=BudgetSpec(max_turns=1)))
        assert (await failed.result()).status is JobStatus.FAILED
        await kernel.set_agent_runtime("helper", "second")
        again = await kernel.retry(failed.job_id, repeat_tools=True)
        await again.result()
        before, after = await failed.job(), await again.job()
    assert (after.agent_ref, after.runtime) == (before.agent_ref, "first")


@pytest.mark.anyio
async def test_the_same_request_returns_its_job_after_a_change_of_the_agent(url: str) -> None:
    async with open_kernel(storage=url, registry=two_runtimes()) as kernel:
        await kernel.add_agent(HELPER)
        asked = request("@helper", idempotency_key="k")
        first = await kernel.execute(asked)
        await first.result()
        await kernel.set_agent_runtime("helper", "second")

        assert (await kernel.execute(asked)).job_id == first.job_id
        with pytest.raises(IdempotencyConflict):
            await kernel.execute(request("helper@2", idempotency_key="k"))
        await kernel.remove_agent("helper")
        assert (await kernel.execute(asked)).job_id == first.job_id


@pytest.mark.anyio
async def test_a_live_object_and_what_is_stored_already_are_refused() -> None:
    async with open_kernel(registry=two_runtimes()) as kernel:
        with pytest.raises(AgentError, match="mine is an object of this process"):
            await kernel.add_agent(Agent(name="mine"))
        await kernel.add_agent(HELPER)
        for stored in ("@helper", StoredRef(name="helper", version=1)):
            with pytest.raises(AgentError, match="is stored already"):
                await kernel.add_agent(stored, name="copy")


@pytest.mark.anyio
async def test_secrets_are_not_stored_and_that_is_said() -> None:
    secret = {"runtime_config": {"key": "s3cret", "pause": 1}}
    async with open_kernel(registry=two_runtimes()) as kernel:
        stored = [
            await kernel.add_agent({**HELPER, **secret}),
            await kernel.add_agent(HELPER, name="beside", **secret),  # type: ignore[arg-type]
            await kernel.add_agent({**HELPER, **secret}, name="other", runtime="second"),
        ]
        assert all("s3cret" not in agent.definition for agent in stored)
        found = [StoredDefinition.decode(agent.definition).left_out for agent in stored]
        assert found == [("key",)] * 3
        kept = await kernel.set_agent_runtime("helper", "first", model="m2")
        gone = await kernel.set_agent_runtime("helper", "second")
        assert StoredDefinition.decode(kept.definition).left_out == ("key",)
        assert StoredDefinition.decode(gone.definition).left_out == ()


@pytest.mark.anyio
async def test_required_variables_are_given_with_each_run() -> None:
    told = {**HELPER, "instructions": "Help {who}.", "variables": {"who": {}}}
    async with open_kernel(registry=two_runtimes()) as kernel:
        await kernel.add_agent(told)
        options = PrepareOptions(variables={"who": "me"})
        assert await said(kernel, "@helper", options=options) == "first, m1, 0"
        with pytest.raises(AgentError, match="needs a value for its variable 'who'"):
            await kernel.execute(request("@helper"))


@pytest.mark.anyio
async def test_all_of_a_file_of_data_is_stored(tmp_path: Path, url: str) -> None:
    file = tmp_path / "helper.toml"
    file.write_text('name = "helper"\nruntime = "first"\ntools = ["tools.py:look"]\n')
    (tmp_path / "tools.py").write_text("def look() -> str:\n    'Look.'\n    return 'x'\n")
    async with open_kernel(storage=url, registry=two_runtimes()) as kernel:
        await kernel.add_agent(str(file))
        file.unlink()
        assert await said(kernel, "@helper") == "first, its own, 0"


@pytest.mark.anyio
async def test_code_that_changed_since_it_was_stored_does_not_run(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    code = "from steer.agents import Agent\nagent = Agent(name='mine', runtime='first')\n"
    file.write_text(code)
    async with open_kernel(registry=two_runtimes()) as kernel:
        await kernel.add_agent(f"{file}:agent")
        assert await said(kernel, "@mine") == "first, its own, 0"
        file.write_text(code + "# changed\n")
        for asked in (kernel.execute(request("@mine")), kernel.set_agent_runtime("mine", "second")):
            with pytest.raises(Diverged, match=r"has changed since mine@1 was stored"):
                await asked
        await kernel.add_agent(f"{file}:agent")
        assert await said(kernel, "@mine") == "first, its own, 0"
        with pytest.raises(Diverged):
            await kernel.execute(request("mine@1"))


@pytest.mark.anyio
async def test_what_is_there_already_is_not_stored_again(url: str) -> None:
    async with open_kernel(storage=url, registry=two_runtimes()) as kernel:
        first = await kernel.add_agent(HELPER)
        assert await kernel.add_agent(HELPER) == first
        await kernel.remove_agent("helper")
        with pytest.raises(NotFound):
            await kernel.remove_agent("helper")
        assert (await kernel.add_agent(HELPER)).version == 2


@pytest.mark.anyio
async def test_agents_of_another_scope_are_not_there(url: str) -> None:
    async with open_kernel(storage=url, registry=two_runtimes()) as kernel:
        await kernel.add_agent(HELPER, scope_id="acme")
        assert await said(kernel, "@helper", scope_id="acme") == "first, m1, 0"
        with pytest.raises(NotFound, match="there is no agent helper in scope default"):
            await kernel.execute(request("@helper"))
        with pytest.raises(NotFound):
            await kernel.remove_agent("helper")


@pytest.mark.anyio
async def test_the_ledger_tells_who_did_what(url: str) -> None:
    async with open_kernel(storage=url, registry=two_runtimes()) as kernel:
        await kernel.add_agent(HELPER, by="ann")
        await kernel.set_agent_runtime("helper", "second", model="m2", by="bob")
        await kernel.remove_agent("helper", by="cem")
        lines = (await kernel.ledger(kinds={LedgerKind.AUDIT})).items
    source = "inline definition of helper"
    about = {"agent": "helper", "from": source}
    assert [(line.principal_id, line.details) for line in lines] == [
        ("ann", {**about, "version": 1, "runtime": None, "model": None}),
        ("bob", {**about, "version": 2, "runtime": "second", "model": "m2"}),
        ("cem", {"removed": "helper"}),
    ]


class Overtaken:
    """A storage in which somebody else is quicker to store an agent, so many times."""

    def __init__(self, inner: Storage, times: int) -> None:
        self._inner = inner
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def commit(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Sequence[Change], /
    ) -> Committed:
        stored = [change for change in changes if isinstance(change, AgentStored)]
        if stored and self._times:
            self._times -= 1
            theirs = StoredDefinition(agent=InlineRef(definition={**HELPER, "model": "theirs"}))
            agent = replace(stored[0].agent, definition=theirs.encode())
            await self._inner.commit(scope_id, None, None, [AgentStored(agent=agent)])
        return await self._inner.commit(scope_id, job_id, fence, changes)


@pytest.mark.anyio
async def test_a_change_that_another_one_overtook_is_made_of_what_is_there_then() -> None:
    storage = Overtaken(open_memory(), 1)
    async with open_kernel(storage=storage, registry=two_runtimes()) as kernel:
        await kernel.add_agent(HELPER)
        assert [each.version for each in (await kernel.agent_versions("helper")).items] == [2, 1]
        assert await said(kernel, "@helper") == "first, m1, 0"
    storage = Overtaken(storage, 1)
    async with open_kernel(storage=storage, registry=two_runtimes()) as kernel:
        assert (await kernel.set_agent_runtime("helper", "second")).version == 4
        assert await said(kernel, "@helper") == "second, theirs, 0"


@pytest.mark.anyio
async def test_who_is_overtaken_twice_is_told_so() -> None:
    storage = Overtaken(open_memory(), 2)
    async with open_kernel(storage=storage, registry=two_runtimes()) as kernel:
        with pytest.raises(Conflict, match="agent helper was changed by somebody else"):
            await kernel.add_agent(HELPER)


def test_programs_without_an_event_loop_store_agents_too() -> None:
    with BlockingKernel(lambda: RuntimeKernel(registry=two_runtimes())) as kernel:
        kernel.add_agent(HELPER)
        kernel.set_agent_runtime("helper", "second", model="m2")
        result = kernel.execute(request("@helper")).result()
        assert result.content == "second, m2, 0"
        assert [each.version for each in kernel.agent_versions("helper").items] == [2, 1]
        assert kernel.agents().items == (kernel.agent("helper"),)
        kernel.remove_agent("helper")
        assert kernel.agents().items == ()
