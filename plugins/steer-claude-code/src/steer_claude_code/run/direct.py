"""The model messages of a run whose CLI asks models by itself, from what the SDK says of them.

That is so with a subscription and with a cloud vendor. A request is then admitted when its answer
begins: a refusal comes one request too late, and what that one cost is told as ``Unknown``.
Nothing is known of a request of a subagent that failed and was made again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from claude_agent_sdk import (
    AssistantMessage,
    ConversationResetMessage,
    Message,
    RateLimitEvent,
    ResultMessage,
    StreamEvent,
    SystemMessage,
    TaskNotificationMessage,
    TaskProgressMessage,
    TaskStartedMessage,
    TaskUpdatedMessage,
    ToolResultBlock,
    UserMessage,
)
from pydantic_core import to_jsonable_python
from steer.errors import ErrorCategory, ProviderError, RuntimeFailure, SteerError
from steer.events import AgentStarted, Unknown
from steer.ports.gate import ModelRequest, Sent
from steer.values import JsonValue, Usage, digest_of

from steer_claude_code.active import ActiveRun
from steer_claude_code.agent.asking import PROVIDER, Asking
from steer_claude_code.calls import Place, Proposed
from steer_claude_code.models.narration import SOURCE
from steer_claude_code.process.failures_of_result import request_failure, sent_by_status
from steer_claude_code.run.heard import HeardMessage
from steer_claude_code.run.vendor_usage import Seen, Tally
from steer_claude_code.tools.proposals import Proposals

__all__ = ["Direct"]

_SYNTHETIC = "<synthetic>"
"""The model of messages that the CLI writes itself."""

_BESIDE = ("claude-code",)
"""The path of what the CLI asked models beside the turns of any agent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Unheard:
    """A request that failed before anything of its answer was told."""

    error: ProviderError
    status: int | None


