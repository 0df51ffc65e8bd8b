"""The part of the blocking kernel that is about sessions."""

from __future__ import annotations

from functools import partial

from anyio.from_thread import BlockingPortal

from steer.context import DEFAULT_SCOPE
from steer.kernel import RuntimeKernel
from steer.ports.records import Page, SessionRecord
from steer.sessions import Session

__all__ = ["BlockingSessions"]


class BlockingSessions:
    """The methods of ``steer.kernel_sessions``, blocking."""

    _kernel: RuntimeKernel
    _portal: BlockingPortal

    def sessions(
        self, *, scope_id: str = DEFAULT_SCOPE, limit: int = 50, cursor: str | None = None
    ) -> Page[SessionRecord]:
        """Return sessions by id: see ``RuntimeKernel.sessions``."""
        return self._portal.call(
            partial(self._kernel.sessions, scope_id=scope_id, limit=limit, cursor=cursor)
        )

    def session(self, session_id: str, *, scope_id: str = DEFAULT_SCOPE) -> Session:
        """Return a session: see ``RuntimeKernel.session``."""
        return self._portal.call(partial(self._kernel.session, session_id, scope_id=scope_id))

    def fork_session(
        self,
        session_id: str,
        to: str,
        *,
        items: int | None = None,
        scope_id: str = DEFAULT_SCOPE,
    ) -> SessionRecord:
        """Copy a session: see ``RuntimeKernel.fork_session``."""
        return self._portal.call(
            partial(self._kernel.fork_session, session_id, to, items=items, scope_id=scope_id)
        )

    def delete_session(self, session_id: str, *, scope_id: str = DEFAULT_SCOPE) -> None:
        """Forget a session: see ``RuntimeKernel.delete_session``."""
        self._portal.call(partial(self._kernel.delete_session, session_id, scope_id=scope_id))
