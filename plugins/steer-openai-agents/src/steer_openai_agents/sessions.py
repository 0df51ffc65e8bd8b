"""The author's sessions, kept off the replay path.

A run that is replayed has to ask the models what it asked before, so a session must say in each
attempt what it said in the first. What the run adds is therefore kept beside the session, and goes
into it when the run has succeeded: until then the session is as the run found it.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, cast

import anyio
from agents import OpenAIConversationsSession, RunContextWrapper, SQLiteSession
from agents.items import TResponseInputItem
from agents.memory import Session, SessionABC
from agents.memory.session import _call_session_method, _get_session_wrapper
from agents.memory.session_settings import resolve_session_limit
from steer.errors import Conflict, ErrorCategory, RuntimeFailure

from steer_openai_agents.failures import refused

__all__ = ["RunSessions"]

STORE_SECONDS = 30.0
"""How long storing what a run added may go on after the run was cancelled in it."""

# The number that the SDK itself asks for where it wants all there is, whatever the settings say.
_ALL = 2_147_483_647


class RunSessions:
    """The sessions of one run, each with what the run has added to it."""

    def __init__(self) -> None:
        self._kept: dict[object, KeptSession] = {}

    def kept(self, session: Session) -> KeptSession:
        """Return what the SDK is given in place of an author's session.

        Raises ``RuntimeFailure`` for a session whose requests nobody could replay or admit, and
        for a second object that may or may not stand for a session that is in use.
        """
        if isinstance(session, KeptSession):
            return session
        key = _store_of(session)
        kept = self._kept.get(key)
        if kept is None:
            _refuse_remote(session)
            self._refuse_double(session)
            kept = self._kept[key] = KeptSession(session)
        kept.session_id = _id_of(session)
        kept.session_settings = getattr(session, "session_settings", None)
        return kept

    def _refuse_double(self, session: Session) -> None:
        name = _id_of(session)
        for other in self._kept.values():
            if _may_share(session, other.original) and name == _id_of(other.original):
                raise refused(
                    f"two {type(session).__name__} objects with the id {name!r} are used in one"
                    " run: the second would not see what the run has added to the first",
                    fix="Make the session once, and give that object to each run",
                )

    async def store(self) -> None:
        """Put what the run added into the author's sessions, because the run has succeeded.

        Raises ``Conflict`` where a session is no longer what the run has read, and
        ``RuntimeFailure`` where it cannot be written.
        """
        if not self._kept:
            return
        try:
            # What has begun is finished: half a run in a session would be worse than a late one.
            with anyio.CancelScope(shield=True), anyio.fail_after(STORE_SECONDS):
                for kept in self._kept.values():
                    await kept.store()
        except TimeoutError as error:
            raise RuntimeFailure(
                f"storing what the run added to its sessions took more than {STORE_SECONDS:g} s",
                category=ErrorCategory.TIMEOUT,
            ) from error


class KeptSession(SessionABC):
    """Stands before an author's session: reads it once, and keeps what is changed."""

    def __init__(self, original: Session) -> None:
        self.original = original
        self.session_id = _id_of(original)
        self.session_settings = getattr(original, "session_settings", None)
        # Asked for by name: whether items that differ in their ids alone are the same.
        self._ignore_ids_for_matching = getattr(original, "_ignore_ids_for_matching", False)
        self._found: list[TResponseInputItem] | None = None
        self._items: list[TResponseInputItem] = []
        self._untouched = 0
        self._cleared = False
        self._wrapper: RunContextWrapper[Any] | None = None

    async def get_items(
        self, limit: int | None = None, wrapper: RunContextWrapper[Any] | None = None
    ) -> list[TResponseInputItem]:
        await self._read(wrapper)
        limit = resolve_session_limit(limit, self.session_settings)
        if limit == 0:
            return []
        newest = self._items if limit is None or limit < 0 else self._items[-limit:]
        return copy.deepcopy(newest)

    async def add_items(
        self, items: list[TResponseInputItem], wrapper: RunContextWrapper[Any] | None = None
    ) -> None:
        await self._read(wrapper)
        self._items.extend(copy.deepcopy(items))

    async def pop_item(
        self, wrapper: RunContextWrapper[Any] | None = None
    ) -> TResponseInputItem | None:
        await self._read(wrapper)
        if not self._items:
            return None
        item = self._items.pop()
        self._untouched = min(self._untouched, len(self._items))
        return item

    async def clear_session(self, wrapper: RunContextWrapper[Any] | None = None) -> None:
        await self._read(wrapper)
        self._items.clear()
        self._untouched = 0
        self._cleared = True

    async def _read(self, wrapper: RunContextWrapper[Any] | None) -> None:
        self._wrapper = wrapper or self._wrapper
        if self._found is not None:
            return
        found = await self._ask(self.original, "get_items", limit=_ALL)
        # Two runs side by side may both have asked; what is there is the same.
        if self._found is None:
            self._found = list(found)
            self._items = copy.deepcopy(self._found)
            self._untouched = len(self._found)

    async def store(self) -> None:
        """Make the session what the run has made of it."""
        if self._found is None or not (self._changed or self._items[self._untouched :]):
            return
        session, reopened = _open_again(self.original)
        try:
            await self._store(session, self._found)
        except Conflict:
            raise
        except Exception as error:
            raise RuntimeFailure(
                f"what the run added to the session {self.session_id!r} could not be stored: "
                f"{type(error).__name__}: {error}"
            ) from error
        finally:
            if reopened:
                session.close()

    @property
    def _changed(self) -> bool:
        """Whether some of what the session held is to go."""
        return self._cleared or self._untouched < len(self._found or ())

    async def _store(self, session: Any, found: list[TResponseInputItem]) -> None:
        there = list(await self._ask(session, "get_items", limit=_ALL))
        # Others may have added to it meanwhile, as they may without steer.
        fits = there == found if self._changed else there[: len(found)] == found
        if not fits:
            raise Conflict(
                f"the session {self.session_id!r} was changed while the run used it, so nothing of"
                " the run was stored in it",
                fix="Let the SDK's runner alone change a session while a run uses it",
            )
        if self._cleared:
            await self._ask(session, "clear_session")
        else:
            for _ in range(len(found) - self._untouched):
                await self._ask(session, "pop_item")
        added = self._items if self._cleared else self._items[self._untouched :]
        if added:
            await self._ask(session, "add_items", copy.deepcopy(added))

    async def _ask(self, session: Any, method: str, *arguments: Any, **named: Any) -> Any:
        """Call a session as the SDK does: some want the context of the run, some are sync."""
        wrapper = _get_session_wrapper(session, self._wrapper)
        return await _call_session_method(
            getattr(session, method), *arguments, wrapper=wrapper, **named
        )


