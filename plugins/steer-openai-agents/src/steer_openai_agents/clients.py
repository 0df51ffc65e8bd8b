"""Private copies of models and their clients, whose requests pass the gate, per event loop.

A pool of connections belongs to the event loop that opened it, while one model object of the
author's may be asked from several: from a kernel's loop, and from the loop that
``Runner.run_sync`` makes in the thread of a sync tool.
"""

from __future__ import annotations

import asyncio
import copy
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import httpx2
import openai
from agents.models.openai_chatcompletions import OpenAIChatCompletionsModel
from agents.models.openai_provider import shared_http_client
from agents.models.openai_responses import OpenAIResponsesModel, OpenAIResponsesWSModel
from openai import AsyncOpenAI, DefaultAsyncHttpx2Client
from openai._base_client import AsyncHttpxClientWrapper
from steer.errors import RuntimeFailure

from steer_openai_agents.wire import WIRE_KEY, current_exchange

__all__ = ["Clients", "OpenAIModel", "speaks_openai"]

OpenAIModel: TypeAlias = OpenAIResponsesModel | OpenAIChatCompletionsModel

CLOSE_SECONDS = 5.0
"""How long another event loop may take to close its connections."""


def speaks_openai(model: object) -> bool:
    """Whether the model sends plain HTTP requests through OpenAI's client."""
    if isinstance(model, OpenAIResponsesWSModel):
        return False
    return isinstance(model, OpenAIModel)


def _gated_kind(kind: type[AsyncOpenAI]) -> type[AsyncOpenAI]:
    """Return a class of clients each of whose requests passes the gate of its exchange.

    A class rather than attributes of a client, because the SDK copies clients on its own.
    ``_prepare_request`` is the client's hook for this; nothing else sees the events of the wire.
    """
    process = kind._process_response_data  # noqa: SLF001 - the client's only place for this

    async def prepare_request(self: AsyncOpenAI, request: httpx2.Request) -> None:
        await kind._prepare_request(self, request)  # noqa: SLF001 - the client's hook
        exchange = current_exchange()
        if exchange is None:
            raise RuntimeFailure("a model's client that steer prepared was used outside of its run")
        await exchange.pass_gate(request)

    def process_response_data(
        self: AsyncOpenAI, *, data: object, cast_to: Any, response: Any
    ) -> Any:
        exchange = response.request.extensions.get(WIRE_KEY)
        if exchange is not None:
            exchange.saw(data)
            plain = exchange.plain(data)
            if plain is not None:
                return plain
        return process(self, data=data, cast_to=cast_to, response=response)

    methods = {
        "_prepare_request": prepare_request,
        "_process_response_data": process_response_data,
    }
    return type(kind.__name__, (kind,), methods)


