"""Sessions that an author's code gives its runs: unchanged for the author, and off the replay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from agents import (
    Agent,
    RunConfig,
    Runner,
    SessionSettings,
    SQLiteSession,
    function_tool,
    set_tracing_disabled,
)
from agents.models.multi_provider import MultiProvider
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI
from remembering import Remembering
from sdk_runs import MODEL, open_bare, options_for, run_bare
from steer.errors import Conflict, ProviderError, RuntimeFailure
from steer_conformance.provider import Failure, Provider, Reply, Script, Turn
from steer_conformance.provider import ToolCall as Call
from steer_conformance.suites.runtime import BareGate, BareRun
from steer_openai_agents.sessions import RunSessions

pytestmark = pytest.mark.anyio

agent: Agent[Any] = Agent(name="a", model=MODEL)


def texts(items: list[Any]) -> list[str]:
    return [
        item["content"] if isinstance(item["content"], str) else item["content"][0]["text"]
        for item in items
    ]


def talker(session: Any, *, then: Callable[[], object] = lambda: None) -> Any:
    """A workflow of two turns in a session."""

    async def workflow(asked: str) -> str:
        await Runner.run(agent, asked, session=session)
        then()
        return str((await Runner.run(agent, "And now?", session=session)).final_output)

    return workflow


async def test_a_session_carries_the_conversation_and_keeps_it(tmp_path: Path) -> None:
    session = SQLiteSession("ann", tmp_path / "talks.db")
    async with Provider(Script([Turn("One."), Turn("Two."), Turn("3"), Turn("4")])) as provider:
        await run_bare(talker(session), provider)
        await run_bare(talker(session), provider)
        asked = [texts(request.body["input"]) for request in provider.requests]
    once = ["Hello?", "One.", "And now?"]
    assert asked[:2] == [["Hello?"], once]
    assert asked[3] == [*once, "Two.", "Hello?", "3", "And now?"]
    assert texts(await session.get_items()) == [*asked[3], "4"]
    session.close()


async def test_a_file_named_in_two_ways_holds_one_session(tmp_path: Path) -> None:
    (tmp_path / "talks").mkdir()
    names = (tmp_path / "talks.db", tmp_path / "talks" / ".." / "talks.db")
    sessions = [SQLiteSession("ann", name) for name in names]

    async def workflow(asked: str) -> None:
        for session in sessions:
            await Runner.run(agent, asked, session=session)

    async with Provider(Script([Turn("One."), Turn("Two.")])) as provider:
        await run_bare(workflow, provider)
        assert texts(provider.requests[1].body["input"]) == ["Hello?", "One.", "Hello?"]
    for session in sessions:
        session.close()


async def test_the_requests_and_what_is_kept_are_those_of_the_bare_sdk(tmp_path: Path) -> None:
    @function_tool
    def act() -> str:
        return "acted"

    doer: Agent[Any] = Agent(name="doer", model=MODEL, tools=[act])
    turns = [Turn(Call("act", id="c1")), Turn("Done."), Turn("Again.")]

    def workflow(session: Any, config: RunConfig) -> Any:
        async def workflow(asked: str) -> None:
            await Runner.run(doer, asked, session=session, run_config=config)
            streamed = Runner.run_streamed(doer, "More.", session=session, run_config=config)
            async for _ in streamed.stream_events():
                pass

        return workflow

    bare, ours = SQLiteSession("x", tmp_path / "bare.db"), SQLiteSession("x", tmp_path / "ours.db")
    set_tracing_disabled(True)
    async with Provider(Script(turns)) as provider:
        client = AsyncOpenAI(api_key="sk-x", base_url=provider.openai_base_url)
        await workflow(bare, RunConfig(model_provider=MultiProvider(openai_client=client)))(
            "Hello?"
        )
        await client.close()
        # Bare, the SDK does not stream what nobody follows.
        expected = [{**request.body, "stream": True} for request in provider.requests]
    async with Provider(Script(turns)) as provider:
        await run_bare(workflow(ours, RunConfig()), provider)
        sent = [request.body for request in provider.requests]
    assert sent == expected
    assert await ours.get_items() == await bare.get_items()
    bare.close()
    ours.close()


async def test_a_session_in_a_tool_is_kept_too(tmp_path: Path) -> None:
    @function_tool
    async def ask_expert(question: str) -> str:
        session = SQLiteSession("expert", tmp_path / "talks.db")
        try:
            return str((await Runner.run(agent, question, session=session)).final_output)
        finally:
            session.close()

    outer: Agent[Any] = Agent(name="outer", model=MODEL, tools=[ask_expert])
    turns = [
        Turn(Call("ask_expert", {"question": "First?"}, id="c1")),
        Turn("One."),
        Turn(Call("ask_expert", {"question": "Second?"}, id="c2")),
        Turn("Two."),
        Turn("Done."),
    ]
    async with Provider(Script(turns)) as provider:
        await run_bare(outer, provider)
        second = texts(provider.requests[3].body["input"])
    # A second object for the same place sees what the first one was given.
    assert second == ["First?", "One.", "Second?"]
    session = SQLiteSession("expert", tmp_path / "talks.db")
    assert texts(await session.get_items()) == [*second, "Two."]
    session.close()


async def test_a_run_that_fails_adds_nothing() -> None:
    session = SQLiteSession("ann")
    await session.add_items([{"role": "user", "content": "Before."}])
    replies: list[Reply] = [Turn("One."), Failure(400)]
    async with Provider(Script(replies)) as provider:
        with pytest.raises(ProviderError):
            await run_bare(talker(session), provider)
    assert texts(await session.get_items()) == ["Before."]
    session.close()


async def test_a_run_that_is_cancelled_adds_nothing() -> None:
    session, reached = SQLiteSession("ann"), asyncio.Event()

    async def workflow(asked: str) -> None:
        await Runner.run(agent, asked, session=session)
        reached.set()
        await asyncio.Event().wait()

    async with Provider(Script([Turn("One.")])) as provider, open_bare() as runtime:
        prepared = runtime.prepare(workflow, options_for(provider))
        task = asyncio.create_task(runtime.run(prepared, BareRun(gate=BareGate())))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await session.get_items() == []
    session.close()


async def test_a_replay_asks_what_the_first_attempt_asked() -> None:
    """Wherever the first attempt dies, the session is as that attempt found it."""
    before = [{"role": "user", "content": "Before."}]
    turns = [Turn("One."), Turn("Two.")]
    async with Provider(Script(turns)) as provider:
        finished, whole = await run_bare(talker(Remembering(before)), provider)
    for count in range(2):
        session, records = Remembering(before), whole.gate.records.until(count)
        async with Provider(Script(turns[count:])) as provider:
            again, _ = await run_bare(talker(session), provider, gate=BareGate(records))
            provider.assert_used_up()
        assert again == finished
        assert texts(session.items) == ["Before.", "Hello?", "One.", "And now?", "Two."]


async def test_an_authors_own_session_is_read_once_and_written_once() -> None:
    session = Remembering()
    async with Provider(Script([Turn("One."), Turn("Two.")])) as provider:
        await run_bare(talker(session), provider)
    assert session.calls == ["get", "get", "add 4"]
    assert texts(session.items) == ["Hello?", "One.", "And now?", "Two."]


async def test_a_session_that_wants_the_context_of_the_run_is_given_it() -> None:
    class Wanting(Remembering):
        async def get_items(self, limit: int | None = None, wrapper: Any = None) -> list[Any]:
            self.calls.append(f"for {wrapper.context}")
            return await super().get_items(limit)

        async def add_items(self, items: list[Any], wrapper: Any = None) -> None:
            self.calls.append(f"for {wrapper.context}")
            await super().add_items(items)

        async def pop_item(self, wrapper: Any = None) -> Any: ...
        async def clear_session(self, wrapper: Any = None) -> None: ...

    session = Wanting()

    async def workflow(asked: str) -> None:
        await Runner.run(agent, asked, session=session, context="Ann")

    async with Provider(Script([Turn("One.")])) as provider:
        await run_bare(workflow, provider)
    assert session.calls == ["for Ann", "get", "for Ann", "get", "for Ann", "add 2"]


async def test_a_session_that_was_changed_meanwhile_is_left_alone() -> None:
    session = Remembering([{"role": "user", "content": "Before."}])
    async with Provider(Script([Turn("One."), Turn("Two.")])) as provider:
        with pytest.raises(Conflict, match="session 'own' was changed while the run used it"):
            await run_bare(talker(session, then=session.items.pop), provider)
    assert session.items == []


async def test_what_others_add_meanwhile_is_kept() -> None:
    session = Remembering()
    other = {"role": "user", "content": "From elsewhere."}
    async with Provider(Script([Turn("One."), Turn("Two.")])) as provider:
        await run_bare(talker(session, then=lambda: session.items.append(other)), provider)
    assert texts(session.items) == ["From elsewhere.", "Hello?", "One.", "And now?", "Two."]


async def test_a_session_that_cannot_be_written_fails_the_run_and_says_so() -> None:
    class Full(Remembering):
        async def add_items(self, items: list[Any]) -> None:
            raise OSError("no space left")

    async with Provider(Script([Turn("One."), Turn("Two.")])) as provider:
        with pytest.raises(RuntimeFailure, match=r"session 'own' could not be stored: OSError"):
            await run_bare(talker(Full()), provider)


async def test_settings_of_a_session_bound_what_the_model_is_shown() -> None:
    session = SQLiteSession("ann", session_settings=SessionSettings(limit=1))
    await session.add_items([{"role": "user", "content": each} for each in ("One.", "Two.")])
    async with Provider(Script([Turn("3."), Turn("4.")])) as provider:
        await run_bare(talker(session), provider)
        asked = [texts(request.body["input"]) for request in provider.requests]
    assert asked == [["Two.", "Hello?"], ["3.", "And now?"]]
    everything = await session.get_items(limit=100)
    assert texts(everything) == ["One.", "Two.", "Hello?", "3.", "And now?", "4."]
    session.close()


Act = tuple[Literal["add", "pop", "clear", "get"], int]
ACTS = st.lists(st.tuples(st.sampled_from(["add", "pop", "clear", "get"]), st.integers(-1, 3)))


@settings(max_examples=60, deadline=None)
@given(before=st.integers(0, 3), acts=ACTS)
def test_a_session_that_is_kept_behaves_as_the_session_itself(before: int, acts: list[Act]) -> None:
    async def act(session: Any, number: int, act: Act) -> object:
        match act:
            case ("add", count):
                items = [{"role": "user", "content": f"{number}.{n}"} for n in range(count)]
                return await session.add_items(items)
            case ("pop", _):
                return await session.pop_item()
            case ("clear", _):
                return await session.clear_session()
            case (_, limit):
                return await session.get_items(*([] if limit == 3 else [limit]))

    async def check() -> None:
        items: list[Any] = [{"role": "user", "content": f"before {n}"} for n in range(before)]
        plain, original = SQLiteSession("x"), SQLiteSession("x")
        await plain.add_items(items)
        await original.add_items(items)
        sessions = RunSessions()
        kept = sessions.kept(original)
        for number, each in enumerate(acts):
            assert await act(kept, number, each) == await act(plain, number, each)
        assert await original.get_items() == items
        await sessions.store()
        assert await original.get_items() == await plain.get_items()
        plain.close()
        original.close()

    asyncio.run(check())


async def test_two_objects_that_may_be_the_same_session_are_refused() -> None:
    async def workflow(asked: str) -> None:
        await Runner.run(agent, asked, session=Remembering())
        await Runner.run(agent, asked, session=Remembering(session_id="another"))
        await Runner.run(agent, asked, session=Remembering())

    async with Provider(Script([Turn("One."), Turn("Two.")])) as provider:
        with pytest.raises(RuntimeFailure, match="two Remembering objects with the id 'own'"):
            await run_bare(workflow, provider)
