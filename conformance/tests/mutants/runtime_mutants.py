"""The reference runtime with one thing broken, for each clause of runtimes."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

import httpx2
import runtime_reference_wire as wire
from mutant import Mutant, Reference
from runtime_reference import (
    Conversation,
    Parked,
    ReferenceRuntime,
    connect,
    reference,
)
from runtime_reference_prepared import ReferenceConfig, ReferencePrepared
from runtime_reference_wire import Answer, Asked
from steer.agents import Agent, OutputSpec, Tool
from steer.capabilities import Capabilities
from steer.errors import BudgetExceeded, ConfigError, ProviderError, RuntimeFailure, SteerError
from steer.events import ModelReasoning, ModelStarted, ModelToken, Unknown
from steer.ports.gate import (
    Decision,
    EffectRun,
    ModelCall,
    Sent,
    ToolCall,
    ToolOutcome,
)
from steer.ports.options import PrepareOptions
from steer.ports.policy import ToolKind
from steer.ports.runtime import Finished, Prepared, Run, Suspended
from steer.values import Effect, FinishReason, JsonValue, Usage

__all__ = ["MUTANTS", "REFERENCE"]

REFERENCE = Reference(plugin=reference(), factory=connect)


# ---- what is told ------------------------------------------------------------------------------


class TellsTheLatestRun(ReferenceRuntime):
    """Keeps the run on the runtime, where the next one overwrites it."""

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        self.latest = run
        assert isinstance(prepared, ReferencePrepared)
        talk = Conversation(client=self.client, prepared=prepared, run=run)
        talk.tell = self.tell_latest  # type: ignore[method-assign]
        return await talk.go()

    def tell_latest(self, data: Any) -> None:
        self.latest.emit(data)


class TellsAtTheEnd(Conversation):
    async def listen(self, call: ModelCall, response: httpx2.Response) -> Answer:
        held: list[Any] = []
        tell, self.tell = self.tell, held.append  # type: ignore[assignment]
        try:
            return await super().listen(call, response)
        finally:
            self.tell = tell  # type: ignore[method-assign]
            for data in held:
                tell(data)


class HidesItsAgent(Conversation):
    def tell(self, data: Any) -> None:
        if data.type != "agent.started":
            super().tell(data)


class LeavesPartsOpen(Conversation):
    def close_part(self, call: ModelCall, answer: Answer) -> None:
        pass


class TellsPartsTwice(Conversation):
    def close_part(self, call: ModelCall, answer: Answer) -> None:
        super().close_part(call, answer)
        super().close_part(call, answer)


class TellsAfterItsRequest(Conversation):
    async def turn(self) -> tuple[Answer, int]:
        answer, message = await super().turn()
        self.tell(ModelToken(call="c1", part=7, offset=0, text="P.S."))
        return answer, message


class PolishesItsContent(Conversation):
    def finished(self, answer: Answer) -> Finished:
        finished = super().finished(answer)
        return replace(finished, content=finished.content.rstrip("."))


class TellsOfItsRequests(Conversation):
    async def exchange(self, call: ModelCall) -> Answer:
        self.tell(ModelStarted(call=call.id))
        return await super().exchange(call)


class CountsBytes(Conversation):
    def tell(self, data: Any) -> None:
        if isinstance(data, ModelToken):
            said = self.said[: data.offset] if data.offset else ""
            self.said = said + data.text
            data = replace(data, offset=len(said.encode()))
        super().tell(data)

    said = ""


class DropsAPiece(Conversation):
    def tell(self, data: Any) -> None:
        if not isinstance(data, ModelToken) or data.offset == 0:
            super().tell(data)


class TrimsItsLines(Conversation):
    """Takes what Unicode calls the end of a line for the end of an event."""

    async def listen(self, call: ModelCall, response: httpx2.Response) -> Answer:
        answer = Answer()
        text = (await response.aread()).decode()
        for line in text.splitlines():
            if line.startswith("data:") and (event := wire.read(line[5:].strip().encode())):
                self.hear(call, answer, event)
        self.close_part(call, answer)
        return answer


class DropsReasoning(Conversation):
    def tell(self, data: Any) -> None:
        if not isinstance(data, ModelReasoning):
            super().tell(data)


class DropsTheUnknown(Conversation):
    def tell(self, data: Any) -> None:
        if not isinstance(data, Unknown):
            super().tell(data)


# ---- cancelling and closing --------------------------------------------------------------------


class SwallowsACancel(ReferenceRuntime):
    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        try:
            return await super().run(prepared, run)
        except asyncio.CancelledError:
            return Finished(content="")


class LeavesATask(ReferenceRuntime):
    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__(config)
        self.tasks: list[asyncio.Task[None]] = []

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        self.tasks.append(asyncio.create_task(asyncio.sleep(60)))
        return await super().run(prepared, run)


class LeavesAThread(ReferenceRuntime):
    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__(config)
        self.closed = threading.Event()

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        threading.Thread(target=self.closed.wait, name="left behind", daemon=True).start()
        return await super().run(prepared, run)

    async def aclose(self) -> None:
        self.closed.set()
        await super().aclose()


class ReadsOnWhenCancelled(ReferenceRuntime):
    """Returns at once, and lets the stream go on in the background."""

    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__(config)
        self.tasks: list[asyncio.Future[Any]] = []

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        self.tasks.append(asyncio.ensure_future(super().run(prepared, run)))
        return await asyncio.shield(self.tasks[-1])

    async def aclose(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await super().aclose()


class NeverCloses(ReferenceRuntime):
    async def aclose(self) -> None:
        pass


# ---- requests ----------------------------------------------------------------------------------


class RetriesByItself(Conversation):
    async def exchange(self, call: ModelCall) -> Answer:
        try:
            return await super().exchange(call)
        except ProviderError:
            return await super().exchange(call)


class NeverAsksAgain(Conversation):
    async def may_ask_again(self, call: ModelCall, error: SteerError) -> bool:
        await super().may_ask_again(call, error)
        return False


class AsksAgainUnasked(Conversation):
    """Takes the gate's no for a yes, as often as it likes."""

    async def may_ask_again(self, call: ModelCall, error: SteerError) -> bool:
        await super().may_ask_again(call, error)
        return True


