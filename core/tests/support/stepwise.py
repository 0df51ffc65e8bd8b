"""A small honest runtime over the public ports: its agents are lists of model turns.

A turn is the text the model says and the tools it calls; tools are plain async functions. It asks
the gate for everything, streams a character at a time, and can be replayed.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
from steer.capabilities import Capabilities, ModelGate, Suspension, UsageSource
from steer.errors import SteerError
from steer.events import AgentDone, AgentStarted, ModelBlockDone, ModelToken
from steer.plugin import RuntimePlugin, hookimpl
from steer.plugins import PluginRegistry
from steer.ports.gate import (
    EffectRun,
    GateOutcome,
    ModelCall,
    ModelRequest,
    Sent,
    ToolCall,
    ToolOutcome,
)
from steer.ports.options import PrepareOptions
from steer.ports.runtime import Finished, Prepared, Run, Suspended, ToolInfo
from steer.values import Effect, EffectStatus, Usage, digest_of

CAPABILITIES = Capabilities(
    model_gate=ModelGate.NATIVE,
    usage=UsageSource.PROVIDER,
    replay=True,
    tools=True,
    suspend=Suspension.MANY,
    suspend_in_subagents=True,
    model_substitution=True,
)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One tool call that the model makes."""

    tool: str
    arguments: Any = None
    call_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What the model answers: text, and the tools it calls; first it fails as ``failures`` say."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    failures: tuple[SteerError, ...] = ()
    usage: Usage | None = field(
        default_factory=lambda: Usage(requests=1, input_tokens=10, output_tokens=5)
    )


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """A tool: what it does, what running it twice would do, and whether a person must approve."""

    run: Callable[[EffectRun], Awaitable[Any]]
    effect: Effect = Effect.ONCE
    needs_approval: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Stepwise:
    """An agent: the model's turns in order, and its tools.

    ``output`` makes the structured output of the last text. ``reach`` is awaited at named moments,
    so that a test can hold the run there or kill it.
    """

    turns: tuple[Turn, ...]
    tools: Mapping[str, ToolSpec] = field(default_factory=dict)
    name: str = "stepwise"
    model: str = "toy-1"
    max_output_tokens: int | None = None
    input_bound: int | None = 10
    ungated: tuple[ToolInfo, ...] = ()
    output: Callable[[str], Any] | None = None
    reach: Callable[[str], Awaitable[None]] | None = None


@dataclass(frozen=True, kw_only=True)
class PreparedStepwise:
    source: Stepwise
    fingerprint: str
    capabilities: Capabilities = CAPABILITIES

    provider = "toy"
    current = True

    @property
    def agent(self) -> str:
        return self.source.name

    @property
    def model(self) -> str:
        return self.source.model

    @property
    def ungated(self) -> tuple[ToolInfo, ...]:
        return self.source.ungated


