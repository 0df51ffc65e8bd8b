"""What a check is: a plain function of one case, named for a clause of the contract.

::

    @check("ST-3", requires="durable")
    async def what_was_acknowledged_is_there_after_a_kill(case: StorageCase) -> None:
        ...
        assert found == written

Its one argument is the case of its suite. It asserts with ``assert`` and with ``raises``, may be
sync or async, and is written once for all plugins: it never asks which one it has before it. What
a plugin need not be able to do is named in ``requires``; nothing is skipped in any other way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import ModuleType, TracebackType
from typing import Any, Generic, TypeVar

from steer.errors import ConfigError
from steer.plugin import Declaration

from steer_conformance.profiles import PULL_REQUEST, Profile

__all__ = [
    "DEFAULT_SECONDS",
    "Check",
    "Expectations",
    "Raised",
    "Subject",
    "Suite",
    "check",
    "checks_in",
    "lacking",
    "raises",
]

DEFAULT_SECONDS = 60.0
"""How long a check may take; the runner fails it by name after that."""

C = TypeVar("C")
E = TypeVar("E", bound=BaseException)


@dataclass(frozen=True, kw_only=True, slots=True)
class Check(Generic[C]):
    """One check: the clause it proves, what it requires, and the function.

    ``requires`` are names of capabilities, all of which the plugin has to claim: ``"replay"`` for
    one that is claimed or not, and ``"suspend=many"`` for at least that much of a graded one.
    """

    clause: str
    function: Callable[[C], Awaitable[None] | None]
    requires: tuple[str, ...] = ()
    seconds: float = DEFAULT_SECONDS

    @property
    def name(self) -> str:
        """The function's name, which is a sentence."""
        return self.function.__name__

    @property
    def id(self) -> str:
        """What reports, ``-k`` and known failures call it: ``ST-3/the_name``."""
        return f"{self.clause}/{self.name}"


def check(
    clause: str, *, requires: str | tuple[str, ...] = (), seconds: float = DEFAULT_SECONDS
) -> Callable[[Callable[[C], Awaitable[None] | None]], Check[C]]:
    """Make a check of the function below."""
    wanted = (requires,) if isinstance(requires, str) else requires

    def made(function: Callable[[C], Awaitable[None] | None]) -> Check[C]:
        return Check(clause=clause, function=function, requires=wanted, seconds=seconds)

    return made


def checks_in(*modules: ModuleType) -> tuple[Check[Any], ...]:
    """Return the checks that these modules define, in the order they stand there."""
    return tuple(
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Check) and value.function.__module__ == module.__name__
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What is checked: a plugin, and the factory that its author gives for it.

    What ``factory`` takes and returns is said by each suite. ``profile`` says how many examples
    are tried of a law.
    """

    plugin: Declaration
    factory: Callable[..., Any]
    profile: Profile = PULL_REQUEST


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite(Generic[C]):
    """The checks of one port, and how a case is made for each of them.

    ``case`` is entered anew for every check, in the thread that the check runs in, and left when
    it has ended; no event loop runs there while it is entered and left.
    """

    port: str
    checks: tuple[Check[C], ...]
    case: Callable[[Subject], AbstractContextManager[C]]


def lacking(requires: Iterable[str], capabilities: object) -> tuple[str, ...]:
    """Return which of these requirements the capabilities do not claim.

    Raises ``LookupError`` for a requirement that is no capability of the port.
    """
    return tuple(wanted for wanted in requires if not _claims(capabilities, wanted))


def _claims(capabilities: object, wanted: str) -> bool:
    name, _, least = wanted.partition("=")
    names = () if capabilities is None else tuple(each.name for each in fields(capabilities))  # type: ignore[arg-type]  # a dataclass of any port
    if name not in names:
        raise LookupError(f"{name} is no capability of this port; there is {', '.join(names)}")
    claimed = getattr(capabilities, name)
    if isinstance(claimed, StrEnum):
        # Members stand from the least to the most, and the first one claims nothing.
        members = list(type(claimed))
        wanted_rank = members.index(type(claimed)(least)) if least else 1
        return members.index(claimed) >= wanted_rank
    return bool(claimed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectations:
    """The failures that a plugin's author knows of, each with the reason.

    A key is a clause, ``"RT-7"``, whose checks are then all expected to fail, or one check,
    ``"RT-7/a_check_by_its_name"``.
    """

    known_failures: Mapping[str, str] = field(default_factory=dict)

    def reason(self, check: Check[Any]) -> str | None:
        """Why this check is expected to fail, ``None`` if it is not."""
        return self.known_failures.get(check.id, self.known_failures.get(check.clause))

    def about(self, suite: Suite[Any]) -> Expectations:
        """Return those that are about checks of this suite."""
        known = {name for check in suite.checks for name in (check.clause, check.id)}
        mine = {key: reason for key, reason in self.known_failures.items() if key in known}
        return Expectations(known_failures=mine)

    def refuse_strangers(self, checks: Iterable[Check[Any]]) -> None:
        """Raise ``ConfigError`` for an expectation that is about none of these checks."""
        known = {name for check in checks for name in (check.clause, check.id)}
        if strangers := sorted(set(self.known_failures) - known):
            raise ConfigError(
                f"known_failures names {', '.join(strangers)}, and no check that is run is of that",
                fix="Take it out, or write a clause (RT-7) or a check (RT-7/its_name)",
            )
        if mute := sorted(key for key, reason in self.known_failures.items() if not reason.strip()):
            raise ConfigError(
                f"known_failures gives no reason for {', '.join(mute)}",
                fix="Say why it fails, and where that is worked on",
            )


class Raised(Generic[E]):
    """What ``raises`` caught: ``value``, once the block was left."""

    def __init__(self, kinds: tuple[type[E], ...]) -> None:
        self._kinds = kinds
        self._value: E | None = None

    @property
    def value(self) -> E:
        """The error that was raised."""
        if self._value is None:
            raise AssertionError("what was raised is known once the block is left")
        return self._value

    def __enter__(self) -> Raised[E]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        if error is None:
            raise AssertionError(f"nothing was raised, and {self._wanted} had to be")
        if isinstance(error, self._kinds):
            self._value = error
            return True
        if not isinstance(error, Exception):
            return False
        found = f"{type(error).__name__}: {error}"
        raise AssertionError(f"{self._wanted} had to be raised, not {found}") from error

    @property
    def _wanted(self) -> str:
        return " or ".join(kind.__name__ for kind in self._kinds)


def raises(*kinds: type[E]) -> Raised[E]:
    """Expect one of these errors of the block; it is the ``value`` of what ``with`` gives.

    An ``AssertionError`` is raised where nothing, or another ``Exception``, came out of it.
    """
    return Raised(kinds)
