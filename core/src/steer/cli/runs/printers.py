"""The ways a run is shown: told as it goes, as events in JSON, or as its answer alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from steer.cli.error_text import error_json, error_text
from steer.cli.exit_codes import exit_code_of_result
from steer.cli.runs.narration import Kind, Line, narrate, retracted
from steer.cli.runs.open_calls import OpenCalls
from steer.cli.runs.run_form import RunForm
from steer.cli.runs.screen import Screen
from steer.cli.runs.status_text import ending_text, totals_text
from steer.cli.terminal.paint import paint_for
from steer.cli.terminal.printable import one_line
from steer.cli.terminal.streams import Streams
from steer.cli.terminal.telling import Tell, teller
from steer.events import (
    ActionRequired,
    Event,
    ModelReasoning,
    ModelRetracted,
    ModelStarted,
    ModelToken,
    encode,
)
from steer.values import JobStatus, RunResult

__all__ = ["AnswerPrinter", "JsonPrinter", "RunPrinter", "StoryPrinter", "printer_for"]


class RunPrinter(Protocol):
    """Shows one run. Its methods block, and are called from one thread at a time."""

    def show(self, events: Sequence[Event], /) -> None:
        """Show the next events, in order."""
        ...

    def asking(self) -> AbstractContextManager[Tell]:
        """Keep back what else is shown inside of the ``with``; give what shows a question."""
        ...

    def leave(self, text: str, /) -> None:
        """Show, as the last line, that the job waits for people and how to go on."""
        ...

    def finish(self, result: RunResult, /) -> None:
        """Show what the run came to, after its last event."""
        ...


class StoryPrinter:
    """The model's text on standard output; tools, notes and the last line on standard error.

    Where it ``asks``, whoever asks shows what people are asked.
    """

    def __init__(self, streams: Streams, *, asks: bool = False) -> None:
        # What the author's code prints comes from another thread than the events.
        self._lock = threading.Lock()
        self._paint = paint_for(streams.err)
        self._screen = Screen(streams, paint=self._paint)
        self._tell = teller(streams.err, self._paint)
        self._asks = asks
        self._kept: list[str] | None = None
        self._calls = OpenCalls()
        self._call = ""
        self._withdrawn: ModelRetracted | None = None

    def show(self, events: Sequence[Event], /) -> None:
        with self._lock:
            for event in events:
                self._mind_retraction(event)
                if self._asks and isinstance(event.data, ActionRequired):
                    continue
                said = narrate(event, call=self._calls.name_of(event))
                if said is not None:
                    self._screen.say(said)
                elif isinstance(event.data, ModelStarted) and not event.path:
                    self._screen.wait(f"{one_line(event.data.model or 'the model')} \u2026")

    def printed(self, text: str, /) -> None:
        """Show what the agent's own code printed, beside the answer."""
        with self._lock:
            if self._kept is None:
                self._screen.printed(text)
            else:
                self._kept.append(text)

    @contextmanager
    def asking(self) -> Iterator[Tell]:
        with self._lock:
            self._screen.finish()
            self._kept = []
        try:
            yield self._tell
        finally:
            with self._lock:
                kept, self._kept = self._kept, None
                for text in kept:
                    self._screen.printed(text)

    def _mind_retraction(self, event: Event) -> None:
        """Say that text does not count only if it was shown, and only if more is to come.

        Where the run ends with it, the ending says why.
        """
        match event.data:
            case ModelToken(call=call) | ModelReasoning(call=call) if not event.path:
                self._call = call
            case ModelRetracted(call=self._call, retry_in_ms=int()):
                self._screen.say(Line(kind=Kind.NOTE, text="what it said last does not count"))
            case ModelRetracted(call=self._call) as data:
                self._withdrawn = data
            case ModelStarted() if self._withdrawn is not None:
                self._screen.say(retracted(self._withdrawn))
                self._withdrawn = None
            case _:
                pass

    def leave(self, text: str, /) -> None:
        self.close()
        self._screen.line(text, style="cancelled")

    def close(self) -> None:
        """End the lines that are open, where no ending is to be told."""
        with self._lock:
            self._screen.finish()

    def finish(self, result: RunResult, /) -> None:
        self.close()
        if result.error is not None and result.status is not JobStatus.CANCELLED:
            self._screen.line(f"steer: {error_text(result.error)}", style="error")
        ending = self._paint(result.status.value, ending_text(result))
        totals = self._paint("faint", f" \u00b7 {totals_text(result)}")
        self._screen.line(f"{ending}{totals}")


class JsonPrinter:
    """Every event as a line of JSON on standard output; an error as one on standard error."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    def show(self, events: Sequence[Event], /) -> None:
        self._streams.out.write_bytes(b"".join(encode(event) + b"\n" for event in events))

    def leave(self, text: str, /) -> None:
        """Show nothing: the last event says it, and so does the exit code."""

    def asking(self) -> AbstractContextManager[Tell]:
        return nullcontext(teller(self._streams.err, paint_for(self._streams.err)))

    def finish(self, result: RunResult, /) -> None:
        if result.error is not None:
            line = error_json(result.error, exit_code_of_result(result))
            self._streams.err.write_bytes(line + b"\n")


class AnswerPrinter:
    """Nothing but the final answer, once it is final; nothing else but why there is none."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    def show(self, events: Sequence[Event], /) -> None:
        """Show nothing: what the model said so far may yet be withdrawn."""

    def leave(self, text: str, /) -> None:
        self._streams.err.write(f"steer: {text}\n")

    def asking(self) -> AbstractContextManager[Tell]:
        return nullcontext(teller(self._streams.err, paint_for(self._streams.err)))

    def finish(self, result: RunResult, /) -> None:
        if result.status is JobStatus.SUCCEEDED:
            end = "" if result.content.endswith("\n") else "\n"
            self._streams.out.write(f"{result.content}{end}")
        elif result.error is not None:
            self._streams.err.write(f"steer: {error_text(result.error)}\n")


def printer_for(form: RunForm, streams: Streams, *, asks: bool = False) -> RunPrinter:
    """Return the printer that shows a run in this form; who ``asks`` shows questions beside it."""
    match form:
        case RunForm.STORY:
            return StoryPrinter(streams, asks=asks)
        case RunForm.JSON:
            return JsonPrinter(streams)
        case RunForm.ANSWER:
            return AnswerPrinter(streams)
