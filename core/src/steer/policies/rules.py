"""Rules as values: about tools, models, runs, data and the answers of people.

Every pattern is a glob (see ``Globs``); an empty list of patterns leaves a thing open. What a
question does not say (a model call without a known agent, say) cannot be judged: an allow rule
that needs it does not apply, a deny or ask rule that needs it does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias, TypeVar, get_args

from steer.errors import ConfigError
from steer.naming import did_you_mean
from steer.policies.arguments import Rewrite
from steer.policies.conditions import Condition
from steer.policies.globs import Globs
from steer.ports.policy import OnExpiry, Outcome, ToolKind
from steer.values import ActionType, Effect

__all__ = [
    "ActionRule",
    "DataAction",
    "DataRule",
    "ModelRule",
    "Rule",
    "RunRule",
    "ToolRule",
    "member_of",
]

Member = TypeVar("Member", bound=StrEnum)
DataAction: TypeAlias = Literal["read", "write"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolRule:
    """What holds for the tools that ``tools`` names.

    ``servers`` are the MCP servers they come from, ``agents`` the agents that call them,
    ``when`` are conditions on arguments by dotted path, all of which must hold. ``rewrite``
    lets an allowed call run with other arguments. ``reason`` is told to the model.

    A rule that asks may say on which terms: ``approvers`` are globs of the principals who may
    answer, ``expires_in_seconds`` is how long the question stands, ``on_expiry`` what becomes of
    the call after that.

    A tool of the kinds ``hosted`` and ``ungated`` acts where steer cannot stop it: an allow rule
    covers one only where it names the tool without a glob or lists its kind.
    """

    tools: str | Sequence[str]
    outcome: Outcome
    scopes: str | Sequence[str] = ()
    principals: str | Sequence[str] = ()
    agents: str | Sequence[str] = ()
    servers: str | Sequence[str] = ()
    kinds: Sequence[ToolKind] = ()
    effects: Sequence[Effect] = ()
    when: Mapping[str, Condition] = field(default_factory=dict, hash=False)
    rewrite: Rewrite | None = None
    approvers: str | Sequence[str] = ()
    expires_in_seconds: float | None = None
    on_expiry: OnExpiry = "deny"
    reason: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        """Bring the fields into one form and refuse a rule that cannot be meant."""
        _fix(self, "tools", required=True)
        _fix(self, "scopes", "principals", "agents", "servers", "approvers")
        object.__setattr__(self, "outcome", member_of(Outcome, self.outcome))
        object.__setattr__(self, "kinds", _members(ToolKind, self.kinds))
        object.__setattr__(self, "effects", _members(Effect, self.effects))
        object.__setattr__(self, "when", dict(self.when))
        if self.rewrite is not None and self.outcome is not Outcome.ALLOW:
            raise ConfigError(
                f"a rule that says {self.outcome} rewrites arguments",
                fix="Rewrite in an allow rule; what another rule says of the call still holds",
            )
        self._check_terms()

    def _check_terms(self) -> None:
        asks = self.outcome is Outcome.ASK
        if not asks and (
            self.approvers or self.expires_in_seconds is not None or self.on_expiry != "deny"
        ):
            raise ConfigError(
                f"a rule that says {self.outcome} has terms of an approval",
                fix="approvers, expires_in and on_expiry belong to a rule that asks",
            )
        if self.on_expiry not in get_args(OnExpiry):
            raise ConfigError(
                f"on_expiry is {self.on_expiry!r}, it must be deny or fail",
                fix="Silence approves nothing",
            )
        seconds = self.expires_in_seconds
        if seconds is not None:
            if not 0 < seconds < math.inf:
                raise ConfigError(f"an approval expires in {seconds:g} s; it must be more than 0")
            # 60 and 60.0 are one time, and must not make two versions of a policy.
            object.__setattr__(self, "expires_in_seconds", float(seconds))
        if mixed := [glob for glob in self.approvers if "|" in glob]:
            raise ConfigError(
                f"the approver {mixed[0]!r} holds a |", fix="Make it two globs in a list"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRule:
    """What holds for the models that ``models`` names."""

    models: str | Sequence[str]
    outcome: Outcome
    scopes: str | Sequence[str] = ()
    principals: str | Sequence[str] = ()
    agents: str | Sequence[str] = ()
    providers: str | Sequence[str] = ()
    reason: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        """Bring the fields into one form."""
        _fix(self, "models", required=True)
        _fix(self, "scopes", "principals", "agents", "providers")
        object.__setattr__(self, "outcome", member_of(Outcome, self.outcome))


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRule:
    """What holds for running the agents that ``agents`` names.

    In ``runtimes``, ``_`` and ``-`` are the same, as in every name of a runtime.
    """

    agents: str | Sequence[str]
    outcome: Outcome
    scopes: str | Sequence[str] = ()
    principals: str | Sequence[str] = ()
    runtimes: str | Sequence[str] = ()
    reason: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        """Bring the fields into one form."""
        _fix(self, "agents", required=True)
        _fix(self, "scopes", "principals", "runtimes")
        object.__setattr__(self, "outcome", member_of(Outcome, self.outcome))
        if any("[" in pattern for pattern in self.runtimes):
            # Folding _ into - would turn [a_z] into the range [a-z].
            raise ConfigError("a pattern for runtimes cannot hold a set in brackets")


@dataclass(frozen=True, kw_only=True, slots=True)
class DataRule:
    """What holds for reading or writing the things that ``names`` names, for example sessions."""

    names: str | Sequence[str]
    outcome: Outcome
    scopes: str | Sequence[str] = ()
    principals: str | Sequence[str] = ()
    kinds: str | Sequence[str] = ()
    actions: Sequence[DataAction] = ()
    reason: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        """Bring the fields into one form."""
        _fix(self, "names", required=True)
        _fix(self, "scopes", "principals", "kinds", "actions")
        object.__setattr__(self, "outcome", member_of(Outcome, self.outcome))
        for action in self.actions:
            if action not in get_args(DataAction):
                raise ConfigError(f"{action!r} is no action on data", fix="Use read or write")


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionRule:
    """Who may answer the actions of the types that ``types`` names; see ``ActionQuestion``.

    ``principals`` are those who answer, ``tools`` and ``agents`` what the action is about.
    ``own`` is about people who answer for themselves: true for actions of a job that runs for the
    one who answers, false for those of anybody else's job, either where it is left out.
    """

    types: str | Sequence[str]
    outcome: Outcome
    scopes: str | Sequence[str] = ()
    principals: str | Sequence[str] = ()
    tools: str | Sequence[str] = ()
    agents: str | Sequence[str] = ()
    own: bool | None = None
    reason: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        """Bring the fields into one form, and refuse types that there are not."""
        _fix(self, "types", required=True)
        _fix(self, "scopes", "principals", "tools", "agents")
        object.__setattr__(self, "outcome", member_of(Outcome, self.outcome))
        if self.outcome is Outcome.ASK:
            raise ConfigError(
                "nobody is asked whether somebody may answer", fix="Say allow or deny"
            )
        for pattern in self.types:
            if not any(kind in Globs([pattern]) for kind in ActionType):
                raise ConfigError(
                    f"{pattern!r} matches no type of action",
                    fix=did_you_mean(pattern, map(str, ActionType))
                    or f"There are {', '.join(ActionType)}",
                )


Rule: TypeAlias = ToolRule | ModelRule | RunRule | DataRule | ActionRule


def _fix(rule: Rule, *names: str, required: bool = False) -> None:
    """Make tuples of patterns, of which one alone may stand without a list."""
    for name in names:
        given = getattr(rule, name)
        patterns = (given,) if isinstance(given, str) else tuple(given)
        if not all(isinstance(pattern, str) and pattern for pattern in patterns):
            raise ConfigError(f"{name} of a rule is {given!r}, it must be text or a list of texts")
        if required and not patterns:
            raise ConfigError(f"a rule has no {name}", fix="Name at least one; * is all of them")
        object.__setattr__(rule, name, patterns)


def member_of(kind: type[Member], value: str) -> Member:
    """Return the member that ``value`` spells; raises ``ConfigError``."""
    try:
        return kind(value)
    except ValueError as error:
        raise ConfigError(f"{value!r} is none of {', '.join(kind)}") from error


def _members(kind: type[Member], values: str | Iterable[str]) -> tuple[Member, ...]:
    return tuple(
        member_of(kind, value) for value in ([values] if isinstance(values, str) else values)
    )
