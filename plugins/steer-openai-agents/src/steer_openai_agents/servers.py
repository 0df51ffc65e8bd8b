"""The MCP servers of a run: those that their author left unconnected are connected for it.

A run uses a copy of such a server, so that runs side by side do not close each other's, and the
author's object stays as it is. A connection belongs to the event loop that opened it.
"""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
from agents.mcp import MCPServer
from agents.mcp._compat import HTTP_ERROR_TYPES, MCPError
from agents.mcp.server import _MCPServerWithClientSession
from steer.errors import ErrorCategory, RuntimeFailure

__all__ = ["McpServers", "is_lost", "not_listed"]

CONNECT_SECONDS = 30.0
"""How long a server may take to start and to say what it is."""

CLOSE_SECONDS = 10.0
"""How long a server may take to end: its library first asks, and kills after four seconds."""


class McpServers:
    """The servers that one run has connected, by event loop. Safe in any thread."""

    def __init__(self) -> None:
        self._loops: dict[asyncio.AbstractEventLoop, dict[int, _Connection]] = {}
        self._visitors: Counter[asyncio.AbstractEventLoop] = Counter()
        self._closed = False

    async def connected(self, server: MCPServer, *, agent: str) -> MCPServer:
        """Return the server itself where its author connected it, else this run's own copy.

        Raises ``RuntimeFailure`` where it cannot be connected, and once the run is over.
        """
        if not isinstance(server, _MCPServerWithClientSession) or server.session is not None:
            return server
        if self._closed:
            raise _too_late(_shown(server), agent)
        here = self._loops.setdefault(asyncio.get_running_loop(), {})
        connection = here.get(id(server))
        if connection is None:
            connection = here[id(server)] = _Connection(server)
        try:
            return await connection.ready()
        except Exception as error:
            raise _not_connected(_shown(server), agent, error) from error

    @asynccontextmanager
    async def visiting(self) -> AsyncIterator[None]:
        """Use another event loop for a while; the last to leave it closes its connections."""
        loop = asyncio.get_running_loop()
        self._visitors[loop] += 1
        try:
            yield
        finally:
            self._visitors[loop] -= 1
            if not self._visitors[loop]:
                del self._visitors[loop]
                await self._close_here()

    async def aclose(self) -> set[asyncio.Task[None]]:
        """Connect no more, and close what this event loop has; return what is not closed in time.

        Those who visit other event loops close what these have.
        """
        self._closed = True
        return await self._close_here()

    async def _close_here(self) -> set[asyncio.Task[None]]:
        connections = self._loops.pop(asyncio.get_running_loop(), {}).values()
        if not connections:
            return set()
        with anyio.CancelScope(shield=True):
            _, left = await asyncio.wait(
                {connection.close() for connection in connections}, timeout=CLOSE_SECONDS + 1
            )
        return left


class _Connection:
    """A server connected by a task that also closes it: its library asks for one and the same."""

    def __init__(self, server: _MCPServerWithClientSession) -> None:
        # Keeps the author's object alive, whose identity this connection is found by.
        self._original = server
        # The SDK leaves the types of connecting and closing open.
        self._server: Any = _private(server)
        self._connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closing = asyncio.Event()
        self._task = asyncio.create_task(self._own(), name=f"MCP server {_shown(server)}")

    async def ready(self) -> MCPServer:
        """Wait until the server is connected."""
        await asyncio.shield(self._connected)
        server: MCPServer = self._server
        return server

    def close(self) -> asyncio.Task[None]:
        """Begin to close the server; return the task that does."""
        self._closing.set()
        if not self._connected.done():
            self._task.cancel()
        elif not self._connected.cancelled():
            self._connected.exception()  # told already, unless who waited was cancelled
        return self._task

    async def _own(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._server.connect()
        except Exception as error:
            self._connected.set_exception(error)
            return
        except BaseException:
            self._connected.cancel()
            raise
        self._connected.set_result(None)
        try:
            await self._closing.wait()
        finally:
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await self._server.cleanup()


def _private(server: _MCPServerWithClientSession) -> _MCPServerWithClientSession:
    """Return a copy that has never been connected; a test pins what makes up a connection."""
    private = copy.copy(server)
    vars(private).update(
        session=None,
        exit_stack=AsyncExitStack(),
        server_initialize_result=None,
        _cleanup_lock=asyncio.Lock(),
        _request_lock=asyncio.Lock(),
        _cache_dirty=True,
        _tools_list=None,
        _get_session_id=None,
        _v2_session_id=None,
    )
    return private


# What the library raises where a server has ended, says no, or is out of reach.
_LOST = (
    MCPError,
    *HTTP_ERROR_TYPES,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    ConnectionError,
    TimeoutError,
)


def is_lost(error: Exception) -> bool:
    """Whether a server that was connected, or the way to it, has failed."""
    return isinstance(_first(error), _LOST)


def not_listed(agent: str, error: Exception) -> RuntimeFailure:
    """Return the error of servers that were connected and could not say what tools they have."""
    return RuntimeFailure(
        f"the tools of the MCP servers of agent {agent!r} could not be listed: "
        f"{_said(_first(error))}",
        category=ErrorCategory.NETWORK,
        fix="Check that the servers keep running for as long as the run does",
    )


def _shown(server: MCPServer) -> str:
    # A server without a name is called after its URL, which may hold a password or a token.
    return server._error_name  # noqa: SLF001 - without them


def _too_late(name: str, agent: str) -> RuntimeFailure:
    return RuntimeFailure(
        f"the MCP server {name!r} of agent {agent!r} was not connected: the run is over",
        fix="Wait in the author's code for the runs that it starts",
    )


def _not_connected(name: str, agent: str, error: Exception) -> RuntimeFailure:
    error = _first(error)
    late = isinstance(error, TimeoutError)
    why = f"it took longer than {CONNECT_SECONDS:g} seconds" if late else _said(error)
    return RuntimeFailure(
        f"the MCP server {name!r} of agent {agent!r} could not be connected: {why}",
        category=ErrorCategory.TIMEOUT if late else ErrorCategory.NETWORK,
        fix="Check that its command starts it, or that its URL leads to it",
    )


def _first(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _said(error: Any) -> str:
    return " ".join(str(error).split()) or type(error).__name__
