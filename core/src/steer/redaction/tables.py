"""The ``[redaction]`` table of a policy file and of ``steer.toml``, checked by pydantic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from steer.errors import ConfigError
from steer.naming import did_you_mean
from steer.redaction.spec import Redaction, RedactionRule

__all__ = ["RedactionRuleTable", "RedactionTable", "parse_redaction"]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Texts: TypeAlias = Annotated[
    list[str], BeforeValidator(_listed, json_schema_input_type=str | list[str])
]


class _Table(BaseModel):
    # Built on first use: most processes never read one.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class RedactionRuleTable(_Table):
    """An expression of your own: what it matches is replaced by its name."""

    model_config = ConfigDict(title="a rule of redaction")

    name: str = Field(description="What stands in place of the secret: [redacted:NAME].")
    pattern: str = Field(
        description="A regular expression, without what looks at the text around a match."
    )

    @model_validator(mode="after")
    def _check(self) -> RedactionRuleTable:
        try:
            self.rule()
        except ConfigError as error:
            # pydantic reports a ValueError; any other kind of error would pass through it.
            raise ValueError(str(error)) from error
        return self

    def rule(self) -> RedactionRule:
        """Return the rule; raises ``ConfigError``."""
        return RedactionRule(name=self.name, pattern=self.pattern)


class RedactionTable(_Table):
    """What is kept out of events, sinks and logs."""

    model_config = ConfigDict(title="what is redacted")

    patterns: Texts = Field(
        default=[], description="Secrets of a known form: secrets for all, or single ones."
    )
    keys: Texts = Field(
        default=[], description="Globs of the keys of JSON objects whose values are secret."
    )
    rules: list[RedactionRuleTable] = Field(default=[], description="Expressions of your own.")

    @model_validator(mode="after")
    def _check(self) -> RedactionTable:
        try:
            self.redaction()
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self

    def redaction(self) -> Redaction:
        """Return what it says; raises ``ConfigError``."""
        return Redaction(
            patterns=self.patterns, keys=self.keys, rules=[rule.rule() for rule in self.rules]
        )


def _known_keys(within: Sequence[str | int]) -> list[str]:
    """Return the keys that may stand at a place within the table."""
    table = RedactionRuleTable if "rules" in within else RedactionTable
    return list(table.model_fields)


def parse_redaction(table: object, *, source: str) -> Redaction:
    """Read the table; ``source`` is what errors call where it stands. Raises ``ConfigError``."""
    try:
        return RedactionTable.model_validate(table).redaction()
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
    place = ".".join(("redaction", *map(str, found["loc"])))
    what = str(found["ctx"]["error"]) if found["type"] == "value_error" else found["msg"]
    if found["type"] == "extra_forbidden":
        *within, key = found["loc"]
        known = _known_keys(within)
        what = f"unknown key; {did_you_mean(str(key), known) or 'known are ' + ', '.join(known)}"
    raise ConfigError(f"{source}: {place}: {what}")
