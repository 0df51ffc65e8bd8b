"""What steer adds to a run of the OpenAI Agents SDK, beside the same streamed run without steer.

Both run the same agent against the same scripted provider in another process: two model turns and
one tool call, and one long streamed answer. Blocks of the two alternate, and the median of the
paired ratios counts, so that a machine whose speed drifts does not decide.

Promises: on ``memory`` a run takes at most 1.03 times the processor time of the bare one, and
steer's share of a streamed event is at most 20 microseconds. On ``sqlite`` a run waits for three
commits besides, whose price on this disk is measured in the same run.

Of most events of a stream the plugin has the client make no objects, which saves more than steer
costs. So that this hides nothing, steer's own share is what it adds to the SDK on a client that
makes none either: ``LeanClient``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from agents import Agent, RunConfig, Runner, function_tool
from agents.models.multi_provider import MultiProvider
from openai import AsyncOpenAI
from parts.provider_process import provider_process
from pydantic import SecretStr
from steer import ExecutionRequest, PrepareOptions, RuntimeKernel
from steer.clock import SystemClock
from steer.ports.changes import SessionAppended
from steer.sqlite import open_sqlite
from steer_conformance.provider import Match, Rule, Script, ToolCall, Turn

TOKENS = 2000


@dataclass(frozen=True)
class Cost:
    """Of one run: processor and wall-clock seconds."""

    cpu: float
    wall: float


@function_tool
def weather(city: str) -> str:
    """Tell the weather."""
    return f"Rain in {city}."


LONG = "gpt-5.1-long"
AGENT = Agent(name="weather", instructions="Be brief.", model="gpt-5.1", tools=[weather])
TALKER = Agent(name="talker", instructions="Be long.", model=LONG)


SCRIPT = Script(
    rules=[
        Rule(Match(model=LONG), Turn("word " * TOKENS, chunk_size=5)),
        Rule(Match(tool_result="Rain"), Turn("It rains in Bonn, as it does.")),
        Rule(Match(tool="weather"), Turn(ToolCall("weather", {"city": "Bonn"}))),
    ]
)


class LeanClient(AsyncOpenAI):
    """A client that makes objects only of the events of a stream from which the SDK goes on."""

    def _process_response_data(self, *, data: Any, cast_to: Any, response: Any) -> Any:
        if data["type"] in {"response.output_item.done", "response.completed"}:
            return super()._process_response_data(data=data, cast_to=cast_to, response=response)
        return SimpleNamespace(**data)


def bare(
    base_url: str, agent: Agent, prompt: str, *, kind: type[AsyncOpenAI] = AsyncOpenAI
) -> Callable[[], Awaitable[object]]:
    """A streamed run of the SDK itself."""
    client = kind(base_url=base_url, api_key="none", max_retries=0)
    config = RunConfig(model_provider=MultiProvider(openai_client=client), tracing_disabled=True)

    async def run() -> object:
        result = Runner.run_streamed(agent, prompt, run_config=config)
        async for _ in result.stream_events():
            pass
        return result.final_output

    return run


def governed(
    kernel: RuntimeKernel, base_url: str, agent: Agent, prompt: str
) -> Callable[[], Awaitable[object]]:
    """The same run under steer, its events followed to the end."""
    options = PrepareOptions(base_url=base_url, api_key=SecretStr("none"))

    async def run() -> object:
        handle = await kernel.execute(ExecutionRequest(agent=agent, prompt=prompt, options=options))
        async for _ in handle.events():
            pass
        return (await handle.result()).content

    return run


async def cost_of(run: Callable[[], Awaitable[object]], times: int) -> Cost:
    """The mean cost of a run, one after another, with the collector's debts paid before."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(times):
        await run()
    return Cost(cpu=(time.process_time() - cpu) / times, wall=(time.perf_counter() - wall) / times)


