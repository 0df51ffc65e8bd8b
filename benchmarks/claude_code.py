"""What steer adds to a run of Claude Code, beside a live client of the vendor's SDK without steer.

Both ask the same scripted provider in another process. Each run has a process of the CLI of its
own, from its start to its end: an answer, a turn with one tool of the author's, and an answer of
2,000 deltas. The two alternate, and the median of the paired ratios counts, so that a machine whose
speed drifts does not decide.

Promises: a run that starts its process takes at most 1.15 times as long as the client that is
connected, asked and disconnected; one whose process was started ahead at most 0.6 times as long as
one that starts it. An answer of many deltas costs at most 1.05 times the processor time, the CLI's
included, and of the host's at most 60 microseconds a delta, its reading, recording and telling.

``--only deltas`` and the like measure one thing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import claude_agent_sdk
from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, ResultMessage
from claude_agent_sdk.types import McpSdkServerConfig
from parts.provider_process import provider_process
from steer import ExecutionRequest, RuntimeKernel
from steer.agents import Agent, tool
from steer_conformance.provider import Match, Rule, Script, ToolCall, Turn

TOKENS = 2000
MODEL, LONG = "claude-sonnet-4-5", "claude-opus-4-5"
QUEUED, PROCESSES = 20, 4
_SWITCHES = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "CLAUDE_CODE_MAX_RETRIES": "0",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    "IS_SANDBOX": "1",
}
SCRIPT = Script(
    rules=[
        Rule(Match(model=LONG), Turn("word " * TOKENS, chunk_size=5)),
        Rule(Match(tool_result="Rain"), Turn("It rains in Bonn, as it does.")),
        Rule(Match(tool="weather"), Turn(ToolCall("weather", {"city": "Bonn"}))),
        # The bare client's model knows the tool by the CLI's name for it.
        Rule(Match(tool="mcp__w__weather"), Turn(ToolCall("mcp__w__weather", {"city": "Bonn"}))),
        Rule(Match(), Turn("It is a day like any other.")),
    ]
)
Run: TypeAlias = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Cost:
    """Of one run in seconds: as the clock has it, of the host's processor, and of all."""

    wall: float
    host: float
    cpu: float


@tool(name="weather")
async def weather(city: str) -> str:
    """Tell the weather."""
    return f"Rain in {city}."