class AsksAgainInItsPlace(Conversation):
    """Makes a request again that was ended, in place of a new one."""

    async def turn(self) -> tuple[Answer, int]:
        async with self.run.gate.model_call(self.request()) as call:
            if call.recorded is not None:
                return Answer.decode(call.recorded.response), call.message
            while True:
                try:
                    return await self.exchange(call), call.message
                except SteerError as error:
                    if not await self.may_ask_again(call, error):
                        raise


class AsksPastTheGate(Conversation):
    """Sends its second request without asking for leave."""

    async def turn(self) -> tuple[Answer, int]:
        try:
            return await super().turn()
        except BudgetExceeded:
            unasked: Any = _Unasked()
            return await self.exchange(unasked), 1


class SendsBeforeItAsks(Conversation):
    async def turn(self) -> tuple[Answer, int]:
        unasked: Any = _Unasked()
        answer = await self.exchange(unasked)
        async with self.run.gate.model_call(self.request()) as call:
            self.complete(call, answer)
            return answer, call.message


class _Unasked:
    id = "c1"
    message = 1
    recorded = None
    max_output_tokens = None

    def complete(self, *_: Any, **__: Any) -> None:
        pass

    def fail(self, *_: Any, **__: Any) -> None:
        pass


class EstimatesUsage(Conversation):
    def complete(self, call: ModelCall, answer: Answer) -> None:
        answer.usage = Usage(requests=1, input_tokens=10, output_tokens=5, estimated=True)
        super().complete(call, answer)


class ForgetsTheCache(Conversation):
    def complete(self, call: ModelCall, answer: Answer) -> None:
        if answer.usage is not None:
            answer.usage = replace(answer.usage, cached_tokens=0)
        super().complete(call, answer)


class CompletesTwice(Conversation):
    def complete(self, call: ModelCall, answer: Answer) -> None:
        super().complete(call, answer)
        super().complete(call, answer)


