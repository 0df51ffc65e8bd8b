"""A minimal honest runtime: agents of steer's own, run over plain HTTP in Chat Completions.

It keeps every clause of the contract in as little code as that takes. The mutants are made of it,
each by changing one method.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import httpx2
from pydantic import BaseModel, ConfigDict
from pydantic_core import to_jsonable_python
from runtime_reference_wire import (
    Answer,
    Asked,
    broken,
    encoded_messages,
    events_in,
    refused,
    unreachable,
)
from steer.agents import (
    Agent,
    OutputSpec,
    Tool,
    ToolContext,
    encode_result,
    output_spec,
)
from steer.capabilities import Capabilities, HistoryForm, ModelGate, Suspension, UsageSource
from steer.errors import AgentError, ConfigError, ProviderError, SteerError
from steer.events import (
    AgentDone,
    AgentHandoff,
    AgentStarted,
    ModelBlockDone,
    ModelReasoning,
    ModelToken,
    Unknown,
)
from steer.plugin import RuntimePlugin
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
from steer.ports.options import PrepareOptions
from steer.ports.policy import ToolKind
from steer.ports.runtime import Finished, Prepared, Run, Suspended, ToolInfo
from steer.values import (
    Effect,
    EffectStatus,
    FilePart,
    FinishReason,
    ImagePart,
    JsonValue,
    digest_of,
)

CAPABILITIES = Capabilities(
    suspend=Suspension.MANY,
    model_gate=ModelGate.NATIVE,
    usage=UsageSource.PROVIDER,
    history=HistoryForm.NATIVE,
    replay=True,
    tools=True,
    parallel_tools=True,
    schema=True,
    reasoning=True,
    images=True,
    files=True,
    handoffs=True,
    temperature=True,
    top_p=True,
    max_output_tokens=True,
    tool_choice=True,
    seed=True,
    parallel_tool_calls=True,
    reasoning_effort=True,
    retries=True,
)

_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_output_tokens": "max_completion_tokens",
    "seed": "seed",
    "tool_choice": "tool_choice",
    "parallel_tool_calls": "parallel_tool_calls",
    "reasoning_effort": "reasoning_effort",
}
_FINISH = {
    "length": FinishReason.MAX_OUTPUT_TOKENS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.REFUSAL,
}


class ReferenceConfig(BaseModel):
    """Where the models are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str


@dataclass(frozen=True, kw_only=True)
class ReferencePrepared:
    """Implements ``steer.ports.runtime.Prepared``.

    ``body`` is what every request says, ``colleagues`` are the agents that it may pass the
    conversation to, by the name of the tool for that.
    """

    definition: Agent
    base_url: str
    key: str
    model: str
    instructions: str | None
    body: Mapping[str, Any]
    output: OutputSpec | None
    fingerprint: str
    colleagues: Mapping[str, Callable[[], ReferencePrepared]]
    capabilities: Capabilities = CAPABILITIES
    provider: str = "reference"
    ungated: tuple[ToolInfo, ...] = ()
    current: bool = True

    @property
    def agent(self) -> str:
        return self.definition.name

    @property
    def max_output_tokens(self) -> int | None:
        limit: int | None = self.body.get("max_completion_tokens")
        return limit


