"""The clauses of sinks."""

from __future__ import annotations

from steer_conformance.contract.clause import Clause

__all__ = ["SINK_CLAUSES"]

SINK_CLAUSES = (
    Clause(
        id="SK-1",
        port="sink",
        text="The events of a job arrive in the order they were written in, each of them once.",
    ),
    Clause(
        id="SK-2",
        port="sink",
        text="Closing passes on what is buffered: all that was written has arrived once aclose() "
        "returns.",
    ),
    Clause(
        id="SK-3",
        port="sink",
        text="Nothing is dropped in silence: an event that does not arrive is one that write() "
        "raised for, or aclose() did.",
    ),
    Clause(
        id="SK-4",
        port="sink",
        text="A failure is over with its batch: what is written after the destination is back "
        "arrives.",
    ),
    Clause(
        id="SK-5",
        port="sink",
        checks=2,
        text="Every event is taken: of each type, without contents too, and those of types that "
        "this steer does not know.",
    ),
    Clause(
        id="SK-6",
        port="sink",
        text="A write or a close that waits for its destination ends when it is cancelled, and "
        "does not wait on.",
    ),
    Clause(
        id="SK-7",
        port="sink",
        text="An empty batch is taken and delivers nothing; closing twice is closing once.",
    ),
    Clause(
        id="SK-8",
        port="sink",
        text="What a sink buffers is bounded: while the destination takes nothing, write() waits "
        "or raises before 50,000 events are accepted, so that the kernel can count the overflow.",
    ),
)
