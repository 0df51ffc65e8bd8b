"""One call of ``Storage.commit``, as the writer runs it."""

from __future__ import annotations

from collections.abc import Sequence

from steer.errors import StorageError
from steer.events import encode
from steer.ports.changes import Change, EventsAppended
from steer.ports.storage import Committed
from steer.sqlite._actions import ActionRows
from steer.sqlite._agents import AgentRows
from steer.sqlite._artifacts import ArtifactRows
from steer.sqlite._budgets import BudgetRows
from steer.sqlite._jobs import JobRows
from steer.sqlite._journal import EventRows
from steer.sqlite._ledger import MoneyRows
from steer.sqlite._records import RecordRows
from steer.sqlite._rows import Transaction
from steer.sqlite._sessions import SessionRows
from steer.storage import apply_changes

__all__ = ["Commit"]


class SqliteTables(
    EventRows,
    JobRows,
    RecordRows,
    BudgetRows,
    MoneyRows,
    ActionRows,
    ArtifactRows,
    SessionRows,
    AgentRows,
):
    """One scope. Fills ``steer.storage.Tables``."""


class Commit:
    """The changes of one commit; its events are encoded here, before the file is locked.

    Raises ``StorageError`` where an event has no JSON.
    """

    def __init__(
        self, scope_id: str, job_id: str | None, fence: int | None, changes: Sequence[Change]
    ) -> None:
        self._scope_id = scope_id
        self._job_id = job_id
        self._fence = fence
        self._changes = changes
        try:
            self._encoded = [
                encode(event).decode()
                for change in changes
                if isinstance(change, EventsAppended)
                for event in change.events
            ]
        except (ValueError, TypeError) as error:
            raise StorageError(f"sqlite: an event of job {job_id} has no JSON: {error}") from error

    def run(self, transaction: Transaction) -> Committed:
        tables = SqliteTables(transaction, self._scope_id, iter(self._encoded))
        after = apply_changes(
            tables, self._scope_id, self._job_id, self._fence, self._changes, now=transaction.now
        )
        return Committed(
            position=tables.newest_position(),
            fence=after.fence,
            attempt=after.attempt,
            accounts=after.accounts,
        )
