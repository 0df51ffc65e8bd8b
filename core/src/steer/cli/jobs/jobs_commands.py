"""``steer jobs``: list, show, cancel, resume, retry."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import anyio
import typer

from steer.cli.help_text import section
from steer.cli.job_names import all_jobs, find_job
from steer.cli.jobs import job_listing as listing
from steer.cli.jobs.job_state import JobState, read_state
from steer.cli.jobs.job_text import ROW_HEAD, job_facts, job_json, job_row, row_json
from steer.cli.jobs.next_step import next_step
from steer.cli.opening import check_shared, check_there, open_kernel, open_reader, open_redactor
from steer.cli.options import (
    AsJson,
    ConfigFile,
    Cursor,
    JobName,
    Principal,
    Quiet,
    RanUnder,
    Scope,
    Sink,
    StorageUrl,
    settings_from,
)
from steer.cli.runs.queueing import print_queued
from steer.cli.runs.run_form import run_form
from steer.cli.runs.running import run_in_foreground
from steer.cli.terminal.paint import paint_for
from steer.cli.terminal.printable import for_terminal
from steer.cli.terminal.streams import Streams
from steer.cli.terminal.tables import in_columns
from steer.config import Settings
from steer.errors import ConfigError, InvalidTransition
from steer.handle import ExecutionHandle
from steer.kernel import RuntimeKernel
from steer.ports.records import JobQuery, JobRecord
from steer.values import JobStatus

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False, invoke_without_command=True)

_CANCEL_SECONDS = 10.0


@app.callback()
def jobs(ctx: typer.Context) -> None:
    """List, show, cancel, resume and retry jobs."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command("list", epilog=section("Examples", ("steer jobs list --status running --all",)))
