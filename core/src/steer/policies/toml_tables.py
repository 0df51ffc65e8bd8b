"""The shape of a policy file: what may stand where, checked by pydantic."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias, TypedDict

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    model_validator,
)

from steer.errors import ConfigError
from steer.naming import closest
from steer.policies.arguments import Rewrite
from steer.policies.conditions import Condition
from steer.policies.rules import DataAction, DataRule, ModelRule, Rule, RunRule, ToolRule
from steer.ports.policy import Outcome, ToolKind
from steer.redaction.tables import RedactionTable, known_keys
from steer.values import Effect

__all__ = ["PolicyFile", "about_unknown_key"]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _condition_table(value: object) -> object:
    """Let a bare value stand for what the argument has to equal."""
    if isinstance(value, list):
        # pydantic reports a ValueError; any other kind of error would pass through it.
        raise ValueError("must not be a list; write { in = [...] } for one of these values")  # noqa: TRY004
    return value if isinstance(value, dict) else {"equals": value}


Texts: TypeAlias = Annotated[list[str], BeforeValidator(_listed)]


class _Table(BaseModel):
    # Built on first use: most processes never read a policy file.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class ConditionTable(_Table):
    """What stands after an argument's path in ``when``."""

    equals: Any = None
    one_of: list[Any] | None = Field(default=None, alias="in")
    glob: Texts | None = None
    matches: str | None = None
    under: Texts | None = None
    min: Any = None
    max: Any = None
    min_length: StrictInt | None = None
    max_length: StrictInt | None = None
    present: StrictBool | None = None

    @model_validator(mode="after")
    def _check(self) -> ConditionTable:
        try:
            self.condition()
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self

    def condition(self) -> Condition:
        """Return the condition; raises ``ConfigError``."""
        return Condition(**{name: getattr(self, name) for name in type(self).model_fields})


class _Common(TypedDict):
    outcome: Outcome
    scopes: Sequence[str]
    principals: Sequence[str]
    reason: str
    name: str


class RuleTable(_Table):
    """What the tables of all rules have in common."""

    allow: Texts | None = None
    ask: Texts | None = None
    deny: Texts | None = None
    scopes: Texts = []
    principals: Texts = []
    reason: str = ""
    name: str = ""

    @model_validator(mode="after")
    def _check(self) -> RuleTable:
        if sum(given is not None for given in (self.allow, self.ask, self.deny)) != 1:
            raise ValueError("needs exactly one of allow, ask and deny")
        try:
            self.rule()
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self

    @abstractmethod
    def rule(self) -> Rule:
        """Return the rule; raises ``ConfigError``."""

    def _subject(self) -> Sequence[str]:
        return self.deny or self.ask or self.allow or ()

    def _common(self) -> _Common:
        if self.deny is not None:
            outcome = Outcome.DENY
        else:
            outcome = Outcome.ALLOW if self.ask is None else Outcome.ASK
        return {
            "outcome": outcome,
            "scopes": self.scopes,
            "principals": self.principals,
            "reason": self.reason,
            "name": self.name,
        }


class ToolTable(RuleTable):
    """``[[tools]]``."""

    agents: Texts = []
    servers: Texts = []
    kinds: Annotated[list[ToolKind], BeforeValidator(_listed)] = []
    effects: Annotated[list[Effect], BeforeValidator(_listed)] = []
    when: dict[str, Annotated[ConditionTable, BeforeValidator(_condition_table)]] = {}
    put: dict[str, Any] = Field(default={}, alias="set")
    drop: Texts = []

    def rule(self) -> ToolRule:
        return ToolRule(
            tools=self._subject(),
            agents=self.agents,
            servers=self.servers,
            kinds=self.kinds,
            effects=self.effects,
            when={path: table.condition() for path, table in self.when.items()},
            rewrite=Rewrite(put=self.put, drop=self.drop) if self.put or self.drop else None,
            **self._common(),
        )


class ModelTable(RuleTable):
    """``[[models]]``."""

    agents: Texts = []
    providers: Texts = []

    def rule(self) -> ModelRule:
        return ModelRule(
            models=self._subject(),
            agents=self.agents,
            providers=self.providers,
            **self._common(),
        )


class RunTable(RuleTable):
    """``[[runs]]``; what it allows, asks about or denies are agents."""

    runtimes: Texts = []

    def rule(self) -> RunRule:
        return RunRule(agents=self._subject(), runtimes=self.runtimes, **self._common())


class DataTable(RuleTable):
    """``[[data]]``."""

    kinds: Texts = []
    actions: Annotated[list[DataAction], BeforeValidator(_listed)] = []

    def rule(self) -> DataRule:
        return DataRule(
            names=self._subject(), kinds=self.kinds, actions=self.actions, **self._common()
        )


class PolicyFile(_Table):
    """A whole file."""

    name: str | None = None
    version: str = ""
    default: Literal["allow", "ask", "deny"] = "deny"
    tools: list[ToolTable] = []
    models: list[ModelTable] = []
    runs: list[RunTable] = []
    data: list[DataTable] = []
    redaction: RedactionTable | None = None

    def rules(self) -> list[Rule]:
        """Return every rule of the file."""
        tables = (*self.tools, *self.models, *self.runs, *self.data)
        return [table.rule() for table in tables]


_TABLES: dict[str, type[RuleTable]] = {
    "tools": ToolTable,
    "models": ModelTable,
    "runs": RunTable,
    "data": DataTable,
}


def about_unknown_key(place: Sequence[str | int]) -> str:
    """Say what may have been meant by a key that may not stand at ``place``."""
    *within, key = place
    if within[:1] == ["redaction"]:
        return _unknown(key, known_keys(within))
    table: type[_Table]
    match within:
        case []:
            table = PolicyFile
        case [str(kind), int()]:
            table = _TABLES[kind]
        case _:
            table = ConditionTable
    known = [field.alias or name for name, field in table.model_fields.items()]
    hint = _unknown(key, known)
    if table is ConditionTable and "known are" in hint:
        # TOML reads customer.email = ... as a table in a table.
        hint += f'; a path with dots needs quotes: "{within[-1]}.{key}"'
    return hint


def _unknown(key: str | int, known: Sequence[str]) -> str:
    if meant := closest(str(key), known):
        return f"unknown key; did you mean {meant}?"
    return f"unknown key; known are {', '.join(known)}"
