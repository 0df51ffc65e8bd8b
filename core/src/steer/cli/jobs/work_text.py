"""The steps of a worker's jobs, as people and as programs read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic_core import to_json

from steer.cli.error_text import error_text
from steer.cli.runs.status_text import ending_text, totals_text
from steer.cli.terminal.paint import paint_for
from steer.cli.terminal.printable import one_line, shortened
from steer.cli.terminal.streams import Streams
from steer.working import WorkNote

__all__ = ["NotePrinter"]

_REASON_LENGTH = 120


class NotePrinter:
    """Each step as a line on standard output."""

    def __init__(self, streams: Streams, *, as_json: bool) -> None:
        self._out = streams.out
        self._as_json = as_json
        self._paint = paint_for(streams.out)

    def show(self, notes: Sequence[WorkNote], /) -> None:
        """Show the next steps, in order."""
        if self._as_json:
            self._out.write_bytes(b"".join(_as_json(note) + b"\n" for note in notes))
        else:
            self._out.write("".join(map(self._as_text, notes)))

    def _as_text(self, note: WorkNote) -> str:
        result, job = note.result, note.job
        if result is not None:
            text = self._paint(result.status.value, ending_text(result))
            if result.error is not None and result.status != "cancelled":
                text += f": {shortened(error_text(result.error), _REASON_LENGTH)}"
            return self._line(text, totals_text(result))
        text = _WORDS[note.step]
        if note.step == "started":
            text += f" {one_line(job.agent)}"
            if job.attempt:
                text += f", attempt {job.attempt + 1}"
        if note.reason:
            text += f": {shortened(note.reason, _REASON_LENGTH)}"
        if note.due_at is not None and note.step != "given_back":
            until = "until" if note.step == "parked" else "at"
            text += f"; {until} {note.due_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        return self._line(text, f"job {job.job_id}")

    def _line(self, text: str, more: str) -> str:
        return text + self._paint("faint", f" \u00b7 {more}") + "\n"


_WORDS = {
    "started": "started",
    "ended": "ended",
    "parked": "parked",
    "retried": "failed, and is tried again",
    "given_back": "given back",
    "lost": "lost",
    "left": "left to another worker",
    "waits": "waits for its turn",
}


def _as_json(note: WorkNote) -> bytes:
    job, result = note.job, note.result
    return to_json(
        {
            "step": note.step,
            "time": datetime.now(UTC),
            "job_id": job.job_id,
            "scope_id": job.scope_id,
            "queue": job.queue,
            "agent": job.agent,
            "runtime": job.runtime,
            "attempt": job.attempt + 1,
            "status": None if result is None else result.status,
            "error": None if result is None else result.error,
            "usage": None if result is None else result.usage,
            "reason": note.reason or None,
            "due_at": note.due_at,
        }
    )
