"""The built-in compaction: the newest part of a conversation is kept as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from steer.errors import ConfigError
from steer.ports.runtime import PastRun
from steer.values import Message, Role, encode_json

__all__ = ["KeepLast"]

BYTES_A_TOKEN = 4
"""About so many bytes of text are a token; what exactly, only each model's provider knows."""


class KeepLast:
    """Shows a run no more than the last ``messages`` or ``tokens`` of its session.

    Once there are more, the oldest go until half of that is left: so not every run cuts, and what
    a provider has cached of the prompt serves for several. Whole runs go first; of a single one
    that is too long by itself, the oldest messages. A tool call stays with its results. A token is
    taken for four bytes of JSON. Raises ``ConfigError`` where neither bound is given.
    """

    def __init__(self, *, messages: int | None = None, tokens: int | None = None) -> None:
        if messages is None and tokens is None:
            raise ConfigError("to keep the last of a session takes a number of messages or tokens")
        for name, value in (("messages", messages), ("tokens", tokens)):
            if value is not None and value < 1:
                raise ConfigError(f"keep the last {name}: {value} is none; it must be 1 or more")
        self._messages = messages
        self._tokens = tokens

    async def compact(self, past: Sequence[PastRun], /) -> Sequence[PastRun] | None:
        """Return the newest part, ``None`` where all of it is within the bounds."""
        if self._fits([message for run in past for message in run.messages], share=1):
            return None
        kept: list[PastRun] = []
        messages: list[Message] = []
        for run in reversed(past):
            if not self._fits([*run.messages, *messages], share=2):
                break
            kept.insert(0, run)
            messages[:0] = run.messages
        return kept or self._end_of(past[-1])

    def _end_of(self, run: PastRun) -> Sequence[PastRun]:
        """Return as much of a run's end as fits; nothing where not even its last step does."""
        for start in _starts(run.messages):
            if self._fits(run.messages[start:], share=2):
                return [replace(run, messages=run.messages[start:], items=None)]
        return []

    def _fits(self, messages: Sequence[Message], *, share: int) -> bool:
        if self._messages is not None and len(messages) > max(1, self._messages // share):
            return False
        if self._tokens is None:
            return True
        size = sum(len(encode_json(message)) for message in messages)
        return size <= self._tokens * BYTES_A_TOKEN / share


def _starts(messages: Sequence[Message]) -> Iterator[int]:
    """Yield where a conversation can be cut: nowhere between a call and its results."""
    for number, message in enumerate(messages):
        if message.role is not Role.TOOL:
            yield number
