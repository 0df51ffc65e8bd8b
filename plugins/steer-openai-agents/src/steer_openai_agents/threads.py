"""Names for the threads in which the SDK runs sync functions."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from types import CellType, FunctionType
from typing import Any

from steer_openai_agents.frame import current_frame

__all__ = ["FUNCTION_NAME", "with_named_thread"]

FUNCTION_NAME = "the_func"
"""What the SDK's own code around a function calls it."""


def with_named_thread(
    invoke: Callable[..., Awaitable[Any]], tool: str
) -> Callable[..., Awaitable[Any]]:
    """Return a copy of the SDK's code around a sync function that names its thread to the gate.

    The SDK hands the function to a thread, which nobody can stop, and tells nobody. The function
    is a variable of its code and of nothing else, so the copy has that variable replaced; a test
    pins its name. Returns ``invoke`` itself where there is no such variable.
    """
    names = getattr(getattr(invoke, "__code__", None), "co_freevars", ())
    if not isinstance(invoke, FunctionType) or FUNCTION_NAME not in names:
        return invoke
    cells = list(invoke.__closure__ or ())
    place = names.index(FUNCTION_NAME)
    cells[place] = CellType(_naming(cells[place].cell_contents, tool))
    return FunctionType(
        invoke.__code__, invoke.__globals__, invoke.__name__, invoke.__defaults__, tuple(cells)
    )


def _naming(function: Callable[..., Any], tool: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def naming(*args: Any, **kwargs: Any) -> Any:
        # Here is the thread; its context is a copy of the one that the call was made in.
        frame = current_frame()
        ended: list[Callable[[], None]] = []
        frame.active.run.gate.background(f"tool {tool} ({frame.path[-1]})", ended.append)
        try:
            return function(*args, **kwargs)
        finally:
            for tell in ended:
                tell()

    return naming
