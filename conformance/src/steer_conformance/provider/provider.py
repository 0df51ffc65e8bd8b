"""The scripted provider: a script, a server and what was asked of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeAlias, TypeVar

from steer_conformance.provider.app import BUILTIN_DIALECTS, ScriptedApp
from steer_conformance.provider.dialect import Dialect
from steer_conformance.provider.record import Bill, Recorded
from steer_conformance.provider.replies import Reply
from steer_conformance.provider.script import Script
from steer_conformance.provider.server import STOP_SECONDS, ServerThread, listen

__all__ = ["Provider"]

T = TypeVar("T")
_Wait: TypeAlias = tuple[Callable[[], T | None], float, str]


class Provider:
    """A model provider on loopback that says what its script says.

    It runs in a thread of its own, so that it serves synchronous code, any event loop and other
    processes alike::

        with Provider(Script([Turn("Hello")])) as provider:
            client = OpenAI(base_url=provider.openai_base_url, api_key="any")

    ``async with`` works as well. Once closed, what it recorded can still be read. ``strict``
    refuses a conversation whose tool calls and tool results do not match, as vendors do.
    """

    def __init__(
        self,
        script: Script,
        *,
        dialects: Sequence[Dialect] = BUILTIN_DIALECTS,
        host: str = "127.0.0.1",
        port: int = 0,
        strict: bool = True,
    ) -> None:
        self._app = ScriptedApp(script, dialects=dialects, strict=strict)
        self._host = host
        self._port = port
        self._server: ServerThread | None = None

    def start(self) -> Self:
        """Listen and serve until ``close``.

        Raises:
            OSError: if the address is taken.
            RuntimeError: if this provider was started before.
        """
        if self._server is not None:
            raise RuntimeError("a provider is started once; make another one")
        sock = listen(self._host, self._port)
        self._port = sock.getsockname()[1]
        self._server = ServerThread(self._app, sock, self._app.notices.announce)
        self._server.start()
        return self

    def close(self) -> None:
        """Cut all connections and end the thread. Harmless when repeated.

        Raises:
            RuntimeError: if that takes more than two seconds, because a rule blocks.
        """
        if self._server is not None:
            self._app.log.close()
            self._server.request_stop()
            self._server.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        server = self._server
        if server is None:
            return
        self._app.log.close()
        server.request_stop()
        with suppress(TimeoutError):
            await self._app.notices.wait(
                lambda: server.ended or None, STOP_SECONDS, "the provider did not stop"
            )
        # The caller's loop went on while the thread ended; joining it is a formality.
        server.join(timeout=0.1)

    @property
    def url(self) -> str:
        """Such as ``http://127.0.0.1:41234``."""
        if self._server is None:
            raise RuntimeError("a provider has an address once it is started")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def openai_base_url(self) -> str:
        """What OpenAI's clients take as ``base_url`` or ``OPENAI_BASE_URL``."""
        return f"{self.url}/v1"

    @property
    def anthropic_base_url(self) -> str:
        """What Anthropic's clients take as ``base_url`` or ``ANTHROPIC_BASE_URL``."""
        return self.url

    @property
    def requests(self) -> tuple[Recorded, ...]:
        """The requests for a turn so far, in the order they came."""
        return self._app.log.requests

    @property
    def bill(self) -> Bill:
        """What those requests cost, counting what was sent."""
        return Bill.of(self.requests)

    @property
    def turns_left(self) -> tuple[Reply, ...]:
        """The turns nobody asked for yet."""
        return self._app.stage.turns_left

    @property
    def script_used_up(self) -> bool:
        """Whether every turn was taken and every rule with ``times`` served as often as that."""
        return not self._app.stage.leftovers()

    def assert_used_up(self) -> None:
        """Fail where something of the script is left, or a request found nothing in it.

        Raises:
            AssertionError: naming what is left and what went wrong.
        """
        wrong = [f"left over: {phrase}" for phrase in self._app.stage.leftovers()]
        wrong += [each.error for each in self.requests if each.error is not None]
        if wrong:
            raise AssertionError("The script was not played as written. " + "; ".join(wrong))

    def release(self, name: str) -> None:
        """Let all streams that are held at this name go on, now and later."""
        self._app.gates.release(name)

    async def reached(self, name: str, *, times: int = 1, timeout: float = 5.0) -> None:  # noqa: ASYNC109 - every wait is bounded, and says what it waited for
        """Wait until a stream came to the hold of this name, or ``times`` streams.

        Raises:
            TimeoutError: after ``timeout`` seconds.
        """
        await self._app.notices.wait(*self._reached(name, times, timeout))

    def reached_sync(self, name: str, *, times: int = 1, timeout: float = 5.0) -> None:
        """The same for code without an event loop."""
        self._app.notices.wait_sync(*self._reached(name, times, timeout))

    async def wait_for_requests(self, count: int, *, timeout: float = 5.0) -> tuple[Recorded, ...]:  # noqa: ASYNC109 - as above
        """The requests, once there are at least ``count``.

        Raises:
            TimeoutError: after ``timeout`` seconds.
        """
        return await self._app.notices.wait(*self._arrived(count, timeout))

    def wait_for_requests_sync(self, count: int, *, timeout: float = 5.0) -> tuple[Recorded, ...]:
        """The same for code without an event loop."""
        return self._app.notices.wait_sync(*self._arrived(count, timeout))

    async def wait_for_disconnect(self, count: int = 1, *, timeout: float = 5.0) -> Recorded:  # noqa: ASYNC109 - as above
        """The last of the first ``count`` requests whose client left before the reply ended.

        Raises:
            TimeoutError: after ``timeout`` seconds.
        """
        return await self._app.notices.wait(*self._departed(count, timeout))

    def wait_for_disconnect_sync(self, count: int = 1, *, timeout: float = 5.0) -> Recorded:
        """The same for code without an event loop."""
        return self._app.notices.wait_sync(*self._departed(count, timeout))

    # Each gives what Notices waits for: a condition, its time and the complaint.

    def _reached(self, name: str, times: int, timeout: float) -> _Wait[bool]:
        def ready() -> bool | None:
            return self._app.gates.reached(name) >= times or None

        return ready, timeout, f"hold {name!r} was not reached {times} times"

    def _arrived(self, count: int, timeout: float) -> _Wait[tuple[Recorded, ...]]:
        def ready() -> tuple[Recorded, ...] | None:
            requests = self.requests
            return requests if len(requests) >= count else None

        return ready, timeout, f"fewer than {count} requests came"

    def _departed(self, count: int, timeout: float) -> _Wait[Recorded]:
        def ready() -> Recorded | None:
            gone = [each for each in self.requests if each.disconnected]
            return gone[count - 1] if len(gone) >= count else None

        return ready, timeout, f"fewer than {count} clients disconnected"
