"""Stored agents: a page of them, and one with all of its versions."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic_core import to_json

from steer.cli.opening import open_reader
from steer.cli.stored.agent_text import (
    AGENT_HEAD,
    agent_facts,
    agent_json,
    agent_row,
    definition_text,
    version_rows,
)
from steer.cli.terminal.paint import paint_for
from steer.cli.terminal.printable import for_terminal
from steer.cli.terminal.streams import Streams
from steer.cli.terminal.tables import in_columns
from steer.config import Settings
from steer.errors import NotFound
from steer.kernel import RuntimeKernel
from steer.ports.records import StoredAgent
from steer.ports.storage import MAX_PAGE

__all__ = ["list_stored", "show_stored"]


async def list_stored(settings: Settings, *, limit: int, cursor: str | None, as_json: bool) -> None:
    """List stored agents, each in its newest version."""
    streams = Streams.standard()
    async with open_reader(settings) as kernel:
        page = await kernel.agents(scope_id=settings.scope, limit=limit, cursor=cursor)
    if as_json:
        lines = [to_json(agent_json(agent)) + b"\n" for agent in page.items]
        streams.out.write_bytes(b"".join(lines))
    elif page.items:
        now = datetime.now(UTC)
        rows = [agent_row(agent, now=now) for agent in page.items]
        streams.out.write(in_columns(rows, head=AGENT_HEAD, paint=paint_for(streams.out)))
    else:
        streams.err.write("no agents\n")
    if page.cursor is not None:
        streams.err.write(f"there are more: --cursor {page.cursor}\n")


async def show_stored(settings: Settings, name: str, version: int | None, *, as_json: bool) -> None:
    """Show a version of an agent, the newest where none is named. Raises ``NotFound``."""
    streams = Streams.standard()
    async with open_reader(settings) as kernel:
        versions = await _versions(kernel, name, scope_id=settings.scope)
        removed = await _is_removed(kernel, name, scope_id=settings.scope)
    if versions and removed and version is None:
        raise NotFound(
            f"agent {name} was removed",
            fix=f"See its last version: --version {versions[0].version}",
        )
    wanted = version or (versions[0].version if versions else None)
    found = [each for each in versions if each.version == wanted]
    if not found:
        which = f"agent {name}" if not versions else f"version {version} of agent {name}"
        raise NotFound(
            f"there is no {which} in scope {settings.scope}",
            fix="See: steer agents list",
        )
    (agent,) = found
    if as_json:
        shown = {
            **agent_json(agent),
            "removed": removed,
            "versions": [agent_json(each) for each in versions],
        }
        streams.out.write_bytes(to_json(shown) + b"\n")
        return
    now, paint = datetime.now(UTC), paint_for(streams.out)
    facts = agent_facts(agent, removed=removed, newest=versions[0].version, now=now)
    known = [fact for fact in facts if fact[1]]
    text = in_columns(known, paint=paint, style=lambda column, _: None if column else "faint")
    if body := definition_text(agent):
        text += f"\n{for_terminal(body)}\n"
    head = ("VERSION", *AGENT_HEAD[2:])
    text += "\n" + in_columns(version_rows(versions, now=now), head=head, paint=paint)
    streams.out.write(text)


async def _versions(kernel: RuntimeKernel, name: str, *, scope_id: str) -> list[StoredAgent]:
    page = await kernel.agent_versions(name, scope_id=scope_id, limit=MAX_PAGE)
    versions = list(page.items)
    while page.cursor is not None:
        page = await kernel.agent_versions(
            name, scope_id=scope_id, limit=MAX_PAGE, cursor=page.cursor
        )
        versions += page.items
    return versions


async def _is_removed(kernel: RuntimeKernel, name: str, *, scope_id: str) -> bool:
    try:
        await kernel.agent(name, scope_id=scope_id)
    except NotFound:
        return True
    return False
