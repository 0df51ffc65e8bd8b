"""Files of jobs through the kernel: kept, told of, and what an upload's answer names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread
from kernels import Moment, all_events, open_kernel, request, types
from steer import BlockingKernel, RuntimeKernel, ToolContext
from steer.actions import Upload, Uploaded, check_payload, check_upload
from steer.clock import SystemClock
from steer.errors import BudgetExceeded, ConfigError, InvalidAnswer, NotFound
from steer.events import ArtifactCreated, JobStarted
from steer.handle import ExecutionHandle
from steer.ports.changes import ActionRequested, EventsAppended, JobCreated
from steer.ports.gate import EffectRun
from steer.ports.records import ActionRecord, JobRecord
from steer.storage import StoredArtifacts
from steer.values import ActionType, Effect
from steer_conformance.storing.samples import action, event, job
from stepwise import Call, Stepwise, ToolSpec, Turn, registry

pytestmark = pytest.mark.anyio


async def told(handle: ExecutionHandle) -> list[ArtifactCreated]:
    events = await all_events(handle)
    assert [one.seq for one in events if one.seq] == list(range(1, len(types(events)) + 1))
    return [one.data for one in events if isinstance(one.data, ArtifactCreated)]


async def queued(kernel: RuntimeKernel, **fields: Any) -> JobRecord:
    """Put a job there that nobody runs."""
    record = job(scope_id="default", **fields)
    started = JobStarted(agent="a", runtime="r", scope_id="default", principal_id="ada")
    await kernel.storage.commit(
        "default",
        record.job_id,
        None,
        [JobCreated(job=record), EventsAppended(events=(event(1, started, record.job_id),))],
    )
    return record


async def test_a_file_of_a_running_job_is_kept_and_told_of() -> None:
    moment = Moment("asked:0")
    agent = Stepwise(turns=(Turn(text="Hello."),), reach=moment)
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent))
        await moment.arrive()
        found = await kernel.put_artifact(
            handle.job_id, b"%PDF", name="bill.pdf", media_type="application/pdf"
        )
        moment.go.set()
        assert await told(handle) == [
            ArtifactCreated(
                artifact_id=found.artifact_id,
                name="bill.pdf",
                media_type="application/pdf",
                digest=found.digest,
            )
        ]
        assert found.created_by == "local"
        assert await kernel.artifact(found.artifact_id) == found
        assert (await kernel.artifacts(handle.job_id)).items == (found,)
        assert await kernel.read_artifact(found.artifact_id) == b"%PDF"
        await kernel.delete_artifact(found.artifact_id)
        assert (await kernel.artifacts()).items == ()


async def test_a_file_of_a_job_that_nobody_runs_is_told_of_in_its_journal() -> None:
    async with open_kernel() as kernel:
        record = await queued(kernel)
        first = await kernel.put_artifact(record.job_id, b"1", name="one")
        second = await kernel.put_artifact(record.job_id, b"2", name="two")
        events = await kernel.storage.journal.events("default", record.job_id)
        assert [one.seq for one in events] == [1, 2, 3]
        assert [one.data.artifact_id for one in events[1:]] == [
            first.artifact_id,
            second.artifact_id,
        ]


async def test_a_file_of_a_job_that_has_ended_is_kept_without_an_event() -> None:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request())
        await handle.result()
        found = await kernel.put_artifact(handle.job_id, b"late", name="late.txt")
        assert await told(handle) == []
        assert await kernel.read_artifact(found.artifact_id) == b"late"


async def test_a_file_for_no_job_or_another_jobs_question_is_refused() -> None:
    async with open_kernel() as kernel:
        for record in (await queued(kernel), await queued(kernel, job_id="job-2")):
            asked = action(f"of {record.job_id}", job_id=record.job_id)
            await kernel.storage.commit("default", None, None, [ActionRequested(action=asked)])
        with pytest.raises(NotFound):
            await kernel.put_artifact("job-3", b"", name="a")
        with pytest.raises(NotFound):
            await kernel.put_artifact("job-1", b"", name="a", scope_id="other")
        with pytest.raises(NotFound):
            await kernel.put_artifact("job-1", b"", name="a", action_id="none")
        with pytest.raises(InvalidAnswer, match="is of job job-2, not of job job-1"):
            await kernel.put_artifact("job-1", b"", name="a", action_id="of job-2")
        assert (await kernel.artifacts()).items == ()


async def test_the_largest_that_a_file_may_be_is_the_kernels_choice() -> None:
    async with open_kernel(max_artifact_bytes=3) as kernel:
        await queued(kernel)
        await kernel.put_artifact("job-1", b"123", name="a")
        with pytest.raises(BudgetExceeded, match="more than 3 bytes"):
            await kernel.put_artifact("job-1", b"1234", name="a")


async def test_files_can_be_kept_in_a_store_of_their_own() -> None:
    async with open_kernel() as elsewhere:
        await queued(elsewhere)
        store = StoredArtifacts(elsewhere.storage, SystemClock())
        async with open_kernel(artifacts=store) as kernel:
            await queued(kernel)
            found = await kernel.put_artifact("job-1", b"x", name="a")
            assert (await kernel.storage.artifacts.list("default")).items == ()
            assert await elsewhere.read_artifact(found.artifact_id) == b"x"
    with pytest.raises(ConfigError, match="max_artifact_bytes"):
        RuntimeKernel(artifacts=store, max_artifact_bytes=3)


def test_files_are_kept_and_read_without_an_event_loop(tmp_path: Path) -> None:
    make = partial(RuntimeKernel, registry=registry(), storage=f"sqlite:///{tmp_path}/runs.db")
    with BlockingKernel(make) as kernel:
        handle = kernel.execute(request())
        handle.result()
        found = kernel.put_artifact(handle.job_id, b"x", name="a", principal_id="ada")
        assert kernel.artifact(found.artifact_id) == found
        assert kernel.artifacts(handle.job_id).items == (found,)
        assert kernel.read_artifact(found.artifact_id) == b"x"
        kernel.delete_artifact(found.artifact_id)
        assert kernel.artifacts().items == ()


def upload(**fields: Any) -> ActionRecord:
    payload = check_payload("upload", Upload(message="The bill?", **fields))
    return ActionRecord(
        action_id="action-1",
        job_id="job-1",
        type=ActionType.UPLOAD,
        payload=payload,
        created_at=datetime.now(UTC),
    )


async def test_an_upload_is_answered_with_files_of_the_job_that_fit() -> None:
    async with open_kernel() as kernel:
        for name in ("job-1", "job-2"):
            await queued(kernel, job_id=name)
        asked = upload(media_types=("image/*", "application/pdf"), max_files=9, max_bytes=5)
        for action_id in ("action-1", "action-2"):
            record = replace(asked, action_id=action_id)
            await kernel.storage.commit("default", None, None, [ActionRequested(action=record)])

        async def put(content: bytes, kind: str, of: str = "job-1", **more: Any) -> str:
            found = await kernel.put_artifact(of, content, name="f", media_type=kind, **more)
            return found.artifact_id

        async def answer(*artifacts: str, scope_id: str = "default") -> None:
            store = StoredArtifacts(kernel.storage, SystemClock())
            resolution = Uploaded(artifacts=artifacts)
            await check_upload(asked, resolution, scope_id=scope_id, artifacts=store)

        image, bill = await put(b"12345", "image/PNG"), await put(b"", "application/pdf; v=1")
        await answer(image, bill, await put(b"x", "image/x", action_id="action-1"))
        for refused, said in (
            ("nothing", "'nothing' is not stored; upload it first"),
            ("../../etc/passwd", "is not stored"),
            (await put(b"x", "text/html"), "is text/html; upload one of image/*, application/pdf"),
            (await put(b"123456", "image/png"), "has 6 bytes; upload one of at most 5"),
            (await put(b"x", "image/png", "job-2"), "is of another job"),
            (await put(b"x", "image/png", action_id="action-2"), "was uploaded for another"),
        ):
            with pytest.raises(InvalidAnswer, match="does not fit") as error:
                await answer(image, refused)
            assert said in str(error.value)
        with pytest.raises(InvalidAnswer, match="is not stored"):
            await answer(image, scope_id="other")
        with pytest.raises(InvalidAnswer, match="name 1 to 9"):
            await answer()


async def test_other_types_of_actions_are_answered_without_files() -> None:
    async with open_kernel() as kernel:
        store = StoredArtifacts(kernel.storage, SystemClock())
        await check_upload(action(), {"confirmed": True}, scope_id="x", artifacts=store)


def drawing(keep_twice: Callable[[EffectRun], Awaitable[Any]]) -> Stepwise:
    return Stepwise(
        turns=(Turn(calls=(Call(tool="draw"),)), Turn(text="Drawn.")),
        tools={"draw": ToolSpec(run=keep_twice, effect=Effect.IDEMPOTENT)},
    )


async def test_a_tool_keeps_files_and_the_same_one_once() -> None:
    async def draw(run: EffectRun) -> str:
        context = ToolContext(
            job_id="", scope_id="", principal_id="", call_id="", effect_key="", keep=run.keep
        )
        first = await context.put_artifact(b"<svg/>", name="a.svg", media_type="image/svg+xml")
        again = await context.put_artifact(b"<svg/>", name="a.svg", media_type="image/svg+xml")
        other = await context.put_artifact(b"<svg/>", name="b.svg", media_type="image/svg+xml")
        # What a thread of a sync tool does.
        late = await to_thread.run_sync(
            partial(context.put_artifact_sync, b"text", name="half \ud83d")
        )
        assert first == again != other
        return late.artifact_id

    async with open_kernel() as kernel:
        handle = await kernel.execute(request(drawing(draw)))
        assert (await handle.result()).content == "Drawn."
        files = (await kernel.artifacts(handle.job_id)).items
        assert [one.name for one in files] == ["a.svg", "b.svg", "half \ufffd"]
        assert [one.artifact_id for one in await told(handle)] == [one.artifact_id for one in files]
