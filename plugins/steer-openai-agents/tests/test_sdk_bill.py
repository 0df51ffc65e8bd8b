"""The ledger beside the provider's own bill, over real HTTP, under failures, drops and cancels."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from agents import Agent, function_tool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sdk_runs import MODEL, open_kernel, request_for
from steer import PriceList, RetrySpec
from steer.ports.records import LedgerEntry, LedgerKind
from steer.values import Usage
from steer_conformance.provider import (
    Drop,
    Failure,
    Provider,
    Reply,
    Script,
    ToolCall,
    Truncate,
    Turn,
)
from steer_conformance.provider import Usage as Billed

MOST = 40
"""How long an answer may be, so that what nobody reports is bounded."""

billed = st.builds(
    Billed,
    input_tokens=st.integers(20, 60),
    cached_tokens=st.integers(0, 20),
    output_tokens=st.integers(10, MOST),
    reasoning_tokens=st.integers(0, 10),
)
failures: st.SearchStrategy[Reply] = st.one_of(
    st.sampled_from([Failure(429, retry_after=0), Failure(503), Failure(400)]),
    st.builds(
        lambda after, usage: Turn("Half of it.", Drop(after=after), chunk_size=2, usage=usage),
        st.integers(0, 5),
        billed,
    ),
    st.builds(lambda usage: Turn("Half of it.", Truncate(after_bytes=400), usage=usage), billed),
)
answers = st.builds(
    lambda usage: Turn("I look.", ToolCall("look", {}), chunk_size=2, usage=usage), billed
)


@function_tool
def look() -> str:
    """Look."""
    return "Nothing to see."


async def run(
    replies: Sequence[Reply], last: Billed, *, cancel_at: int
) -> tuple[list[LedgerEntry], Billed, Decimal | None]:
    """Run an agent; return its lines, what the provider billed, and the result's cost."""
    agent = Agent(name="looker", model=MODEL, tools=[look])
    script = Script([*replies, *[Turn("Done.", usage=last, chunk_size=1)] * 5])
    retries = RetrySpec(max_retries=3, first_wait_seconds=0)
    async with Provider(script) as provider, open_kernel(prices=PriceList()) as kernel:
        options = {"max_output_tokens": MOST}
        asked = request_for(agent, provider, options=options, retries=retries)
        handle = await kernel.execute(asked)
        heard = 0
        async for event in handle.events():
            heard += event.type == "model.token"
            if heard == cancel_at and event.type == "model.token":
                await handle.cancel()
        result = await handle.result()
        lines = (await kernel.ledger(kinds=[LedgerKind.MODEL])).items
    return list(lines), provider.bill.total, result.cost


def cost_of(usage: Usage) -> Decimal:
    rates = PriceList().rates(MODEL, provider="openai", scope_id="default", at=datetime.now(UTC))
    assert rates is not None
    return rates.cost(usage)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    replies=st.lists(st.one_of(failures, answers), max_size=4),
    last=billed,
    cancel_at=st.one_of(st.just(0), st.integers(1, 8)),
)
def test_the_ledger_is_never_below_the_bill_and_equals_it_where_usage_was_reported(
    replies: list[Reply], last: Billed, cancel_at: int
) -> None:
    lines, bill, cost = asyncio.run(run(replies, last, cancel_at=cancel_at))
    booked = sum((line.usage for line in lines if line.usage is not None), Usage())
    assert booked.input_tokens >= bill.input_tokens
    assert booked.output_tokens >= bill.output_tokens
    costs = [line.cost for line in lines if line.cost is not None]
    assert len(costs) == len(lines)
    assert len({line.key for line in lines}) == len(lines)
    known = Usage(
        requests=1,
        input_tokens=bill.input_tokens,
        cached_tokens=bill.cached_tokens,
        output_tokens=bill.output_tokens,
        reasoning_tokens=bill.reasoning_tokens,
    )
    assert sum(costs) >= cost_of(known)
    assert cost == (sum(costs) if lines else None)
    if not booked.estimated:
        assert (booked.input_tokens, booked.output_tokens) == (
            bill.input_tokens,
            bill.output_tokens,
        )
        assert (booked.cached_tokens, booked.reasoning_tokens) == (
            bill.cached_tokens,
            bill.reasoning_tokens,
        )
        assert sum(costs) == cost_of(known)
