"""What shells offer for an unfinished word: jobs, questions, agents, sessions, budgets, plugins.

Names of files are not among it: where nothing is offered, the shell completes them itself.
Completing changes nothing, so of stores only the SQLite file is looked into, where there is one:
opening any other may make it. Whatever goes wrong, a shell that completes is told nothing of it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from steer.cli.job_names import LATEST, SHORT_ID
from steer.cli.jobs.job_state import NOTHING_MORE
from steer.cli.jobs.job_text import status_text
from steer.cli.money.budget_text import limit_text, subject_text
from steer.cli.people.action_text import what_text
from steer.cli.stored.agent_text import source_text
from steer.cli.terminal.amounts import age_text
from steer.cli.terminal.printable import one_line
from steer.config import Settings, load_settings
from steer.plugin import PluginKind
from steer.plugins import PluginRegistry
from steer.ports.records import JobQuery, JobRecord
from steer.ports.storage import MAX_PAGE
from steer.sqlite import (
    glance_at_actions,
    glance_at_agents,
    glance_at_budgets,
    glance_at_jobs,
    glance_at_sessions,
    path_from_url,
)
from steer.values import TERMINAL_STATUSES, ActionStatus, ActionType, JobStatus

__all__ = [
    "actions_beginning",
    "agents_beginning",
    "budgets_beginning",
    "jobs_beginning",
    "plugins_beginning",
    "sessions_beginning",
]

_MOST = 50
# What the other jobs are in no state for.
_UNFINISHED = frozenset(JobStatus) - TERMINAL_STATUSES
_OF_APPROVALS = frozenset({"approve", "deny"})
_UNSUCCESSFUL = TERMINAL_STATUSES - {JobStatus.SUCCEEDED}
_STATUSES = {"cancel": _UNFINISHED, "resume": _UNFINISHED, "retry": _UNSUCCESSFUL}


def jobs_beginning(
    incomplete: str, *, command: str, given: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Return the newest jobs whose id, or its end, begins so, each with what it is.

    ``command`` is for whom, ``given`` what options were given before.
    """
    with contextlib.suppress(Exception):
        settings = _settings(given)
        query = JobQuery(statuses=_STATUSES.get(command, frozenset()))
        file = path_from_url(settings.storage)
        jobs = glance_at_jobs(file, settings.scope, query, limit=_MOST)
        return list(_fitting(jobs, incomplete.casefold()))
    return []


def actions_beginning(
    incomplete: str, *, command: str, given: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Return the questions whose id, or its end, begins so, each with what it asks.

    Those that answer are offered what waits for an answer, the longest first. The parameters are
    those of ``jobs_beginning``.
    """
    with contextlib.suppress(Exception):
        settings = _settings(given)
        status = None if command == "show" else ActionStatus.PENDING
        file = path_from_url(settings.storage)
        found = glance_at_actions(file, settings.scope, status, limit=_MOST)
        wanted = ActionType.APPROVAL if command in _OF_APPROVALS else None
        actions = [action for action in found if wanted in (None, action.type)]
        described = [
            (action.action_id, f"{action.type}, {what_text(action)}") for action in actions
        ]
        return list(_named(described, incomplete.casefold()))
    return []


def agents_beginning(
    incomplete: str, *, command: str, given: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Return the stored agents whose name begins so, each with what it is.

    Where files are meant as well, only what begins with ``@`` is one of them. The parameters are
    those of ``jobs_beginning``.
    """
    at = "@" if command == "run" else ""
    if not incomplete.startswith(at):
        return []
    with contextlib.suppress(Exception):
        settings = _settings(given)
        agents = glance_at_agents(path_from_url(settings.storage), settings.scope, limit=_MOST)
        return [
            (f"{at}{agent.name}", one_line(f"version {agent.version}, {source_text(agent)}"))
            for agent in agents
            if agent.name.startswith(incomplete.removeprefix(at))
        ]
    return []


def sessions_beginning(incomplete: str, *, given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the sessions whose names begin so, each with when it was changed."""
    with contextlib.suppress(Exception):
        settings, now = _settings(given), datetime.now(UTC)
        file = path_from_url(settings.storage)
        return [
            (session.session_id, "" if at is None else age_text(at, now=now))
            for session in glance_at_sessions(file, settings.scope, incomplete, limit=_MOST)
            for at in (session.updated_at,)
        ]
    return []


def budgets_beginning(incomplete: str, *, given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the budgets whose name begins so, each with what it is."""
    with contextlib.suppress(Exception):
        settings = _settings(given)
        budgets = glance_at_budgets(path_from_url(settings.storage), settings.scope, limit=MAX_PAGE)
        return [
            (budget.name, one_line(f"{limit_text(budget)}, {subject_text(budget)}"))
            for budget in budgets
            if budget.name.startswith(incomplete)
        ]
    return []


def plugins_beginning(incomplete: str, kind: PluginKind) -> list[str]:
    """Return the names of plugins of a kind that begin so. Nothing of them is opened."""
    with contextlib.suppress(Exception):
        names = PluginRegistry.discover().names(kind)
        return [name for name in names if name.startswith(incomplete)]
    return []


def _settings(given: Mapping[str, Any]) -> Settings:
    flags = {name: given.get(name) for name in ("scope", "storage", "config")}
    return load_settings(flags, os.environ, Path.cwd())


def _fitting(jobs: tuple[JobRecord, ...], incomplete: str) -> list[tuple[str, str]]:
    now = datetime.now(UTC)
    found = [(LATEST, "the newest")] if jobs and LATEST.startswith(incomplete) else []
    described = [
        (
            job.job_id,
            f"{status_text(job, NOTHING_MORE)}, {job.agent}, {age_text(job.created_at, now=now)}",
        )
        for job in jobs
    ]
    return [*found, *_named(described, incomplete)]


def _named(described: list[tuple[str, str]], incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield what can be typed for each id that begins so: its end, else the whole."""
    for whole, what in described:
        for name in (whole[-SHORT_ID:], whole):
            if name.startswith(incomplete):
                yield name, one_line(what)
                break
