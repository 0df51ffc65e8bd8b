"""What runs do to nested accounts, and what the accounts then have to say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hypothesis import strategies as st

__all__ = ["Books", "Hold", "Plan", "plans"]

RUNS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """One thing that a run does: reserve, also once more, settle, or release.

    ``cancelled_after`` counts the steps of the event loop that it is given, ``None`` gives it all.
    ``which`` chooses among the reservations there are, ``handle`` among the stores that are open.
    """

    kind: str
    amount: int
    over: int
    team: str
    run: int
    which: int
    handle: int
    again: bool
    cancelled_after: int | None

    def actual_of(self, hold: Hold) -> int:
        """Return what the reservation came to: up to its amount, or a little above."""
        return min(self.amount, hold.amount) + self.over


plans = st.builds(
    Plan,
    kind=st.sampled_from(["reserve", "reserve", "reserve", "settle", "settle", "release"]),
    amount=st.integers(0, 40),
    over=st.sampled_from([0, 0, 0, 0, 7]),
    team=st.sampled_from(["team-a", "team-b"]),
    run=st.integers(1, RUNS),
    which=st.integers(0, 100),
    handle=st.integers(0, 2),
    again=st.sampled_from([False, False, True]),
    cancelled_after=st.none() | st.none() | st.integers(0, 4),
)


@dataclass(kw_only=True, slots=True)
class Hold:
    """A reservation on all accounts of one run, as far as it is known.

    ``actual`` is what it came to, once it was settled or released.
    """

    key: str
    amount: int
    accounts: tuple[str, ...]
    held: bool = False
    actual: int | None = None

    def on_all(self, amount: int) -> tuple[tuple[str, int], ...]:
        """Return an amount on each of the accounts."""
        return tuple((account, amount) for account in self.accounts)

    def acknowledged(self, plan: Plan) -> None:
        """Note that the store said yes."""
        if plan.kind != "reserve":
            self.held, self.actual = False, self._end(plan)
        elif self.actual is None:
            self.held = True

    def seen(self, plan: Plan, *, held: bool) -> None:
        """Note what the store shows; what it said yes to has to be so."""
        assert not (self.held and not held and plan.kind == "reserve"), f"{self.key} is lost"
        assert not (self.actual is not None and held), f"{self.key} has ended, and is held"
        if self.held and not held:
            self.actual = self._end(plan)
        self.held = held

    def _end(self, plan: Plan) -> int:
        return plan.actual_of(self) if plan.kind == "settle" else 0


class Books:
    """All reservations, and the limits as they are now."""

    def __init__(self) -> None:
        self.limits: dict[str, int] = {}
        self._holds: list[Hold] = []
        self._most: dict[str, int] = {}
        self._over = 0

    def limit_of(self, account: str) -> int:
        """Return the limit of an account, which for a run is that of all runs."""
        return self.limits["run" if account.startswith("run-") else account]

    def hold_for(self, plan: Plan, busy: set[str]) -> Hold | None:
        """Return what the plan is about, ``None`` where there is nothing of the kind."""
        if plan.kind == "reserve" and not (plan.again and self._holds):
            hold = Hold(
                key=f"hold-{len(self._holds)}",
                amount=plan.amount,
                accounts=("tenant", plan.team, f"run-{plan.run}"),
            )
            self._holds.append(hold)
            return hold
        fitting = [
            hold
            for hold in self._holds
            if hold.key not in busy and (hold.held or plan.kind == "reserve")
        ]
        return fitting[plan.which % len(fitting)] if fitting else None

    def overrun(self, settled: Iterable[Plan]) -> None:
        """Note how far above their reservations these may have come."""
        self._over = sum(plan.over for plan in settled if plan.kind == "settle")

    def held_on(self, account: str) -> dict[str, int]:
        """Return what has to be reserved on an account, by key."""
        return {
            hold.key: hold.amount for hold in self._holds if hold.held and account in hold.accounts
        }

    def spent_on(self, account: str) -> int:
        """Return what has to be spent on an account."""
        return sum(hold.actual or 0 for hold in self._holds if account in hold.accounts)

    def check_taken(self, account: str, taken: int) -> None:
        """Assert that an account is past its limit by what came above its reservation only.

        What is past a limit that was lowered does not grow either.
        """
        most = max(self.limit_of(account), self._most.get(account, 0)) + self._over
        assert taken <= most, f"{taken} are taken of {account}, and {most} may be"
        self._most[account] = taken