class StepwiseRuntime:
    """Runs ``Stepwise`` agents."""

    def prepare(self, agent: object, _options: PrepareOptions, /) -> PreparedStepwise:
        assert isinstance(agent, Stepwise)
        return PreparedStepwise(source=agent, fingerprint=digest_of(agent.name))

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        assert isinstance(prepared, PreparedStepwise)
        agent = prepared.source
        run.emit(AgentStarted(name=agent.name))
        history: list[Any] = [message.text for message in run.input]
        text = ""
        for number, turn in enumerate(agent.turns):
            if not await self._turn(agent, run, turn, number, history):
                return Suspended()
            text = turn.text
        run.emit(AgentDone(name=agent.name))
        output = None if agent.output is None else agent.output(text)
        return Finished(content=text, output=output)

    async def _turn(
        self, agent: Stepwise, run: Run, turn: Turn, number: int, history: list[Any]
    ) -> bool:
        """Take one turn; return whether the run goes on after it."""
        request = ModelRequest(
            digest=digest_of(history),
            model=agent.model,
            agent=agent.name,
            provider="toy",
            input_bound=agent.input_bound,
            max_output_tokens=agent.max_output_tokens,
        )
        for failure in turn.failures:
            await _fail(agent, run, request, failure)
        async with run.gate.model_call(request) as call:
            if call.recorded is None:
                await _say(agent, run, call, turn, number)
                said = json.dumps([turn.text, [c.tool for c in turn.calls]])
                call.complete(
                    said.encode(), turn.usage, model=call.model, response_id=f"resp_{number}"
                )
            else:
                said = call.recorded.response.decode()
        message = call.message
        history.append(said)
        await _reach(agent, f"answered:{number}")
        results: dict[int, list[Any] | None] = {}

        async def use(place: int, called: Call) -> None:
            call = ToolCall(
                call_id=called.call_id or f"call_{place}",
                tool=called.tool,
                message=message,
                arguments=called.arguments,
                effect=agent.tools[called.tool].effect,
                agent=agent.name,
                needs_approval=agent.tools[called.tool].needs_approval,
            )
            results[place] = await _use(agent, run, call)

        async with anyio.create_task_group() as group:
            for place, called in enumerate(turn.calls):
                group.start_soon(use, place, called)
        history.extend(results[place] for place in sorted(results))
        return None not in results.values()

    async def aclose(self) -> None:
        pass


async def _fail(agent: Stepwise, run: Run, request: ModelRequest, failure: SteerError) -> None:
    """Fail in the middle of an answer, and return once the request may be made again."""
    async with run.gate.model_call(request) as call:
        await _reach(agent, "failing")
        run.emit(ModelToken(call=call.id, part=0, offset=0, text="Well, "))
        run.emit(ModelBlockDone(call=call.id, part=0, kind="text"))
        if not await call.retry(failure, sent=Sent.UNKNOWN):
            raise failure


async def _say(agent: Stepwise, run: Run, call: ModelCall, turn: Turn, number: int) -> None:
    await _reach(agent, f"asked:{number}")
    for offset, letter in enumerate(turn.text):
        run.emit(ModelToken(call=call.id, part=0, offset=offset, text=letter))
        await _reach(agent, f"token:{number}:{offset}")
    if turn.text:
        run.emit(ModelBlockDone(call=call.id, part=0, kind="text"))
    await _reach(agent, f"said:{number}")


async def _use(agent: Stepwise, run: Run, call: ToolCall) -> list[Any] | None:
    """Ask for a call, make it, and return what the model is told; ``None`` where it is left."""
    decision = await run.gate.authorize(call)
    if decision.outcome is GateOutcome.SUSPEND:
        return None
    if not decision.allowed or decision.grant is None:
        return ["denied", decision.reason]
    outcome: ToolOutcome = await run.gate.call(call, decision.grant, agent.tools[call.tool].run)
    if outcome.status is EffectStatus.SUCCEEDED:
        return [outcome.status.value, outcome.value]
    return [outcome.status.value, outcome.error.message if outcome.error else None]


async def _reach(agent: Stepwise, moment: str) -> None:
    if agent.reach is not None:
        await agent.reach(moment)


class StepwisePlugin:
    """Registers a runtime, as the module of a distribution would."""

    def __init__(self, runtime: StepwiseRuntime) -> None:
        self._runtime = runtime

    @hookimpl
    def steer_runtimes(self) -> list[RuntimePlugin]:
        return [
            RuntimePlugin(
                name="stepwise",
                summary="Model turns in order, for tests",
                contract=1,
                open=lambda _config: self._runtime,
                capabilities=CAPABILITIES,
                native_types=(f"{Stepwise.__module__}.{Stepwise.__qualname__}",),
            )
        ]


def registry(runtime: StepwiseRuntime | None = None) -> PluginRegistry:
    """The plugins that are installed, and the runtime of this file or a variant of it."""
    made = PluginRegistry.discover()
    made.register(StepwisePlugin(runtime or StepwiseRuntime()), name="stepwise-tests")
    return made