class Direct:
    """Admits, tells, counts and records the model messages of one run.

    ``finish_reason`` and ``text`` are those of the outermost agent's last message, ``spoken`` are
    the messages that its conversation grew by, in the API's form and with names for models.
    ``word`` is the CLI's own word for what its last request failed of.
    """

    def __init__(self, *, active: ActiveRun, asking: Asking, provider: str = PROVIDER) -> None:
        self.finish_reason: str | None = None
        self.text = ""
        self.spoken: list[dict[str, JsonValue]] = []
        self.word: str | None = None
        self._active = active
        self._names = asking.names
        self._agent = asking.agent
        self._provider = provider
        self._proposals = Proposals(active.calls)
        self._tally = Tally()
        self._open: dict[str | None, HeardMessage] = {}
        self._subagents: dict[str, str] = {}
        self._started: set[tuple[str, ...]] = set()
        self._model = ""
        self._trying = False
        self._unheard: list[_Unheard] = []
        self._early: list[JsonValue] = []

    async def hear(self, message: Message) -> None:
        """Take note of what the CLI says; for every message, in order, from one task.

        What steer refuses stops the run; it is not raised here.
        """
        try:
            await self._hear(message)
        except SteerError as error:
            self._refused(error)

    async def _hear(self, message: Message) -> None:
        match message:
            case StreamEvent():
                await self._streamed(message.parent_tool_use_id, message.event)
            case AssistantMessage() if message.error or message.model == _SYNTHETIC:
                await self._failed(message)
            case AssistantMessage():
                await self._said(message)
            case UserMessage():
                await self._told(message)
            case ResultMessage():
                await self._ended(message)
            case ConversationResetMessage():
                self._tally.clear()
            case RateLimitEvent():
                self._unknown("rate_limit_event", message.rate_limit_info.raw)
            case SystemMessage():
                await self._noted(message)

    async def proposed(self, call_id: str) -> Proposed:
        """Return a call once the model's message may be acted on, as far as the CLI says that.

        The CLI may ask about a call before it tells of it. Of a message that is streamed, no call
        begins before its end is recorded. Raises ``RuntimeFailure`` for a call of no model.
        """
        return await self._proposals.wait(call_id)

    async def close(self) -> None:
        """Book what is open, however the run has ended."""
        gone = RuntimeFailure(
            "the run ended before the message did", category=ErrorCategory.CANCELLED
        )
        for parent in list(self._open):
            await self._fail(parent, gone)
        await self._book_unheard(None)
        self._proposals.close()

    # ---- messages ------------------------------------------------------------------------------

    async def _streamed(self, parent: str | None, event: Mapping[str, Any]) -> None:
        if event.get("type") == "message_start":
            await self._finish(parent)
            await self._begin(parent, event.get("message") or {}, streamed=True)
            return
        heard = self._open.get(parent)
        if heard is None:
            return
        heard.hear(event)
        if event.get("type") == "message_stop":
            await self._finish(parent)

    async def _said(self, message: AssistantMessage) -> None:
        parent = message.parent_tool_use_id
        heard = self._open.get(parent)
        if heard is None or heard.message_id != str(message.message_id):
            await self._finish(parent)
            begun = {
                "id": message.message_id,
                "type": "message",
                "role": "assistant",
                "model": message.model,
                "usage": message.usage,
            }
            heard = await self._begin(parent, begun, streamed=False)
        self._propose(heard, heard.take(message))

    async def _begin(
        self, parent: str | None, begun: Mapping[str, Any], *, streamed: bool
    ) -> HeardMessage:
        place = await self._place(parent)
        heard = HeardMessage(self._active.run, place, self._names, begun, streamed=streamed)
        self._open[parent] = heard
        if parent is None:
            self._trying = False
            await self._book_unheard(heard)
        request = self._request(heard.model, place, heard.message_id)
        admitting = self._active.run.gate.model_call(request)
        try:
            heard.admit(await heard.admission.enter_async_context(admitting))
        except SteerError as error:
            self._refused(error)
        return heard

    async def _finish(self, parent: str | None) -> None:
        """Record the message of a path that is open, or withdraw it where nothing of it is left."""
        heard = self._open.get(parent)
        if heard is None:
            return
        broken = heard.streamed and not heard.ended
        if broken and not heard.has_blocks:
            gone = request_failure(None, None, "the answer broke off", provider=self._provider)
            await self._fail(parent, gone)
            return
        del self._open[parent]
        if not broken:
            self._propose(heard, heard.finish_blocks())
        # Of a subagent's message nobody says how much output it was until the run has ended.
        usage = heard.most if broken else heard.reported
        heard.complete(usage)
        await heard.admission.aclose()
        self._tally.add(
            Seen(
                model=heard.model,
                booked=usage,
                least=heard.reported,
                unreported=usage.estimated and not broken,
            )
        )
        if parent is None:
            self.finish_reason, self.text, self.word = heard.stop_reason, heard.text, None
            self.spoken.append({"role": "assistant", "content": heard.content})
            self._note_results([])
        self._proposals.release(heard.message_id)

    async def _fail(self, parent: str | None, error: SteerError) -> None:
        heard = self._open.pop(parent)
        heard.fail(error, heard.most)
        await heard.admission.aclose()
        self._tally.add(Seen(model=heard.model, booked=heard.most, least=heard.reported, lost=True))
        self._proposals.release(heard.message_id)

    def _propose(self, heard: HeardMessage, calls: Sequence[Proposed]) -> None:
        for call in calls:
            self._proposals.add(call, held_by=heard.message_id if heard.streamed else None)

    # ---- what stands beside messages -----------------------------------------------------------

    async def _failed(self, message: AssistantMessage) -> None:
        """Note that a request failed: what the CLI writes of it is nobody's answer."""
        if message.parent_tool_use_id is not None:
            return
        self.word = message.error
        if self._trying:
            self._trying = False
            error = request_failure(None, message.error, "", provider=self._provider)
            self._unheard.append(_Unheard(error=error, status=None))

    async def _told(self, message: UserMessage) -> None:
        """Note what the outermost agent's model is told of its calls."""
        results = [block for block in message.content if isinstance(block, ToolResultBlock)]
        for block in results:
            # A subagent is done with the call that it is.
            await self._finish(block.tool_use_id)
        if not results or message.parent_tool_use_id is not None:
            return
        heard = self._open.get(None)
        if heard is not None and not heard.streamed:
            # A message that came whole has no end of its own.
            await self._finish(None)
        self._note_results(
            [
                {
                    "type": "tool_result",
                    "tool_use_id": block.tool_use_id,
                    "content": block.content or "",
                    "is_error": block.is_error is True,
                }
                for block in results
            ]
        )

    def _note_results(self, results: list[JsonValue]) -> None:
        self._early += results
        if not self._early or None in self._open:
            # The CLI refuses some calls before the message is over that makes them.
            return
        results, self._early = self._early, []
        if self.spoken and self.spoken[-1]["role"] == "user":
            self.spoken[-1]["content"] += results
        else:
            self.spoken.append({"role": "user", "content": results})

    async def _noted(self, message: SystemMessage) -> None:
        match message:
            case TaskStartedMessage(tool_use_id=str(call_id)):
                self._subagents[call_id] = message.task_id
                name = message.data.get("subagent_type")
                self._active.introduce(message.task_id, call_id, name)
            case TaskNotificationMessage(tool_use_id=str(call_id)):
                await self._finish(call_id)
            case TaskProgressMessage() | TaskUpdatedMessage():
                pass
            case SystemMessage(subtype="init"):
                self._model = str(message.data.get("model") or "")
            case SystemMessage(subtype="status") if message.data.get("status") == "requesting":
                self._trying = True
            case SystemMessage(subtype="api_retry"):
                self._retried(message.data)
            case SystemMessage(subtype=name) if name != "thinking_tokens":
                self._unknown(name, message.data)

    def _retried(self, data: Mapping[str, Any]) -> None:
        """Note that a request failed and is made again; one whose answer began is booked."""
        if self._trying:
            status = data.get("error_status")
            status = status if isinstance(status, int) else None
            error = request_failure(status, data.get("error"), "", provider=self._provider)
            self._unheard.append(_Unheard(error=error, status=status))
        self._trying = True

    async def _ended(self, result: ResultMessage) -> None:
        for parent in list(self._open):
            await self._finish(parent)
        if self._unheard and result.api_error_status is not None:
            # The last one failed for good, and only here the CLI says with which status.
            last = request_failure(result.api_error_status, self.word, "", provider=self._provider)
            self._unheard[-1] = _Unheard(error=last, status=result.api_error_status)
        await self._book_unheard(None)
        for model, usage in self._tally.missing(dict(result.model_usage or {})):
            await self._book_missing(model, usage)

    # ---- booking -------------------------------------------------------------------------------

    async def _book_unheard(self, answer: HeardMessage | None) -> None:
        """Book requests that failed before the one that was answered, which asked the same."""
        unheard, self._unheard = self._unheard, []
        for number, each in enumerate(unheard):
            model = answer.model if answer else self._model
            request = self._request(model, Place((), self._agent), f"unheard {number}")
            sent = sent_by_status(each.status)
            usage = answer.reported if answer and sent is Sent.UNKNOWN else None
            await self._book(request, each.error, sent, usage)

    async def _book_missing(self, model: str, usage: Usage) -> None:
        path = max(self._started, key=len, default=_BESIDE)
        request = self._request(model, Place(path), "missing")
        error = RuntimeFailure("the CLI counted more tokens than its messages say")
        await self._book(request, error, Sent.UNKNOWN, usage)

    async def _book(
        self, request: ModelRequest, error: SteerError, sent: Sent, usage: Usage | None
    ) -> None:
        try:
            async with self._active.run.gate.model_call(request) as call:
                call.fail(error, sent=sent, usage=usage)
        except SteerError as refusal:
            self._refused(refusal)
            raw = to_jsonable_python({"model": request.model, "usage": usage})
            self._unknown("overrun", raw)

    def _refused(self, error: SteerError) -> None:
        self._active.stop(error)
        self._proposals.close()

    def _request(self, model: str, place: Place, name: str) -> ModelRequest:
        # What was asked is not known, so no record of an earlier attempt may pass for its answer.
        return ModelRequest(
            digest=digest_of(["direct", list(place.path), name]),
            model=model,
            path=place.path,
            agent=place.agent,
            provider=self._provider,
        )

    async def _place(self, parent: str | None) -> Place:
        if parent is None:
            return await self._active.place(None)
        task, call = self._subagents.get(parent), self._active.calls.find(parent)
        if task is not None and call is not None:
            place = await self._active.place(task)
        else:
            place = Place((*(call.place.path if call else ()), parent))
        if place.path not in self._started:
            self._started.add(place.path)
            name = place.agent or parent
            self._active.run.emit(AgentStarted(name=name), path=place.path, agent=place.agent)
        return place

    def _unknown(self, name: str, raw: JsonValue) -> None:
        self._active.run.emit(Unknown(source=SOURCE, name=name, raw=raw), agent=self._agent)
