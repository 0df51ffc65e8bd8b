"""The clauses of storages about budgets, totals, conversations in use, and removed agents."""

from __future__ import annotations

from steer_conformance.contract.clause import Clause

__all__ = ["STORAGE_MONEY_CLAUSES"]

STORAGE_MONEY_CLAUSES = (
    Clause(
        id="ST-70",
        port="storage",
        text="A budget is kept revision by revision: one that is not the next is refused, and so "
        "is one that has another id, subject, period or unit than before, or another budget's id.",
        checks=2,
    ),
    Clause(
        id="ST-71",
        port="storage",
        text="A budget that was dropped is gone, and its accounts keep their sums and have no "
        "limit of it.",
    ),
    Clause(
        id="ST-72",
        port="storage",
        text="An account is opened once, in the unit of its budget, while there is that budget.",
    ),
    Clause(
        id="ST-73",
        port="storage",
        text="A commit says what it left of the accounts that it reserved on, settled or released, "
        "each once, and of no others.",
    ),
    Clause(
        id="ST-74",
        port="storage",
        text="Totals are exact, one for each group in the order of their names, of the scopes and "
        "the times asked for, and of what was used only.",
        checks=4,
    ),
    Clause(
        id="ST-75",
        port="storage",
        text="A session is held by the job that took it until that job has ended; until then "
        "SessionBusy names it to all others.",
        checks=2,
    ),
    Clause(
        id="ST-76",
        port="storage",
        text="While a job holds a session nobody else appends to it.",
    ),
    Clause(
        id="ST-77",
        port="storage",
        text="A session that was dropped is gone with its items, and its name is free; one that a "
        "job holds is not dropped by others.",
    ),
    Clause(
        id="ST-78",
        port="storage",
        text="An agent that was removed is found by its versions only, until its next version is "
        "stored.",
        checks=2,
    ),
    Clause(
        id="ST-79",
        port="storage",
        text="The limit of an account is its own, else that of its budget as it is when a "
        "reservation is made; a budget that only warns is no limit.",
        checks=2,
    ),
    Clause(
        id="ST-80",
        port="storage",
        text="However runs, retries, cancels, crashes and changes of limits interleave over nested "
        "accounts, nothing is admitted past a limit, and the sums are those of the reservations.",
        checks=3,
    ),
)
