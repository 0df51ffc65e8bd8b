"""One job in the foreground: started, shown, stopped when the user says so."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

import anyio
import anyio.to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from steer.cli.exit_codes import ExitCode, exit_code_of_result
from steer.cli.lazy import load
from steer.cli.runs.parked import is_parked, until_parked, waiting_text
from steer.cli.runs.printed import prints_told
from steer.cli.runs.printers import RunPrinter, StoryPrinter, printer_for
from steer.cli.runs.run_form import RunForm
from steer.cli.terminal.person import Terminal
from steer.cli.terminal.stopping import Stops
from steer.cli.terminal.streams import Streams, answer_apart
from steer.errors import InvalidTransition
from steer.events import ActionRequired, Event
from steer.handle import ExecutionHandle
from steer.kernel import RuntimeKernel
from steer.values import RunResult

__all__ = ["run_in_foreground", "show_all"]

T = TypeVar("T")

_EVENTS_AHEAD = 1000
"""How far the run may be ahead of a slow terminal before the rest is read from the journal."""


def run_in_foreground(
    kernel: RuntimeKernel,
    start: Callable[[RuntimeKernel], Awaitable[ExecutionHandle]],
    *,
    form: RunForm,
    by: str,
    ask: bool = False,
) -> int:
    """Open the kernel, start a job, show it to its end, and return the exit code.

    A signal, or the reader of the output going away, cancels the job; its ending is waited for.
    ``by`` is who cancels then, and who answers where the job's questions are to be asked here.
    """
    with answer_apart() as streams:
        tell = streams.err.is_terminal and form is not RunForm.JSON
        printer = printer_for(form, streams, asks=ask)
        with ExitStack() as prints:
            if isinstance(printer, StoryPrinter):
                prints.enter_context(prints_told(printer.printed))
            asked = streams if ask else None
            return asyncio.run(_run(kernel, start, printer, prints, by=by, tell=tell, asked=asked))


async def _run(
    kernel: RuntimeKernel,
    start: Callable[[RuntimeKernel], Awaitable[ExecutionHandle]],
    printer: RunPrinter,
    prints: ExitStack,
    *,
    by: str,
    tell: bool,
    asked: Streams | None,
) -> ExitCode:
    with Stops(tell=tell) as stops, _terminal(asked, stops) as terminal:
        async with kernel, anyio.create_task_group() as group:
            # Not cancelled by the first Ctrl-C: it would be left open whether there is a job.
            handle = await start(kernel)
            stops.job_id = handle.job_id
            group.start_soon(_cancel_when_asked, handle, stops, by)
            failure: Exception | None = None
            ask: Callable[[Event], Awaitable[None]] | None = None
            if terminal is not None:
                in_place = load("steer.cli.runs.asking_in_place:InPlace")
                ask = in_place(kernel, handle, terminal, printer, by=by).ask
            try:
                await show_all(until_parked(kernel, handle), printer.show, ask)
            except Exception as error:  # raised again once the job has ended
                failure = error
                await _cancel(handle, reason="nobody can see its output any more", by=by)
            parked = failure is None and await is_parked(handle)
            if parked:
                await anyio.to_thread.run_sync(_leave, printer, prints, await waiting_text(handle))
                group.cancel_scope.cancel()
                return ExitCode.WAITING
            result = await handle.result()
            if failure is None:
                await anyio.to_thread.run_sync(_finish, printer, prints, result)
            group.cancel_scope.cancel()
    if failure is not None:
        raise failure
    code = exit_code_of_result(result)
    if code is ExitCode.CANCELLED and stops.number == signal.SIGTERM:
        code = ExitCode.TERMINATED
    if result.still_running:
        # A thread of a tool that cannot be stopped would hold the process as long as it likes.
        os._exit(code)
    return code


def _leave(printer: RunPrinter, prints: ExitStack, text: str) -> None:
    prints.close()
    printer.leave(text)


def _finish(printer: RunPrinter, prints: ExitStack, result: RunResult) -> None:
    # What was printed and not flushed comes before the ending, which is the last line.
    prints.close()
    printer.finish(result)


@contextmanager
def _terminal(streams: Streams | None, stops: Stops) -> Iterator[Terminal | None]:
    """Give the terminal to ask on, ``None`` where nobody is asked."""
    if streams is None:
        yield None
        return
    opened: AbstractContextManager[Terminal | None]
    opened = load("steer.cli.people.prompting:opened_terminal")(streams)
    with opened as terminal:
        if terminal is not None:
            stops.last_act = terminal.restored()
        yield terminal


async def show_all(
    events: AsyncIterator[T],
    show: Callable[[Sequence[T]], None],
    ask: Callable[[T], Awaitable[None]] | None = None,
) -> None:
    """Show events as they come; what follows a question waits until ``ask`` has asked it.

    Raises what ``show`` raises, for example ``ReaderGone``.
    """
    # A pager that is not scrolled blocks its writer. So writing is done in a thread, where it
    # keeps no lease from being renewed, and what comes meanwhile is written together.
    send, receive = anyio.create_memory_object_stream[T](_EVENTS_AHEAD)
    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(_collect, events, send)
        try:
            async with receive:
                async for event in receive:
                    for part in _parts([event, *_at_hand(receive)]):
                        await anyio.to_thread.run_sync(show, part)
                        if ask is not None:
                            await ask(part[-1])
        except Exception as error:
            # Raised again outside, where no group wraps it.
            failure = error
            group.cancel_scope.cancel()
    if failure is not None:
        raise failure


def _parts(events: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the events in runs that end where somebody is asked something."""
    begin = 0
    for number, event in enumerate(events, start=1):
        if _asks(event) or number == len(events):
            yield events[begin:number]
            begin = number


def _asks(event: object) -> bool:
    return isinstance(event, Event) and isinstance(event.data, ActionRequired)


async def _collect(events: AsyncIterator[T], send: MemoryObjectSendStream[T]) -> None:
    async with send:
        async for event in events:
            await send.send(event)


def _at_hand(receive: MemoryObjectReceiveStream[T]) -> Iterator[T]:
    with contextlib.suppress(anyio.WouldBlock, anyio.EndOfStream):
        while True:
            yield receive.receive_nowait()


async def _cancel_when_asked(handle: ExecutionHandle, stops: Stops, by: str) -> None:
    await stops.asked.wait()
    reason = "Ctrl-C" if stops.number == signal.SIGINT else "SIGTERM"
    await _cancel(handle, reason=reason, by=by)


async def _cancel(handle: ExecutionHandle, *, reason: str, by: str) -> None:
    # It may have ended just now.
    with contextlib.suppress(InvalidTransition):
        await handle.cancel(reason=reason, by=by)