def list_jobs(
    *,
    status: Annotated[
        list[JobStatus] | None,
        typer.Option(
            metavar="STATUS", help=f"Only jobs that stand so: {', '.join(JobStatus)}. Repeatable."
        ),
    ] = None,
    session: listing.Session = None,
    runtime: listing.Runtime = None,
    agent: listing.Agent = None,
    queue: listing.Queue = None,
    parent: listing.Parent = None,
    tag: listing.Tag = None,
    since: listing.Since = None,
    until: listing.Until = None,
    limit: listing.Most = None,
    cursor: Cursor = None,
    every: Annotated[bool, typer.Option("--all", help="List all of them.")] = False,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first. With --json, one job a line, without its request."""
    if every and not (limit is None and cursor is None):
        raise ConfigError(
            "--all lists every job, and --limit and --cursor a part of them", fix="Leave out --all"
        )
    settings = settings_from(scope=scope, storage=storage, config=config)
    now = datetime.now(UTC)
    query = JobQuery(
        statuses=frozenset(status or ()),
        session_id=session,
        runtime=runtime,
        agent=agent,
        queue=queue,
        tag=tag,
        created_after=listing.moment("--since", since, now=now),
        created_before=listing.moment("--until", until, now=now),
    )
    most = None if every else limit or listing.PAGE
    asyncio.run(_list(settings, query, parent, limit=most, cursor=cursor, as_json=as_json))


@app.command(epilog=section("Examples", ("steer jobs show latest", "steer jobs show 7f6a1aae5330")))
def show(
    job: JobName,
    *,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a job: what was asked, how it stands, what it came to."""
    settings = settings_from(scope=scope, storage=storage, config=config)
    asyncio.run(_show(settings, job, as_json=as_json))


@app.command(epilog=section("Examples", ('steer jobs cancel latest --reason "too slow"',)))
def cancel(
    job: JobName,
    *,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Kept with the job.")
    ] = "steer jobs cancel",
    principal: Principal = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a job, in whichever process it runs, and wait for its end.

    With --json the job is printed as it stands then: as steer jobs list --json has it.
    """
    settings = settings_from(principal=principal, scope=scope, storage=storage, config=config)
    asyncio.run(_cancel(settings, job, reason, as_json=as_json))


@app.command(epilog=section("Examples", ("steer jobs resume latest --policy rules.toml",)))
def resume(
    job: JobName,
    *,
    policy: RanUnder = None,
    principal: Principal = None,
    scope: Scope = None,
    sink: Sink = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Go on with a job whose process is gone, and show it as steer run does.

    What the model said and what tools did before is taken from the journal, not done again.
    """
    form = run_form(as_json=as_json, quiet=quiet)
    settings = settings_from(
        policy=policy,
        principal=principal,
        scope=scope,
        sink=sink,
        storage=storage,
        config=config,
    )

    check_there(settings)
    opening = open_kernel(settings)

    async def start(kernel: RuntimeKernel) -> ExecutionHandle:
        found = await find_job(kernel, job, scope_id=settings.scope)
        _check_rules(found, "+".join(sorted(map(str, opening.policies))))
        return await kernel.resume(found.job_id, scope_id=settings.scope)

    return run_in_foreground(opening.kernel, start, form=form, by=settings.principal)


@app.command(epilog=section("Examples", ("steer jobs retry latest", "steer jobs retry latest -y")))
def retry(
    job: JobName,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Although tools ran: they may run again.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Queue it for steer worker and end.")
    ] = False,
    policy: RanUnder = None,
    principal: Principal = None,
    scope: Scope = None,
    sink: Sink = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Start a job over that did not succeed, as a new job, and show it as steer run does.

    It begins at its beginning, with the agent as it is now. What has not ended is resumed instead.
    """
    form = run_form(as_json=as_json, quiet=quiet)
    settings = settings_from(
        policy=policy, principal=principal, scope=scope, sink=sink, storage=storage, config=config
    )
    check_there(settings)
    opening = open_kernel(settings)

    async def start(kernel: RuntimeKernel) -> ExecutionHandle:
        found = await find_job(kernel, job, scope_id=settings.scope)
        return await kernel.retry(
            found.job_id, scope_id=settings.scope, repeat_tools=yes, queued=detach
        )

    async def queued() -> JobRecord:
        async with opening.kernel as kernel:
            return await (await start(kernel)).job()

    if detach:
        check_shared(settings.storage, "no worker would see the job")
        return print_queued(asyncio.run(queued()), form=form)
    return run_in_foreground(opening.kernel, start, form=form, by=settings.principal)


def _check_rules(job: JobRecord, selected: str) -> None:
    if not job.status.terminal and job.policy not in (None, selected):
        raise ConfigError(
            f"job {job.job_id} began under the rules {job.policy}, and not under {selected}",
            fix="Give the rules that it began under: --policy NAME or FILE.toml",
        )


async def _list(
    settings: Settings,
    query: JobQuery,
    parent: str | None,
    *,
    limit: int | None,
    cursor: str | None,
    as_json: bool,
) -> None:
    streams = Streams.standard()
    async with open_reader(settings) as kernel:
        if parent is not None:
            found = await find_job(kernel, parent, scope_id=settings.scope)
            query = replace(query, parent_job_id=found.job_id)
        if limit is None:
            jobs = [job async for job in all_jobs(kernel, query, scope_id=settings.scope)]
            more = None
        else:
            page = await kernel.jobs(query, scope_id=settings.scope, limit=limit, cursor=cursor)
            jobs, more = list(page.items), page.cursor
        states = [await read_state(kernel, job) for job in jobs]
    if as_json:
        lines = map(row_json, jobs, states)
        streams.out.write_bytes(b"".join(line + b"\n" for line in lines))
    elif jobs:
        streams.out.write(_table(jobs, states, streams))
    else:
        streams.err.write("no jobs\n")
    if more is not None:
        streams.err.write(f"there are more: --cursor {more}, or --all\n")


def _table(jobs: list[JobRecord], states: list[JobState], streams: Streams) -> str:
    now = datetime.now(UTC)
    paint = paint_for(streams.out)

    def style(column: int, text: str) -> str | None:
        return text.replace(" ", "_") if ROW_HEAD[column] == "STATUS" else None

    rows = [job_row(job, state, now=now) for job, state in zip(jobs, states, strict=True)]
    return in_columns(rows, head=ROW_HEAD, paint=paint, style=style)


async def _show(settings: Settings, name: str, *, as_json: bool) -> None:
    streams = Streams.standard()
    async with open_reader(settings) as kernel:
        job = await find_job(kernel, name, scope_id=settings.scope)
        state = await read_state(kernel, job, with_children=True)
        redactor = open_redactor(settings, kernel.registry)
        note = await next_step(kernel, job)
    if as_json:
        streams.out.write_bytes(job_json(job, state, redactor=redactor) + b"\n")
        return
    paint = paint_for(streams.out)
    facts = job_facts(job, state, now=datetime.now(UTC), redactor=redactor)
    known = [fact for fact in facts if fact[1]]
    text = in_columns(known, paint=paint, style=lambda column, _: None if column else "faint")
    if job.result is not None and job.result.content:
        text += f"\n{for_terminal(job.result.content)}\n"
    streams.out.write(text)
    if note is not None:
        streams.err.write(f"{note}\n")


async def _cancel(settings: Settings, name: str, reason: str, *, as_json: bool) -> None:
    streams = Streams.standard()
    async with open_reader(settings, books=True) as kernel:
        job = await find_job(kernel, name, scope_id=settings.scope)
        if job.status.terminal:
            raise InvalidTransition(
                f"job {job.job_id} has ended already: {job.status.replace('_', ' ')}",
                fix=f"See: steer jobs show {job.job_id}",
            )
        await kernel.cancel(
            job.job_id, scope_id=settings.scope, reason=reason, by=settings.principal
        )
        handle = await kernel.attach(job.job_id, scope_id=settings.scope)
        with anyio.move_on_after(_CANCEL_SECONDS):
            await handle.result()
        job = await handle.job()
        state = await read_state(kernel, job)
    if as_json:
        streams.out.write_bytes(row_json(job, state) + b"\n")
    elif job.status.terminal:
        streams.err.write(f"{job.status.replace('_', ' ')} \u00b7 job {job.job_id}\n")
    else:
        streams.err.write(
            f"asked; after {_CANCEL_SECONDS:g} s it has not ended \u00b7 job {job.job_id}\n"
        )