class IgnoresTheGrant(Conversation):
    async def exchange(self, call: ModelCall) -> Answer:
        asked = self.prepared.max_output_tokens
        unbound: Any = _Beside(call, max_output_tokens=asked)
        return await super().exchange(unbound)


class IgnoresTheModel(Conversation):
    async def exchange(self, call: ModelCall) -> Answer:
        unmoved: Any = _Beside(call, model=self.prepared.model)
        return await super().exchange(unmoved)


class _Beside:
    """Another object, but for some of its attributes."""

    def __init__(self, other: object, **changed: Any) -> None:
        self._other = other
        vars(self).update(changed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._other, name)


class StopsForNoReason(Conversation):
    def finished(self, answer: Answer) -> Finished:
        return replace(super().finished(answer), finish_reason=FinishReason.STOP)


# ---- tools -------------------------------------------------------------------------------------


class LosesResults(Conversation):
    def told(self, outcome: ToolOutcome) -> str:
        return "done"


class RewritesWhatTheModelWrote(Conversation):
    def tell(self, data: Any) -> None:
        if data.type == "model.block_done" and data.arguments:
            data = replace(data, arguments=data.arguments.replace(" ", ""))
        super().tell(data)


class CountsNoMessages(Conversation):
    def call_of(self, asked: Asked, message: int, tool: Tool[..., Any] | None) -> ToolCall:
        return super().call_of(asked, 0, tool)


class ForgetsTheEffect(Conversation):
    def call_of(self, asked: Asked, message: int, tool: Tool[..., Any] | None) -> ToolCall:
        return replace(super().call_of(asked, message, tool), effect=Effect.NONE)


class AsksTwice(Conversation):
    async def use(self, asked: Asked, message: int) -> str | None:
        await self.run.gate.authorize(self.call_of(asked, message, self.tool_of(asked)))
        return await super().use(asked, message)


class RunsWhatWasDenied(Conversation):
    async def denied(
        self, tool: Tool[..., Any] | None, asked: Asked, decision: Decision
    ) -> str | None:
        if tool is not None:
            await self.run_tool(tool, asked, EffectRun(key="", arguments=asked.decoded))
        return await super().denied(tool, asked, decision)


class DeniesWithoutAReason(Conversation):
    async def denied(
        self, tool: Tool[..., Any] | None, asked: Asked, decision: Decision
    ) -> str | None:
        return "denied"


class RunsBeforeTheVerdict(Conversation):
    async def use(self, asked: Asked, message: int) -> str | None:
        tool = self.tool_of(asked)
        if tool is not None:
            await self.run_tool(tool, asked, EffectRun(key="", arguments=asked.decoded))
        return await super().use(asked, message)


class RunsWhatWasProposed(Conversation):
    async def run_tool(self, tool: Tool[..., Any], asked: Asked, run: EffectRun) -> JsonValue:
        return await super().run_tool(tool, asked, replace(run, arguments=asked.decoded))


class TakesAStopForAnAnswer(Conversation):
    async def go(self) -> Finished | Suspended:
        try:
            return await super().go()
        except SteerError as error:
            return Finished(content=str(error))


class WrapsAStop(Conversation):
    async def use(self, asked: Asked, message: int) -> str | None:
        try:
            return await super().use(asked, message)
        except SteerError as error:
            raise RuntimeFailure(f"the tool could not run: {error}") from error


class RunsToolsInTurn(Conversation):
    async def use(self, asked: Asked, message: int) -> str | None:
        async with self.turns:
            return await super().use(asked, message)

    def opening(self) -> list[dict[str, Any]]:
        self.turns = asyncio.Lock()
        return super().opening()


class MixesUpResults(Conversation):
    async def use_all(self, calls: Sequence[Asked], message: int) -> list[dict[str, Any]] | None:
        results = await super().use_all(calls, message)
        told = [each["content"] for each in results or ()]
        for each, content in zip(results or (), reversed(told), strict=True):
            each["content"] = content
        return results


class TriesAgain(Conversation):
    async def run_tool(self, tool: Tool[..., Any], asked: Asked, run: EffectRun) -> JsonValue:
        try:
            return await super().run_tool(tool, asked, run)
        except ValueError:
            return await super().run_tool(tool, asked, run)


