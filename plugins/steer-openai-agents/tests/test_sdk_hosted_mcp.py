"""Hosted MCP servers whose calls the provider asks about: the gate answers."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, HostedMCPTool
from sdk_runs import MODEL, open_bare, options_for, run_bare, run_in_kernel, run_without_steer
from steer.errors import PolicyDenied
from steer.ports.gate import Decision, GateOutcome, ToolCall
from steer.ports.policy import ToolKind
from steer.ports.records import Grant
from steer.values import EffectStatus, JobStatus
from steer_conformance.provider import Drop, Failure, Provider, Reply, Script, Turn
from steer_conformance.suites.runtime import BareGate, BareRun
from wire_items import approval_request, mcp_call, message, said

pytestmark = pytest.mark.anyio


def with_books(
    require_approval: Any = "always", on_approval: Any = None, **fields: Any
) -> Agent[Any]:
    config: Any = {
        "type": "mcp",
        "server_label": "books",
        "server_url": "https://example.com",
        "require_approval": require_approval,
    }
    tool = HostedMCPTool(tool_config=config, on_approval_request=on_approval)
    return Agent(name="reader", model=MODEL, tools=[tool], **fields)


async def approving(_request: Any) -> Any:
    return {"approve": True}


def asking_once(**outcome: Any) -> Script:
    """The provider asks, and then tells what came of the call."""
    asked = said(approval_request("r1", "find", '{"title": "Emma"}'))
    told = said(mcp_call("r1", "find", **outcome), message("Done."), number=1)
    return Script([asked, told])


async def answer_sent(agent: Agent[Any], gate: BareGate) -> tuple[dict[str, Any], BareRun]:
    async with Provider(asking_once(output="a book")) as provider:
        _, run = await run_bare(agent, provider, gate=gate)
        last: dict[str, Any] = provider.requests[1].body["input"][-1]
    return last, run


async def test_a_request_for_approval_is_the_gates_to_answer() -> None:
    last, run = await answer_sent(with_books(), BareGate())
    (call,) = run.gate.asked
    assert (call.tool, call.call_id, call.server) == ("find", "r1", "books")
    assert (call.kind, call.agent) == (ToolKind.MCP, "reader")
    assert call.arguments == {"title": "Emma"}
    assert call.needs_approval
    assert last == {"type": "mcp_approval_response", "approval_request_id": "r1", "approve": True}


async def test_a_denial_tells_the_model_why() -> None:
    gate = BareGate(verdict=lambda _: Decision(outcome=GateOutcome.DENY, reason="Not on a Sunday."))
    last, run = await answer_sent(with_books(), gate)
    assert (last["approve"], last["reason"]) == (False, "Not on a Sunday.")
    assert run.gate.ran == []


async def test_an_authors_own_yes_spares_the_person_and_not_the_gate() -> None:
    last, run = await answer_sent(with_books(on_approval=approving), BareGate())
    assert [call.needs_approval for call in run.gate.asked] == [False]
    assert last["approve"] is True


async def test_an_authors_own_no_is_the_answer() -> None:
    def refusing(_request: Any) -> Any:
        return {"approve": False, "reason": "The author says no."}

    last, run = await answer_sent(with_books(on_approval=refusing), BareGate())
    assert (last["approve"], last["reason"]) == (False, "The author says no.")
    assert run.gate.asked == []


async def test_a_call_that_would_run_with_other_arguments_than_allowed_is_refused() -> None:
    def rewrite(call: ToolCall) -> Decision:
        grant = Grant(grant_id="g", key=call.key, digest="", policy="p")
        return Decision(outcome=GateOutcome.ALLOW, grant=grant, arguments={"title": "Persuasion"})

    last, run = await answer_sent(with_books(), BareGate(verdict=rewrite))
    assert last["approve"] is False
    assert run.gate.ran == []


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ({"output": "a book"}, EffectStatus.SUCCEEDED),
        ({"error": {"type": "http_error", "code": 500, "message": "no"}}, EffectStatus.FAILED),
        ({"error": "no such book"}, EffectStatus.FAILED),
    ],
)
async def test_what_came_of_a_call_is_recorded(outcome: Any, status: EffectStatus) -> None:
    async with Provider(asking_once(**outcome)) as provider:
        _, run = await run_bare(with_books(), provider)
    assert [call.tool for call in run.gate.ran] == ["find"]
    (seen,) = run.gate.outcomes
    assert seen.status is status
    if status is EffectStatus.SUCCEEDED:
        assert seen.value == "a book"
    else:
        assert seen.error is not None
        assert "no" in seen.error.message


async def test_the_requests_are_those_of_the_bare_sdk_byte_for_byte() -> None:
    def make() -> Agent[Any]:
        return with_books(on_approval=approving)

    _, expected = await run_without_steer(make(), "Hello?", asking_once(output="a book"))
    async with Provider(asking_once(output="a book")) as provider:
        await run_bare(make(), provider)
        sent = [request.raw for request in provider.requests]
    assert sent == expected


async def test_a_replay_asks_nobody_and_sends_nothing() -> None:
    async with Provider(asking_once(output="a book")) as provider:
        finished, first = await run_bare(with_books(), provider)
        again, second = await run_bare(
            with_books(), provider, gate=BareGate(first.gate.records.until())
        )
    assert again == finished
    assert (second.gate.sent, second.gate.ran) == ([], [])


async def test_in_a_kernel_a_call_is_told_from_its_beginning_to_its_end() -> None:
    async with Provider(asking_once(output="a book")) as provider:
        result, events = await run_in_kernel(with_books(on_approval=approving), provider)
    assert result.status is JobStatus.SUCCEEDED
    assert result.content == "Done."
    types = [event.type for event in events]
    assert types.index("tool.start") < types.index("tool.end")


@pytest.mark.parametrize(
    ("failed", "requests", "status"),
    [
        (Turn("Never", Drop()), 2, JobStatus.FAILED),
        (Failure(429, retry_after=0), 3, JobStatus.SUCCEEDED),
    ],
    ids=["drop", "429"],
)
async def test_a_call_that_the_provider_may_have_made_is_not_asked_for_again(
    failed: Reply, requests: int, status: JobStatus
) -> None:
    asked, told = asking_once(output="a book").turns
    async with Provider(Script([asked, failed, told])) as provider:
        result, _ = await run_in_kernel(with_books(on_approval=approving), provider)
        assert len(provider.requests) == requests
    assert result.status is status


async def test_without_a_person_the_model_reads_that_one_is_needed() -> None:
    script = Script([said(approval_request("r1", "find")), Turn("Then not.")])
    async with Provider(script) as provider:
        result, _ = await run_in_kernel(with_books(), provider)
        last = provider.requests[1].body["input"][-1]
    assert result.status is JobStatus.SUCCEEDED
    assert last["approve"] is False
    assert "a person has to approve this" in last["reason"]


@pytest.mark.parametrize(
    "require_approval", ["never", None, {"never": {"tool_names": ["find"]}}], ids=str
)
async def test_what_may_run_without_asking_is_refused_unless_policy_names_it(
    require_approval: Any,
) -> None:
    agent = with_books(require_approval)
    async with Provider(Script([Turn("Hi.")])) as provider:
        async with open_bare() as runtime:
            prepared = runtime.prepare(agent, options_for(provider))
        assert [(tool.name, tool.server) for tool in prepared.ungated] == [("hosted_mcp", "books")]
        with pytest.raises(PolicyDenied, match="hosted_mcp"):
            await run_in_kernel(agent, provider)
        assert provider.requests == ()