class Clients:
    """The clients of one runtime, by event loop. Safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopClients] = (
            WeakKeyDictionary()
        )
        self._kinds: dict[type[AsyncOpenAI], type[AsyncOpenAI]] = {}
        self._certificates: ssl.SSLContext | None = None

    def private(self, model: OpenAIModel, *, timeout: float | None) -> OpenAIModel:
        """Return this event loop's copy of a model that speaks through OpenAI's client.

        ``timeout`` is in seconds; ``None`` leaves it to the client.
        """
        return self._here().private(model, timeout)

    @asynccontextmanager
    async def visiting(self) -> AsyncIterator[None]:
        """Use this event loop for a while; the last to leave it closes its connections."""
        clients = self._here()
        clients.visitors += 1
        try:
            yield
        finally:
            clients.visitors -= 1
            if not clients.visitors:
                with self._lock:
                    self._loops.pop(asyncio.get_running_loop(), None)
                await clients.aclose()

    async def aclose(self) -> None:
        """Close all connections, in the event loops that they belong to."""
        with self._lock:
            loops = dict(self._loops)
            self._loops.clear()
        here = asyncio.get_running_loop()
        for loop, clients in loops.items():
            if loop is here:
                await clients.aclose()
            elif loop.is_running():
                closing = asyncio.run_coroutine_threadsafe(clients.aclose(), loop)
                await asyncio.wait_for(asyncio.wrap_future(closing), CLOSE_SECONDS)

    def _here(self) -> _LoopClients:
        loop = asyncio.get_running_loop()
        with self._lock:
            clients = self._loops.get(loop)
            if clients is None:
                clients = self._loops[loop] = _LoopClients(self._gated_kind, self._open)
            return clients

    def _open(self) -> httpx2.AsyncClient:
        if self._certificates is None:
            # Reading the system's certificates takes longer than all else: once is enough.
            self._certificates = httpx2.create_ssl_context()
        return DefaultAsyncHttpx2Client(verify=self._certificates)

    def _gated_kind(self, kind: type[AsyncOpenAI]) -> type[AsyncOpenAI]:
        with self._lock:
            if kind not in self._kinds:
                self._kinds[kind] = _gated_kind(kind)
            return self._kinds[kind]


class _LoopClients:
    """The clients of one event loop."""

    def __init__(
        self,
        gated_kind: Callable[[type[AsyncOpenAI]], type[AsyncOpenAI]],
        open_http: Callable[[], httpx2.AsyncClient],
    ) -> None:
        self._gated_kind = gated_kind
        self._open_http = open_http
        self._http: httpx2.AsyncClient | None = None
        # Weak, because an author may make a new model for every call of a tool.
        self._models: WeakKeyDictionary[OpenAIModel, dict[float | None, OpenAIModel]] = (
            WeakKeyDictionary()
        )
        self._clients: WeakKeyDictionary[AsyncOpenAI, dict[float | None, AsyncOpenAI]] = (
            WeakKeyDictionary()
        )
        self.visitors = 0

    def private(self, model: OpenAIModel, timeout: float | None) -> OpenAIModel:
        copies = self._models.setdefault(model, {})
        if timeout not in copies:
            # The SDK has no public way to a model's client, nor to set it; a test pins both.
            client: AsyncOpenAI | None = model._client  # noqa: SLF001
            original = client or AsyncOpenAI(http_client=self._own_http())
            copies[timeout] = _with_client(model, self._gated(original, timeout))
        return copies[timeout]

    def _gated(self, client: AsyncOpenAI, timeout: float | None) -> AsyncOpenAI:
        copies = self._clients.setdefault(client, {})
        if timeout not in copies:
            gated = client.copy(
                max_retries=0,
                http_client=self._http_for(client),
                timeout=openai.NOT_GIVEN if timeout is None else timeout,
            )
            gated.__class__ = self._gated_kind(type(client))
            copies[timeout] = gated
        return copies[timeout]

    def _http_for(self, client: AsyncOpenAI) -> httpx2.AsyncClient:
        """Return this loop's own connections, unless the author chose how to connect."""
        http = client._client  # noqa: SLF001 - no public way to it
        untouched = type(http) is AsyncHttpxClientWrapper or http is shared_http_client()
        return self._own_http() if untouched else http

    def _own_http(self) -> httpx2.AsyncClient:
        if self._http is None:
            self._http = self._open_http()
        return self._http

    async def aclose(self) -> None:
        http, self._http = self._http, None
        self._models.clear()
        self._clients.clear()
        if http is not None:
            await http.aclose()


def _with_client(model: OpenAIModel, client: AsyncOpenAI) -> OpenAIModel:
    """Return a copy of the author's model that asks through ``client``."""
    private = copy.copy(model)
    watched = private._detach_stream_close  # noqa: SLF001 - through which every closing goes

    def detach(task: asyncio.Future[None]) -> None:
        exchange = current_exchange()
        if exchange is not None:
            exchange.closes(task)
        watched(task)

    vars(private).update(_client=client, _detach_stream_close=detach)
    return private
