"""The result as the fold of the events, and a reader's place among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Context, Decimal
from typing import Any, ClassVar

from pydantic_core import from_json

from steer.errors import ErrorInfo
from steer.events import (
    Event,
    FinalError,
    FinalResult,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobStarted,
    JobTimedOut,
    ModelBlockDone,
    ModelDone,
    ModelReasoning,
    ModelRetracted,
    ModelStarted,
    ModelToken,
    ToolStarted,
    UsageReported,
)
from steer.values import FinishReason, JobStatus, JsonValue, RunResult, Usage

__all__ = ["Cursor", "Fold", "Position"]

_ENDINGS = {
    JobCompleted: JobStatus.SUCCEEDED,
    JobFailed: JobStatus.FAILED,
    JobCancelled: JobStatus.CANCELLED,
    JobTimedOut: JobStatus.TIMED_OUT,
}


# An application may compute with few digits; money is never rounded.
_EXACT = Context(prec=100)

# Tuples, because `A | B` builds a new type each time it is evaluated.
_DELTAS = (ModelToken, ModelReasoning)
_CLOSING = (ModelDone, ModelRetracted)


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """How far a reader has come: the last ``seq``, and per part of a message the next offset.

    ``parts`` is keyed by (call, part) and holds only parts that reach past ``seq``.
    """

    seq: int = 0
    parts: tuple[tuple[tuple[str, int], int], ...] = ()


class Cursor:
    """Turns overlapping views of one job's events into each event once, each text once.

    A durable event that repeats text already seen live is given with the rest of that text only,
    which may be empty: so the numbers stay contiguous and joined texts stay right.
    """

    def __init__(self, position: Position | None = None) -> None:
        position = position or Position()
        self.seq = position.seq
        self._offsets: dict[tuple[str, int], int] = dict(position.parts)

    @property
    def position(self) -> Position:
        """Where this reader stands, for a later reader to go on from."""
        return Position(seq=self.seq, parts=tuple(self._offsets.items()))

    def rewind(self, seq: int) -> None:
        """Take what comes after ``seq`` again, because it came to be told otherwise."""
        if seq < self.seq:
            self.seq = seq
            self._offsets.clear()

    def fresh(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield of ``events`` what this reader has yet to see."""
        for event in events:
            taken = self.take(event)
            if taken is not None:
                yield taken

    def take(self, event: Event) -> Event | None:
        """Return the event as this reader has yet to see it, or ``None`` if it saw it."""
        if event.seq is not None:
            if event.seq <= self.seq:
                return None
            self.seq = event.seq
        data = event.data
        if isinstance(data, _DELTAS):
            key = (data.call, data.part)
            seen = self._offsets.get(key, 0)
            end = data.offset + len(data.text)
            if end > seen:
                self._offsets[key] = end
            if data.offset < seen:
                if end <= seen and event.seq is None:
                    return None
                start = min(seen, end)
                text = data.text[start - data.offset :]
                return replace(event, data=replace(data, offset=start, text=text))
        elif self._offsets and isinstance(data, _CLOSING):
            for key in [key for key in self._offsets if key[0] == data.call]:
                del self._offsets[key]
        return event


@dataclass(slots=True)
class _Text:
    """The text of one part of a message."""

    end: int = 0
    pieces: list[str] = field(default_factory=list)
    committed: bool = False


@dataclass(slots=True)
class _Response:
    """The visible text of one model request on the outermost path, by part."""

    call: str
    texts: dict[int, _Text] = field(default_factory=dict)

    def text(self) -> str:
        return "".join("".join(self.texts[part].pieces) for part in sorted(self.texts))


