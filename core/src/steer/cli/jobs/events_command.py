"""``steer events``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import typer

from steer.cli.help_text import section
from steer.cli.job_names import find_job
from steer.cli.jobs.event_text import EventPrinter
from steer.cli.jobs.next_step import next_step
from steer.cli.opening import open_reader
from steer.cli.options import AsJson, ConfigFile, JobName, Scope, StorageUrl, settings_from
from steer.cli.runs.printers import JsonPrinter, StoryPrinter
from steer.cli.runs.running import show_all
from steer.cli.terminal.streams import Streams
from steer.config import Settings
from steer.errors import ConfigError
from steer.events import Event
from steer.fold import Position
from steer.kernel import RuntimeKernel
from steer.ports.records import JobRecord
from steer.ports.storage import MAX_PAGE

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_EXAMPLES = (
    "steer events latest",
    "steer events latest --follow --text",
    "steer events 1f0c9a7be2d4 --json | jq .type",
)


@app.command(epilog=section("Examples", _EXAMPLES))
def events(
    job: JobName,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")
    ] = False,
    after: Annotated[
        int, typer.Option(metavar="SEQ", min=0, help="Only events after this number.")
    ] = 0,
    text: Annotated[
        bool, typer.Option("--text", help="Show it as steer run does, not event by event.")
    ] = False,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what happened in a job: number, seconds since its start, type, and what is in it.

    A job that another process runs can be followed. With --json each event is a line of JSON, the
    same as steer run --json prints.
    """
    if text and as_json:
        raise ConfigError("--text and --json exclude each other", fix="Leave one out")
    settings = settings_from(scope=scope, storage=storage, config=config)
    streams = Streams.standard()
    printer: EventPrinter | StoryPrinter | JsonPrinter
    if as_json:
        printer = JsonPrinter(streams)
    else:
        printer = StoryPrinter(streams) if text else EventPrinter(streams)
    asyncio.run(_show(settings, job, Position(seq=after), printer, follow=follow))


async def _show(
    settings: Settings,
    name: str,
    after: Position,
    printer: EventPrinter | StoryPrinter | JsonPrinter,
    *,
    follow: bool,
) -> None:
    async with open_reader(settings) as kernel:
        job = await find_job(kernel, name, scope_id=settings.scope)
        handle = await kernel.attach(job.job_id, scope_id=job.scope_id)
        if follow and (note := await next_step(kernel, job)) is not None:
            Streams.standard().err.write(f"{note}\n")
        events = handle.events(after=after) if follow else _so_far(kernel, job, after)
        await show_all(events, printer.show)
        if isinstance(printer, StoryPrinter):
            result = (await handle.job()).result
            printer.close() if result is None else printer.finish(result)


async def _so_far(kernel: RuntimeKernel, job: JobRecord, after: Position) -> AsyncIterator[Event]:
    """Yield the events that are in the journal now."""
    seq = after.seq
    while True:
        page = await kernel.storage.journal.events(job.scope_id, job.job_id, after=seq)
        for event in page:
            yield event
            seq = event.seq or seq
        if len(page) < MAX_PAGE:
            return