class FailsWithItsTool(Conversation):
    def told(self, outcome: ToolOutcome) -> str:
        if outcome.exception is not None:
            raise RuntimeFailure("a tool failed") from outcome.exception
        return super().told(outcome)


class HidesATimeOut(Conversation):
    async def run_tool(self, tool: Tool[..., Any], asked: Asked, run: EffectRun) -> JsonValue:
        try:
            return await super().run_tool(tool, asked, run)
        except TimeoutError:
            return "it took too long"


class GuessesArguments(Conversation):
    async def run_tool(self, tool: Tool[..., Any], asked: Asked, run: EffectRun) -> JsonValue:
        given = run.arguments
        fits = isinstance(given, dict) and "at" in given
        arguments = given if fits else {"at": str(given)}
        return await super().run_tool(tool, asked, replace(run, arguments=arguments))


class NamesNoThreads(Conversation):
    def abandoned(self, asked: Asked, thread: Any) -> None:
        pass


# ---- what a run is given and gives -------------------------------------------------------------


class GivesText(Conversation):
    def finished(self, answer: Answer) -> Finished:
        return replace(super().finished(answer), output=answer.text)


class AsksForNoForm(ReferenceRuntime):
    def body(
        self, agent: Agent, options: PrepareOptions, output: OutputSpec | None
    ) -> dict[str, Any]:
        return super().body(agent, options, None)


class TakesAnyForm(Conversation):
    def finished(self, answer: Answer) -> Finished:
        try:
            return super().finished(answer)
        except RuntimeFailure:
            return Finished(content=answer.text)


class CutsHistory(Conversation):
    def opening(self) -> list[dict[str, Any]]:
        return super().opening()[-1:]


class TurnsHistoryRound(Conversation):
    def opening(self) -> list[dict[str, Any]]:
        return super().opening()[::-1]


class SaysAllAsTheUser(Conversation):
    def opening(self) -> list[dict[str, Any]]:
        return [{**each, "role": "user"} for each in super().opening()]


class TellsCallsAsText(Conversation):
    def opening(self) -> list[dict[str, Any]]:
        return [
            {"role": "user", "content": str(each)}
            if each["role"] == "tool" or "tool_calls" in each
            else each
            for each in super().opening()
        ]


class _Without(Conversation):
    """Leaves the parts of one kind out of what it was given."""

    kind = "image_url"

    def opening(self) -> list[dict[str, Any]]:
        return [
            {**each, "content": [p for p in each["content"] if p["type"] != self.kind]}
            if isinstance(each["content"], list)
            else each
            for each in super().opening()
        ]


class DropsImages(_Without):
    pass


class DropsFiles(_Without):
    kind = "file"


# ---- failures ----------------------------------------------------------------------------------


class _Otherwise(Conversation):
    """Tells its failures in other words."""

    async def exchange(self, call: ModelCall) -> Answer:
        try:
            return await super().exchange(call)
        except ProviderError as error:
            self.change(error)
            raise

    def change(self, error: ProviderError) -> None:
        raise NotImplementedError


class KnowsNoCategories(_Otherwise):
    def change(self, error: ProviderError) -> None:
        error.category = SteerError.category


class RetriesNothing(_Otherwise):
    def change(self, error: ProviderError) -> None:
        error.retryable = False


class ForgetsTheStatus(_Otherwise):
    def change(self, error: ProviderError) -> None:
        error.status_code = None


class ForgetsToWait(_Otherwise):
    def change(self, error: ProviderError) -> None:
        error.retry_after = None


class LosesTheWords(_Otherwise):
    def change(self, error: ProviderError) -> None:
        error.message = "something went wrong"


class DoesNotKnowWhatWasSent(Conversation):
    async def may_ask_again(self, call: ModelCall, error: SteerError) -> bool:
        return await call.retry(error, sent=Sent.UNKNOWN)