class Fold:
    """Adds up a job's events, live deltas and durable events alike, into its result."""

    def __init__(self, *, job_id: str, scope_id: str = "", run_id: str = "") -> None:
        self._job_id, self._scope_id, self._run_id = job_id, scope_id, run_id
        self.usage = Usage()
        self.status = JobStatus.RUNNING
        self.turns = 0
        self.tools_invoked = 0
        self._cost: Decimal | None = Decimal(0)
        self._started: datetime | None = None
        self._session_id: str | None = None
        self._agent: str | None = None
        self._runtime: str | None = None
        self._model: str | None = None
        self._provider: str | None = None
        self._response: _Response | None = None
        self._ttft_ms: int | None = None
        self._elapsed_ms = 0
        self._still_running: tuple[str, ...] = ()
        self._content: str | None = None
        self._output: JsonValue = None
        self._finish_reason: FinishReason | None = None
        self._error: ErrorInfo | None = None

    def add(self, event: Event) -> None:
        """Take the next event, in order."""
        take = self._TAKES.get(type(event.data))
        if take is not None:
            take(self, event, event.data)

    def result(self) -> RunResult:
        """Return what the events so far came to."""
        content = self._content
        if content is None:
            content = self._response.text() if self._response else ""
        return RunResult(
            job_id=self._job_id,
            run_id=self._run_id,
            scope_id=self._scope_id,
            session_id=self._session_id,
            status=self.status,
            content=content,
            output=self._output,
            usage=self.usage,
            cost=self._cost if self.usage.requests else None,
            agent=self._agent,
            model=self._model,
            provider=self._provider,
            runtime=self._runtime,
            finish_reason=self._finish_reason,
            elapsed_ms=self._elapsed_ms,
            ttft_ms=self._ttft_ms,
            turns=self.turns,
            tools_invoked=self.tools_invoked,
            error=self._error,
            still_running=self._still_running,
        )

    @property
    def cost(self) -> Decimal | None:
        """What the model calls cost together, ``None`` once that of one is not known."""
        return self._cost

    def partial_output(self) -> JsonValue:
        """Return the structured output as far as the model has written it.

        That is an object or a list that grows with each event; a text in it may be cut anywhere.
        ``None`` where what the model writes is no JSON, or nothing yet. After the end it is
        ``RunResult.output``.
        """
        if self._content is not None:
            return self._output
        text = self._response.text() if self._response else ""
        try:
            value = from_json(text, allow_partial="trailing-strings")
        except ValueError:
            return None
        return value if isinstance(value, dict | list) else None

    def _text(self, event: Event, data: ModelToken) -> None:
        self._note_first_token(event)
        response = self._response
        if response is None or data.call != response.call:
            return
        text = response.texts.setdefault(data.part, _Text())
        fresh = data.text[max(0, text.end - data.offset) :]
        if fresh:
            text.pieces.append(fresh)
            text.end = data.offset + len(data.text)

    def _reasoning(self, event: Event, _data: ModelReasoning) -> None:
        self._note_first_token(event)

    def _note_first_token(self, event: Event) -> None:
        if self._ttft_ms is None and self._started is not None:
            self._ttft_ms = int((event.time - self._started).total_seconds() * 1000)

    def _job_started(self, event: Event, data: JobStarted) -> None:
        self._started = event.time
        self._session_id, self._agent = data.session_id, data.agent
        self._runtime, self._model = data.runtime, data.model

    def _model_started(self, event: Event, data: ModelStarted) -> None:
        if not event.path:
            self._model = data.model or self._model
            self._provider = data.provider or self._provider
            self._response = _Response(call=data.call)

    def _model_done(self, event: Event, data: ModelDone) -> None:
        if not event.path:
            self.turns += 1
            self._model = data.model or self._model

    def _block_done(self, _event: Event, data: ModelBlockDone) -> None:
        response = self._response
        if response is not None and response.call == data.call and data.part in response.texts:
            response.texts[data.part].committed = True

    def _retracted(self, _event: Event, data: ModelRetracted) -> None:
        response = self._response
        if response is None or response.call != data.call:
            return
        kept = {} if data.blocks_too else response.texts
        response.texts = {part: text for part, text in kept.items() if text.committed}

    def _usage(self, _event: Event, data: UsageReported) -> None:
        self.usage += data.usage
        if self._cost is not None:
            self._cost = None if data.cost is None else _EXACT.add(self._cost, data.cost)

    def _tool_started(self, _event: Event, _data: ToolStarted) -> None:
        self.tools_invoked += 1

    def _final_result(self, _event: Event, data: FinalResult) -> None:
        self._content, self._output = data.content, data.output
        self._finish_reason = data.finish_reason

    def _final_error(self, _event: Event, data: FinalError) -> None:
        self._error, self._finish_reason = data.error, data.finish_reason

    def _ended(
        self, _event: Event, data: JobCompleted | JobFailed | JobCancelled | JobTimedOut
    ) -> None:
        self.status = _ENDINGS[type(data)]
        self._elapsed_ms = data.elapsed_ms
        self._still_running = data.still_running

    # By type, because this runs for every token, and a chain of comparisons would cost more than
    # all else there.
    _TAKES: ClassVar[dict[type, Callable[[Fold, Event, Any], None]]] = {
        ModelToken: _text,
        ModelReasoning: _reasoning,
        JobStarted: _job_started,
        ModelStarted: _model_started,
        ModelDone: _model_done,
        ModelBlockDone: _block_done,
        ModelRetracted: _retracted,
        UsageReported: _usage,
        ToolStarted: _tool_started,
        FinalResult: _final_result,
        FinalError: _final_error,
        **dict.fromkeys(_ENDINGS, _ended),
    }
