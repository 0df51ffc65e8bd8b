"""Checks: an answer that ends before its end, wherever that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steer.capabilities import ModelGate
from steer.errors import ErrorCategory, ProviderError, SteerError
from steer.ports.runtime import Finished

from steer_conformance.checks import check
from steer_conformance.profiles import NIGHTLY, PULL_REQUEST
from steer_conformance.provider import Dialect, Drop, Request, Truncate, Turn
from steer_conformance.suites.runtime.case import RuntimeCase
from steer_conformance.suites.runtime.stage import Stage

_SAID = "Some words."
# A frame of a stream of events ends in two line ends; without the byte before, it is no frame.
_ENDING = 3


@dataclass(frozen=True, kw_only=True)
class _Wire:
    """A whole answer as it is sent: where its frames end, and where it has said all it says."""

    ends: Sequence[int]
    complete: int

    @property
    def length(self) -> int:
        return self.ends[-1]


@check("RT-31", seconds=600)
async def a_connection_that_is_lost_is_an_error_wherever_that_is(case: RuntimeCase) -> None:
    wire = await _measured(case)
    cuts = [Turn(_SAID, Drop(after_bytes=size), chunk_size=4) for size in _sizes(case, wire)]
    async with case.stage(Turn(_SAID, Drop()), *cuts) as stage:
        await _has_to_fail(stage, "before its first byte")
        for size in _sizes(case, wire):
            await _cut(stage, wire, size)


@check("RT-32", seconds=600)
async def an_answer_that_is_cut_is_an_error_wherever_that_is(case: RuntimeCase) -> None:
    wire = await _measured(case)
    cuts = [Turn(_SAID, Truncate(after_bytes=size), chunk_size=4) for size in _sizes(case, wire)]
    async with case.stage(*cuts) as stage:
        for size in _sizes(case, wire):
            await _cut(stage, wire, size)


async def _measured(case: RuntimeCase) -> _Wire:
    """Let an answer through whole, and look at how it was sent."""
    turn = Turn(_SAID, chunk_size=4)
    async with case.stage(turn) as stage:
        await stage.run()
        request = stage.provider.requests[0]
    frames = list(_dialect(case, request).stream(turn, request))
    ends: list[int] = []
    for frame in frames:
        ends.append((ends[-1] if ends else 0) + len(frame.data))
    last = max(number for number, frame in enumerate(frames) if frame.delta)
    # The frame after the last piece of text is the first that says that the text is whole.
    return _Wire(ends=ends, complete=ends[min(last + 1, len(ends) - 1)] - _ENDING)


def _dialect(case: RuntimeCase, request: Request) -> Dialect:
    return next(each for each in case.setup.dialects if each.name == request.dialect)


def _sizes(case: RuntimeCase, wire: _Wire) -> list[int]:
    """Where to cut: in a process of its own a runtime is slow, so there beside the frames only."""
    near = {size for end in (0, *wire.ends) for size in (end - 1, end, end + 1)}
    inside = range(wire.length)
    if case.capabilities.model_gate is not ModelGate.NATIVE:
        found = sorted(near & set(inside))
        few = case.profile.examples < PULL_REQUEST.examples
        return found[:: max(1, len(found) // (2 * case.profile.examples))] if few else found
    if case.profile.examples >= NIGHTLY.examples:
        return list(inside)
    return list(inside[:: max(1, wire.length // case.profile.examples)])


async def _cut(stage: Stage, wire: _Wire, size: int) -> None:
    where = f"after {size} of {wire.length} bytes"
    if size <= wire.complete:
        await _has_to_fail(stage, where)
        return
    # All is said. Whether the vendor then insists on an orderly end is for the vendor to say.
    run = stage.begin()
    try:
        outcome = await stage.play(stage.prepare(), run)
    except SteerError:
        return
    assert isinstance(outcome, Finished)
    assert outcome.content == _SAID, f"cut {where} it answered {outcome.content!r}"


async def _has_to_fail(stage: Stage, where: str) -> None:
    try:
        error, run = await stage.failure()
    except AssertionError as wrong:
        raise AssertionError(f"cut {where}: {wrong}") from wrong
    assert isinstance(error, ProviderError), f"cut {where}: {error!r}"
    assert error.category is ErrorCategory.NETWORK, f"cut {where}: {error!r}"
    assert error.retryable, f"cut {where}: to ask again is said to be no use"
    assert run.gate.usages == [], f"cut {where}: it was recorded as complete"