class TakesWhatItGot(Conversation):
    """Takes whatever came before the connection was lost for the answer."""

    async def listen(self, call: ModelCall, response: httpx2.Response) -> Answer:
        answer = Answer(finish_reason="stop")
        try:
            async with aclosing(self.events(response)) as events:
                async for event in events:
                    self.hear(call, answer, event)
        except (httpx2.HTTPError, ProviderError):
            pass
        self.close_part(call, answer)
        return answer

    def events(self, response: httpx2.Response) -> AsyncGenerator[Mapping[str, Any], None]:
        return wire.events_in(response)


class SkipsGarbage(TakesWhatItGot):
    async def events(self, response: httpx2.Response) -> AsyncGenerator[Mapping[str, Any], None]:
        async for line in wire.lines_of(response):
            try:
                event = wire.read(line.removeprefix(b"data:").strip()) if line else None
            except ProviderError:
                continue
            if event is not None and "choices" in event:
                yield event


# ---- preparing ---------------------------------------------------------------------------------


class AsksWhileItPrepares(ReferenceRuntime):
    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        body = {"model": "probe", "messages": []}
        httpx2.post(f"{self.config.base_url}/chat/completions", json=body)
        return super().prepare(agent, options)


class WritesToTheAgent(ReferenceRuntime):
    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        prepared = super().prepare(agent, options)
        for tool in prepared.definition.tools:
            tool.input_schema["title"] = tool.name
        return prepared


class TakesAnything(ReferenceRuntime):
    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        return super().prepare(agent if isinstance(agent, Agent) else Agent(name="x"), options)


class IgnoresVariables(ReferenceRuntime):
    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        declared = agent.variables if isinstance(agent, Agent) else {}
        known = {name: options.variables[name] for name in declared if name in options.variables}
        return super().prepare(agent, replace(options, variables=known))


class _Prepares(ReferenceRuntime):
    """Changes what was prepared."""

    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        return replace(super().prepare(agent, options), **self.changes())

    def changes(self) -> dict[str, Any]:
        raise NotImplementedError


class HasOneFingerprint(_Prepares):
    def changes(self) -> dict[str, Any]:
        return {"fingerprint": "always the same"}


class HasAnyFingerprint(_Prepares):
    def changes(self) -> dict[str, Any]:
        return {"fingerprint": str(random.random())}


class ClaimsMore(_Prepares):
    def changes(self) -> dict[str, Any]:
        return {"capabilities": Capabilities(mcp=True)}


class _Drops(ReferenceRuntime):
    """Drops an option without a word."""

    option = ""

    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        dropped = getattr(PrepareOptions(), self.option)
        return super().prepare(agent, replace(options, **{self.option: dropped}))


class DropsZero(ReferenceRuntime):
    """Takes an option of 0 for none."""

    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        return super().prepare(
            agent,
            replace(options, temperature=options.temperature or None, seed=options.seed or None),
        )


def dropping(option: str) -> type[ReferenceRuntime]:
    return type("Drops", (_Drops,), {"option": option})


class TakesItWithNoModel(ReferenceRuntime):
    """Claims options for which no model will do."""

    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        if options.seed is not None or options.reasoning_effort is not None:
            raise ConfigError("this model does not take it")
        prepared = super().prepare(agent, options)
        less = replace(prepared.capabilities, seed=False, reasoning_effort=False)
        return replace(prepared, capabilities=less)


# ---- replay, suspension, handoffs --------------------------------------------------------------


class AsksAgain(Conversation):
    async def turn(self) -> tuple[Answer, int]:
        async with self.run.gate.model_call(self.request()) as call:
            if call.recorded is None:
                return await self.exchange(call), call.message
            unasked: Any = _Unasked()
            return await self.exchange(unasked), call.message


class TellsAgain(Conversation):
    async def turn(self) -> tuple[Answer, int]:
        async with self.run.gate.model_call(self.request()) as call:
            if call.recorded is None:
                return await self.exchange(call), call.message
            answer = Answer.decode(call.recorded.response)
            self.tell(ModelToken(call=call.id, part=0, offset=0, text=answer.text))
            return answer, call.message


