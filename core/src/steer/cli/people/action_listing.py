"""Lists of questions, once or for as long as somebody looks on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio

from steer.cli.job_names import find_job
from steer.cli.lazy import load
from steer.cli.opening import open_reader
from steer.cli.people.action_names import all_actions
from steer.cli.people.action_text import ROW_HEAD, action_json, action_row
from steer.cli.terminal.paint import paint_for, plain
from steer.cli.terminal.streams import Streams
from steer.cli.terminal.tables import in_columns
from steer.config import Settings
from steer.kernel import RuntimeKernel
from steer.ports.records import ActionRecord
from steer.values import ActionStatus, ActionType

__all__ = ["Wanted", "list_actions"]

WATCH_SECONDS = 1.0
"""How often a list that is watched is read again: a question can come from any process."""

_COLUMNS = {"ACTION": "strong", "STATUS": "faint", "TYPE": "faint"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which questions to list; ``None`` is all there are."""

    job: str | None
    status: ActionStatus | None
    type: ActionType | None
    limit: int
    cursor: str | None


async def list_actions(settings: Settings, wanted: Wanted, *, watch: bool, as_json: bool) -> None:
    """List the questions; with ``watch``, all of them, and go on until cancelled."""
    streams = Streams.standard()
    async with open_reader(settings) as kernel:
        job = wanted.job
        if job is not None:
            job = (await find_job(kernel, job, scope_id=settings.scope)).job_id
        listing = _Listing(kernel, settings.scope, wanted, job)
        if not watch:
            found, more = await listing.page()
            _show(found, streams, as_json=as_json)
            if more is not None:
                streams.err.write(f"there are more: --cursor {more}\n")
        elif streams.out.is_terminal and paint_for(streams.out) is not plain and not as_json:
            await _keep_up(listing, streams)
        else:
            await _tell_new(listing, streams, as_json=as_json)


class _Listing:
    """Reads what is wanted."""

    def __init__(
        self, kernel: RuntimeKernel, scope_id: str, wanted: Wanted, job_id: str | None
    ) -> None:
        self._kernel = kernel
        self._scope_id = scope_id
        self._wanted = wanted
        self._job_id = job_id

    async def page(self) -> tuple[list[ActionRecord], str | None]:
        """Return the first so many from the cursor on, and where to go on after them."""
        wanted, cursor = self._wanted, self._wanted.cursor
        found: list[ActionRecord] = []
        while True:
            page = await self._kernel.actions(
                scope_id=self._scope_id,
                job_id=self._job_id,
                status=wanted.status,
                limit=wanted.limit - len(found),
                cursor=cursor,
            )
            cursor = page.cursor
            found += [each for each in page.items if wanted.type in (None, each.type)]
            if cursor is None or len(found) >= wanted.limit:
                return found, cursor

    async def every(self) -> list[ActionRecord]:
        """Return all of them."""
        wanted = self._wanted
        return [
            action
            async for action in all_actions(
                self._kernel, scope_id=self._scope_id, job_id=self._job_id, status=wanted.status
            )
            if wanted.type in (None, action.type)
        ]


def _show(found: list[ActionRecord], streams: Streams, *, as_json: bool) -> None:
    if as_json:
        streams.out.write_bytes(b"".join(action_json(action) + b"\n" for action in found))
    elif found:
        streams.out.write(_table(found, streams))
    else:
        streams.err.write("nobody is asked anything\n")


def _table(found: list[ActionRecord], streams: Streams) -> str:
    now = datetime.now(UTC)
    return in_columns(
        [action_row(action, now=now) for action in found],
        head=ROW_HEAD,
        paint=paint_for(streams.out),
        style=lambda column, _: _COLUMNS.get(ROW_HEAD[column]),
    )


async def _keep_up(listing: _Listing, streams: Streams) -> None:
    """Show a list that is drawn again as it changes."""
    opened: AbstractContextManager[Callable[[str], None]] = load(
        "steer.cli.terminal.live_text:live_text"
    )(streams.out.fileno())
    with opened as draw:
        while True:
            found = await listing.every()
            text = _table(found, streams) if found else "nobody is asked anything\n"
            await anyio.to_thread.run_sync(draw, text)
            await anyio.sleep(WATCH_SECONDS)


async def _tell_new(listing: _Listing, streams: Streams, *, as_json: bool) -> None:
    """Write a line for each question, as it comes."""
    told: set[str] = set()
    while True:
        for action in await listing.every():
            if action.action_id not in told:
                told.add(action.action_id)
                row = action_row(action, now=datetime.now(UTC))
                line = action_json(action) if as_json else "  ".join(filter(None, row)).encode()
                await anyio.to_thread.run_sync(streams.out.write_bytes, line + b"\n")
        await anyio.sleep(WATCH_SECONDS)
