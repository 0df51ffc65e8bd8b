"""The shape of a policy file: what may stand where, checked by pydantic.

The classes here are the one source of three things: how a file is read, its JSON schema, which
editors check it with, and the tables of the reference.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, TypedDict

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    model_validator,
)
from pydantic.config import JsonDict

from steer.errors import ConfigError
from steer.naming import closest
from steer.policies.arguments import Rewrite
from steer.policies.conditions import Condition
from steer.policies.constraints import Constraints
from steer.policies.rules import (
    ActionRule,
    DataAction,
    DataRule,
    ModelRule,
    Rule,
    RunRule,
    ToolRule,
)
from steer.policies.sets import plain_name
from steer.policies.toml_cases import CaseTable
from steer.policies.toml_shapes import Seconds, Table, Texts, listed
from steer.ports.policy import OnExpiry, Outcome, ToolKind
from steer.redaction.tables import RedactionRuleTable, RedactionTable
from steer.values import Effect

__all__ = ["PolicyFile", "about_unknown_key"]


def _condition_table(value: object) -> object:
    """Let a bare value stand for what the argument has to equal."""
    if isinstance(value, list):
        # pydantic reports a ValueError; any other kind of error would pass through it.
        raise ValueError("must not be a list; write { in = [...] } for one of these values")  # noqa: TRY004
    return value if isinstance(value, dict) else {"equals": value}


def _named(value: str) -> str:
    try:
        return plain_name(value)
    except ConfigError as error:
        raise ValueError(str(error)) from error


_NUMBER: JsonDict = {"type": "number"}
_PLAIN_NAME: JsonDict = {"pattern": r"^[^\s@]+$"}
_SECONDS: JsonDict = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "string", "pattern": r"^\d+(\.\d+)?\s*[smhd]$"},
    ]
}


class ConditionTable(Table):
    """What an argument has to be; everything that is given must hold."""

    model_config = ConfigDict(title="a condition on an argument")

    equals: Any = Field(default=None, description="This JSON value; true is not 1.")
    one_of: list[Any] | None = Field(
        default=None, alias="in", description="One of these JSON values."
    )
    glob: Texts | None = Field(default=None, description="Text that one of the globs matches.")
    matches: str | None = Field(
        default=None, description="Text that the whole regular expression matches."
    )
    under: Texts | None = Field(
        default=None, description="A path that is this directory or lies in it."
    )
    min: Any = Field(
        default=None, description="A number from this one on.", json_schema_extra=_NUMBER
    )
    max: Any = Field(
        default=None, description="A number up to this one.", json_schema_extra=_NUMBER
    )
    min_length: StrictInt | None = Field(
        default=None, description="Text or a list of at least so many."
    )
    max_length: StrictInt | None = Field(
        default=None, description="Text or a list of at most so many."
    )
    present: StrictBool | None = Field(
        default=None, description="Whether it is there at all; null is not there."
    )

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


def _one_outcome(schema: dict[str, Any], table: type[RuleTable]) -> None:
    """Say in a schema that a rule needs exactly one of the outcomes there are."""
    schema["oneOf"] = [{"required": [outcome]} for outcome in table.outcomes]
    for unknown in {"allow", "ask", "deny"} - set(table.outcomes):
        schema["properties"].pop(unknown, None)


class RuleTable(Table):
    """What the tables of all rules have in common."""

    model_config = ConfigDict(json_schema_extra=_one_outcome)
    outcomes: ClassVar[Sequence[str]] = ("allow", "ask", "deny")

    allow: Texts | None = Field(default=None, description="Globs of what may be.")
    ask: Texts | None = Field(default=None, description="Globs of what a person has to approve.")
    deny: Texts | None = Field(default=None, description="Globs of what may not be.")
    scopes: Texts = Field(default=[], description="Globs: in which scopes.")
    principals: Texts = Field(default=[], description="Globs: on whose behalf.")
    reason: str = Field(default="", description="What whoever is refused is told.")
    name: str = Field(default="", description="What the rule is called in verdicts and tests.")

    @model_validator(mode="after")
    def _check(self) -> RuleTable:
        if sum(given is not None for given in (self.allow, self.ask, self.deny)) != 1:
            raise ValueError(f"needs exactly one of {self._choice()}")
        try:
            self.rule()
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self

    @abstractmethod
    def rule(self) -> Rule:
        """Return the rule; raises ``ConfigError``."""

    @classmethod
    def _choice(cls) -> str:
        *others, last = cls.outcomes
        return f"{', '.join(others)} and {last}"

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


_Kinds: TypeAlias = Annotated[
    list[ToolKind], BeforeValidator(listed, json_schema_input_type=ToolKind | list[ToolKind])
]
_Effects: TypeAlias = Annotated[
    list[Effect], BeforeValidator(listed, json_schema_input_type=Effect | list[Effect])
]
_DataActions: TypeAlias = Annotated[
    list[DataAction], BeforeValidator(listed, json_schema_input_type=DataAction | list[DataAction])
]
_WhenValue: TypeAlias = Annotated[
    ConditionTable,
    BeforeValidator(_condition_table, json_schema_input_type=str | float | bool | ConditionTable),
]


class ToolTable(RuleTable):
    """A rule about tools: the globs are of their names."""

    model_config = ConfigDict(title="a rule about tools")

    agents: Texts = Field(default=[], description="Globs: the agent that calls.")
    servers: Texts = Field(default=[], description="Globs: the MCP server the tool comes from.")
    kinds: _Kinds = Field(default=[], description="What stands behind the tool's name.")
    effects: _Effects = Field(default=[], description="What running it twice would do.")
    when: dict[str, _WhenValue] = Field(
        default={}, description="Conditions on arguments by dotted path; all must hold."
    )
    put: dict[str, Any] = Field(
        default={}, alias="set", description="Arguments to write before the tool runs."
    )
    drop: Texts = Field(default=[], description="Arguments to take out before the tool runs.")
    approvers: Texts = Field(default=[], description="Globs: who may answer, where the rule asks.")
    expires_in: Seconds | None = Field(
        default=None,
        description="How long the question stands: seconds, or text such as 30s, 15m, 4h, 2d.",
        json_schema_extra=_SECONDS,
    )
    on_expiry: OnExpiry = Field(
        default="deny",
        description="What becomes of a call that nobody answered: denied, or the run fails.",
    )

    def rule(self) -> ToolRule:
        return ToolRule(
            tools=self._subject(),
            agents=self.agents,
            servers=self.servers,
            kinds=self.kinds,
            effects=self.effects,
            when={path: table.condition() for path, table in self.when.items()},
            rewrite=Rewrite(put=self.put, drop=self.drop) if self.put or self.drop else None,
            approvers=self.approvers,
            expires_in_seconds=self.expires_in,
            on_expiry=self.on_expiry,
            **self._common(),
        )


class ModelTable(RuleTable):
    """A rule about models: the globs are of their names."""

    model_config = ConfigDict(title="a rule about models")

    agents: Texts = Field(default=[], description="Globs: the agent that asks the model.")
    providers: Texts = Field(default=[], description="Globs: whose model it is.")

    def rule(self) -> ModelRule:
        return ModelRule(
            models=self._subject(),
            agents=self.agents,
            providers=self.providers,
            **self._common(),
        )


class RunTable(RuleTable):
    """A rule about runs: the globs are of agents."""

    model_config = ConfigDict(title="a rule about runs")

    runtimes: Texts = Field(default=[], description="Globs: what runs the agent.")

    def rule(self) -> RunRule:
        return RunRule(agents=self._subject(), runtimes=self.runtimes, **self._common())


class DataTable(RuleTable):
    """A rule about data: the globs are of what is read or written."""

    model_config = ConfigDict(title="a rule about data")

    kinds: Texts = Field(default=[], description="Globs: what it is, such as session.")
    actions: _DataActions = Field(default=[], description="What is done with it.")

    def rule(self) -> DataRule:
        return DataRule(
            names=self._subject(), kinds=self.kinds, actions=self.actions, **self._common()
        )


class ActionTable(RuleTable):
    """A rule about who may answer: the globs are of types of actions."""

    model_config = ConfigDict(title="a rule about who may answer")
    outcomes = ("allow", "deny")

    principals: Texts = Field(default=[], description="Globs: who answers.")
    tools: Texts = Field(default=[], description="Globs: the tool that the action is about.")
    agents: Texts = Field(default=[], description="Globs: the agent that waits.")
    own: StrictBool | None = Field(
        default=None,
        description="Only actions of a job that runs for whoever answers, or only all others.",
    )

    def rule(self) -> ActionRule:
        return ActionRule(
            types=self._subject(),
            tools=self.tools,
            agents=self.agents,
            own=self.own,
            **self._common(),
        )


_Bound: TypeAlias = Annotated[StrictInt, Field(ge=0)]


class ConstraintsTable(Table):
    """The most that one run may do."""

    model_config = ConfigDict(title="the bounds of every run")

    max_turns: _Bound | None = Field(default=None, description="Model calls on the outermost path.")
    max_tool_calls: _Bound | None = Field(default=None, description="Tool calls of the run.")
    max_tool_calls_per_turn: _Bound | None = Field(
        default=None, description="Tool calls between two of the outermost model calls."
    )

    def constraints(self) -> Constraints:
        """Return the bounds."""
        return Constraints(**self.model_dump())


class PolicyFile(Table):
    """Rules for agents. The strictest rule that applies holds: deny, then ask, then allow."""

    model_config = ConfigDict(title="a policy of steer")

    name: Annotated[str, AfterValidator(_named)] | None = Field(
        default=None,
        description="What the set is called; the file's own name where it is left out.",
        json_schema_extra=_PLAIN_NAME,
    )
    version: Annotated[str, AfterValidator(_named)] | None = Field(
        default=None,
        description="Its version; a digest of the rules where it is left out.",
        json_schema_extra=_PLAIN_NAME,
    )
    default: Literal["allow", "ask", "deny"] = Field(
        default="deny", description="The answer where no rule applies."
    )
    tools: list[ToolTable] = Field(default=[], description="Rules about tools.")
    models: list[ModelTable] = Field(default=[], description="Rules about models.")
    runs: list[RunTable] = Field(default=[], description="Rules about which agents are run.")
    data: list[DataTable] = Field(default=[], description="Rules about data.")
    actions: list[ActionTable] = Field(default=[], description="Rules about who may answer.")
    constraints: ConstraintsTable | None = Field(
        default=None, description="The bounds of every run."
    )
    redaction: RedactionTable | None = Field(
        default=None, description="What nobody is to read in what is told of a run."
    )
    tests: list[CaseTable] = Field(
        default=[], description="Questions, and what the answers have to be."
    )

    def rules(self) -> list[Rule]:
        """Return every rule of the file, in the order of ``places``."""
        return [table.rule() for _, table in self._tables()]

    def places(self) -> list[tuple[str, int]]:
        """Return where each rule stands."""
        return [place for place, _ in self._tables()]

    def _tables(self) -> list[tuple[tuple[str, int], RuleTable]]:
        kinds: Mapping[str, Sequence[RuleTable]] = {
            "tools": self.tools,
            "models": self.models,
            "runs": self.runs,
            "data": self.data,
            "actions": self.actions,
        }
        return [
            ((kind, number), table)
            for kind, tables in kinds.items()
            for number, table in enumerate(tables)
        ]


_TABLES: Mapping[tuple[str, ...], type[BaseModel]] = {
    (): PolicyFile,
    ("tools",): ToolTable,
    ("models",): ModelTable,
    ("runs",): RunTable,
    ("data",): DataTable,
    ("actions",): ActionTable,
    ("constraints",): ConstraintsTable,
    ("redaction",): RedactionTable,
    ("redaction", "rules"): RedactionRuleTable,
    ("tests",): CaseTable,
}


def about_unknown_key(place: Sequence[str | int]) -> str:
    """Say what may have been meant by a key that may not stand at ``place``."""
    *within, key = place
    table = _TABLES.get(tuple(part for part in within if isinstance(part, str)), ConditionTable)
    known = [field.alias or name for name, field in table.model_fields.items()]
    if meant := closest(str(key), known):
        return f"unknown key; did you mean {meant}?"
    hint = f"unknown key; known are {', '.join(known)}"
    if table is ConditionTable:
        # TOML reads customer.email = ... as a table in a table.
        hint += f'; a path with dots needs quotes: "{within[-1]}.{key}"'
    return hint
