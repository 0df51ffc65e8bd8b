"""The shape of a whole policy file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt
from pydantic.config import JsonDict

from steer.errors import ConfigError
from steer.naming import closest
from steer.policies.constraints import Constraints
from steer.policies.rules import Rule
from steer.policies.sets import plain_name
from steer.policies.toml_cases import CaseTable
from steer.policies.toml_shapes import Table
from steer.policies.toml_tables import (
    ActionTable,
    ConditionTable,
    DataTable,
    ModelTable,
    RuleTable,
    RunTable,
    ToolTable,
)
from steer.redaction.tables import RedactionRuleTable, RedactionTable

__all__ = ["PolicyFile", "about_unknown_key"]

_PLAIN_NAME: JsonDict = {"pattern": r"^[^\s@]+$"}


def _named(value: str) -> str:
    try:
        return plain_name(value)
    except ConfigError as error:
        raise ValueError(str(error)) from error


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
