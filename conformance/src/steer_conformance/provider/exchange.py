"""Carrying out the steps of one reply over one connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from time import monotonic
from typing import Any, TypeAlias

from steer_conformance.provider.gates import Gates
from steer_conformance.provider.record import NOTHING
from steer_conformance.provider.replies import Turn
from steer_conformance.provider.steps import Abort, Head, Pause, Send, Step, WaitFor

__all__ = ["ASGIReceive", "ASGISend", "Exchange"]

ASGIReceive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
ASGISend: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Exchange:
    """One request being answered. ``note`` keeps what became of it."""

    def __init__(
        self,
        *,
        turn: Turn | None,
        request_id: tuple[str, str],
        note: Callable[..., None],
        gates: Gates,
        receive: ASGIReceive,
        send: ASGISend,
        abort: Callable[[], None] | None,
    ) -> None:
        self._turn = turn
        self._request_id = request_id
        self._note = note
        self._gates = gates
        self._receive = receive
        self._send = send
        self._abort = abort
        self._status: int | None = None
        self._deltas = 0

    async def run(self, steps: Iterable[Step]) -> None:
        """Answer, or stop where the client leaves or the script drops the connection."""
        gone = asyncio.create_task(self._departure())
        try:
            for step in steps:
                match step:
                    case Pause(seconds=seconds):
                        await asyncio.wait({gone}, timeout=seconds)
                    case WaitFor(gate=gate):
                        await self._wait_at(gate, gone)
                    case Head():
                        await self._send_head(step)
                    case Send(last=True):
                        await self._send_last(step)
                        return
                    case Send():
                        await self._send_some(step)
                    case Abort():
                        await self._lose_connection(gone)
                        return
                if gone.done():
                    self._note(disconnected=True, ended_at=monotonic(), **self._bill())
                    return
        finally:
            gone.cancel()
            await asyncio.wait({gone})

    async def _departure(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _send_head(self, head: Head) -> None:
        headers = {"content-type": head.content_type, self._request_id[0]: self._request_id[1]}
        if head.length is not None:
            headers["content-length"] = str(head.length)
        headers |= {name.lower(): value for name, value in head.headers.items()}
        self._status = head.status
        await self._send(
            {
                "type": "http.response.start",
                "status": head.status,
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            }
        )

    async def _send_some(self, step: Send) -> None:
        self._deltas += step.deltas
        if step.data:
            await self._send(_body(step.data, more=True))
        # A send that need not wait does not let others run either, nor a departure be seen.
        await asyncio.sleep(0)

    async def _send_last(self, step: Send) -> None:
        self._deltas += step.deltas
        # Noted before it is sent: who has read the end of a reply also finds it billed.
        self._note(finished=True, ended_at=monotonic(), **self._bill())
        await self._send(_body(step.data, more=False))

    async def _wait_at(self, gate: str, gone: asyncio.Task[None]) -> None:
        self._note(**self._bill())
        opened = asyncio.create_task(self._gates.arrive(gate).wait())
        try:
            await asyncio.wait({gone, opened}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            opened.cancel()

    async def _lose_connection(self, gone: asyncio.Task[None]) -> None:
        self._note(ended_at=monotonic(), **self._bill())
        if self._abort is None:
            raise ConnectionAbortedError("the script drops the connection here")
        self._abort()
        # The server takes an application that returns too early for a faulty one.
        await asyncio.wait({gone})

    def _bill(self) -> dict[str, Any]:
        # Vendors bill what the model read and wrote, and nothing for an error they answer with.
        turn, billed = self._turn, NOTHING
        if turn is not None and self._status == HTTPStatus.OK:
            billed = turn.usage.until(self._deltas, turn.deltas)
        return {"deltas": self._deltas, "billed": billed}


def _body(data: bytes, *, more: bool) -> MutableMapping[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}
