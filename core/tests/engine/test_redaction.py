from __future__ import annotations

import asyncio
import logging
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from kernels import all_events, open_kernel, request, texts
from queueing import EitherRuntime, agent_file, plugins, working
from steer import JobRetrySpec, PolicyRef, PrepareOptions, Redaction, RedactionRule
from steer._engine import redactors
from steer.errors import AgentError, ConfigError, ErrorCategory, ProviderError
from steer.events import Event, encode
from steer.policies import PolicySet, ToolRule, parse_policy
from steer.ports.gate import EffectRun
from steer.ports.policy import Outcome
from steer.redaction import Redactor
from steer.values import JobStatus, RunResult
from stepwise import Call, PreparedStepwise, Stepwise, ToolSpec, Turn, registry

pytestmark = pytest.mark.anyio

SECRET = "ACME-1234-5678"
ACME = Redaction(rules=[RedactionRule(name="acme", pattern="ACME(?:-[0-9]{4}){2}")])
POLICY = """
[[tools]]
allow = "*"

[redaction]
keys = "password"

[[redaction.rules]]
name = "acme"
pattern = "ACME(?:-[0-9]{4}){2}"
"""


class Keeping:
    def __init__(self) -> None:
        self.events: list[Event] = []

    async def write(self, events: Any, /) -> None:
        self.events.extend(events)

    async def aclose(self) -> None:
        pass


def leaky(given: list[Any]) -> Stepwise:
    """Says a secret, uses it in a tool, is given one back, and says it again."""

    async def look(run: EffectRun) -> Any:
        given.append(run.arguments)
        return {"found": [SECRET], "password": "hunter2"}

    return Stepwise(
        turns=(
            Turn(text=f"Use {SECRET}.", calls=(Call(tool="look", arguments={"id": SECRET}),)),
            Turn(text=f"It is {SECRET}!"),
        ),
        tools={"look": ToolSpec(run=look)},
        output=lambda text: {"said": text},
    )


def everything(result: RunResult, *events: list[Event]) -> str:
    lines = [encode(event).decode() for several in events for event in several]
    return "\n".join([*lines, repr(result)])


async def test_a_secret_is_in_nothing_that_is_told_while_the_tool_is_given_it() -> None:
    given: list[Any] = []
    sink = Keeping()
    async with open_kernel(redaction=ACME, content_sinks={"keep": sink}) as kernel:
        handle = await kernel.execute(request(leaky(given)))
        live = await all_events(handle)
        result = await handle.result()
        stored = await all_events(handle, live=False)
        job = await handle.job()
    assert given == [{"id": SECRET}]
    told = everything(result, live, stored, sink.events)
    assert SECRET not in told + repr(job.result)
    assert result.content == "It is [redacted:acme]!"
    assert result.output == {"said": "It is [redacted:acme]!"}
    assert texts(live) == texts(stored) == "Use [redacted:acme].It is [redacted:acme]!"


async def test_what_is_told_live_makes_up_the_result_and_comes_while_it_is_said() -> None:
    followed = asyncio.Event()

    async def reach(_moment: str) -> None:
        await followed.wait()

    agent = Stepwise(turns=(Turn(text=f"a b {SECRET} c"),), reach=reach)
    async with open_kernel(redaction=ACME) as kernel:
        handle = await kernel.execute(request(agent))
        followed.set()
        live = [event for event in await all_events(handle) if event.seq is None]
        result = await handle.result()
    assert [event.data.text for event in live][:3] == ["a", " ", "b"]
    assert texts(live) == result.content == "a b [redacted:acme] c"
    offsets = [(event.data.offset, len(event.data.text)) for event in live]
    assert all(one + length == other for (one, length), (other, _) in pairwise(offsets))


