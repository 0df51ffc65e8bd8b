"""``steer usage``: what was used, summed up or line by line."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from steer.cli.help_text import section
from steer.cli.job_names import find_job
from steer.cli.jobs.job_listing import moment
from steer.cli.money.usage_lines import lines_written
from steer.cli.money.usage_text import Form, total_written, unpriced_text
from steer.cli.opening import open_reader
from steer.cli.options import AsJson, ConfigFile, JobName, Scope, StorageUrl, settings_from
from steer.cli.terminal.streams import Streams
from steer.config import Settings
from steer.errors import ConfigError
from steer.ports.money import UsageGroup
from steer.ports.records import LedgerKind

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_LINES = 50
_EXAMPLES = (
    "steer usage --since 7d",
    "steer usage --by team --by model --since 2026-11-01 --csv",
    "steer usage --lines --job latest",
)


@app.command(epilog=section("Examples", _EXAMPLES))
def usage(
    *,
    by: Annotated[
        list[UsageGroup] | None,
        typer.Option(metavar="WHAT", help=f"Sum up by it: {', '.join(UsageGroup)}. Repeatable."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only from then on: 24h, 7d, 2026-11-01."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what was before it.")
    ] = None,
    all_scopes: Annotated[
        bool, typer.Option("--all-scopes", help="Look into every tenant of the storage.")
    ] = False,
    lines: Annotated[
        bool, typer.Option("--lines", help="Show the lines of the ledger instead of sums.")
    ] = False,
    job: Annotated[
        str | None, typer.Option(metavar="JOB", help="With --lines: only of this job.")
    ] = None,
    kind: Annotated[
        list[LedgerKind] | None,
        typer.Option(
            metavar="KIND",
            help=f"With --lines: only of this kind: {', '.join(LedgerKind)}. Repeatable.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help=f"With --lines: at most so many, or {_LINES}."),
    ] = None,
    cursor: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="With --lines: go on where they ended.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")] = False,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what models and tools came to: tokens, calls and cost, by model unless said otherwise.

    Where the price of a model is not known, its requests are counted and are in no cost. With
    --lines: every request and call, each refusal, approval and limit, oldest first.
    """
    if as_csv and as_json:
        raise ConfigError("--csv and --json exclude each other", fix="Leave one out")
    if all_scopes and scope is not None:
        raise ConfigError("--scope and --all-scopes exclude each other", fix="Leave one out")
    only_lines = {"--job": job, "--kind": kind, "--limit": limit, "--cursor": cursor}
    only_sums = {"--by": by, "--all-scopes": all_scopes}
    for option, value in (only_sums if lines else only_lines).items():
        if value:
            what = "is not for --lines" if lines else "is for --lines alone"
            raise ConfigError(f"{option} {what}", fix=f"Leave out {option}")
    now = datetime.now(UTC)
    begin, end = moment("--since", since, now=now), moment("--until", until, now=now)
    form = Form.CSV if as_csv else Form.JSON if as_json else Form.TABLE
    settings = settings_from(scope=scope, storage=storage, config=config)
    if lines:
        asyncio.run(
            _lines(
                settings,
                job,
                kind or [],
                begin,
                end,
                form=form,
                limit=limit or _LINES,
                cursor=cursor,
            )
        )
    else:
        groups = by or [UsageGroup.SCOPE if all_scopes else UsageGroup.MODEL]
        scopes = None if all_scopes else (settings.scope,)
        asyncio.run(_sums(settings, list(dict.fromkeys(groups)), scopes, begin, end, form=form))


async def _sums(
    settings: Settings,
    by: list[UsageGroup],
    scopes: tuple[str, ...] | None,
    since: datetime | None,
    until: datetime | None,
    *,
    form: Form,
) -> None:
    streams = Streams.standard()
    async with open_reader(settings) as kernel:
        totals = await kernel.usage(by, scopes=scopes, since=since, until=until)
        whole = await kernel.usage(scopes=scopes, since=since, until=until)
    total_written(by, totals, whole, streams.out, form=form)
    if not totals:
        streams.err.write("nothing was used\n")
    elif unpriced := sum(total.unpriced for total in whole):
        streams.err.write(f"{unpriced_text(unpriced)}\n")


async def _lines(
    settings: Settings,
    job: JobName | None,
    kinds: list[LedgerKind],
    since: datetime | None,
    until: datetime | None,
    *,
    form: Form,
    limit: int,
    cursor: str | None,
) -> None:
    streams = Streams.standard()
    async with open_reader(settings) as kernel:
        job_id = None
        if job is not None:
            job_id = (await find_job(kernel, job, scope_id=settings.scope)).job_id
        page = await kernel.ledger(
            scope_id=settings.scope,
            job_id=job_id,
            kinds=kinds,
            since=since,
            until=until,
            limit=limit,
            cursor=cursor,
        )
    lines_written(page.items, streams.out, form=form)
    if page.cursor is not None:
        streams.err.write(f"there are more: --cursor {page.cursor}\n")
    elif not page.items:
        streams.err.write("there are no such lines\n")