@dataclass(kw_only=True)
class Conversation:
    """One run, and everything that belongs to it."""

    client: httpx2.AsyncClient
    prepared: ReferencePrepared
    run: Run
    messages: list[dict[str, Any]] = field(default_factory=list)

    async def go(self) -> Finished | Suspended:
        self.tell(AgentStarted(name=self.prepared.agent))
        self.messages = self.opening()
        while True:
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
        return list(encoded_messages(self.run.input))

    def finished(self, answer: Answer) -> Finished:
        spec = self.prepared.output
        output = None if spec is None else to_jsonable_python(spec.validate(answer.text))
        refused = any(part.kind == "refusal" for part in answer.parts)
        reason = _FINISH.get("refusal" if refused else answer.finish_reason, FinishReason.STOP)
        return Finished(content=answer.text, output=output, finish_reason=reason)

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
            agent=self.prepared.agent,
            provider="reference",
            input_bound=len(json.dumps(question).encode()) if bounded else None,
            max_output_tokens=self.prepared.max_output_tokens,
        )

    async def exchange(self, call: ModelCall) -> Answer:
        """Send the request, and follow its answer to the end."""
        question = self.question()
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
        self.run.emit(data, agent=self.prepared.agent)

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
        if tool is None and not passing:
            return f"there is no tool {asked.tool}"
        call = self.call_of(asked, message, tool)
        decision = await self.run.gate.authorize(call)
        if decision.outcome is GateOutcome.SUSPEND:
            return None
        if decision.grant is None:
            return await self.denied(tool, asked, decision)

        async def effect(run: EffectRun) -> JsonValue:
            return asked.tool if tool is None else await self.run_tool(tool, asked, run)

        outcome = await self.run.gate.call(call, decision.grant, effect)
        if passing:
            self.pass_on(asked.tool)
        return self.told(outcome)

    async def denied(
        self,
        _tool: Tool[..., Any] | None,
        _asked: Asked,
        decision: Decision,
    ) -> str | None:
        return f"denied: {decision.reason}"

    def call_of(self, asked: Asked, message: int, tool: Tool[..., Any] | None) -> ToolCall:
        return ToolCall(
            call_id=asked.call_id,
            tool=asked.tool,
            message=message,
            arguments=asked.decoded,
            kind=ToolKind.HANDOFF if tool is None else ToolKind.FUNCTION,
            effect=Effect.ONCE if tool is None else tool.effect,
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


class ReferenceRuntime:
    """Implements ``steer.ports.runtime.Runtime``. ``talk`` is what a run of it is made of."""

    talk = Conversation

    def __init__(self, config: ReferenceConfig) -> None:
        self.config = config
        self.client = httpx2.AsyncClient(timeout=30.0, verify=False)

    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        if not isinstance(agent, Agent) or agent.native is not None:
            raise AgentError(f"the reference runs steer's own agents, not {agent!r}")
        if agent.mcp_servers:
            raise AgentError(f"agent {agent.name!r} has MCP servers, which nobody starts here")
        strange = {**agent.runtime_config, **options.config}.keys() - {"base_url"}
        if strange:
            raise ConfigError(f"reference: there is no setting {min(strange)!r}")
        output = agent.output if options.output_schema is None else self.output(options)
        own = agent.instructions_with(options.variables)
        instructions = own if options.instructions is None else options.instructions
        body = self.body(agent, options, output)
        return ReferencePrepared(
            definition=agent,
            base_url=options.base_url
            or str(options.config.get("base_url", agent.runtime_config.get("base_url", "")))
            or self.config.base_url,
            key="" if options.api_key is None else options.api_key.get_secret_value(),
            model=body["model"],
            instructions=instructions,
            body=body,
            output=output,
            fingerprint=digest_of([agent.name, instructions, body]),
            colleagues={
                f"transfer_to_{other.name}": partial(
                    self.prepare, other, replace(options, instructions=None, tool_choice=None)
                )
                for other in agent.handoffs
            },
        )

    def output(self, options: PrepareOptions) -> OutputSpec | None:
        try:
            return output_spec(options.output_schema, strict=options.output_strict)
        except AgentError as error:
            raise ConfigError(f"output_schema: {error.message}") from error

    def body(
        self, agent: Agent, options: PrepareOptions, output: OutputSpec | None
    ) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": options.model or agent.model or "reference-1",
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        for name, word in _OPTIONS.items():
            given = getattr(options, name, None)
            value = getattr(agent.settings, name) if given is None else given
            if value is not None:
                body[word] = value
        if options.deterministic:
            body |= {"temperature": 0.0, "seed": body.get("seed", 0)}
        if (choice := body.get("tool_choice", "auto")) not in {"auto", "none", "required"}:
            body["tool_choice"] = {"type": "function", "function": {"name": choice}}
        tools = [_described(tool) for tool in agent.tools]
        tools += [_transfer(other) for other in agent.handoffs]
        if tools:
            body["tools"] = tools
        if output is not None:
            form = {"name": output.name, "schema": output.schema, "strict": output.strict}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        return body

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        assert isinstance(prepared, ReferencePrepared)
        return await self.talk(client=self.client, prepared=prepared, run=run).go()

    async def aclose(self) -> None:
        await self.client.aclose()


def sent_by(error: SteerError) -> Sent:
    """How far the request got that failed so."""
    if isinstance(error, ProviderError):
        if isinstance(error.__cause__, httpx2.ConnectError):
            return Sent.NO
        if error.status_code is not None:
            return Sent.REJECTED
    return Sent.UNKNOWN


def _described(tool: Tool[..., Any]) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.input_schema,
            "strict": tool.strict,
        },
    }


def _transfer(other: Agent) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {}, "additionalProperties": False}
    function = {"name": f"transfer_to_{other.name}", "parameters": parameters}
    return {"type": "function", "function": {**function, "description": other.description}}


def connect(url: str) -> Mapping[str, JsonValue]:
    """Return the configuration with which the reference asks the provider at this address."""
    return {"base_url": f"{url}/v1"}


def reference(
    make: type[ReferenceRuntime] = ReferenceRuntime, **capabilities: Any
) -> RuntimePlugin:
    """Declare the reference, or what ``make`` makes of it."""
    return RuntimePlugin(
        name="reference",
        summary="A minimal honest runtime",
        contract=1,
        open=make,
        config=ReferenceConfig,
        capabilities=replace(CAPABILITIES, **capabilities),
    )
