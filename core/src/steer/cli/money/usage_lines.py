"""Lines of the ledger as a table, as JSON and as CSV."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from steer.cli.money.usage_text import Form, as_csv, as_json_lines
from steer.cli.terminal.amounts import cost_text, tokens_text
from steer.cli.terminal.paint import paint_for
from steer.cli.terminal.streams import Stream
from steer.cli.terminal.tables import in_columns
from steer.ports.records import LedgerEntry, LedgerKind
from steer.values import JsonValue, Usage

__all__ = ["lines_written"]

_HEAD = ("TIME", "KIND", "JOB", "WHO", "WHAT", "OUTCOME", "TOKENS", "COST")
_SHORT = 12
_CHANGED = ("agent", "budget")
"""What belongs to no job, and whose every change is a line."""


def lines_written(entries: Sequence[LedgerEntry], out: Stream, *, form: Form) -> None:
    """Write lines of the ledger, in their order."""
    match form:
        case Form.JSON:
            out.write(as_json_lines(map(_fields, entries)))
        case Form.CSV:
            rows = [
                {**fields, "details": json.dumps(fields["details"], ensure_ascii=False)}
                for fields in map(_fields, entries)
            ]
            out.write(as_csv(_NAMES, rows))
        case Form.TABLE if entries:
            out.write(
                in_columns([_row(entry) for entry in entries], head=_HEAD, paint=paint_for(out))
            )
        case _:
            pass


_NAMES = (
    "at",
    "key",
    "kind",
    "job",
    "principal",
    "team",
    "agent",
    "runtime",
    "provider",
    "model",
    "requests",
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "estimated",
    "cost",
    "details",
)


def _fields(entry: LedgerEntry) -> dict[str, JsonValue]:
    usage = entry.usage
    values = (
        entry.at.isoformat(),
        entry.key,
        entry.kind.value,
        entry.job_id or None,
        entry.principal_id,
        entry.team_id,
        entry.agent,
        entry.runtime,
        entry.provider,
        entry.model,
        *(_counts(usage) if usage else (None,) * 7),
        None if entry.cost is None else f"{entry.cost:f}",
        dict(entry.details),
    )
    return dict(zip(_NAMES, values, strict=True))


def _counts(usage: Usage) -> tuple[JsonValue, ...]:
    return (
        usage.requests,
        usage.input_tokens,
        usage.cached_tokens,
        usage.cache_write_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.estimated,
    )


def _row(entry: LedgerEntry) -> tuple[str, ...]:
    details = entry.details
    usage = entry.usage
    cost = "" if usage is None else cost_text(entry.cost) or "not known"
    return (
        f"{entry.at.astimezone():%Y-%m-%d %H:%M:%S}",
        entry.kind.value,
        entry.job_id[-_SHORT:] or "-",
        entry.principal_id,
        _what(entry),
        _outcome(details),
        "" if usage is None else tokens_text(usage),
        cost,
    )


def _what(entry: LedgerEntry) -> str:
    details = entry.details
    thing = entry.key.partition("/")[0]
    if entry.kind is LedgerKind.AUDIT and thing in _CHANGED:
        return f"{thing} {details.get(thing) or details.get('removed')}"
    named = (entry.model, *map(details.get, ("tool", "limit", "budget", "action")))
    return next((str(each) for each in named if each), "-")


def _outcome(details: Mapping[str, JsonValue]) -> str:
    match details:
        case {"outcome": outcome}:
            return str(outcome)
        case {"removed": removed} if removed:
            return "removed"
        case {"version": version}:
            return f"version {version}"
        case {"limit": limit, "unit": unit}:
            return f"limit {limit} {unit}"
        case _:
            return "-"
