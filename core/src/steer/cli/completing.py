"""What shells offer for a word that is not finished: jobs, and names of plugins.

Names of files are not among it: where nothing is offered, the shell completes them itself.
Whatever goes wrong, a shell that completes is told nothing of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from steer.cli.amounts import age_text
from steer.cli.job_names import LATEST, SHORT_ID
from steer.cli.job_text import status_text
from steer.cli.printable import one_line
from steer.clock import SystemClock
from steer.config import Settings, load_settings
from steer.plugin import PluginKind
from steer.plugins import PluginRegistry
from steer.ports.records import JobQuery, JobRecord
from steer.values import TERMINAL_STATUSES, JobStatus

__all__ = ["jobs_beginning", "plugins_beginning"]

_MOST = 50
_SECONDS = 2.0
# What the other jobs are in no state for.
_UNFINISHED = frozenset(JobStatus) - TERMINAL_STATUSES
_STATUSES = {"cancel": _UNFINISHED, "resume": _UNFINISHED}


def jobs_beginning(
    incomplete: str, *, command: str, given: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Return the newest jobs whose id, or its end, begins so, each with what it is.

    ``command`` is for whom, ``given`` what options were given before.
    """
    with contextlib.suppress(Exception):
        flags = {name: given.get(name) for name in ("scope", "storage", "config")}
        settings = load_settings(flags, os.environ, Path.cwd())
        query = JobQuery(statuses=_STATUSES.get(command, frozenset()))
        jobs = asyncio.run(_newest(settings, query))
        return list(_fitting(jobs, incomplete.casefold()))
    return []


def plugins_beginning(incomplete: str, kind: PluginKind) -> list[str]:
    """Return the names of plugins of a kind that begin so. Nothing of them is opened."""
    with contextlib.suppress(Exception):
        names = PluginRegistry.discover().names(kind)
        return [name for name in names if name.startswith(incomplete)]
    return []


async def _newest(settings: Settings, query: JobQuery) -> tuple[JobRecord, ...]:
    # The store itself and no kernel, which would end the jobs that nobody runs.
    storage = PluginRegistry.discover().open_storage(settings.storage, SystemClock())
    try:
        with anyio.fail_after(_SECONDS):
            page = await storage.jobs.list(settings.scope, query, limit=_MOST, cursor=None)
            return tuple(page.items)
    finally:
        await storage.aclose()


def _fitting(jobs: tuple[JobRecord, ...], incomplete: str) -> list[tuple[str, str]]:
    now = datetime.now(UTC)
    found = [(LATEST, "the newest")] if jobs and LATEST.startswith(incomplete) else []
    for job in jobs:
        what = (
            f"{status_text(job, orphaned=False)}, {job.agent}, {age_text(job.created_at, now=now)}"
        )
        for name in (job.job_id[-SHORT_ID:], job.job_id):
            if name.startswith(incomplete):
                found.append((name, one_line(what)))
                break
    return found
