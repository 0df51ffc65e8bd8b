"""One request of a model on its way through the gate."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import anyio
import httpx2
from steer.errors import RuntimeFailure, SteerError
from steer.ports.gate import ModelCall, ModelRequest, Sent
from steer.ports.records import ModelRecord
from steer.values import JsonValue, Usage

from steer_openai_agents.frame import Frame
from steer_openai_agents.narration import PLAIN
from steer_openai_agents.question import OUTPUT_LIMITS
from steer_openai_agents.suspension import Place

__all__ = ["WIRE_KEY", "Exchange", "Recorded", "Refused", "current_exchange"]

WIRE_KEY = "steer_openai_agents"
"""Where a request keeps its exchange, so that what answers it is known to belong to it."""

CLOSE_SECONDS = 2.0
"""How long a cancelled stream may take to close."""

SERVED_BY = ("service_tier", "system_fingerprint")
"""What a provider says of how it served a request, beside the answer itself."""

# The SDK collects what a response is to include in a set, whose order differs between processes.
_INCLUDED = re.compile(rb'"include":\[("[^\]]*")\]')


# Neither is an ``Exception``: the SDK would log it as a failure of the model.
class Recorded(BaseException):
    """Ends a request that is not to be sent, because its answer is recorded."""

    def __init__(self, record: ModelRecord) -> None:
        super().__init__()
        self.record = record


class Refused(BaseException):
    """Ends a request that is not to be sent, because the gate refused it."""

    def __init__(self, error: SteerError) -> None:
        super().__init__()
        self.error = error


class Exchange:
    """A request from the moment the SDK asks for it to the end of its answer.

    ``model`` and ``max_output_tokens`` are what was asked for. ``bounded`` says that the request's
    bytes bound its tokens. ``unheard`` says that nobody but the SDK's own model and the narrator
    sees the events of a Responses stream. ``earlier`` has the ids that no call of the answer may
    have. The gate's context lives on ``stack``, which whoever made the exchange closes in the same
    task.
    """

    def __init__(
        self,
        *,
        frame: Frame,
        stack: AsyncExitStack,
        agent: str | None,
        model: str,
        provider: str,
        max_output_tokens: int | None,
        bounded: bool,
    ) -> None:
        self.frame = frame
        self.agent = agent
        self.model = model
        self.provider = provider
        self._stack = stack
        self._max_output_tokens = max_output_tokens
        self._bounded = bounded
        self._closing: list[asyncio.Future[None]] = []
        self.call: ModelCall | None = None
        self.chat = False
        self.unheard = False
        self.earlier: frozenset[str] = frozenset()
        self.usage: Usage | None = None
        self.finish_reason: str | None = None
        self.response_id: str | None = None
        self.served_by: dict[str, JsonValue] = {}

    @property
    def place(self) -> Place:
        """Where this request is among all that runs: not one of several on its path."""
        return (*self.frame.place, self)

    @property
    def admitted(self) -> ModelCall:
        """The call, once the gate has let it through."""
        if self.call is None:
            raise RuntimeFailure(f"a request to {self.model} left without passing the gate")
        return self.call

    async def admit(self, content: bytes, *, target: str = "") -> int | None:
        """Ask the gate; return how much the model may answer, where that is not what was asked.

        ``content`` is the serialised request. Raises ``Recorded`` or ``Refused``
        where nothing is to be sent; does not return where the run is being parked.
        """
        await self.frame.may_go_on(self.place)
        request = ModelRequest(
            digest=_digest(target, content),
            model=self.model,
            path=self.frame.path,
            agent=self.agent,
            provider=self.provider,
            # A token is at least a byte, and what a provider wraps around a message is shorter
            # than the JSON around it.
            input_bound=len(content) if self._bounded else None,
            max_output_tokens=self._max_output_tokens,
        )
        active = self.frame.active
        stopped = active.stopped
        if stopped is not None:
            # The SDK made words for a model of what ends the run.
            raise Refused(stopped)
        try:
            call = active.run.gate.model_call(request)
            self.call = await self._stack.enter_async_context(call)
            await self.frame.begin_granted()
        except SteerError as error:
            if self.call is not None and self.call.recorded is None:
                self.call.fail(error, sent=Sent.NO)
            await self.frame.refused(error, self.place)
            raise Refused(error) from error
        if self.call.recorded is not None:
            raise Recorded(self.call.recorded)
        granted = self.call.max_output_tokens
        return None if granted == self._max_output_tokens else granted

    async def pass_gate(self, request: httpx2.Request) -> None:
        """Admit a request as it would go out, and hold it to what was granted."""
        granted = await self.admit(request.content, target=request.url.path)
        other = self.admitted.model
        if granted is not None or other != self.model:
            _rewrite(request, granted, None if other == self.model else other)
        request.extensions[WIRE_KEY] = self

    def check_model(self) -> None:
        """Refuse to ask a model of the author's own in the place of another one."""
        if self.admitted.model != self.model:
            error = RuntimeFailure(
                f"{self.model} is a model of the author's own, and {self.admitted.model} cannot be"
                " asked in its place"
            )
            self.admitted.fail(error, sent=Sent.NO)
            raise error

    def saw(self, data: object) -> None:
        """Look at one event of the wire, before the SDK makes its own of it.

        Only Chat's are of interest: in its own words a response says when it is complete.
        """
        if not self.chat or not isinstance(data, dict):
            return
        choices = data.get("choices")
        if choices and (reason := choices[0].get("finish_reason")):
            self.finish_reason = reason
        if self.response_id is None:
            self.response_id = data.get("id")
        for name in SERVED_BY:
            if (value := data.get(name)) is not None:
                self.served_by[name] = value

    def plain(self, data: object) -> SimpleNamespace | None:
        """Return an event of the wire as it is, where nobody needs the client's own form of it.

        To make and check that form takes longer than all else that is done with most events: some
        of them repeat the whole request.
        """
        if not self.unheard or not isinstance(data, dict):
            return None
        kind = data.get("type")
        return SimpleNamespace(**data) if isinstance(kind, str) and kind in PLAIN else None

    def closes(self, task: asyncio.Future[None]) -> None:
        """Note a task that closes the stream of this request in the background."""
        self._closing.append(task)

    async def closed(self) -> None:
        """Wait, bounded, until the stream of a request that was cancelled is closed."""
        left = [task for task in self._closing if not task.done()]
        if left:
            with anyio.CancelScope(shield=True):
                await asyncio.wait(left, timeout=CLOSE_SECONDS)

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make this the exchange that requests sent from here belong to."""
        token = _EXCHANGE.set(self)
        try:
            yield
        finally:
            _EXCHANGE.reset(token)


_EXCHANGE: ContextVar[Exchange | None] = ContextVar("steer_openai_agents_exchange", default=None)


def current_exchange() -> Exchange | None:
    """The exchange that a request sent from here belongs to."""
    return _EXCHANGE.get()


def _digest(target: str, content: bytes) -> str:
    if b'"include":["' in content:
        content = _INCLUDED.sub(lambda found: b",".join(sorted(found[1].split(b","))), content)
    return hashlib.sha256(b"%b\0%b" % (target.encode(), content)).hexdigest()


def _rewrite(request: httpx2.Request, granted: int | None, model: str | None) -> None:
    """Hold a request to what was granted, and send it to another model, where one is named."""
    body: dict[str, Any] = json.loads(request.content)
    if model is not None:
        body["model"] = model
    if granted is not None:
        usual = "max_output_tokens" if "input" in body else "max_completion_tokens"
        name = next((name for name in OUTPUT_LIMITS if name in body), usual)
        body[name] = granted
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    # The same request with another body; the client still holds this object.
    smaller = httpx2.Request(request.method, request.url, content=content)
    request.stream = smaller.stream
    request._content = content  # noqa: SLF001 - what `content` reads; there is no setter
    request.headers["Content-Length"] = str(len(content))