async def test_the_records_of_a_replay_keep_what_was_really_said() -> None:
    async with open_kernel(redaction=ACME) as kernel:
        handle = await kernel.execute(request(leaky([]), keep_records=True))
        await handle.result()
        records = await kernel.storage.records.load(handle.scope_id, handle.job_id)
    assert all(SECRET.encode() in record.response for record in records.models)
    (effect,) = records.effects
    assert effect.arguments == {"id": SECRET}
    assert effect.outcome is not None
    assert effect.outcome.value == {"found": [SECRET], "password": "hunter2"}


async def test_an_error_that_quotes_a_secret_is_told_without_it() -> None:
    failure = ProviderError(f"bad key {SECRET}", provider="toy")
    agent = Stepwise(turns=(Turn(text="never", failures=(failure,)),))
    async with open_kernel(redaction=ACME) as kernel:
        handle = await kernel.execute(request(agent))
        result = await handle.result()
        events = await all_events(handle)
    assert result.error is not None
    assert result.error.message == "bad key [redacted:acme]"
    assert SECRET not in everything(result, events)


async def test_a_policy_file_redacts_the_runs_it_holds_for() -> None:
    policy = parse_policy(POLICY, name="careful")
    async with open_kernel(policies=[policy]) as kernel:
        handle = await kernel.execute(request(leaky([])))
        result = await handle.result()
        events = await all_events(handle)
    told = everything(result, events)
    assert SECRET not in told
    assert "hunter2" not in told
    assert result.status is JobStatus.SUCCEEDED


async def test_a_set_that_a_request_selects_redacts_that_job_only() -> None:
    careful = parse_policy(POLICY, name="careful")
    plain = PolicySet(name="plain", rules=[ToolRule(outcome=Outcome.ALLOW, tools=["*"])])
    async with open_kernel(policies=[careful, plain]) as kernel:

        async def said(*names: str) -> str:
            refs = tuple(PolicyRef(name=name) for name in names)
            handle = await kernel.execute(request(leaky([]), policies=refs))
            return (await handle.result()).content

        assert await said("plain") == f"It is {SECRET}!"
        assert await said("careful") == "It is [redacted:acme]!"
        assert await said("plain", "careful") == "It is [redacted:acme]!"


async def test_a_kernels_redaction_and_a_sets_both_hold() -> None:
    one = Redaction(rules=[RedactionRule(name="greeting", pattern="It")])
    policy = parse_policy(POLICY, name="careful")
    async with open_kernel(policies=[policy], redaction=one) as kernel:
        result = await (await kernel.execute(request(leaky([])))).result()
    assert result.content == "[redacted:greeting] is [redacted:acme]!"


async def test_the_version_of_a_set_changes_with_what_it_redacts() -> None:
    versions = {
        PolicySet(name="a", redaction=redaction).version
        for redaction in (None, ACME, Redaction(keys=["password"]))
    }
    assert len(versions) == 3


async def test_redaction_that_cannot_be_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text('[redaction]\npatterns = ["secrets", "aws-kee"]\n')
    with pytest.raises(ConfigError, match=r"rules\.toml.*Did you mean 'aws-key'"):
        async with open_kernel(policies=[str(tmp_path / "rules.toml")]):
            pass


async def test_what_a_sink_fails_with_is_logged_without_the_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Failing(Keeping):
        async def write(self, events: Any, /) -> None:
            raise OSError(f"cannot send {SECRET}")

    with caplog.at_level(logging.INFO, logger="steer"):
        async with open_kernel(redaction=ACME, sinks={"failing": Failing()}) as kernel:
            await (await kernel.execute(request())).result()
    assert "cannot send [redacted:acme]" in caplog.text
    assert SECRET not in caplog.text


async def test_a_queued_jobs_selected_set_redacts_what_its_worker_says(tmp_path: Path) -> None:
    careful = parse_policy(POLICY, name="careful")
    chosen = request(
        agent_file(tmp_path), runtime="stepwise", policies=(PolicyRef(name="careful"),)
    )
    async with open_kernel(registry=plugins(leaky([])), selectable_policies=[careful]) as kernel:
        handle = await kernel.submit(chosen)
        async with working(kernel):
            result = await handle.result()
        told = everything(result, await all_events(handle, live=False))
    assert SECRET not in told
    assert result.content == "It is [redacted:acme]!"


