"""Running one check: by itself, in an event loop of its own, and never for longer than it may."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import Any, TypeVar

from steer_conformance.checks import Check, Subject, Suite

__all__ = ["perform"]

C = TypeVar("C")


def perform(suite: Suite[C], check: Check[C], subject: Subject, *, patience: float = 1.0) -> None:
    """Run a check to its end; raise what it raised.

    It runs in a thread of its own, so that one that hangs can be given up. Raises
    ``AssertionError`` where it did not end within its seconds times ``patience``.
    """
    seconds = check.seconds * patience
    failures: list[BaseException] = []

    def body() -> None:
        try:
            with suite.case(subject) as case:
                _call(check, case)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=body, name=f"check {check.id}", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise AssertionError(f"{check.id} did not end within {seconds:g} seconds")
    if failures:
        raise failures[0]


def _call(check: Check[Any], case: object) -> None:
    if not inspect.iscoroutinefunction(check.function):
        check.function(case)
        return
    with asyncio.Runner() as runner:
        runner.run(check.function(case))