async def compare(
    plain: Callable[[], Awaitable[object]],
    ours: Callable[[], Awaitable[object]],
    *,
    blocks: int,
    times: int,
) -> tuple[list[Cost], list[Cost]]:
    """Alternate blocks of the two; which goes first changes every time."""
    for run in (plain, ours):
        await cost_of(run, times)
    plains: list[Cost] = []
    others: list[Cost] = []
    for block in range(blocks):
        pair = [(plain, plains), (ours, others)]
        for run, costs in pair if block % 2 else reversed(pair):
            costs.append(await cost_of(run, times))
    return plains, others


def middle(values: list[float]) -> float:
    return statistics.median(values)


def report(name: str, plains: list[Cost], others: list[Cost]) -> tuple[float, float]:
    """Print one comparison; return the ratio of processor time and the difference in seconds."""
    cpu = [ours.cpu / plain.cpu for plain, ours in zip(plains, others, strict=True)]
    wall = [ours.wall / plain.wall for plain, ours in zip(plains, others, strict=True)]
    extra = [ours.cpu - plain.cpu for plain, ours in zip(plains, others, strict=True)]
    print(
        f"{name:<26} bare {middle([c.cpu for c in plains]) * 1e3:7.2f} ms cpu"
        f" {middle([c.wall for c in plains]) * 1e3:7.2f} ms wall"
        f" | steer cpu x{middle(cpu):.3f} ({min(cpu):.3f}-{max(cpu):.3f}),"
        f" wall x{middle(wall):.3f}, {middle(extra) * 1e6:+.0f} us cpu"
    )
    return middle(cpu), middle(extra)


async def commit_time(folder: str) -> float:
    """What one commit of one row costs on this disk, in seconds."""
    storage = open_sqlite(Path(folder) / "commits.db", SystemClock())
    times: list[float] = []
    for version in range(200):
        start = time.perf_counter()
        change = SessionAppended(session_id="s", expected_version=version, items=("x",))
        await storage.commit("bench", None, None, [change])
        times.append(time.perf_counter() - start)
    await storage.aclose()
    return middle(times)


async def main(blocks: int, times: int) -> int:
    failures = 0
    with provider_process(SCRIPT) as served, tempfile.TemporaryDirectory() as folder:
        url = served["openai_base_url"]
        async with RuntimeKernel() as kernel:
            ours = governed(kernel, url, AGENT, "Weather?")
            plains, others = await compare(
                bare(url, AGENT, "Weather?"), ours, blocks=blocks, times=times
            )
            ratio, _ = report("2 turns, 1 tool, memory", plains, others)
            failures += ratio > 1.03
            lean = bare(url, AGENT, "Weather?", kind=LeanClient)
            plains, others = await compare(lean, ours, blocks=blocks, times=times)
            report("  beside a lean client", plains, others)
            ours, times_long = governed(kernel, url, TALKER, "Talk."), max(1, times // 10)
            plains, others = await compare(
                bare(url, TALKER, "Talk."), ours, blocks=blocks, times=times_long
            )
            report(f"{TOKENS} deltas, memory", plains, others)
            lean = bare(url, TALKER, "Talk.", kind=LeanClient)
            plains, others = await compare(lean, ours, blocks=blocks, times=times_long)
            _, extra = report("  beside a lean client", plains, others)
            print(f"{'':<26} steer's share of a delta: {extra / TOKENS * 1e6:.2f} us")
            failures += extra / TOKENS > 20e-6
        async with RuntimeKernel(storage=f"sqlite:///{folder}/runs.db") as kernel:
            plains, others = await compare(
                bare(url, AGENT, "Weather?"),
                governed(kernel, url, AGENT, "Weather?"),
                blocks=blocks,
                times=times,
            )
            report("2 turns, 1 tool, sqlite", plains, others)
        commit = await commit_time(folder)
        extra_wall = middle(
            [ours.wall - plain.wall for plain, ours in zip(plains, others, strict=True)]
        )
        print(
            f"{'':<26} 3 awaited commits x {commit * 1e3:.2f} ms = {commit * 3e3:.2f} ms;"
            f" the run took {extra_wall * 1e3:.2f} ms longer"
        )
    return failures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--blocks", type=int, default=15)
    parser.add_argument("--times", type=int, default=20, help="runs in a block")
    given = parser.parse_args()
    raise SystemExit(asyncio.run(main(given.blocks, given.times)))
