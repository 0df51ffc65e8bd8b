"""``steer worker``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Annotated

import anyio
import typer

from steer.cli.help_text import section
from steer.cli.jobs.work_text import NotePrinter
from steer.cli.opening import check_shared, open_kernel
from steer.cli.options import AsJson, ConfigFile, Sink, StorageUrl, settings_from
from steer.cli.runs.running import show_all
from steer.cli.terminal.stopping import Stops
from steer.cli.terminal.streams import ReaderGone, answer_apart
from steer.errors import ConfigError
from steer.kernel import RuntimeKernel
from steer.working import WorkNote

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_EXAMPLES = (
    "steer worker",
    "steer worker --queue mail --queue default --concurrency 8",
    "steer worker --until-idle --json | jq .status",
)
_NOTES_AHEAD = 10_000
"""How many steps may wait for a slow reader; a worker that is not read holds up no job."""


@app.command(epilog=section("Examples", _EXAMPLES))
def worker(
    *,
    queue: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Take jobs from it; default if left out. Repeatable."),
    ] = None,
    concurrency: Annotated[
        int, typer.Option(metavar="N", min=1, help="So many jobs at a time, at most.")
    ] = 4,
    scope: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only jobs of this tenant; all if left out. Repeatable."),
    ] = None,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="Stop when no job is due and none runs.")
    ] = False,
    drain: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, help="When told to stop, wait so long for what runs."
        ),
    ] = 30.0,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE.toml", help="Rules that jobs began under. May be repeated."
        ),
    ] = None,
    sink: Sink = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing of jobs.")] = False,
) -> int:
    """Run the jobs that wait in the storage, and those whose process is gone.

    Queue jobs with steer run --detach. Each job is a line when it starts, waits and ends. SIGTERM
    and Ctrl-C stop it: it takes no more, waits for what runs, and gives the rest back.
    """
    if as_json and quiet:
        raise ConfigError("--json and --quiet exclude each other", fix="Leave one out")
    settings = settings_from(policy=policy, sink=sink, storage=storage, config=config)
    check_shared(settings.storage, "a worker would see no job of another process")
    kernel = open_kernel(settings).kernel
    with answer_apart() as streams:
        printer = NotePrinter(streams, as_json=as_json)
        return asyncio.run(
            _work(
                kernel,
                tuple(queue or ("default",)),
                concurrency,
                scope,
                until_idle=until_idle,
                drain=drain,
                show=None if quiet else printer.show,
                tell=streams.err.is_terminal and not as_json,
            )
        )


async def _work(
    kernel: RuntimeKernel,
    queues: Sequence[str],
    concurrency: int,
    scopes: Collection[str] | None,
    *,
    until_idle: bool,
    drain: float,
    show: Callable[[Sequence[WorkNote]], None] | None,
    tell: bool,
) -> int:
    stop, done = anyio.Event(), anyio.Event()
    send, receive = anyio.create_memory_object_stream[WorkNote](_NOTES_AHEAD)
    gone: ReaderGone | None = None

    def note(step: WorkNote) -> None:
        if show is not None:
            send.send_nowait(step)

    async def heed() -> None:
        await stops.asked.wait()
        stop.set()

    async def print_notes() -> None:
        nonlocal gone
        async with receive:
            try:
                await show_all(_each(receive), show or (lambda _: None))
            except ReaderGone as error:
                # Nobody sees what it does any more: it ends as if it had been told to.
                gone = error
                stop.set()
                async for _ in receive:
                    pass
        done.set()

    with Stops(tell=tell) as stops:
        async with kernel, anyio.create_task_group() as group:
            group.start_soon(heed)
            group.start_soon(print_notes)
            async with send:
                await kernel.work(
                    queue=queues,
                    concurrency=concurrency,
                    scopes=scopes,
                    stop=stop,
                    drain=drain,
                    until_idle=until_idle,
                    tell=note,
                )
            await done.wait()
            group.cancel_scope.cancel()
    if gone is not None:
        raise gone
    return 0


async def _each(notes: AsyncIterator[WorkNote]) -> AsyncIterator[WorkNote]:
    async for note in notes:
        yield note