async def test_what_keeps_a_queued_job_from_being_built_is_told_without_the_secret(
    tmp_path: Path,
) -> None:
    class Unprepared(EitherRuntime):
        def prepare(self, _agent: object, _options: PrepareOptions, /) -> PreparedStepwise:
            raise AgentError(f"cannot log in with {SECRET}")

    careful = parse_policy(POLICY, name="careful")
    chosen = request(
        agent_file(tmp_path), runtime="stepwise", policies=(PolicyRef(name="careful"),)
    )
    url = f"sqlite:///{tmp_path}/jobs.db"
    async with open_kernel(storage=url, registry=plugins(), selectable_policies=[careful]) as one:
        handle = await one.submit(chosen)
    failing = registry(Unprepared(leaky([])))
    async with open_kernel(storage=url, registry=failing, selectable_policies=[careful]) as other:
        handle = await other.attach(handle.job_id)
        async with working(other):
            result = await handle.result()
        events = await all_events(handle, live=False)
    assert result.error is not None
    assert result.error.message == "cannot log in with [redacted:acme]"
    assert SECRET not in everything(result, events)


async def test_a_question_about_a_job_that_nobody_runs_is_told_without_the_secret(
    tmp_path: Path,
) -> None:
    asked = request(agent_file(tmp_path), runtime="stepwise")
    async with open_kernel(registry=plugins(), redaction=ACME) as kernel:
        handle = await kernel.submit(asked)
        asking = await kernel.require_action(
            handle.job_id, "confirm", {"message": f"Is {SECRET} right?"}
        )
        action = await kernel.cancel_action(asking.action.action_id, reason=f"it was {SECRET}")
        events = await kernel.storage.journal.events(handle.scope_id, handle.job_id)
    assert action.payload["message"] == f"Is {SECRET} right?"
    assert [event.type for event in events[1:]] == ["action.required", "action.cancelled"]
    assert SECRET not in "".join(encode(event).decode() for event in events)


async def test_a_worker_says_why_a_job_is_tried_again_without_the_secret(tmp_path: Path) -> None:
    error = ProviderError(
        f"no such key: {SECRET}", category=ErrorCategory.SERVER_ERROR, retryable=True
    )
    failures = [error]

    async def reach(name: str) -> None:
        if name == "asked:0" and failures:
            raise failures.pop()

    registry = plugins(Stepwise(turns=(Turn(text="x"),), reach=reach))
    retries = JobRetrySpec(attempts=1, first_wait_seconds=0.0)
    async with open_kernel(registry=registry, redaction=ACME) as kernel:
        handle = await kernel.submit(
            request(agent_file(tmp_path), runtime="stepwise", job_retries=retries)
        )
        async with working(kernel) as notes:
            assert (await handle.result()).status is JobStatus.SUCCEEDED
    said = [note.reason for note in notes if note.step == "retried"]
    assert said == ["no such key: [redacted:acme]"]


async def test_no_expression_is_compiled_in_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first of them loads the libraries that know them, which takes up to a second."""
    makers: set[int] = set()

    class Made(Redactor):
        def __init__(self, redaction: Redaction) -> None:
            makers.add(threading.get_ident())
            super().__init__(redaction)

    monkeypatch.setattr(redactors, "Redactor", Made)
    chosen = parse_policy(POLICY, name="careful")
    async with open_kernel(redaction=ACME, selectable_policies=[chosen]) as kernel:
        assert len(makers) == 1
        asked = request(leaky([]), policies=(PolicyRef(name="careful"),))
        assert (await (await kernel.execute(asked)).result()).content == "It is [redacted:acme]!"
    assert threading.get_ident() not in makers