class RepeatsEffects(Conversation):
    async def use(self, asked: Asked, message: int) -> str | None:
        self.asked = asked
        return await super().use(asked, message)

    def told(self, outcome: ToolOutcome) -> str:
        tool = self.tool_of(self.asked)
        if outcome.replayed and tool is not None:
            with suppress(StopIteration):
                tool.function(**self.asked.decoded).send(None)
        return super().told(outcome)


class ChangesItsQuestion(Conversation):
    """Asks with something that no replay can repeat."""

    def question(self) -> dict[str, Any]:
        return {**super().question(), "user": str(id(self))}


class TakesAPauseForADenial(Conversation):
    async def use_all(self, calls: Sequence[Asked], message: int) -> list[dict[str, Any]] | None:
        results = await super().use_all(calls, message)
        if results is not None:
            return results
        self.parked.clear()
        return [
            {"role": "tool", "tool_call_id": asked.call_id, "content": "not now"} for asked in calls
        ]


class CutsWhatRuns(Conversation):
    """Ends all calls of a message as soon as one of them has to wait."""

    async def use_all(self, calls: Sequence[Asked], message: int) -> list[dict[str, Any]] | None:
        self.waits = asyncio.Event()
        use_all = asyncio.create_task(super().use_all(calls, message))
        waits = asyncio.create_task(self.waits.wait())
        await asyncio.wait({use_all, waits}, return_when=asyncio.FIRST_COMPLETED)
        if self.parked:
            use_all.cancel()
        waits.cancel()
        await asyncio.wait({use_all, waits})
        return None if self.parked else use_all.result()

    async def ask_helper(self, asked: Asked, run: EffectRun) -> JsonValue:
        try:
            return await super().ask_helper(asked, run)
        except Parked:
            self.waits.set()
            raise

    def park(self, call: ToolCall) -> None:
        super().park(call)
        self.waits.set()


class ForgetsThatItWaited(ReferenceRuntime):
    """Has a run that was parked begin anew, and says so to the model."""

    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__(config)
        self.waited = False

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        assert isinstance(prepared, ReferencePrepared)
        if self.waited:
            prepared = replace(prepared, instructions="You were interrupted.")
        outcome = await super().run(prepared, run)
        self.waited = isinstance(outcome, Suspended)
        return outcome


class FailsItsHelper(Conversation):
    """Takes a helper that has to wait for one that failed."""

    async def ask_helper(self, asked: Asked, run: EffectRun) -> JsonValue:
        try:
            return await super().ask_helper(asked, run)
        except Parked as parked:
            raise RuntimeFailure("the helper has to wait") from parked


class ParksTheHelperAlone(Conversation):
    async def ask_helper(self, asked: Asked, run: EffectRun) -> JsonValue:
        try:
            return await super().ask_helper(asked, run)
        except Parked:
            self.parked.clear()
            return "the helper has to wait"


class PassesOnWhileItWaits(Conversation):
    def park(self, call: ToolCall) -> None:
        super().park(call)
        if call.kind is ToolKind.HANDOFF:
            self.pass_on(call.tool)


class PassesOnUnasked(Conversation):
    async def use(self, asked: Asked, message: int) -> str | None:
        if asked.tool in self.prepared.colleagues:
            self.pass_on(asked.tool)
            return asked.tool
        return await super().use(asked, message)


class TakesAHandoffForATool(Conversation):
    def call_of(self, asked: Asked, message: int, tool: Tool[..., Any] | None) -> ToolCall:
        return replace(super().call_of(asked, message, tool), kind=ToolKind.FUNCTION)


def _mutant(name: str, kind: type[Any], *clauses: str, **capabilities: Any) -> Mutant:
    if issubclass(kind, Conversation):
        kind = type(kind.__name__, (ReferenceRuntime,), {"talk": kind})
    return Mutant(
        name=name, clauses=clauses, plugin=reference(kind, **capabilities), factory=connect
    )


