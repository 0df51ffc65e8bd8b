"""Prices that a file sets: for models no list knows, and for agreements of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, StrictInt, ValidationError

from steer.errors import ConfigError
from steer.naming import closest
from steer.policies.globs import Globs
from steer.policies.toml_places import Place
from steer.policies.toml_problems import Problem, TomlDocument, problems_of
from steer.policies.toml_shapes import Table
from steer.pricing.exact import exactly
from steer.values import Usage

__all__ = ["Override", "OverrideRates", "load_price_file", "parse_prices"]

_MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class OverrideRates:
    """Prices as a file has them, in US dollars: of a million tokens, and of a request as such."""

    input: Decimal
    output: Decimal
    cached: Decimal
    cache_write: Decimal
    per_request: Decimal = Decimal(0)
    context_window: int | None = None

    def cost(self, usage: Usage, /, *, tier: str | None = None) -> Decimal:
        """Return what the usage cost; the file has one price for every tier."""
        del tier
        plain = max(usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens, 0)
        with exactly():
            tokens = (
                self.input * plain
                + self.cached * usage.cached_tokens
                + self.cache_write * usage.cache_write_tokens
                + self.output * max(usage.output_tokens, usage.reasoning_tokens)
            )
            return tokens / _MILLION + self.per_request * usage.requests

    def bound(self, input_tokens: int, output_tokens: int, /) -> Decimal:
        """Return the most that such a request can cost."""
        dearest = max(self.input, self.cached, self.cache_write)
        with exactly():
            tokens = dearest * input_tokens + self.output * output_tokens
            return tokens / _MILLION + self.per_request


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """One entry of a file: the prices of the models that it is about."""

    models: Globs
    provider: str | None
    scopes: Globs | None
    rates: OverrideRates

    def applies(self, model: str, provider: str | None, scope_id: str) -> bool:
        """Whether the entry is about this model, of this provider, in this scope."""
        return (
            model in self.models
            and (self.provider is None or self.provider == provider)
            and (self.scopes is None or scope_id in self.scopes)
        )

    @property
    def precedence(self) -> tuple[int, bool, int]:
        """What goes first where several apply: who names the scope, the provider, the model."""
        return _exactness(self.scopes), self.provider is not None, _exactness(self.models)


def _exactness(patterns: Globs | None) -> int:
    """0 for whatever there is, 1 for a pattern, 2 for a name."""
    if patterns is None:
        return 0
    return 1 if patterns.match else 2


def _dollars(value: object) -> object:
    """Take a number as it is written: a float would be another one."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number of US dollars")  # noqa: TRY004 - pydantic reports a ValueError
    number = Decimal(value)
    if not number.is_finite() or number < 0:
        raise ValueError("must be a number of US dollars, 0 or more")
    return number


def _text(value: object) -> object:
    if isinstance(value, str) and not value.strip():
        raise ValueError("is empty; leave it out for every one")
    return value


_Dollars: TypeAlias = Annotated[Decimal, BeforeValidator(_dollars, json_schema_input_type=Any)]
_Name: TypeAlias = Annotated[str, BeforeValidator(_text)]


class PriceTable(Table):
    """The prices of the models that match."""

    model_config = ConfigDict(title="the price of models")

    model: _Name
    provider: _Name | None = None
    scope: _Name | None = None
    input: _Dollars
    output: _Dollars
    cached: _Dollars | None = None
    cache_write: _Dollars | None = None
    per_request: _Dollars = Decimal(0)
    context_window: Annotated[StrictInt, Field(gt=0)] | None = None

    def override(self) -> Override:
        """Return the entry; what says nothing of a cache costs as much as other input."""
        return Override(
            models=Globs([self.model]),
            provider=self.provider,
            scopes=None if self.scope is None else Globs([self.scope]),
            rates=OverrideRates(
                input=self.input,
                output=self.output,
                cached=self.input if self.cached is None else self.cached,
                cache_write=self.input if self.cache_write is None else self.cache_write,
                per_request=self.per_request,
                context_window=self.context_window,
            ),
        )


class PriceFile(Table):
    """Prices, each in a table that begins with ``[[price]]``."""

    model_config = ConfigDict(title="prices of steer")

    price: list[PriceTable] = Field(default=[])


def load_price_file(path: str | Path) -> tuple[Override, ...]:
    """Read prices from a TOML file.

    Raises ``ConfigError`` with file, line, column and key for what is not well formed.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"the price file {path} cannot be read: {error.strerror or error}",
            fix="Give the path of a TOML file",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the price file {path} is not UTF-8 (byte {error.start})") from error
    return parse_prices(text, source=str(path))


def parse_prices(text: str, *, source: str = "prices") -> tuple[Override, ...]:
    """Read prices from TOML text, the most specific first; ``source`` is what errors call it."""
    document = TomlDocument.read(text, source=source, parse_float=Decimal)
    try:
        file = PriceFile.model_validate(document.data)
    except ValidationError as error:
        problems = problems_of(error, about_unknown_key=_about_unknown_key)
        raise document.refused(problems) from error
    if twice := _said_twice(file.price):
        raise document.refused([twice])
    overrides = [table.override() for table in file.price]
    # Sorting keeps the file's order among those that are as specific as each other.
    return tuple(sorted(overrides, key=lambda each: each.precedence, reverse=True))


def _said_twice(tables: list[PriceTable]) -> Problem | None:
    seen: dict[tuple[str, str | None, str | None], int] = {}
    for number, each in enumerate(tables):
        first = seen.setdefault((each.model, each.provider, each.scope), number)
        if first != number:
            what = f"says again what price[{first}] says, and would never hold"
            return Problem(place=("price", number), what=what)
    return None


def _about_unknown_key(place: Place) -> str:
    table = PriceFile if len(place) == 1 else PriceTable
    known = list(table.model_fields)
    if meant := closest(str(place[-1]), known):
        return f"unknown key; did you mean {meant}?"
    return f"unknown key; known are {', '.join(known)}"
