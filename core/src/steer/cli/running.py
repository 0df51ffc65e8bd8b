"""One job in the foreground: started, shown, stopped when the user says so."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TypeVar

import anyio
import anyio.to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from steer.cli.exit_codes import ExitCode, exit_code_of_result
from steer.cli.printed import prints_told
from steer.cli.printers import RunPrinter, StoryPrinter, printer_for
from steer.cli.run_form import RunForm
from steer.cli.stopping import Stops
from steer.cli.streams import answer_apart
from steer.errors import InvalidTransition
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
) -> int:
    """Open the kernel, start a job, show it to its end, and return the exit code.

    A signal, or the reader of the output going away, cancels the job; its ending is waited for.
    ``by`` is who cancels then.
    """
    with answer_apart() as streams:
        tell = streams.err.is_terminal and form is not RunForm.JSON
        printer = printer_for(form, streams)
        with ExitStack() as prints:
            if isinstance(printer, StoryPrinter):
                prints.enter_context(prints_told(printer.printed))
            return asyncio.run(_run(kernel, start, printer, prints, by=by, tell=tell))


async def _run(
    kernel: RuntimeKernel,
    start: Callable[[RuntimeKernel], Awaitable[ExecutionHandle]],
    printer: RunPrinter,
    prints: ExitStack,
    *,
    by: str,
    tell: bool,
) -> ExitCode:
    with Stops(tell=tell) as stops:
        async with kernel, anyio.create_task_group() as group:
            # Not cancelled by the first Ctrl-C: it would be left open whether there is a job.
            handle = await start(kernel)
            stops.job_id = handle.job_id
            group.start_soon(_cancel_when_asked, handle, stops, by)
            failure: Exception | None = None
            try:
                await show_all(handle.events(), printer.show)
            except Exception as error:  # raised again once the job has ended
                failure = error
                await _cancel(handle, reason="nobody can see its output any more", by=by)
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


def _finish(printer: RunPrinter, prints: ExitStack, result: RunResult) -> None:
    # What was printed and not flushed comes before the ending, which is the last line.
    prints.close()
    printer.finish(result)


async def show_all(events: AsyncIterator[T], show: Callable[[Sequence[T]], None]) -> None:
    """Show events as they come. Raises what ``show`` raises, for example ``ReaderGone``."""
    # A pager that is not scrolled blocks its writer. So writing is done in a thread, where it
    # keeps no lease from being renewed, and what comes meanwhile is written together.
    send, receive = anyio.create_memory_object_stream[T](_EVENTS_AHEAD)
    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(_collect, events, send)
        try:
            async with receive:
                async for event in receive:
                    await anyio.to_thread.run_sync(show, [event, *_at_hand(receive)])
        except Exception as error:
            # Raised again outside, where no group wraps it.
            failure = error
            group.cancel_scope.cancel()
    if failure is not None:
        raise failure


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
