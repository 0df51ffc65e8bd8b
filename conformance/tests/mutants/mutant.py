"""What a mutant is: an implementation broken on purpose, and the clauses that have to notice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from steer.plugin import Declaration

__all__ = ["Mutant", "Reference"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """An implementation that keeps every clause; the mutants of its port are made of it."""

    plugin: Declaration
    factory: Callable[..., Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Mutant:
    """A reference with one thing broken.

    ``name`` says what, in a few words. ``clauses`` are those that it is killed by: of each, at
    least one check fails on it. That is an assertion, a time-out or an error of steer's; where
    what is broken raises anything else, and the check lets that through, ``raises`` says which
    errors these are. Any other error is one of the check, and kills nothing.
    """

    name: str
    clauses: tuple[str, ...]
    plugin: Declaration
    factory: Callable[..., Any]
    surroundings: Callable[[], AbstractContextManager[object]] = nullcontext
    raises: tuple[type[Exception], ...] = ()
