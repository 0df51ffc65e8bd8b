"""What the suite's own store makes of sessions and of stored agents."""

from __future__ import annotations

from dataclasses import replace

from steer.errors import Conflict, NotFound, SessionBusy
from steer.ports import changes as c
from steer.ports.records import SessionRecord

from steer_conformance.suites.storage.oracle_money import PlainMoney

__all__ = ["PlainTalks"]


class PlainTalks(PlainMoney):
    """A rule for each kind of change, named as it is."""

    def SessionTaken(self, _: str, change: c.SessionTaken) -> None:  # noqa: N802 - as the change
        self.need_free(change.session_id)
        if change.expected_version is not None:
            self.need(self.version_of(change.session_id) == change.expected_version, Conflict)
        self.scope.holders[change.session_id] = str(self.job_id)

    def SessionAppended(self, _: str, change: c.SessionAppended) -> None:  # noqa: N802 - as the change
        self.need_free(change.session_id)
        self.need(self.version_of(change.session_id) == change.expected_version, Conflict)
        old = self.scope.sessions.get(change.session_id) or SessionRecord(
            session_id=change.session_id
        )
        self.scope.sessions[change.session_id] = replace(
            old, version=old.version + 1, items=old.items + change.items, updated_at=self.now
        )

    def SessionDropped(self, _: str, change: c.SessionDropped) -> None:  # noqa: N802 - as the change
        self.need(change.session_id in self.scope.sessions, NotFound)
        self.need_free(change.session_id)
        del self.scope.sessions[change.session_id]
        self.scope.holders.pop(change.session_id, None)

    def need_free(self, session_id: str) -> None:
        self.need(self.scope.holder_of(session_id) in (None, self.job_id), SessionBusy)

    def version_of(self, session_id: str) -> int:
        found = self.scope.sessions.get(session_id)
        return found.version if found else 0

    def AgentStored(self, _: str, change: c.AgentStored) -> None:  # noqa: N802 - as the change
        versions = self.scope.agents.setdefault(change.agent.name, [])
        self.need(change.agent.version == len(versions) + 1, Conflict)
        versions.append(change.agent)
        self.scope.removed.discard(change.agent.name)

    def AgentRemoved(self, _: str, change: c.AgentRemoved) -> None:  # noqa: N802 - as the change
        there = bool(self.scope.agents.get(change.name)) and change.name not in self.scope.removed
        self.need(there, NotFound)
        self.scope.removed.add(change.name)