MUTANTS = (
    _mutant("keeps the run on the runtime", TellsTheLatestRun, "RT-1"),
    _mutant("tells all at the end", TellsAtTheEnd, "RT-2"),
    _mutant("hides which agent began", HidesItsAgent, "RT-3"),
    _mutant("leaves its parts open", LeavesPartsOpen, "RT-3"),
    _mutant("tells the end of a part twice", TellsPartsTwice, "RT-3"),
    _mutant("tells of a request that has ended", TellsAfterItsRequest, "RT-3"),
    _mutant("swallows a cancel", SwallowsACancel, "RT-4"),
    _mutant("leaves a task", LeavesATask, "RT-4", "RT-55"),
    _mutant("leaves a thread", LeavesAThread, "RT-4"),
    _mutant("reads on when it is cancelled", ReadsOnWhenCancelled, "RT-4", "RT-44"),
    _mutant("retries by itself", RetriesByItself, "RT-5"),
    _mutant("completes a request twice", CompletesTwice, "RT-5"),
    _mutant("polishes its content", PolishesItsContent, "RT-6"),
    _mutant("emits what only the gate may", TellsOfItsRequests, "RT-7"),
    _mutant("counts bytes", CountsBytes, "RT-8"),
    _mutant("drops an event", DropsAPiece, "RT-8"),
    _mutant("splits lines where Unicode would", TrimsItsLines, "RT-8"),
    _mutant("drops reasoning", DropsReasoning, "RT-9"),
    _mutant("loses results of tools", LosesResults, "RT-10", "RT-12"),
    _mutant("rewrites what the model wrote", RewritesWhatTheModelWrote, "RT-10"),
    _mutant("counts no messages", CountsNoMessages, "RT-11"),
    _mutant("forgets the effect of a tool", ForgetsTheEffect, "RT-11"),
    _mutant("asks twice for a call", AsksTwice, "RT-11"),
    _mutant("runs a denied tool", RunsWhatWasDenied, "RT-12", "RT-13"),
    _mutant("denies without a reason", DeniesWithoutAReason, "RT-12"),
    _mutant("runs a tool before the verdict", RunsBeforeTheVerdict, "RT-12", "RT-13"),
    _mutant("runs what was proposed", RunsWhatWasProposed, "RT-14"),
    _mutant("takes a stop for an answer", TakesAStopForAnAnswer, "RT-15", "RT-42"),
    _mutant("wraps a stop", WrapsAStop, "RT-15"),
    _mutant("asks past the gate", AsksPastTheGate, "RT-15"),
    _mutant("sends before it asks", SendsBeforeItAsks, "RT-5", "RT-44"),
    _mutant("runs tools in turn", RunsToolsInTurn, "RT-16"),
    _mutant("mixes up results", MixesUpResults, "RT-16"),
    _mutant("tries a failed tool again", TriesAgain, "RT-17"),
    _mutant("fails with its tool", FailsWithItsTool, "RT-17"),
    _mutant("hides a time-out", HidesATimeOut, "RT-18"),
    _mutant("guesses arguments", GuessesArguments, "RT-19"),
    _mutant("names no threads", NamesNoThreads, "RT-20"),
    _mutant("estimates usage", EstimatesUsage, "RT-21"),
    _mutant("forgets what was cached", ForgetsTheCache, "RT-21"),
    _mutant("ignores what was granted", IgnoresTheGrant, "RT-22"),
    _mutant("ignores the model of the gate", IgnoresTheModel, "RT-67"),
    _mutant("gives its structure as text", GivesText, "RT-23"),
    _mutant("asks for no form", AsksForNoForm, "RT-23", "RT-53"),
    _mutant("takes any form", TakesAnyForm, "RT-24", "RT-53"),
    _mutant("cuts history to the last message", CutsHistory, "RT-25", "RT-26"),
    _mutant("turns history round", TurnsHistoryRound, "RT-25"),
    _mutant("says all as the user", SaysAllAsTheUser, "RT-26"),
    _mutant("tells earlier calls as text", TellsCallsAsText, "RT-26"),
    _mutant("drops images", DropsImages, "RT-27"),
    _mutant("drops files", DropsFiles, "RT-28"),
    _mutant("knows no categories", KnowsNoCategories, "RT-29", "RT-34", "RT-35"),
    _mutant("calls nothing retryable", RetriesNothing, "RT-29", "RT-31", "RT-32"),
    _mutant("forgets the status", ForgetsTheStatus, "RT-29"),
    _mutant("loses what the provider said", LosesTheWords, "RT-29", "RT-34"),
    _mutant("forgets how long to wait", ForgetsToWait, "RT-30"),
    _mutant("takes what it got", TakesWhatItGot, "RT-31", "RT-32", "RT-33", "RT-34"),
    _mutant("skips garbage", SkipsGarbage, "RT-33"),
    _mutant("does not know what was sent", DoesNotKnowWhatWasSent, "RT-35"),
    _mutant("drops the unknown", DropsTheUnknown, "RT-36"),
    _mutant("stops for no reason", StopsForNoReason, "RT-37"),
    _mutant("asks while it prepares", AsksWhileItPrepares, "RT-38"),
    _mutant("writes to the agent", WritesToTheAgent, "RT-38"),
    _mutant("takes anything for an agent", TakesAnything, "RT-39"),
    _mutant("takes tools that it does not claim", ReferenceRuntime, "RT-39", tools=False),
    _mutant("ignores variables", IgnoresVariables, "RT-39"),
    _mutant("sends a request on a replay", AsksAgain, "RT-40", "RT-41"),
    _mutant("tells again on a replay", TellsAgain, "RT-40"),
    _mutant("repeats an effect on a replay", RepeatsEffects, "RT-40"),
    _mutant("asks what no replay can repeat", ChangesItsQuestion, "RT-40", "RT-41"),
    _mutant("takes a pause for a denial", TakesAPauseForADenial, "RT-43"),
    _mutant("cuts what runs beside a call that waits", CutsWhatRuns, "RT-63", "RT-65"),
    _mutant("goes on in other words", ForgetsThatItWaited, "RT-64"),
    _mutant("fails a helper that waits", FailsItsHelper, "RT-65"),
    _mutant("parks a helper alone", ParksTheHelperAlone, "RT-65"),
    _mutant("passes on while it waits", PassesOnWhileItWaits, "RT-66"),
    _mutant("has one fingerprint for all", HasOneFingerprint, "RT-45"),
    _mutant("has another fingerprint each time", HasAnyFingerprint, "RT-45"),
    _mutant("claims more than its plugin", ClaimsMore, "RT-45"),
    _mutant("takes 0 for nothing", DropsZero, "RT-46", "RT-50"),
    _mutant("drops the temperature", dropping("temperature"), "RT-46"),
    _mutant("drops top_p", dropping("top_p"), "RT-47"),
    _mutant("drops the bound on answers", dropping("max_output_tokens"), "RT-48"),
    _mutant("drops the choice of a tool", dropping("tool_choice"), "RT-49"),
    _mutant("claims what no model takes", TakesItWithNoModel, "RT-50", "RT-59"),
    _mutant("drops the seed", dropping("seed"), "RT-50"),
    _mutant("drops what it does not claim", dropping("seed"), "RT-51", seed=False),
    _mutant("drops the model", dropping("model"), "RT-52"),
    _mutant("drops the instructions", dropping("instructions"), "RT-52"),
    _mutant("drops the schema", dropping("output_schema"), "RT-53"),
    _mutant("drops the address", dropping("base_url"), "RT-60"),
    _mutant("drops the key", dropping("api_key"), "RT-60"),
    _mutant("leaves all to chance", dropping("deterministic"), "RT-61"),
    _mutant("enforces a schema as it likes", dropping("output_strict"), "RT-62"),
    _mutant("drops settings", dropping("config"), "RT-54"),
    _mutant("never closes", NeverCloses, "RT-55"),
    _mutant("passes on unasked", PassesOnUnasked, "RT-56"),
    _mutant("takes a handoff for a tool", TakesAHandoffForATool, "RT-56"),
    _mutant("drops the number of calls at a time", dropping("parallel_tool_calls"), "RT-58"),
    _mutant("drops the effort", dropping("reasoning_effort"), "RT-59"),
    _mutant("never asks again", NeverAsksAgain, "RT-57"),
    _mutant("asks again unasked", AsksAgainUnasked, "RT-57"),
    _mutant("asks again in place of a request that ended", AsksAgainInItsPlace, "RT-57"),
)
