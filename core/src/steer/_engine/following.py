"""Reading a job's events from anywhere, at any time, without a gap or a double."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from steer._engine.engine import Engine
from steer._engine.feed import Feed
from steer._engine.running import RunningJob
from steer._engine.topics import job_topic
from steer.errors import StaleFence
from steer.events import Event
from steer.fold import Cursor, Position
from steer.ports.storage import MAX_PAGE

__all__ = ["follow"]

POLL_SECONDS = 1.0
"""How often a job of another process is looked at when no signal comes."""


async def follow(
    engine: Engine, scope_id: str, job_id: str, *, after: Position | None = None, live: bool = True
) -> AsyncGenerator[Event, None]:
    """Yield the job's events after a position, up to the terminal one.

    With ``live`` unset, only what is committed: no deltas without ``seq``. Ends early only where
    the job was given back by a kernel that closed. Where another process took the job over, what
    this one had not committed is told again as the other one tells it.
    """
    cursor = Cursor(after)
    followed: RunningJob | None = None
    while True:
        running = engine.running(scope_id, job_id)
        if live and running is not None and running is not followed:
            followed = running
            here = _follow_here(engine, scope_id, job_id, running.state.feed, cursor)
            async with aclosing(here) as events:
                async for event in events:
                    yield event
                    if event.terminal:
                        return
            if running.result is None and running.later is None:
                if not isinstance(running.state.lost, StaleFence):
                    return
                # Another process has the job. What this one told and never committed did not
                # happen.
                cursor.rewind(running.state.feed.committed_seq)
        journal = _follow_journal(engine, scope_id, job_id, cursor, followed=followed, live=live)
        async with aclosing(journal) as events:
            async for event in events:
                yield event
                if event.terminal:
                    return


async def _follow_here(
    engine: Engine, scope_id: str, job_id: str, feed: Feed, cursor: Cursor
) -> AsyncGenerator[Event, None]:
    """Follow a job of this process; a reader that falls behind starts over from the journal."""
    while True:
        snapshot = feed.snapshot(cursor.seq)
        while cursor.seq < snapshot.in_journal:
            page = await engine.storage.journal.events(
                scope_id, job_id, after=cursor.seq, limit=MAX_PAGE
            )
            for event in cursor.fresh(page):
                yield event
        for event in cursor.fresh(snapshot.tail):
            yield event
        index = snapshot.index
        while (events := feed.since(index)) is not None:
            for event in cursor.fresh(events):
                yield event
            index += len(events)
            if not events and feed.closed:
                return
            await feed.wait(index)


async def _follow_journal(
    engine: Engine,
    scope_id: str,
    job_id: str,
    cursor: Cursor,
    *,
    followed: RunningJob | None,
    live: bool,
) -> AsyncGenerator[Event, None]:
    """Follow a job that runs elsewhere, waits or has ended; until it runs here where ``live``."""
    key = (scope_id, job_id)
    async with engine.signals.subscribe(scope_id, job_topic(job_id)) as waiter:
        while True:
            # Counted before the journal is read, so that no news falls in between.
            news = engine.waiting.news_of(key)
            page = await engine.storage.journal.events(scope_id, job_id, after=cursor.seq)
            for event in cursor.fresh(page):
                yield event
                if event.terminal:
                    return
            if len(page) == MAX_PAGE:
                continue
            if live and engine.running(*key) not in (None, followed):
                return
            if news is None:
                await waiter.wait(POLL_SECONDS)
            else:
                # It waits in this process, which looks for all such jobs at once.
                await engine.waiting.changed(key, news)
