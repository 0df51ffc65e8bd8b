"""What an async function of an author's can run agents with, seen from its module."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType

__all__ = ["callers_of"]


def callers_of(value: object) -> frozenset[str]:
    """Return the classes, as ``module.Class``, that an async function has among its globals.

    So do the modules there with theirs, for those who write ``import vendor``. Empty for all
    that is no async function.
    """
    if not inspect.iscoroutinefunction(value):
        return frozenset()
    # A decorator's own module says nothing of what it decorates.
    variables = getattr(inspect.unwrap(value), "__globals__", {})
    return frozenset(
        f"{each.__module__}.{each.__qualname__}"
        for each in _with_modules(variables)
        if isinstance(each, type)
    )


def _with_modules(variables: dict[str, object]) -> Iterator[object]:
    for value in list(variables.values()):
        yield value
        if isinstance(value, ModuleType):
            yield from list(vars(value).values())
