"""``steer artifacts``: list, get, put."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from pydantic_core import to_json

from steer.cli.help_text import section
from steer.cli.job_names import SHORT_ID, find_job
from steer.cli.opening import open_reader, open_under_policies
from steer.cli.options import (
    AsJson,
    ConfigFile,
    Cursor,
    JobName,
    Limit,
    Principal,
    Scope,
    StorageUrl,
    settings_from,
)
from steer.cli.stored.artifact_names import find_artifact
from steer.cli.stored.saving import saved
from steer.cli.terminal.amounts import age_text
from steer.cli.terminal.paint import paint_for
from steer.cli.terminal.printable import shortened
from steer.cli.terminal.streams import Streams
from steer.cli.terminal.tables import in_columns
from steer.config import Settings
from steer.errors import ConfigError
from steer.ports.artifact import PIECE_BYTES
from steer.ports.records import ArtifactRecord

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False, invoke_without_command=True)

_HEAD = ("ARTIFACT", "NAME", "TYPE", "BYTES", "JOB", "CREATED")
_STANDARD = "-"
_MAX_NAME = 60
_UNKNOWN = "application/octet-stream"

ArtifactName = Annotated[
    str, typer.Argument(metavar="ARTIFACT", help="Its id, 6 or more characters of either end.")
]


@app.callback()
def artifacts(ctx: typer.Context) -> None:
    """List, get and put the files of jobs."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command("list", epilog=section("Examples", ("steer artifacts list --job latest",)))
def list_artifacts(
    *,
    job: Annotated[
        str | None, typer.Option(metavar="JOB", help="Only those of this job, or of the latest.")
    ] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List files of jobs, oldest first. With --json, one a line."""
    settings = settings_from(scope=scope, storage=storage, config=config)
    asyncio.run(_list(settings, job, limit=limit, cursor=cursor, as_json=as_json))


@app.command(epilog=section("Examples", ("steer artifacts get 7f6a1aae5330 bill.pdf",)))
def get(
    artifact: ArtifactName,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Where to save it; - is the standard output.")
    ],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Save a file of a job, once it is seen to be what was kept.

    What it is called there decides nothing: you say where it goes.
    """
    settings = settings_from(scope=scope, storage=storage, config=config)
    if file == _STANDARD and force:
        raise ConfigError("--force replaces a file, and - is none", fix="Leave one out")
    if file == _STANDARD and as_json:
        raise ConfigError(
            "--json says what was saved on the standard output, where - has the file itself",
            fix="Save it in a file, or leave out --json",
        )
    asyncio.run(_get(settings, artifact, file, force=force, as_json=as_json))


@app.command(
    epilog=section(
        "Examples",
        (
            "steer artifacts put latest bill.pdf",
            "make-report | steer artifacts put latest - --name report.html",
        ),
    )
)
def put(
    job: JobName,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file; - is the standard input.")],
    *,
    name: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What to call it; the file's own name.")
    ] = None,
    media_type: Annotated[
        str | None,
        typer.Option("--type", metavar="TYPE", help="What it is, as image/png; by its name."),
    ] = None,
    action: Annotated[
        str | None, typer.Option(metavar="ACTION", help="The question that it is for.")
    ] = None,
    principal: Principal = None,
    scope: Scope = None,
    storage: StorageUrl = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Keep a file with a job, and print the id to answer an upload with."""
    settings = settings_from(principal=principal, scope=scope, storage=storage, config=config)
    label = name or (None if file == _STANDARD else Path(file).name)
    if label is None:
        raise ConfigError("the standard input has no name", fix="Give it one with --name")
    kind = media_type or mimetypes.guess_type(label)[0] or _UNKNOWN
    asyncio.run(
        _put(settings, job, file, name=label, media_type=kind, action=action, as_json=as_json)
    )


async def _list(
    settings: Settings, job: str | None, *, limit: int, cursor: str | None, as_json: bool
) -> None:
    streams = Streams.standard()
    scope_id = settings.scope
    async with open_reader(settings) as kernel:
        job_id = None
        if job is not None:
            job_id = (await find_job(kernel, job, scope_id=scope_id)).job_id
        page = await kernel.artifacts(job_id, scope_id=scope_id, limit=limit, cursor=cursor)
    if as_json:
        streams.out.write_bytes(b"".join(to_json(one) + b"\n" for one in page.items))
    elif page.items:
        now = datetime.now(UTC)
        rows = [_row(one, now) for one in page.items]
        streams.out.write(in_columns(rows, head=_HEAD, paint=paint_for(streams.out)))
    else:
        streams.err.write("no artifacts\n")
    if page.cursor is not None:
        streams.err.write(f"there are more: --cursor {page.cursor}\n")


def _row(artifact: ArtifactRecord, now: datetime) -> tuple[str, ...]:
    return (
        artifact.artifact_id[-SHORT_ID:],
        shortened(artifact.name, _MAX_NAME),
        artifact.media_type,
        f"{artifact.size:,}",
        artifact.job_id[-SHORT_ID:],
        age_text(artifact.created_at, now=now),
    )


async def _get(settings: Settings, name: str, file: str, *, force: bool, as_json: bool) -> None:
    streams = Streams.standard()
    who = {"scope_id": settings.scope, "principal_id": settings.principal}
    async with open_under_policies(settings) as kernel:
        artifact = await find_artifact(kernel, name, scope_id=settings.scope)
        if file == _STANDARD:
            # Whole, so that nothing of a file that was changed in the store goes out.
            content = await kernel.read_artifact(artifact.artifact_id, **who)
            streams.out.write_bytes(content)
            return
        with saved(Path(file), force=force) as opened:
            found = artifact.artifact_id
            async for piece in kernel.stream_artifact(found, **who):
                opened.write(piece)
    if as_json:
        streams.out.write_bytes(to_json(artifact) + b"\n")
    else:
        streams.err.write(f"saved {artifact.size:,} bytes\n")


async def _put(
    settings: Settings,
    job: str,
    file: str,
    *,
    name: str,
    media_type: str,
    action: str | None,
    as_json: bool,
) -> None:
    streams = Streams.standard()
    with _opened(file) as opened:
        async with open_reader(settings) as kernel:
            found = await find_job(kernel, job, scope_id=settings.scope)
            artifact = await kernel.put_artifact(
                found.job_id,
                _pieces(opened),
                name=name,
                media_type=media_type,
                scope_id=settings.scope,
                principal_id=settings.principal,
                action_id=action,
            )
    if as_json:
        streams.out.write_bytes(to_json(artifact) + b"\n")
    else:
        streams.out.write(f"{artifact.artifact_id}\n")


def _opened(file: str) -> BinaryIO:
    if file == _STANDARD:
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise ConfigError(f"the file {file!r} cannot be read: {error.strerror}") from error


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece
