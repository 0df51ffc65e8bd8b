"""One budget that several processes spend from, with the real SDK: it cannot be overrun."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path

import anyio
import pytest
from spender import PER_TOKEN, Flat
from steer import RuntimeKernel
from steer.ports.money import BudgetPeriod, BudgetUnit
from steer.ports.records import LedgerEntry
from steer_conformance.provider import (
    Drop,
    Failure,
    Provider,
    Reply,
    Request,
    Rule,
    Script,
    ToolCall,
    Turn,
    Usage,
)

pytestmark = pytest.mark.anyio

PATIENCE = 300.0
SPENDER = Path(__file__).parent / "support" / "spender.py"
AGENT = '''\
from agents import Agent, function_tool


@function_tool
def look(where: str) -> str:
    """Look somewhere."""
    return "nothing there"


agent = Agent(name="Looker", model="gpt-4.1", tools=[look])
'''


def unreliable(*, drops: float) -> Script:
    """A model that looks on and on; of its answers 15 % are refusals, and so many break off."""
    chance = random.Random(7)

    def reply(request: Request) -> Reply:
        met = chance.random()
        if met < 0.15:
            return Failure(429, retry_after=0.01)
        asks = ToolCall("look", {"where": f"place {request.index}"})
        if met < 0.15 + drops:
            return Turn("Let me look around here.", asks, Drop(after=2), chunk_size=4)
        return Turn("Let me look.", asks)

    return Script(rules=[Rule(lambda _: True, reply)])


@contextmanager
def spenders(number: int, *args: str) -> Iterator[Sequence[subprocess.Popen[str]]]:
    processes = [
        subprocess.Popen(
            [sys.executable, str(SPENDER), *args],
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": str(Path(args[1]).parent)},
        )
        for _ in range(number)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate(timeout=PATIENCE)


async def entries(kernel: RuntimeKernel) -> list[LedgerEntry]:
    found: list[LedgerEntry] = []
    cursor = None
    while True:
        page = await kernel.ledger(cursor=cursor)
        found.extend(entry for entry in page.items if entry.usage is not None)
        cursor = page.cursor
        if cursor is None:
            return found


@pytest.mark.parametrize(
    ("runs", "cap"),
    [
        (2, Decimal("0.25")),
        pytest.param(64, Decimal(1), marks=pytest.mark.long),
    ],
)
async def test_the_providers_bill_is_never_above_the_budget_whatever_dies(
    runs: int, cap: Decimal, tmp_path: Path
) -> None:
    (tmp_path / "looker.py").write_text(AGENT)
    url, agent = f"sqlite:///{tmp_path}/runs.db", str(tmp_path / "looker.py")
    with Provider(unreliable(drops=0.15)) as provider:
        async with RuntimeKernel(storage=url, prices=Flat()) as kernel:
            await kernel.set_budget(
                "cap", limit=cap, unit=BudgetUnit.USD, period=BudgetPeriod.TOTAL
            )
            with spenders(3, url, agent, provider.openai_base_url, str(runs)) as processes:
                first, *others = processes
                assert first.stdout is not None
                assert await anyio.to_thread.run_sync(first.stdout.readline) == "begun\n"
                first.kill()
                for process in others:
                    await anyio.to_thread.run_sync(partial(process.wait, PATIENCE))
                    assert process.returncode == 0
            with anyio.fail_after(PATIENCE):
                # What the dead process ran is gone on with, as far as the budget goes.
                await kernel.work(until_idle=True)
            (account,) = (await kernel.accounts(await kernel.budget("cap"))).items
            lines = await entries(kernel)
    billed = PER_TOKEN * sum(_tokens(request.billed) for request in provider.requests)
    booked = sum(entry.cost for entry in lines if entry.cost is not None)
    reported = sum(entry.cost or 0 for entry in lines if entry.usage and not entry.usage.estimated)
    assert account.reserved == 0
    assert reported <= billed <= booked <= cap, (reported, billed, booked)
    assert billed <= Decimal(account.spent) / 1_000_000 <= cap


@pytest.mark.long
async def test_the_ledger_is_the_providers_bill_where_usage_is_reported(tmp_path: Path) -> None:
    (tmp_path / "looker.py").write_text(AGENT)
    url, agent = f"sqlite:///{tmp_path}/runs.db", str(tmp_path / "looker.py")
    with Provider(unreliable(drops=0)) as provider:
        async with RuntimeKernel(storage=url, prices=Flat()) as kernel:
            await kernel.set_budget(
                "cap", limit=Decimal("0.20"), unit=BudgetUnit.USD, period=BudgetPeriod.TOTAL
            )
            with spenders(1, url, agent, provider.openai_base_url, "4") as (process,):
                await anyio.to_thread.run_sync(partial(process.wait, PATIENCE))
                assert process.returncode == 0
            (account,) = (await kernel.accounts(await kernel.budget("cap"))).items
            lines = await entries(kernel)
    billed = PER_TOKEN * sum(_tokens(request.billed) for request in provider.requests)
    assert sum(entry.cost or 0 for entry in lines) == billed > 0
    assert Decimal(account.spent) / 1_000_000 == billed
    assert account.reserved == 0


def _tokens(usage: Usage) -> int:
    return usage.input_tokens + usage.output_tokens
