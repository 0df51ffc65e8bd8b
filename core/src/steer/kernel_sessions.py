"""The part of the kernel that is about sessions."""

from __future__ import annotations

from abc import ABC, abstractmethod

from steer._engine.engine import Engine
from steer._engine.workshop import Workshop
from steer.context import DEFAULT_SCOPE
from steer.errors import ConfigError, Conflict, NotFound, SessionBusy
from steer.ports.changes import SessionAppended, SessionDropped
from steer.ports.records import Page, SessionRecord
from steer.redaction import Redactor
from steer.request import check_session_id
from steer.sessions import Session, decode_item, session_of

__all__ = ["KernelSessions"]


class KernelSessions(ABC):
    """Reads the conversations that runs go on with, copies and forgets them.

    With a ``principal_id`` the kernel's policies are asked whether that one may, and
    ``PolicyDenied`` is raised where not. Without one it is the application itself that acts.
    """

    _workshop: Workshop

    @abstractmethod
    def _opened(self) -> Engine: ...

    async def sessions(
        self, *, scope_id: str = DEFAULT_SCOPE, limit: int = 50, cursor: str | None = None
    ) -> Page[SessionRecord]:
        """Return sessions without their items, by id; ``Page.cursor`` asks for the next part."""
        return await self._opened().storage.sessions.list(scope_id, limit=limit, cursor=cursor)

    async def session(
        self,
        session_id: str,
        *,
        scope_id: str = DEFAULT_SCOPE,
        principal_id: str | None = None,
    ) -> Session:
        """Return a session, redacted as the events of its jobs are.

        Raises ``NotFound``, and ``ConfigError`` where a newer version of steer wrote it.
        """
        storage = self._opened().storage
        await self._workshop.check_data(scope_id, principal_id, "session", session_id, "read")
        record = await storage.sessions.get(scope_id, session_id)
        redactors: dict[str, Redactor | None] = {}
        for job_id in {decode_item(item).job_id for item in record.items}:
            try:
                job = await storage.jobs.get(scope_id, job_id)
            except NotFound:
                redactors[job_id] = self._workshop.redactor
            else:
                redactors[job_id] = self._workshop.redactor_of(job)
        return session_of(record, redactors.__getitem__)

    async def fork_session(
        self,
        session_id: str,
        to: str,
        *,
        items: int | None = None,
        scope_id: str = DEFAULT_SCOPE,
        principal_id: str | None = None,
    ) -> SessionRecord:
        """Copy a session under another name, all of it or its first ``items``.

        The two go on apart. Raises ``NotFound``, ``Conflict`` where there is a session ``to``
        already, and ``ConfigError`` for a name or a number that cannot be.
        """
        check_session_id(to)
        storage, check = self._opened().storage, self._workshop.check_data
        await check(scope_id, principal_id, "session", session_id, "read")
        await check(scope_id, principal_id, "session", to, "write")
        old = await storage.sessions.get(scope_id, session_id)
        most = len(old.items) if items is None else items
        if not 1 <= most <= len(old.items):
            raise ConfigError(
                f"session {session_id} has {len(old.items)} item{'s'[: len(old.items) != 1]},"
                f" and {most} were to be copied",
                fix="Copy as many as there are at most, and 1 at least",
            )
        copied = [
            SessionAppended(session_id=to, expected_version=number, items=(item,))
            for number, item in enumerate(old.items[:most])
        ]
        try:
            await storage.commit(scope_id, None, None, copied)
        except SessionBusy:
            raise
        except Conflict as error:
            raise Conflict(
                f"there is a session {to} already", fix="Take another name, or delete it first"
            ) from error
        return await storage.sessions.get(scope_id, to)

    async def delete_session(
        self,
        session_id: str,
        *,
        scope_id: str = DEFAULT_SCOPE,
        principal_id: str | None = None,
    ) -> None:
        """Forget a session. Raises ``NotFound``, and ``SessionBusy`` while a job has it."""
        await self._workshop.check_data(scope_id, principal_id, "session", session_id, "write")
        dropped = SessionDropped(session_id=session_id)
        await self._opened().storage.commit(scope_id, None, None, [dropped])