def _refuse_remote(session: object) -> None:
    """Raise ``RuntimeFailure`` for what would go to the provider past steer."""
    while session is not None:
        if isinstance(session, OpenAIConversationsSession):
            raise refused(
                "an OpenAIConversationsSession keeps its history at OpenAI, where a run that is"
                " begun again would find what it had added before",
                fix="Use a session that is stored on your side, for example SQLiteSession",
            )
        if callable(getattr(session, "run_compaction", None)):
            raise refused(
                f"a {type(session).__name__} has the model shorten its history by requests that"
                " would not pass steer",
                fix="Give the run the session that it wraps",
            )
        session = getattr(session, "underlying_session", None)


def _store_of(session: Session) -> object:
    """Return what two objects that stand for the same session have in common."""
    if type(session) is SQLiteSession and not _in_memory(session):
        place = (Path(session.db_path).resolve(), session.sessions_table, session.messages_table)
        return (SQLiteSession, session.session_id, *place)
    return id(session)


def _may_share(one: object, other: object) -> bool:
    """Whether nobody can tell if two objects stand for the same session."""
    if type(one) is not type(other) or type(one) is SQLiteSession:
        return False
    return not (isinstance(one, SQLiteSession) and _in_memory(one))


def _in_memory(session: SQLiteSession) -> bool:
    return str(session.db_path) == ":memory:"


def _id_of(session: Session) -> str:
    return str(session.session_id)


def _open_again(session: Session) -> tuple[Any, bool]:
    """Return the session, or, where the author has closed it, another object for it."""
    if type(session) is not SQLiteSession or not session._closed or _in_memory(session):  # noqa: SLF001 - no public way to see it
        return session, False
    again = SQLiteSession(
        session.session_id,
        session.db_path,
        session.sessions_table,
        session.messages_table,
    )
    return cast(Any, again), True
