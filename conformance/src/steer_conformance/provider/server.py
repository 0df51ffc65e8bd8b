"""An ASGI application on a loopback socket, served by uvicorn's HTTP in a thread of its own.

Only uvicorn's protocol is used, not its ``Server``: that one looks for its end ten times a
second, which would cost each test two tenths, and installs signal handlers.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

__all__ = ["STOP_SECONDS", "ServerThread", "listen"]

STOP_SECONDS: Final = 2.0
"""How long starting or stopping may take."""
_REQUEST_SECONDS: Final = 1.0
"""How long requests may take to notice that their connection is gone."""

App = Callable[..., Awaitable[None]]


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        OSError: if the address is taken or not ours.
    """
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # asyncio sets TCP_NODELAY only where the protocol is named; without it Nagle's algorithm
    # and delayed acknowledgements cost some 40 ms a call.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(2048)
    except OSError:
        sock.close()
        raise
    return sock


class _Connection(H11Protocol):
    """uvicorn's HTTP/1.1, plus a way for the application to lose the connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Switched off here: in the configuration it would change a logger of the whole process.
        self.access_log = False
        self.app = partial(self._with_abort, self.app)

    async def _with_abort(
        self, app: App, scope: MutableMapping[str, Any], receive: Any, send: Any
    ) -> None:
        # close(), not abort(): what the script sent before the drop shall arrive.
        extensions = {"steer.abort": self.transport.close}
        await app({**scope, "extensions": extensions}, receive, send)


class ServerThread:
    """Serves an application from ``start`` on. ``on_end`` is called when the thread ends."""

    def __init__(self, app: App, sock: socket.socket, on_end: Callable[[], None]) -> None:
        self._app = app
        self._socket = sock
        self._on_end = on_end
        self.ended = False
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="scripted-provider", daemon=True)

    def start(self) -> None:
        """Serve. Returns when connections are answered."""
        self._thread.start()
        if not self._started.wait(STOP_SECONDS):
            raise RuntimeError("the scripted provider's thread did not start")

    def request_stop(self) -> None:
        """Close all connections and end, without waiting for it."""
        if self._loop is not None and self._stop is not None and not self.ended:
            self._loop.call_soon_threadsafe(self._stop.set)

    def join(self, timeout: float = STOP_SECONDS) -> None:
        """Wait for the end, at most ``timeout`` seconds.

        Raises:
            RuntimeError: if the thread does not end, because a rule of the script blocks it.
        """
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise RuntimeError("the scripted provider's thread does not end: does a rule block?")

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._serve())
        finally:
            self.ended = True
            self._on_end()

    async def _serve(self) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        config = uvicorn.Config(
            self._app,
            http=_Connection,
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            timeout_keep_alive=60,
        )
        config.load()
        state = ServerState()
        server = await loop.create_server(lambda: _Connection(config, state, {}), sock=self._socket)
        self._started.set()
        await self._stop.wait()
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=_REQUEST_SECONDS)