@claude_agent_sdk.tool("weather", "Tell the weather.", {"city": str})
async def plain_weather(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": f"Rain in {arguments['city']}."}]}


def plain_options(url: str, home: str, *, model: str, tools: bool) -> ClaudeAgentOptions:
    """What somebody without steer says, who wants deltas, and nothing that was not asked for."""
    servers: dict[str, McpSdkServerConfig] = {}
    if tools:
        servers["w"] = claude_agent_sdk.create_sdk_mcp_server("w", tools=[plain_weather])
    return ClaudeAgentOptions(
        model=model,
        system_prompt="Be brief.",
        tools=[],
        mcp_servers={**servers},
        allowed_tools=["mcp__w__weather"] if tools else [],
        setting_sources=[],
        strict_mcp_config=True,
        verbatim_prompts=True,
        include_partial_messages=True,
        cwd=home,
        env={
            **_SWITCHES,
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "none",
            "HOME": home,
            "CLAUDE_CONFIG_DIR": f"{home}/.claude",
            "CLAUDE_CODE_TMPDIR": home,
        },
    )


def bare(options: ClaudeAgentOptions) -> Run:
    """A client of the SDK itself, that is connected, asked once and disconnected."""

    async def run() -> None:
        async with ClaudeSDKClient(options) as client:
            await client.query("Hello?")
            async for message in client.receive_response():
                if isinstance(message, ResultMessage):
                    assert not message.is_error, message.result

    return run


def governed(
    kernel: RuntimeKernel, home: str, *, model: str = MODEL, tools: bool = False, spares: int = 0
) -> Run:
    """The same run under steer, its events followed to the end."""
    agent = Agent(
        name="agent",
        instructions="Be brief.",
        model=model,
        runtime="claude-code",
        tools=[weather] if tools else [],
        runtime_config={"cwd": home, "spares": spares},
    )

    async def run() -> None:
        handle = await kernel.execute(ExecutionRequest(agent=agent, prompt="Hello?"))
        async for _ in handle.events():
            pass
        result = await handle.result()
        assert result.error is None, result.error

    return run


def descendants(pid: int) -> Iterator[int]:
    """Every process that this one has started, and theirs."""
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from descendants(int(child))


def busy() -> dict[int, str]:
    """How much each process below this one has worked so far."""
    times = {}
    for pid in descendants(os.getpid()):
        with contextlib.suppress(OSError):
            times[pid] = " ".join(Path(f"/proc/{pid}/stat").read_text().split()[13:15])
    return times


async def settle() -> None:
    """Wait until nothing below this process is at work, a spare that is started for example."""
    before: dict[int, str] = {}
    while (now := busy()) != before:
        before = now
        await asyncio.sleep(0.3)


def resident(pid: int) -> int:
    """The megabytes that a process has in memory."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024


async def cost_of(run: Run) -> Cost:
    """What one run costs, with the work of others done before."""
    await settle()
    wall, host, all_before = time.perf_counter(), time.process_time(), os.times()
    await run()
    wall, host, all_after = time.perf_counter() - wall, time.process_time() - host, os.times()
    return Cost(wall=wall, host=host, cpu=sum(all_after[:4]) - sum(all_before[:4]))


async def compare(blocks: int, runs: Mapping[str, Run]) -> dict[str, list[Cost]]:
    """Alternate the runs; which goes first changes every time."""
    for run in runs.values():
        await run()
    costs: dict[str, list[Cost]] = {name: [] for name in runs}
    for block in range(blocks):
        for name, run in list(runs.items())[:: 1 if block % 2 else -1]:
            costs[name].append(await cost_of(run))
    return costs


def middle(values: list[float]) -> float:
    return statistics.median(values)


def report(name: str, costs: Mapping[str, list[Cost]], ours: str, beside: str) -> Cost:
    """Print one comparison; return the ratios of ``ours`` to what it is beside."""
    pairs = list(zip(costs[ours], costs[beside], strict=True))
    wall = [one.wall / other.wall for one, other in pairs]
    host = [one.host / other.host for one, other in pairs]
    cpu = [one.cpu / other.cpu for one, other in pairs]
    print(
        f"{name:<30} {beside:>8} {middle([c.wall for c in costs[beside]]) * 1e3:5.0f} ms wall"
        f" {middle([c.cpu for c in costs[beside]]) * 1e3:5.0f} ms cpu"
        f" ({middle([c.host for c in costs[beside]]) * 1e3:4.0f} host)"
        f" | {ours} wall x{middle(wall):.2f} ({min(wall):.2f}-{max(wall):.2f}),"
        f" cpu x{middle(cpu):.2f} ({min(cpu):.2f}-{max(cpu):.2f}),"
        f" {middle([c.host for c in costs[ours]]) * 1e3:.0f} ms host",
        flush=True,
    )
    return Cost(wall=middle(wall), host=middle(host), cpu=middle(cpu))


async def runs(kernel: RuntimeKernel, url: str, home: str, blocks: int) -> int:
    """One answer: with a process of its own, and with one that was started ahead."""
    costs = await compare(
        blocks,
        {
            "bare": bare(plain_options(url, home, model=MODEL, tools=False)),
            "cold": governed(kernel, home),
            "warm": governed(kernel, home, spares=1),
        },
    )
    cold = report("one answer", costs, "cold", "bare")
    warm = report("  started ahead", costs, "warm", "cold")
    return (cold.wall > 1.15) + (warm.wall > 0.6)


async def tools(kernel: RuntimeKernel, url: str, home: str, blocks: int) -> int:
    """Two turns and a tool of the author's."""
    costs = await compare(
        blocks,
        {
            "bare": bare(plain_options(url, home, model=MODEL, tools=True)),
            "cold": governed(kernel, home, tools=True),
        },
    )
    report("a tool of the author's", costs, "cold", "bare")
    return 0


async def deltas(kernel: RuntimeKernel, url: str, home: str, blocks: int) -> int:
    """One long answer, and what a delta of it costs beside a short answer."""
    costs = await compare(
        blocks,
        {
            "bare": bare(plain_options(url, home, model=LONG, tools=False)),
            "cold": governed(kernel, home, model=LONG),
            "short": governed(kernel, home),
        },
    )
    ratio = report(f"{TOKENS} deltas", costs, "cold", "bare")
    pairs = zip(costs["cold"], costs["short"], strict=True)
    delta = middle([long.host - short.host for long, short in pairs]) / TOKENS
    print(f"{'':<30} {delta * 1e6:.0f} us of the host's processor for a delta")
    return (ratio.cpu > 1.05) + (delta > 60e-6)


async def memory(kernel: RuntimeKernel, url: str, home: str, _blocks: int) -> int:
    """What a live process has in memory; that of steer is a spare."""
    async with ClaudeSDKClient(plain_options(url, home, model=MODEL, tools=False)) as client:
        await client.query("Hello?")
        async for _ in client.receive_response():
            pass
        plain = _sizes()
    run = governed(kernel, home, spares=1)
    for _ in range(2):
        await run()
    await settle()
    ours = _sizes()
    print(f"{'memory':<30} bare {plain} MB | a spare, and what guards it: {ours} MB")
    return 0


def _sizes() -> list[int]:
    mine = [pid for pid in descendants(os.getpid()) if b"provider" not in _command(pid)]
    return sorted((resident(pid) for pid in mine), reverse=True)


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


async def queue(kernel: RuntimeKernel, url: str, home: str, _blocks: int) -> int:
    """Many runs at once, over few processes."""
    free = asyncio.Semaphore(PROCESSES)
    plain = bare(plain_options(url, home, model=MODEL, tools=False))

    async def queued() -> None:
        async with free:
            await plain()

    many = {"bare": queued, "steer": governed(kernel, home)}
    times = {}
    for name, run in many.items():
        await settle()
        start = time.perf_counter()
        await asyncio.gather(*(run() for _ in range(QUEUED)))
        times[name] = time.perf_counter() - start
    print(
        f"{QUEUED} runs, {PROCESSES} processes{'':<10}"
        f" bare {times['bare']:.1f} s | steer x{times['steer'] / times['bare']:.2f}"
    )
    return 0


MEASURES = {"runs": runs, "tools": tools, "deltas": deltas, "memory": memory, "queue": queue}


async def main(blocks: int, only: list[str]) -> int:
    failures = 0
    with provider_process(SCRIPT) as served, tempfile.TemporaryDirectory() as home:
        url = served["anthropic_base_url"]
        settings = {"base_url": url, "api_key": "none", "max_processes": PROCESSES}
        for name in only:
            async with RuntimeKernel(runtime_config={"claude-code": settings}) as kernel:
                failures += await MEASURES[name](kernel, url, home, blocks)
    return failures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--blocks", type=int, default=7)
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    given = parser.parse_args()
    raise SystemExit(asyncio.run(main(given.blocks, given.only)))
