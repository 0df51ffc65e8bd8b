"""The model requests of one run, on their way through the gate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx2
from steer.errors import RuntimeFailure, SteerError, Suspending
from steer.events import AgentStarted, RuntimeData
from steer.ports.gate import ModelCall, ModelRequest, Sent

from steer_claude_code.active import ActiveRun
from steer_claude_code.agent.asking import PROVIDER, Asking
from steer_claude_code.calls import Place, Proposed, Told
from steer_claude_code.models.conversation import digest, newest_results
from steer_claude_code.models.endpoint import Arrived, Reply, refusal
from steer_claude_code.models.failures import broken_off, model_failure, reported, sent_by
from steer_claude_code.models.message import Draft, Malformed, Message
from steer_claude_code.models.narration import Narrator
from steer_claude_code.models.opening import opened, without_surroundings
from steer_claude_code.models.playback import for_cli, stream_of
from steer_claude_code.models.recording import (
    decode_message,
    encode_message,
    metadata_in,
    text_of,
    usage_in,
)
from steer_claude_code.models.request import (
    Body,
    for_model,
    formatted,
    input_bound,
    limited,
    offered,
    read_request,
    with_ids,
    with_told,
)
from steer_claude_code.models.talk import Talk
from steer_claude_code.models.upstream import Destination
from steer_claude_code.wire_json import compact_json, read_json

__all__ = ["Exchanges", "Results"]

Results: TypeAlias = Callable[[Place, Mapping[str, Told]], Awaitable[None]]

_AGENT_HEADER = "x-claude-code-agent-id"
_CLASS_HEADER = "x-claude-code-request-class"
_TURNS = frozenset({None, "main", "subagent", "workflow"})
"""The classes of requests that are an agent's turn; the CLI asks other questions of its own."""

