"""Sums of usage as a table, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from steer.cli.terminal.amounts import cost_text
from steer.cli.terminal.paint import paint_for
from steer.cli.terminal.streams import Stream
from steer.cli.terminal.tables import in_columns
from steer.ports.money import UsageGroup, UsageTotal
from steer.values import JsonValue

__all__ = ["Form", "as_csv", "as_json_lines", "bars_of", "total_written", "unpriced_text"]

_BAR = 20
_WORDS = {True: "true", False: "false"}
_COUNTS = ("REQUESTS", "INPUT", "OUTPUT", "TOOL CALLS", "JOBS", "COST")


class Form(Enum):
    """How usage is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def total_written(
    by: Sequence[UsageGroup],
    totals: Sequence[UsageTotal],
    whole: Sequence[UsageTotal],
    out: Stream,
    *,
    form: Form,
) -> None:
    """Write sums, one a line; a table has the sum of all of them, ``whole``, below."""
    match form:
        case Form.JSON:
            out.write(as_json_lines(_fields(by, total) for total in totals))
        case Form.CSV:
            head = list(_fields(by, UsageTotal(group=(None,) * len(by))))
            out.write(as_csv(head, [_fields(by, total) for total in totals]))
        case Form.TABLE:
            if totals:
                out.write(_table(by, totals, whole, out))


def unpriced_text(requests: int) -> str:
    """Say that requests are in no cost."""
    which = "1 request has" if requests == 1 else f"{requests:,} requests have"
    return (
        f"{which} no known cost, and no sum includes it. Either its price is not known (give prices"
        " in a file, or install genai-prices), or nobody told and nothing bounded what it used"
    )


def as_json_lines(rows: Iterable[Mapping[str, JsonValue]]) -> str:
    """Return an object a line."""
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def as_csv(head: Sequence[str], rows: Iterable[Mapping[str, JsonValue]]) -> str:
    """Return a table with a line of names; what is not known is left empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, head, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {
                name: _WORDS.get(value, value) if isinstance(value, bool) else value
                for name, value in row.items()
            }
        )
    return text.getvalue()


def _fields(by: Sequence[UsageGroup], total: UsageTotal) -> dict[str, JsonValue]:
    usage = total.usage
    return {
        **{name.value: value for name, value in zip(by, total.group, strict=True)},
        "jobs": total.jobs,
        "requests": usage.requests,
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "estimated": usage.estimated,
        "tool_calls": total.tool_calls,
        # As text: a number of JSON would be read as a float, which money is not.
        "cost": f"{total.cost:f}",
        "unpriced": total.unpriced,
    }


def _table(
    by: Sequence[UsageGroup], totals: Sequence[UsageTotal], whole: Sequence[UsageTotal], out: Stream
) -> str:
    rows = [_row([name or "-" for name in total.group], total) for total in totals]
    head = [*(name.value.upper() for name in by), *_COUNTS]
    if out.is_terminal:
        for row, bar in zip(rows, bars_of(totals), strict=True):
            row.append(bar)
        head.append("")
    if len(totals) > 1:
        rows += [_row(["total", *[""] * (len(by) - 1)], total) for total in whole]
    return in_columns(
        rows,
        head=head,
        paint=paint_for(out),
        style=lambda column, _: "call" if column == len(by) + len(_COUNTS) else None,
    )


def _row(names: list[str], total: UsageTotal) -> list[str]:
    usage = total.usage
    mark = "~" if usage.estimated else ""
    counts = (
        f"{usage.requests:,}",
        f"{mark}{usage.input_tokens:,}",
        f"{mark}{usage.output_tokens:,}",
        f"{total.tool_calls:,}",
        f"{total.jobs:,}",
    )
    return [*names, *counts, _cost(total)]


def _cost(total: UsageTotal) -> str:
    """Return what is known of the cost, and for how many requests nothing is."""
    if not total.usage.requests and not total.cost:
        return ""
    if not total.unpriced:
        return cost_text(total.cost) or ""
    if total.unpriced >= total.usage.requests:
        return "not known"
    return f"{cost_text(total.cost)} and {total.unpriced:,} unpriced"


def bars_of(totals: Sequence[UsageTotal]) -> list[str]:
    """Return a bar for each: of its cost, or of its tokens where no cost is known."""
    sizes = [float(total.cost) for total in totals]
    if not any(sizes):
        sizes = [float(total.usage.total_tokens) for total in totals]
    most = max(sizes) or 1.0
    return ["\u2588" * round(_BAR * size / most) for size in sizes]
