"""Runs that go on with a conversation, one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from kernels import Moment, all_events, open_kernel
from queueing import plugins
from steer import (
    BlockingKernel,
    BudgetSpec,
    ExecutionRequest,
    Redaction,
    RedactionRule,
    RuntimeKernel,
)
from steer.errors import (
    ConfigError,
    Conflict,
    IdempotencyConflict,
    NotFound,
    PluginError,
    ProviderError,
    SessionBusy,
)
from steer.ports.runtime import Finished, Prepared, Run, Suspended
from steer.values import (
    ImagePart,
    JobStatus,
    Message,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    user_message,
)
from stepwise import Stepwise, StepwiseRuntime, Turn, registry
from talking import Shown, kept, lines, said, saying, talk

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"


async def test_a_run_is_shown_what_the_session_has_and_adds_its_own_part(url: str) -> None:
    shown = Shown()
    async with open_kernel(storage=url, registry=shown.plugins) as kernel:
        for prompt, answer in (("One?", "1"), ("Two?", "2"), ("Three?", "3")):
            handle = await kernel.execute(talk(prompt, saying(answer)))
            assert (await handle.result()).session_id == "talk"
        other = await kernel.execute(talk("Else?", saying("No"), session_id="other"))
        await other.result()
        session = await kernel.session("talk")
        listed = await kernel.sessions(limit=1)
        more = await kernel.sessions(limit=1, cursor=listed.cursor)
    assert shown.runs == [
        ["user: One?"],
        ["user: One?", "assistant: 1", "user: Two?"],
        ["user: One?", "assistant: 1", "user: Two?", "assistant: 2", "user: Three?"],
        ["user: Else?"],
    ]
    assert (session.version, session.held_by, len(session.items)) == (3, None, 3)
    assert [one.session_id for one in (*listed.items, *more.items)] == ["other", "talk"]


async def test_the_record_of_a_job_holds_its_own_input_only(url: str) -> None:
    async with open_kernel(storage=url) as kernel:
        await (await kernel.execute(talk("How are you?"))).result()
        handle = await kernel.execute(talk("How are you?"))
        await handle.result()
        assert (await handle.job()).request.count("How are you?") == 1


class Failing(StepwiseRuntime):
    """Fails runs with the prompt ``Fail``."""

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        if run.asked == (user_message("Fail"),):
            raise ProviderError("the provider is down")
        return await super().run(prepared, run)


@pytest.mark.parametrize("ending", ["failed", "cancelled", "timed_out"])
async def test_a_run_that_does_not_succeed_adds_nothing_and_frees_the_session(
    ending: str, url: str
) -> None:
    place = Moment("said:0")
    async with open_kernel(storage=url, registry=registry(Failing())) as kernel:
        budgets = BudgetSpec(max_runtime_seconds=0.05 if ending == "timed_out" else None)
        prompt = "Fail" if ending == "failed" else "Hi"
        handle = await kernel.execute(talk(prompt, saying("Half", reach=place), budgets=budgets))
        if ending == "cancelled":
            await place.arrive()
            await handle.cancel()
        assert (await handle.result()).status == ending
        with pytest.raises(NotFound):
            await kernel.session("talk")
        await (await kernel.execute(talk("Again", saying("Whole")))).result()
        assert await kept(kernel) == ["user: Again", "assistant: Whole"]


async def test_a_second_run_is_refused_by_the_name_of_the_first(url: str) -> None:
    place = Moment("said:0")
    async with open_kernel(storage=url) as kernel:
        first = await kernel.execute(talk("One", saying("1", reach=place)))
        await place.arrive()
        with pytest.raises(SessionBusy, match=first.job_id) as refused:
            await kernel.execute(talk("Two"))
        assert refused.value.job_id == first.job_id
        assert len((await kernel.jobs()).items) == 1
        # It is the session that is busy, in its scope.
        for fields in ({"session_id": "other"}, {"scope_id": "acme"}, {"session_id": None}):
            await (await kernel.execute(talk("Two", **fields))).result()
        place.go.set()
        await first.result()
        await (await kernel.execute(talk("Two"))).result()


async def test_a_second_run_may_wait_for_the_end_of_the_first_and_sees_it(url: str) -> None:
    shown, place = Shown(), Moment("said:0")
    async with open_kernel(storage=url, registry=shown.plugins) as kernel:
        first = await kernel.execute(talk("One", saying("1", reach=place)))
        await place.arrive()
        seconds: list[str] = []

        async def second(prompt: str) -> None:
            handle = await kernel.execute(talk(prompt, saying("2"), session_busy="wait"))
            await handle.result()
            seconds.append(prompt)

        async with anyio.create_task_group() as group:
            group.start_soon(second, "Two")
            group.start_soon(second, "Three")
            await anyio.wait_all_tasks_blocked()
            assert seconds == []
            place.go.set()
        await first.result()
        assert len(await kept(kernel)) == 6
    assert [len(run) for run in shown.runs] == [1, 3, 5]
    assert shown.runs[1][:2] == ["user: One", "assistant: 1"]


async def test_a_run_waits_no_longer_for_its_session_than_it_says(url: str) -> None:
    place = Moment("said:0")
    async with open_kernel(storage=url) as kernel:
        first = await kernel.execute(talk("One", saying("1", reach=place)))
        await place.arrive()
        with pytest.raises(SessionBusy, match=first.job_id):
            await kernel.execute(talk("Two", session_busy="wait", session_wait_seconds=0.05))
        place.go.set()
        await first.result()


async def test_a_job_cannot_have_the_session_of_the_one_it_works_for(
    url: str, tmp_path: Path
) -> None:
    place = Moment("said:0")
    async with open_kernel(storage=url) as kernel:
        parent = await kernel.execute(talk("One", saying("1", reach=place)))
        await place.arrive()
        child = talk("Two", session_busy="wait", parent_job_id=parent.job_id)
        with pytest.raises(SessionBusy, match="would work for"):
            await kernel.execute(child)
        own = talk("Two", session_id="own", parent_job_id=parent.job_id)
        await (await kernel.execute(own)).result()
        place.go.set()
        await parent.result()
        assert await kept(kernel, "own") == ["user: Two", "assistant: Hello."]


async def test_messages_are_what_is_new(url: str) -> None:
    shown = Shown()
    whole = (
        user_message("One?"),
        Message(role=Role.ASSISTANT, content=(TextPart(text="1"),)),
        user_message("Two?"),
    )
    async with open_kernel(storage=url, registry=shown.plugins) as kernel:
        await (await kernel.execute(talk(None, messages=whole))).result()
        with pytest.raises(ConfigError, match="has a history already"):
            await kernel.execute(talk(None, messages=whole))
        await (await kernel.execute(talk(None, messages=whole[-1:]))).result()
    assert shown.runs[1] == [*lines(whole), "assistant: Hello.", "user: Two?"]


async def test_a_history_that_the_agent_cannot_see_is_refused() -> None:
    picture = Message(role=Role.USER, content=(ImagePart(url="https://example.org/a.png"),))

    class Telling(StepwiseRuntime):
        async def run(self, _prepared: Prepared, _run: Run, /) -> Finished:
            return Finished(content="x", said=(picture, *lines_of("x")))

    def lines_of(text: str) -> tuple[Message, ...]:
        return (Message(role=Role.ASSISTANT, content=(TextPart(text=text),)),)

    async with open_kernel(registry=registry(Telling())) as kernel:
        await (await kernel.execute(talk())).result()
        with pytest.raises(ConfigError, match="takes no images"):
            await kernel.execute(talk())


async def test_what_a_runtime_says_of_its_run_is_shown_to_the_next() -> None:
    called = Message(
        role=Role.ASSISTANT, content=(ToolCallPart(call_id="c", tool="look", arguments="{}"),)
    )
    told = Message(role=Role.TOOL, content=(ToolResultPart(call_id="c", content="42"),))

    class Telling(Shown):
        said: tuple[Message, ...] = (called, told)

        async def run(self, prepared: Prepared, run: Run, /) -> Finished:
            await super().run(prepared, run)
            self.asked = run.asked
            return Finished(content="It is 42", said=self.said, items={"vendor": 1})

    runtime = Telling()
    async with open_kernel(registry=registry(runtime)) as kernel:
        await (await kernel.execute(talk("One"))).result()
        await (await kernel.execute(talk("Two"))).result()
        runtime.said = (called,)
        broken = await (await kernel.execute(talk("Three"))).result()
        session = await kernel.session("talk")
    ((past,),) = (runtime.pasts[1],)
    assert past.messages == (user_message("One"), called, told)
    assert past.items is None, "the runtime does not claim session_items"
    assert runtime.asked == (user_message("Three"),)
    assert (broken.status, len(session.items)) == (JobStatus.FAILED, 2)
    assert broken.error is not None
    assert broken.error.code == PluginError.code
    assert "no conversation" in broken.error.message


async def test_the_same_key_in_another_session_is_another_request(url: str) -> None:
    agent = saying("1")
    async with open_kernel(storage=url) as kernel:
        first = await kernel.execute(talk("One", agent, idempotency_key="k"))
        await first.result()
        again = await kernel.execute(talk("One", agent, idempotency_key="k"))
        assert again.job_id == first.job_id
        assert len(await kept(kernel)) == 2
        with pytest.raises(IdempotencyConflict):
            await kernel.execute(talk("One", agent, idempotency_key="k", session_id="x"))


async def test_a_session_is_copied_and_forgotten(url: str) -> None:
    place = Moment("said:0")
    async with open_kernel(storage=url) as kernel:
        for number in ("1", "2"):
            await (await kernel.execute(talk(number, saying(number)))).result()
        await kernel.fork_session("talk", "early", items=1)
        assert (await kernel.fork_session("talk", "late")).version == 2
        await (await kernel.execute(talk("3", saying("3"), session_id="early"))).result()
        assert await kept(kernel, "early") == [
            "user: 1",
            "assistant: 1",
            "user: 3",
            "assistant: 3",
        ]
        assert await kept(kernel, "late") == await kept(kernel)
        with pytest.raises(Conflict, match="a session late already"):
            await kernel.fork_session("talk", "late")
        for items in (0, 3):
            with pytest.raises(ConfigError, match="has 2 items"):
                await kernel.fork_session("talk", "new", items=items)
        handle = await kernel.execute(talk("3", saying("3", reach=place)))
        await place.arrive()
        assert (await kernel.session("talk")).held_by == handle.job_id
        with pytest.raises(SessionBusy, match=handle.job_id):
            await kernel.delete_session("talk")
        place.go.set()
        await handle.result()
        await kernel.delete_session("talk")
        for gone in (kernel.session("talk"), kernel.delete_session("talk")):
            with pytest.raises(NotFound, match="talk"):
                await gone
        await (await kernel.execute(talk("Anew", saying("Yes")))).result()
        assert await kept(kernel) == ["user: Anew", "assistant: Yes"]


async def test_what_is_read_of_a_session_is_redacted_and_what_runs_see_is_not() -> None:
    shown = Shown()
    secret = "ACME-1234-5678"

    acme = Redaction(rules=[RedactionRule(name="acme", pattern="ACME(?:-[0-9]{4}){2}")])
    async with open_kernel(registry=shown.plugins, redaction=acme) as kernel:
        request = talk(f"My key is {secret}", saying(f"So {secret}."))
        await (await kernel.execute(request)).result()
        handle = await kernel.execute(request)
        await handle.result()
        read = await kept(kernel)
        assert secret not in repr(await all_events(handle))
    assert shown.runs[1][:2] == [f"user: My key is {secret}", f"assistant: So {secret}."]
    assert not any(secret in line for line in read)
    assert len(read) == 4


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"session_busy": "wait"}, "there is none"),
        ({"session_id": "a", "session_wait_seconds": 1}, "session_busy='wait'"),
        ({"session_id": "a", "session_busy": "wait", "session_wait_seconds": -1}, "0 or more"),
        ({"session_id": "a", "session_busy": "later"}, "'conflict' or 'wait'"),
        ({"session_id": ""}, "no such name"),
        ({"session_id": "a\nb"}, "no such name"),
        ({"session_id": "a" * 201}, "no such name"),
    ],
)
def test_what_cannot_be_said_of_a_session_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ExecutionRequest(agent="x", prompt="x", **fields)


async def test_a_queued_job_takes_no_word_on_waiting(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text('name = "agent"\ninstructions = "x"\n')
    agent = str(tmp_path / "agent.toml")
    async with open_kernel(registry=plugins(Stepwise(turns=(Turn(text="x"),)))) as kernel:
        with pytest.raises(ConfigError, match="waits its turn"):
            await kernel.submit(talk("x", agent, session_busy="wait"))


def test_a_blocking_kernel_reads_copies_and_forgets_sessions() -> None:
    with BlockingKernel(lambda: RuntimeKernel(registry=registry())) as kernel:
        kernel.execute(talk("One", saying("1"))).result()
        assert kernel.fork_session("talk", "copy").version == 1
        assert lines(said(kernel.session("copy").past)) == ["user: One", "assistant: 1"]
        kernel.delete_session("talk")
        assert [one.session_id for one in kernel.sessions().items] == ["copy"]