_DRAIN_SECONDS = 1.0
"""How long an answer that is whole may take to end, so that its connection can be used again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """A request as models are to read it, and where it comes from."""

    body: Body
    content: bytes
    headers: Mapping[str, str]
    place: Place
    turn: bool

    @property
    def request(self) -> ModelRequest:
        """The request as the gate is told of it."""
        asked, place = digest(self.body), self.place
        return ModelRequest(
            digest=asked,
            model=self.body["model"],
            # What is no turn has a path of its own, or it would be in the way of a replay.
            path=place.path if self.turn else (*place.path, f"aside-{asked[:16]}"),
            agent=place.agent,
            provider=PROVIDER,
            input_bound=input_bound(self.body, len(self.content)),
            max_output_tokens=self.body["max_tokens"],
        )


class Exchanges:
    """Answers the CLI for one run: from the records, or by asking the provider.

    ``results`` is told what the CLI says of calls, once each, before the request that says so is
    admitted. ``opening`` is the conversation that the requests of the outermost path begin with.
    ``finish_reason`` and ``text`` are those of the last message on that path, and ``spoken`` is
    what it has added to its conversation, in the API's form.
    """

    def __init__(
        self,
        *,
        active: ActiveRun,
        asking: Asking,
        upstream: Destination,
        results: Results,
        opening: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self._active = active
        self._asking = asking
        self._upstream = upstream
        self._results = results
        self._opening = opening
        self._talks: dict[tuple[str, ...], Talk] = {}
        self.finish_reason: str | None = None
        self.text = ""

    @property
    def spoken(self) -> list[dict[str, Any]]:
        """What the outermost path has added to its conversation: messages in the API's form."""
        return self._talk(()).spoken

    async def answer(self, arrived: Arrived) -> Reply:
        """Answer one request of the CLI; ends the run where that cannot be."""
        active = self._active
        try:
            if active.stopped is None:
                await active.may_go_on()
                return await self._answered(arrived)
        except SteerError as error:
            await self._failed(error)
        except Exception as error:
            failure = RuntimeFailure(f"a model request failed: {type(error).__name__}: {error}")
            failure.__cause__ = error
            await self._failed(failure)
        return refusal(400, f"the run has ended: {active.stopped}")

    async def _failed(self, error: SteerError) -> None:
        """Have the run end, unless it is being parked."""
        if isinstance(error, Suspending):
            # The request itself has to wait for a person.
            self._active.suspend()
        if self._active.suspended:
            await self._active.hold()
        self._active.stop(error)

    async def _answered(self, arrived: Arrived) -> Reply:
        active = self._active
        body = read_request(arrived.body)
        streamed = body.get("stream") is True
        place = await active.place(arrived.headers.get(_AGENT_HEADER))
        talk = self._talk(place.path)
        await self._results(place, talk.news(newest_results(body)))
        await active.may_go_on()
        asked = self._asked(body, arrived.headers, place)
        if asked.turn and talk.begins() and place.path:
            name = place.agent or "subagent"
            active.run.emit(AgentStarted(name=name), path=place.path, agent=place.agent)
        talk.hears(asked.body, turn=asked.turn)
        message, index = await self._message(asked)
        calls = self._calls_in(message, place, index)
        if asked.turn:
            self._take(talk, message, calls)
            if not place.path and self._asking.ends_with(message):
                active.finish()
                await active.hold()
        # The CLI goes on with what the message says as soon as it has it.
        await active.may_go_on()
        # The CLI makes one message of all that have the same id, and providers use ids again.
        message = {**message, "id": f"{message.get('id')}_{index}"}
        ids = {call.call_id: call.cli_id for call in calls}
        return _reply(for_cli(message, self._asking.names, ids), streamed=streamed)

    def _talk(self, path: tuple[str, ...]) -> Talk:
        return self._talks.setdefault(path, Talk())

    def _asked(self, body: Body, headers: Mapping[str, str], place: Place) -> _Asked:
        asking, turn = self._asking, headers.get(_CLASS_HEADER) in _TURNS
        calls = self._active.calls
        body = with_ids(with_told(body, calls.told), calls.model_id)
        body = for_model(body, asking.names)
        body = without_surroundings(offered(body, asking, place), asking.names)
        if not place.path:
            body = opened(body, self._opening)
        body["stream"] = True
        if asking.max_output_tokens is not None:
            body = limited(body, min(body["max_tokens"], asking.max_output_tokens))
        if asking.output_schema is not None and turn and not place.path:
            body = formatted(body, asking.output_schema)
        return _Asked(
            body=body, content=compact_json(body), headers=headers, place=place, turn=turn
        )

    def _calls_in(self, message: Message, place: Place, index: int) -> list[Proposed]:
        return [
            Proposed(
                call_id=block["id"],
                cli_id=self._active.calls.unused(block["id"]),
                name=self._asking.names.for_cli(block["name"]),
                arguments=block["input"],
                place=place,
                message=index,
            )
            for block in message["content"]
            if block.get("type") == "tool_use"
        ]

    def _take(self, talk: Talk, message: Message, calls: Sequence[Proposed]) -> None:
        """Note a whole message, and the calls in it, before the CLI learns of them."""
        for call in calls:
            self._active.calls.propose(call)
        talk.says(message, calls)
        if talk is self._talk(()):
            self.finish_reason = message.get("stop_reason")
            self.text = text_of(message)

    # ---- one request ---------------------------------------------------------------------------

    async def _message(self, asked: _Asked) -> tuple[Message, int]:
        """Make a request, again where it failed and may be; return its message and its index."""
        request = asked.request
        while True:
            found = await self._try(asked, request)
            if found is not None:
                return found

    async def _try(self, asked: _Asked, request: ModelRequest) -> tuple[Message, int] | None:
        """Make a request once; ``None`` where it failed and is to be made again."""
        active = self._active
        # Whatever this request has cost is to be on record before the run is parked.
        with active.busy():
            async with active.run.gate.model_call(request) as call:
                if call.recorded is not None:
                    return decode_message(call.recorded.response), call.message
                try:
                    return await self._ask(call, asked), call.message
                except Exception as error:
                    failure = model_failure(error)
                    if await self._may_ask_again(call, failure, sent_by(error)):
                        return None
                    raise failure from failure.__cause__

    async def _may_ask_again(self, call: ModelCall, failure: SteerError, sent: Sent) -> bool:
        """Tell the gate how a request failed; waits until it may be made again."""
        active = self._active
        if active.suspended:
            call.fail(failure, sent=sent)
            return False
        active.ends()  # a run that is to be parked does not wait for this
        try:
            return await call.retry(failure, sent=sent)
        finally:
            active.begins()

    async def _ask(self, call: ModelCall, asked: _Asked) -> Message:
        """Send a request, and record the whole message that answers it."""
        message: Message | None = None
        content = self._granted(call, asked)
        try:
            async with (
                self._upstream.streaming(content, asked.headers) as answering,
                aclosing(answering.events()) as events,
            ):
                message = await _listen(events, self._narrator(call, asked))
                call.complete(
                    encode_message(message),
                    usage_in(message),
                    model=message.get("model"),
                    response_id=message.get("id"),
                    finish_reason=message.get("stop_reason"),
                    metadata=metadata_in(message, answering.request_id),
                )
                await _drain(events)
        except httpx2.HTTPError:
            # What fails after the end, the closing of the connection for example, changes nothing.
            if message is None:
                raise
        if message is None:
            raise broken_off()
        return message

    def _granted(self, call: ModelCall, asked: _Asked) -> bytes:
        """Return the request as the gate lets it go out."""
        body, granted = asked.body, call.max_output_tokens
        if call.model == body["model"] and granted in {None, body["max_tokens"]}:
            return asked.content
        body = {**body, "model": call.model}
        return compact_json(body if granted is None else limited(body, granted))

    def _narrator(self, call: ModelCall, asked: _Asked) -> Narrator | None:
        """Return who tells of the answer: nobody, where it is no agent that speaks."""
        if not asked.turn:
            return None
        place, emit = asked.place, self._active.run.emit

        def tell(data: RuntimeData) -> None:
            emit(data, path=place.path, agent=place.agent)

        return Narrator(tell, call.id)


async def _listen(events: AsyncIterator[str], narrator: Narrator | None) -> Message:
    """Follow a stream to its end; return the message that it completed."""
    draft = Draft()
    async for data in events:
        event = _event(data)
        if event.get("type") == "error":
            raise reported(event)
        known = draft.take(event)
        if narrator is not None:
            if known:
                narrator.tell(event, draft)
            else:
                narrator.strange(event)
        if draft.complete:
            return draft.message()
    raise broken_off()


def _event(data: str) -> dict[str, Any]:
    try:
        event = read_json(data)
    except ValueError as error:
        raise Malformed("an event that is no JSON") from error
    if not isinstance(event, dict):
        raise Malformed("an event that is no object")
    return event


async def _drain(events: AsyncIterator[str]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in events:
                pass


def _reply(message: Message, *, streamed: bool) -> Reply:
    if streamed:
        return Reply(headers={"content-type": "text/event-stream"}, body=stream_of(message))
    return Reply(headers={"content-type": "application/json"}, body=compact_json(message))
