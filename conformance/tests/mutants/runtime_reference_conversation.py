"""One run of the reference runtime: turns of a model in Chat Completions, and what they call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx2
from pydantic_core import to_jsonable_python
from runtime_reference_prepared import (
    ReferencePrepared,
)
from runtime_reference_sessions import kept_by, opening_of, said_in
from runtime_reference_wire import (
    Answer,
    Asked,
    broken,
    events_in,
    refused,
    unreachable,
)
from steer.agents import Tool, ToolContext, encode_result
from steer.errors import ProviderError, SteerError
from steer.events import (
    AgentDone,
    AgentHandoff,
    AgentStarted,
    ModelBlockDone,
    ModelReasoning,
    ModelToken,
    Unknown,
)
from steer.ports.gate import (
    Decision,
    EffectRun,
    GateOutcome,
    ModelCall,
    ModelRequest,
    Sent,
    ToolCall,
    ToolOutcome,
)
from steer.ports.policy import ToolKind
from steer.ports.runtime import Finished, Run, Suspended
from steer.values import (
    Effect,
    EffectStatus,
    FilePart,
    FinishReason,
    ImagePart,
    JsonValue,
    digest_of,
)

_FINISH = {
    "length": FinishReason.MAX_OUTPUT_TOKENS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.REFUSAL,
}


class Parked(BaseException):
    """Leaves what a suspended call is inside of, so that no outcome of it is recorded."""


@dataclass(kw_only=True)
class Conversation:
    """One run, and everything that belongs to it; or an agent that is a tool in one.

    ``parked`` is shared by all of a run, and holds the calls that were suspended.
    """

    client: httpx2.AsyncClient
    prepared: ReferencePrepared
    run: Run
    path: tuple[str, ...] = ()
    parked: list[ToolCall] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    async def go(self) -> Finished | Suspended:
        self.tell(AgentStarted(name=self.prepared.agent))
        self.messages = self.messages or self.opening()
        while True:
            if self.parked:
                return Suspended()
            answer, message = await self.turn()
            self.messages.append(answer.message)
            if not answer.calls:
                break
            results = await self.use_all(answer.calls, message)
            if results is None:
                return Suspended()
            self.messages.extend(results)
        finished = self.finished(answer)
        self.tell(AgentDone(name=self.prepared.agent))
        return finished

    def opening(self) -> list[dict[str, Any]]:
        return opening_of(self.run)

    def finished(self, answer: Answer) -> Finished:
        spec = self.prepared.output
        output = None if spec is None else to_jsonable_python(spec.validate(answer.text))
        refused = any(part.kind == "refusal" for part in answer.parts)
        reason = _FINISH.get("refusal" if refused else answer.finish_reason, FinishReason.STOP)
        added = self.messages[len(opening_of(self.run)) :]
        return Finished(
            content=answer.text,
            output=output,
            finish_reason=reason,
            said=said_in(added),
            items=kept_by(self.run, added),
        )

    # ---- models --------------------------------------------------------------------------------

    async def turn(self) -> tuple[Answer, int]:
        """Ask the model once; return its answer, and the index of that message."""
        while True:
            async with self.run.gate.model_call(self.request()) as call:
                if call.recorded is not None:
                    return Answer.decode(call.recorded.response), call.message
                try:
                    return await self.exchange(call), call.message
                except SteerError as error:
                    if not await self.may_ask_again(call, error):
                        raise

    async def may_ask_again(self, call: ModelCall, error: SteerError) -> bool:
        return await call.retry(error, sent=sent_by(error))

    def question(self) -> dict[str, Any]:
        said = self.prepared.instructions
        system = [] if said is None else [{"role": "system", "content": said}]
        return {**self.prepared.body, "messages": [*system, *self.messages]}

    def request(self) -> ModelRequest:
        question = self.question()
        parts = (part for message in self.run.input for part in message.content)
        bounded = not any(isinstance(part, ImagePart | FilePart) for part in parts)
        return ModelRequest(
            digest=digest_of(question),
            model=self.prepared.model,
            path=self.path,
            agent=self.prepared.agent,
            provider="reference",
            input_bound=len(json.dumps(question).encode()) if bounded else None,
            max_output_tokens=self.prepared.max_output_tokens,
        )

    async def exchange(self, call: ModelCall) -> Answer:
        """Send the request, and follow its answer to the end."""
        question = self.question()
        question["model"] = call.model
        if call.max_output_tokens is not None:
            question["max_completion_tokens"] = call.max_output_tokens
        try:
            async with self.client.stream(
                "POST",
                f"{self.prepared.base_url}/chat/completions",
                json=question,
                headers={"authorization": f"Bearer {self.prepared.key or 'none'}"},
            ) as response:
                if response.status_code != httpx2.codes.OK:
                    raise refused(response, await response.aread())
                answer = await self.listen(call, response)
        except httpx2.HTTPError as error:
            raise unreachable(error) from error
        self.complete(call, answer)
        return answer

    async def listen(self, call: ModelCall, response: httpx2.Response) -> Answer:
        answer = Answer()
        async with aclosing(events_in(response)) as events:
            async for event in events:
                self.hear(call, answer, event)
        if answer.finish_reason == "":
            raise broken("it ended before it said why")
        self.close_part(call, answer)
        for number, asked in enumerate(answer.calls):
            self.tell(
                ModelBlockDone(
                    call=call.id,
                    part=len(answer.parts) + number,
                    kind="tool_call",
                    call_id=asked.call_id,
                    tool=asked.tool,
                    arguments=asked.arguments,
                )
            )
        return answer

    def hear(self, call: ModelCall, answer: Answer, event: Mapping[str, Any]) -> None:
        """Take in one event of the stream."""
        if event.get("object") != "chat.completion.chunk":
            raw = dict(event)
            self.tell(Unknown(source="reference", name=str(raw.get("object")), raw=raw))
            return
        answer.take_head(event)
        for choice in event["choices"]:
            delta = choice["delta"]
            for name, kind in (
                ("reasoning_content", "reasoning"),
                ("content", "text"),
                ("refusal", "refusal"),
            ):
                if delta.get(name):
                    self.say(call, answer, kind, delta[name])
            for piece in delta.get("tool_calls") or ():
                answer.take_call(piece)
            answer.finish_reason = choice["finish_reason"] or answer.finish_reason

    def say(self, call: ModelCall, answer: Answer, kind: str, text: str) -> None:
        if answer.parts and answer.parts[-1].kind != kind:
            self.close_part(call, answer)
        offset = answer.take_text(kind, text)
        make = ModelReasoning if kind == "reasoning" else ModelToken
        self.tell(make(call=call.id, part=len(answer.parts) - 1, offset=offset, text=text))

    def close_part(self, call: ModelCall, answer: Answer) -> None:
        if answer.parts:
            last: Any = answer.parts[-1].kind
            self.tell(ModelBlockDone(call=call.id, part=len(answer.parts) - 1, kind=last))

    def tell(self, data: Any) -> None:
        self.run.emit(data, path=self.path, agent=self.prepared.agent)

    def complete(self, call: ModelCall, answer: Answer) -> None:
        call.complete(
            answer.encode(),
            answer.usage,
            model=answer.model,
            response_id=answer.response_id,
            finish_reason=answer.finish_reason,
        )

    # ---- tools ---------------------------------------------------------------------------------

    async def use_all(self, calls: Sequence[Asked], message: int) -> list[dict[str, Any]] | None:
        """Make the calls of one message side by side; ``None`` where one has to wait."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self.use(asked, message)) for asked in calls]
        except ExceptionGroup as several:
            raise next(
                (e for e in several.exceptions if isinstance(e, SteerError)), several
            ) from None
        results = [task.result() for task in tasks]
        if any(result is None for result in results):
            return None
        return [
            {"role": "tool", "tool_call_id": asked.call_id, "content": result}
            for asked, result in zip(calls, results, strict=True)
        ]

    async def use(self, asked: Asked, message: int) -> str | None:
        """Ask for one call and make it; return what the model is told."""
        tool = self.tool_of(asked)
        passing = asked.tool in self.prepared.colleagues
        if tool is None and not passing and asked.tool not in self.prepared.helpers:
            return f"there is no tool {asked.tool}"
        call = self.call_of(asked, message, tool)
        decision = await self.run.gate.authorize(call)
        if decision.outcome is GateOutcome.SUSPEND:
            self.park(call)
            return None
        if decision.grant is None:
            return await self.denied(tool, asked, decision)

        async def effect(run: EffectRun) -> JsonValue:
            if asked.tool in self.prepared.helpers:
                return await self.ask_helper(asked, run)
            return asked.tool if tool is None else await self.run_tool(tool, asked, run)

        try:
            outcome = await self.run.gate.call(call, decision.grant, effect)
        except Parked:
            return None
        if passing:
            self.pass_on(asked.tool)
        return self.told(outcome)

    def park(self, call: ToolCall) -> None:
        """Have the run end as soon as what runs has ended."""
        self.parked.append(call)

    async def ask_helper(self, asked: Asked, run: EffectRun) -> JsonValue:
        """Have another agent answer; leaves without an answer where that has to wait."""
        arguments: Any = run.arguments
        inside = type(self)(
            client=self.client,
            prepared=self.prepared.helpers[asked.tool],
            run=self.run,
            path=(*self.path, asked.call_id),
            parked=self.parked,
            messages=[{"role": "user", "content": arguments["input"]}],
        )
        outcome = await inside.go()
        if isinstance(outcome, Suspended):
            raise Parked
        return outcome.content

    async def denied(
        self,
        _tool: Tool[..., Any] | None,
        _asked: Asked,
        decision: Decision,
    ) -> str | None:
        return f"denied: {decision.reason}"

    def call_of(self, asked: Asked, message: int, tool: Tool[..., Any] | None) -> ToolCall:
        kind = ToolKind.AGENT if asked.tool in self.prepared.helpers else ToolKind.HANDOFF
        return ToolCall(
            call_id=asked.call_id,
            tool=asked.tool,
            message=message,
            path=self.path,
            arguments=asked.decoded,
            kind=kind if tool is None else ToolKind.FUNCTION,
            effect=Effect.NONE if tool is None else tool.effect,
            agent=self.prepared.agent,
        )

    def pass_on(self, transfer: str) -> None:
        """Give the floor to another agent."""
        before, self.prepared = self.prepared, self.prepared.colleagues[transfer]()
        self.tell(AgentHandoff(source=before.agent, target=self.prepared.agent))
        self.tell(AgentDone(name=before.agent))
        self.tell(AgentStarted(name=self.prepared.agent))

    def tool_of(self, asked: Asked) -> Tool[..., Any] | None:
        tools = {tool.name: tool for tool in self.prepared.definition.tools}
        return tools.get(asked.tool)

    async def run_tool(self, tool: Tool[..., Any], asked: Asked, run: EffectRun) -> JsonValue:
        context = self.run.context
        async with asyncio.timeout(tool.timeout):
            result = await tool.run(
                tool.parse(run.arguments),
                ToolContext(
                    job_id=context.job_id,
                    scope_id=context.scope_id,
                    principal_id=context.principal_id,
                    call_id=asked.call_id,
                    effect_key=run.key,
                    user_context=self.run.user_context,
                ),
                abandoned=lambda thread: self.abandoned(asked, thread),
            )
        return encode_result(result).text

    def abandoned(self, asked: Asked, thread: Future[Any]) -> None:
        """Name the thread of a tool that goes on although the run does not."""
        self.run.gate.background(
            f"tool {asked.tool} ({asked.call_id})",
            lambda done: thread.add_done_callback(lambda _: done()),
        )

    def told(self, outcome: ToolOutcome) -> str:
        if outcome.status is EffectStatus.SUCCEEDED:
            return str(outcome.value)
        why = outcome.error.message if outcome.error else "for no known reason"
        return f"{outcome.status.value}: {why}"


def sent_by(error: SteerError) -> Sent:
    """How far the request got that failed so."""
    if isinstance(error, ProviderError):
        if isinstance(error.__cause__, httpx2.ConnectError):
            return Sent.NO
        if error.status_code is not None:
            return Sent.REJECTED
    return Sent.UNKNOWN
