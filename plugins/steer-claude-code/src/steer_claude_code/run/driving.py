"""One run: a question to a process of the CLI, what it asks on the way, and what it comes to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from claude_agent_sdk import (
    Message,
    ResultMessage,
    TaskStartedMessage,
    ToolResultBlock,
    UserMessage,
)
from steer.errors import ErrorCategory, RuntimeFailure
from steer.events import AgentDone, AgentStarted, Progress
from steer.ports.policy import ToolKind
from steer.ports.runtime import Finished, Run, Suspended
from steer.values import FinishReason

from steer_claude_code.active import ActiveRun
from steer_claude_code.agent.prepared import ClaudeCodePrepared
from steer_claude_code.calls import Place, Proposed, Told
from steer_claude_code.history.beginning import beginning
from steer_claude_code.history.session_items import said_and_items
from steer_claude_code.models.endpoint import Arrived, Reply, refusal
from steer_claude_code.models.exchange import Exchanges
from steer_claude_code.models.upstream import Upstream
from steer_claude_code.process.client import Client
from steer_claude_code.process.failures_of_result import lost, result_failure
from steer_claude_code.run.direct import Direct
from steer_claude_code.tools.native_calls import NativeCalls, Permission
from steer_claude_code.tools.own_tools import OwnTools
from steer_claude_code.uninterrupted import uninterrupted

__all__ = ["Driven"]

_FINISH_REASONS = {
    "max_tokens": FinishReason.MAX_OUTPUT_TOKENS,
    "model_context_window_exceeded": FinishReason.MAX_OUTPUT_TOKENS,
    "refusal": FinishReason.REFUSAL,
}
_FOLDED = "the CLI cannot go on from this history as it is, so the model is told it as a text"
_UNKNOWN_CALL = "this agent has asked for no such call, or has no such tool"


class Voice(Protocol):
    """What an agent has said, whoever heard it."""

    finish_reason: str | None
    text: str

    @property
    def spoken(self) -> Sequence[Mapping[str, Any]]: ...


class Driven:
    """A run on a process of the CLI; implements ``desk.Clerk``. ``active`` is its state."""

    def __init__(self, prepared: ClaudeCodePrepared, run: Run, *, upstream: Upstream) -> None:
        self._prepared = prepared
        self._run = run
        self.active = active = ActiveRun(run, agent=prepared.agent)
        self._names = prepared.asking.names
        self._own = OwnTools(active, prepared.tools)
        self._native = NativeCalls(active, prepared)
        self._ended: asyncio.Future[ResultMessage] = asyncio.get_running_loop().create_future()
        self.beginning = beginning(prepared, run)
        self._direct: Direct | None = None
        self._exchanges: Exchanges | None = None
        if prepared.asks_endpoint:
            self._exchanges = Exchanges(
                active=active,
                asking=prepared.asking,
                upstream=upstream.to(prepared.config),
                results=self._native.reported,
                opening=self.beginning.opening,
            )
        else:
            self._direct = Direct(active=active, asking=prepared.asking, provider=prepared.provider)

    async def on(self, client: Client) -> Finished | Suspended:
        """Ask, and follow the run to its end. The process is of no use afterwards."""
        active, agent = self.active, self._prepared.agent
        client.desk.clerk = self
        if client.endpoint is not None:
            client.endpoint.answer = self._answer
        active.run.emit(AgentStarted(name=agent), agent=agent)
        if client.folded is not None:
            active.run.emit(Progress(message=_FOLDED), agent=agent)
        over = asyncio.create_task(active.over.wait())
        try:
            await client.ask(self.beginning.question)
            ends: set[asyncio.Future[Any]] = {over, self._ended}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
            await uninterrupted(self._taken_down(client))
            if self._ended.done():
                # Where the run has ended otherwise nobody else looks at it.
                self._ended.exception()
        if active.suspended:
            # Some of it heard that nothing may begin any more before this runtime did.
            return Suspended()
        if active.stopped is not None:
            raise active.stopped
        if not active.finished:
            self._check(self._ended.result())
        finished = self._finished()
        active.run.emit(AgentDone(name=agent), agent=agent)
        return finished

    async def _taken_down(self, client: Client) -> None:
        """Leave nothing of the run; a tool is stopped before the process is gone that called it."""
        client.desk.clerk = None
        self.active.over.set()
        await self.active.settle()
        await client.close()
        await self._native.close()
        if self._direct is not None:
            await self._direct.close()
        for name in client.left:
            # They may be gone one day; nobody is left who would learn of it.
            self._run.gate.background(name, lambda _done: None)

    # ---- what the CLI asks ---------------------------------------------------------------------

    async def before(self, call_id: str | None, tool: str) -> Permission:
        """Say whether the CLI may execute a call."""
        if self._names.behind(tool).kind is ToolKind.FUNCTION or tool == self._prepared.output_tool:
            # Our own are asked about where they run; the other one only carries the answer.
            return Permission(allowed=True)
        return await self.active.work(self._before(call_id, tool))

    async def _before(self, call_id: str | None, tool: str) -> Permission:
        proposed = await self._proposed(call_id, tool)
        if proposed is None:
            other = self.active.calls.find(call_id)
            if other is not None and not other.asked:
                other.told = Told(content=_UNKNOWN_CALL, is_error=True)
            return Permission(allowed=False, reason=_UNKNOWN_CALL)
        return await self._native.before(proposed)

    async def _proposed(self, call_id: str | None, tool: str) -> Proposed | None:
        """Return the call of this tool that a model of this run has made, once it may be acted on.

        That is so once for each call, and never for an agent's of what only its subagents have.
        """
        if self._direct is None or call_id is None:
            proposed = self.active.calls.find(call_id)
        else:
            try:
                proposed = await self._direct.proposed(call_id)
            except RuntimeFailure:
                return None
        if proposed is None or proposed.name != tool or proposed.asked:
            return None
        if not proposed.place.path and tool in self._prepared.asking.delegated:
            return None
        proposed.asked = True
        return proposed

    async def call(self, call_id: str | None, tool: str) -> Told:
        """Run one of the agent's function tools."""
        return await self.active.work(self._call(call_id, tool))

    async def _call(self, call_id: str | None, tool: str) -> Told:
        proposed = await self._proposed(call_id, self._names.for_cli(tool))
        if proposed is None:
            return Told(content=_UNKNOWN_CALL, is_error=True)
        # The CLI cuts what is long, and says the rest in words of its own.
        proposed.told = await self._own.call(tool, proposed)
        return proposed.told

    async def hear(self, message: Message) -> None:
        """Take note of what the CLI says."""
        if self._direct is not None:
            await self._direct.hear(message)
        match message:
            case UserMessage(content=list(blocks)):
                told = {
                    block.tool_use_id: Told(
                        content=block.content or "", is_error=block.is_error is True
                    )
                    for block in blocks
                    if isinstance(block, ToolResultBlock)
                }
                await self._native.results(Place(), told)
            case TaskStartedMessage(task_id=task, tool_use_id=str(call_id)):
                self.active.introduce(task, call_id, message.data.get("subagent_type"))
            case ResultMessage() if not self._ended.done():
                self._ended.set_result(message)
            case _:
                pass

    def lost(self, error: Exception | None) -> None:
        """Learn that the CLI says nothing any more."""
        if not self._ended.done():
            self._ended.set_exception(lost(error))

    async def _answer(self, arrived: Arrived) -> Reply:
        if self._exchanges is None:
            return refusal(404, "this run asks no models here")
        return await self.active.work(self._exchanges.answer(arrived))

    # ---- what it came to -----------------------------------------------------------------------

    def _check(self, result: ResultMessage) -> None:
        """Raise what the CLI says went wrong."""
        word = None if self._direct is None else self._direct.word
        failure = result_failure(result, word=word, provider=self._prepared.provider)
        if failure is not None:
            raise failure

    def _finished(self) -> Finished:
        voice: Voice | None = self._exchanges or self._direct
        if voice is None:
            raise RuntimeFailure("nobody heard what the agent said")
        reason = _FINISH_REASONS.get(voice.finish_reason or "", FinishReason.STOP)
        content, value = voice.text, None
        if self._prepared.output is not None and reason is FinishReason.STOP:
            content = self._handed_in(content)
            value = self._prepared.validated(content)
        said, items = said_and_items(self._run, voice.spoken)
        return Finished(content=content, output=value, finish_reason=reason, said=said, items=items)

    def _handed_in(self, content: str) -> str:
        """Return the answer that has to fit a schema: what was said, or handed in by the tool."""
        if self._prepared.output_tool is None or not self._ended.done():
            return content
        output = self._ended.result().structured_output
        if output is None:
            raise RuntimeFailure(
                "the model has ended without an answer in the form that was asked for",
                category=ErrorCategory.SCHEMA,
            )
        return json.dumps(output, ensure_ascii=False)
