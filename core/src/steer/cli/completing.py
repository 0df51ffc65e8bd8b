"""What shells offer for a word that is not finished: jobs, and names of plugins.

Names of files are not among it: where nothing is offered, the shell completes them itself.
Completing changes nothing, so of stores only the SQLite file is looked into, where there is one:
opening any other may make it. Whatever goes wrong, a shell that completes is told nothing of it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from steer.cli.amounts import age_text
from steer.cli.job_names import LATEST, SHORT_ID
from steer.cli.job_state import NOTHING_MORE
from steer.cli.job_text import status_text
from steer.cli.printable import one_line
from steer.config import load_settings
from steer.plugin import PluginKind
from steer.plugins import PluginRegistry
from steer.ports.records import JobQuery, JobRecord
from steer.sqlite import glance_at_jobs, path_from_url
from steer.values import TERMINAL_STATUSES, JobStatus

__all__ = ["jobs_beginning", "plugins_beginning"]

_MOST = 50
# What the other jobs are in no state for.
_UNFINISHED = frozenset(JobStatus) - TERMINAL_STATUSES
_UNSUCCESSFUL = TERMINAL_STATUSES - {JobStatus.SUCCEEDED}
_STATUSES = {"cancel": _UNFINISHED, "resume": _UNFINISHED, "retry": _UNSUCCESSFUL}


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
        file = path_from_url(settings.storage)
        jobs = glance_at_jobs(file, settings.scope, query, limit=_MOST)
        return list(_fitting(jobs, incomplete.casefold()))
    return []


def plugins_beginning(incomplete: str, kind: PluginKind) -> list[str]:
    """Return the names of plugins of a kind that begin so. Nothing of them is opened."""
    with contextlib.suppress(Exception):
        names = PluginRegistry.discover().names(kind)
        return [name for name in names if name.startswith(incomplete)]
    return []


def _fitting(jobs: tuple[JobRecord, ...], incomplete: str) -> list[tuple[str, str]]:
    now = datetime.now(UTC)
    found = [(LATEST, "the newest")] if jobs and LATEST.startswith(incomplete) else []
    for job in jobs:
        what = f"{status_text(job, NOTHING_MORE)}, {job.agent}, {age_text(job.created_at, now=now)}"
        for name in (job.job_id[-SHORT_ID:], job.job_id):
            if name.startswith(incomplete):
                found.append((name, one_line(what)))
                break
    return found
