"""The blocking kernel has what the asynchronous one has, with the same parameters."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from kernels import request
from queueing import agent_file, plugins
from steer import BlockingKernel, ExecutionHandle, RuntimeKernel
from steer.blocking import BlockingHandle
from steer.values import JobStatus

OPENING = {"open", "aclose"}
"""What the ``with`` statement does."""

OWN_LOOP = {("work", "stop")}
"""Parameters that only a task of the same event loop could use."""


def public(kind: type) -> dict[str, Any]:
    """The public methods of a class, by name."""
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: method for name, method in found if not name.startswith("_")}


def parameters(name: str, method: Any) -> list[str]:
    found = inspect.signature(method).parameters.values()
    return [str(one) for one in found if (name, one.name) not in OWN_LOOP]


@pytest.mark.parametrize(
    ("blocking", "asynchronous"),
    [(BlockingKernel, RuntimeKernel), (BlockingHandle, ExecutionHandle)],
)
def test_nothing_is_missing_from_the_blocking_side(blocking: type, asynchronous: type) -> None:
    here, there = public(blocking), public(asynchronous)
    assert there.keys() - here.keys() - OPENING == set()
    assert here.keys() - there.keys() == set()
    for name in here:
        assert parameters(name, here[name]) == parameters(name, there[name]), name
        assert here[name].__doc__


def test_a_blocking_kernel_queues_works_and_starts_over(tmp_path: Path) -> None:
    asked = request(agent_file(tmp_path), runtime="stepwise")
    with BlockingKernel(lambda: RuntimeKernel(registry=plugins())) as kernel:
        done, gone = kernel.submit(asked), kernel.submit(asked)
        kernel.cancel(gone.job_id, reason="not this one")
        assert gone.result().status is JobStatus.CANCELLED
        kernel.work(until_idle=True, drain=10)
        assert done.job().status is JobStatus.SUCCEEDED
        assert not kernel.orphaned(done.job())
        again = kernel.retry(gone.job_id)
        assert isinstance(again, BlockingHandle)
        assert again.result().status is JobStatus.SUCCEEDED
        assert again.park()
        assert kernel.sink_reports() == ()


def test_a_blocking_kernel_reads_a_file_in_pieces() -> None:
    with BlockingKernel(lambda: RuntimeKernel(registry=plugins())) as kernel:
        asked = request()
        job_id = kernel.execute(asked).job_id
        kept = kernel.put_artifact(job_id, b"hello", name="a.txt")
        assert b"".join(kernel.stream_artifact(kept.artifact_id)) == b"hello"
        pieces = kernel.stream_artifact(kept.artifact_id)
        next(pieces)
        pieces.close()
