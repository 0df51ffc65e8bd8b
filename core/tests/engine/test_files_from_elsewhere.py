"""Files that another process brings to a job, and files that a question names by default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking import asked
from kernels import all_events, open_kernel, request
from steer import ToolContext
from steer.actions import Upload, Uploaded
from steer.errors import InvalidAnswer
from steer.events import ArtifactCreated, Event
from steer.ports.gate import EffectRun
from steer.values import Expiry, JobStatus
from stepwise import Call, Stepwise, ToolSpec, Turn

pytestmark = pytest.mark.anyio

BILL = Upload(message="The bill?", media_types=("application/pdf",))


def asks_for_a_file(got: list[Any], **how: Any) -> Stepwise:
    async def work(run: EffectRun) -> str:
        context = ToolContext(
            job_id="", scope_id="", principal_id="", call_id="", effect_key="", ask=run.ask
        )
        got.append(await context.require_action(BILL, **how))
        return "paid"

    return Stepwise(
        turns=(Turn(calls=(Call(tool="work"),)), Turn(text="Done.")),
        tools={"work": ToolSpec(run=work)},
    )


def files_and_answers(events: list[Event]) -> list[str]:
    found = []
    for event in events:
        if isinstance(event.data, ArtifactCreated):
            found.append(event.data.artifact_id)
        elif event.type == "action.resolved":
            found.append("answered")
    return found


async def test_the_process_that_runs_a_job_tells_of_files_that_another_one_brought(
    tmp_path: Path,
) -> None:
    url, got = f"sqlite:///{tmp_path}/jobs.db", list[Any]()
    async with open_kernel(storage=url) as runs, open_kernel(storage=url) as other:
        handle = await runs.execute(request(asks_for_a_file(got)))
        (action,) = await asked(runs, handle)
        beside = await other.put_artifact(handle.job_id, b"notes", name="notes.txt")
        own = await runs.put_artifact(handle.job_id, b"own", name="own.txt")
        bill = await other.put_artifact(
            handle.job_id,
            b"%PDF",
            name="bill.pdf",
            media_type="application/pdf",
            action_id=action.action_id,
        )
        await other.resolve_action(action.action_id, Uploaded(artifacts=(bill.artifact_id,)))
        assert (await handle.result()).status is JobStatus.SUCCEEDED
        events = await all_events(handle)
    assert got == [{"artifacts": [bill.artifact_id]}]
    told = files_and_answers(events)
    assert sorted(told[:-1]) == sorted(each.artifact_id for each in (beside, own, bill))
    assert told[-1] == "answered", "it is told before what was answered with it"
    assert [event.seq for event in events if event.seq] == list(
        range(1, sum(event.seq is not None for event in events) + 1)
    )


async def test_a_file_for_an_applications_question_is_told_by_the_end_of_the_job(
    tmp_path: Path,
) -> None:
    url, got = f"sqlite:///{tmp_path}/jobs.db", list[Any]()
    async with open_kernel(storage=url) as runs, open_kernel(storage=url) as other:
        handle = await runs.execute(request(asks_for_a_file(got)))
        (action,) = await asked(runs, handle)
        own = await runs.require_action(handle.job_id, BILL)
        bill = await other.put_artifact(
            handle.job_id, b"%PDF", name="b", media_type="application/pdf"
        )
        answer = Uploaded(artifacts=(bill.artifact_id,))
        await other.resolve_action(own.action.action_id, answer)
        await other.cancel_action(action.action_id)
        await handle.result()
        events = await all_events(handle)
    assert files_and_answers(events) == [bill.artifact_id, "answered"]


async def test_a_default_that_names_no_fitting_file_is_refused_when_it_is_asked() -> None:
    errors: list[Any] = []

    async def work(run: EffectRun) -> str:
        context = ToolContext(
            job_id="", scope_id="", principal_id="", call_id="", effect_key="", ask=run.ask
        )
        try:
            await context.require_action(
                BILL, on_expiry=Expiry.DEFAULT, default={"artifacts": ["none"]}, expires_in=1
            )
        except InvalidAnswer as error:
            errors.append(str(error))
        return "x"

    agent = Stepwise(
        turns=(Turn(calls=(Call(tool="work"),)), Turn(text="Done.")),
        tools={"work": ToolSpec(run=work)},
    )
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent))
        await handle.result()
        assert (await kernel.actions()).items == ()
    assert len(errors) == 1
    assert "'none' is not stored; upload it first" in errors[0]


async def test_an_applications_default_is_checked_against_the_files_of_its_job() -> None:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(asks_for_a_file([])))
        await asked(kernel, handle)
        text = await kernel.put_artifact(handle.job_id, b"x", name="x", media_type="text/plain")
        bill = await kernel.put_artifact(
            handle.job_id, b"%PDF", name="b", media_type="application/pdf"
        )

        async def ask(artifact_id: str) -> None:
            await kernel.require_action(
                handle.job_id,
                BILL,
                on_expiry=Expiry.DEFAULT,
                default={"artifacts": [artifact_id]},
            )

        with pytest.raises(InvalidAnswer, match="is text/plain; upload one of application/pdf"):
            await ask(text.artifact_id)
        await ask(bill.artifact_id)
