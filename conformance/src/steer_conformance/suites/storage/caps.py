"""The law of budgets: no interleaving of runs over nested accounts admits past a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from steer.errors import BudgetExceeded
from steer.ports.changes import AccountOpened, BudgetDefined, Change, Released, Reserved, Settled
from steer.ports.storage import MAX_PAGE, Storage

from steer_conformance.checks import check
from steer_conformance.storing.samples import budget
from steer_conformance.suites.storage.case import PATIENCE, StorageCase
from steer_conformance.suites.storage.processes import finish, next_line, together
from steer_conformance.suites.storage.spending import Books, Hold, Plan, plans

T = TypeVar("T")

BUDGETS = ("tenant", "team-a", "team-b", "run")
HANDLES = 3
WORDS = ("held", "settled")


@check("ST-80", seconds=120)
def nothing_is_admitted_past_a_limit_by_tasks_on_one_store(case: StorageCase) -> None:
    case.profile.run_machine(lambda: CapMachine(case, handles=1), share=0.4)


@check("ST-80", requires="shared", seconds=180)
def nothing_is_admitted_past_a_limit_by_several_that_have_one_store_open(case: StorageCase) -> None:
    case.profile.run_machine(lambda: CapMachine(case, handles=HANDLES), share=0.4)


@check("ST-80", requires=("shared", "durable"), seconds=180)
def nothing_is_admitted_past_a_limit_by_processes_one_of_which_is_killed(
    case: StorageCase,
) -> None:
    asyncio.run(_open_nested(case.storage))
    with together(case, "spend_nested", 60) as (killed, *others):
        said = [next_line(killed) for _ in range(30)]
        killed.kill()
        assert killed.stdout is not None
        # Its last line may have been cut short.
        said += killed.stdout.read().split("\n")[:-1]
        said += [line for lines in finish(others) for line in lines]
    asyncio.run(_check_nested(case.storage, said))


async def _open_nested(storage: Storage) -> None:
    changes: list[Change] = []
    for name, amount in (("tenant", 2000), ("team", 1200), ("run", 200)):
        changes.append(BudgetDefined(budget=budget(name, limit=amount)))
    for account in ("tenant", "team-0", "team-1"):
        of = account.partition("-")[0]
        changes.append(AccountOpened(account=account, budget_id=f"id-of-{of}"))
    await storage.commit("acme", None, None, changes)


async def _check_nested(storage: Storage, said: Sequence[str]) -> None:
    assert not [line for line in said if line.startswith("past")]
    told = {word: {line.split()[1] for line in said if line.startswith(word)} for word in WORDS}
    tenant = {part.key: part.amount for part in await storage.ledger.reserved("acme", "tenant")}
    # Only the process that was killed left anything open, at most one of each of its tasks.
    assert len(tenant) <= 4
    assert not told["settled"] & tenant.keys(), "settled, acknowledged, and held"
    spent = told["held"] - tenant.keys()
    assert told["settled"] <= spent
    below = 0
    for account in (await storage.ledger.accounts("acme", limit=MAX_PAGE)).items:
        held = {part.key for part in await storage.ledger.reserved("acme", account.account)}
        mine = {key for key in spent | tenant.keys() if account.account in _accounts_of(key)}
        assert held == mine & tenant.keys(), account.account
        assert (account.spent, account.reserved) == (4 * len(mine & spent), 8 * len(held))
        below += account.account.startswith("run-")
    assert below == 12


def _accounts_of(key: str) -> tuple[str, str, str]:
    worker, task, _ = key.split("-")
    return "tenant", f"team-{int(task) % 2}", f"run-{worker}-{task}"


class CapMachine(RuleBasedStateMachine):
    """Runs that reserve, settle, release and retry side by side, some of them cut short."""

    def __init__(self, case: StorageCase, handles: int) -> None:
        super().__init__()
        self.held = ExitStack()
        self.place = self.held.enter_context(case.another())
        self.runner = self.held.enter_context(asyncio.Runner())
        self.stores: list[Storage] = [
            self.place.storage,
            *(self.place.open() for _ in range(handles - 1)),
        ]
        self.books = Books()
        self.revisions = dict.fromkeys(BUDGETS, 0)
        self.accounts: dict[str, None] = {}

    def teardown(self) -> None:
        """Close the stores and let go of their place, also after a failure."""
        self.held.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(asyncio.wait_for(work, PATIENCE))

    @initialize()
    def open_accounts(self) -> None:
        for name, amount in zip(BUDGETS, (100, 60, 60, 40), strict=True):
            self.limit(name, amount)
        for name in BUDGETS[:-1]:
            self.open(name, name)

    def limit(self, name: str, amount: int) -> None:
        self.revisions[name] += 1
        defined = budget(name, limit=amount, revision=self.revisions[name])
        self.do(self.stores[0].commit("acme", None, None, [BudgetDefined(budget=defined)]))
        self.books.limits[name] = amount

    def open(self, account: str, of: str) -> None:
        if account not in self.accounts:
            opened = AccountOpened(account=account, budget_id=f"id-of-{of}")
            self.do(self.stores[-1].commit("acme", None, None, [opened]))
            self.accounts[account] = None

    @rule(name=st.sampled_from(BUDGETS), amount=st.integers(0, 150))
    def a_limit_is_raised_or_lowered(self, name: str, amount: int) -> None:
        self.limit(name, amount)

    @rule(drawn=st.lists(plans, min_size=2, max_size=6))
    def runs_go_on_side_by_side(self, drawn: list[Plan]) -> None:
        self.do(self._side_by_side(self._to_do(drawn)))

    @precondition(lambda self: len(self.stores) > 1)
    @rule(drawn=st.lists(plans, min_size=1, max_size=4), steps=st.integers(0, 6))
    def a_process_goes_in_their_middle(self, drawn: list[Plan], steps: int) -> None:
        self.do(self._gone_in_the_middle(self._to_do(drawn), steps))
        self.stores[-1] = self.place.open()

    def _to_do(self, drawn: Sequence[Plan]) -> list[tuple[Plan, Hold]]:
        """Return what each plan is about: a hold of its own, or one that nobody else is at."""
        busy: set[str] = set()
        found: list[tuple[Plan, Hold]] = []
        for plan in drawn:
            hold = self.books.hold_for(plan, busy)
            if hold is not None:
                busy.add(hold.key)
                self.open(hold.accounts[-1], "run")
                found.append((plan, hold))
        return found

    async def _side_by_side(self, todo: Sequence[tuple[Plan, Hold]]) -> None:
        async with asyncio.TaskGroup() as group:
            for plan, hold in todo:
                store = self.stores[plan.handle % len(self.stores)]
                group.create_task(self._cut_short(store, plan, hold))
        await self._look(todo)

    async def _cut_short(self, store: Storage, plan: Plan, hold: Hold) -> None:
        work = asyncio.ensure_future(self._one(store, plan, hold))
        for _ in range(plan.cancelled_after or 0):
            await asyncio.sleep(0)
        if plan.cancelled_after is not None:
            work.cancel()
        await asyncio.wait([work])
        if not work.cancelled():
            work.result()

    async def _gone_in_the_middle(self, todo: Sequence[tuple[Plan, Hold]], steps: int) -> None:
        *_, dying = self.stores
        tasks = [asyncio.ensure_future(self._one(dying, plan, hold)) for plan, hold in todo]
        for _ in range(steps):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await dying.aclose()
        await self._look(todo, self.stores[:-1])

    async def _one(self, store: Storage, plan: Plan, hold: Hold) -> None:
        """Commit one change; at the moment it is kept, no account is past its limit by it."""
        change = _change(plan, hold)
        try:
            done = await store.commit("acme", None, None, [change])
        except BudgetExceeded:
            assert plan.kind == "reserve", f"{change} is not admitted, and need not be"
            return
        hold.acknowledged(plan)
        if plan.kind != "reserve":
            return
        for account in done.accounts:
            taken, limit = account.spent + account.reserved, self.books.limit_of(account.account)
            assert taken <= limit, f"{taken} are taken of {account.account}, which has {limit}"

    async def _look(
        self, todo: Sequence[tuple[Plan, Hold]], stores: Sequence[Storage] | None = None
    ) -> None:
        """Read what became of what was cut short, once it is over."""
        for store in stores or self.stores:
            await store.commit("acme", None, None, [])
        kept = {part.key for part in await self.stores[0].ledger.reserved("acme", "tenant")}
        for plan, hold in todo:
            hold.seen(plan, held=hold.key in kept)
        self.books.overrun(plan for plan, hold in todo if hold.actual is not None)

    @invariant()
    def the_sums_are_those_of_the_reservations(self) -> None:
        for store in self.stores:
            self.do(self._check(store))
        self.books.overrun(())

    async def _check(self, store: Storage) -> None:
        for name in self.accounts:
            account = await store.ledger.account("acme", name)
            parts = await store.ledger.reserved("acme", name)
            held = {part.key: part.amount for part in parts}
            assert held == self.books.held_on(name), f"what is reserved on {name}"
            assert account.reserved == sum(held.values()), f"the sum reserved on {name}"
            assert account.spent == self.books.spent_on(name), f"the sum spent on {name}"
            self.books.check_taken(name, account.spent + account.reserved)


def _change(plan: Plan, hold: Hold) -> Change:
    if plan.kind == "settle":
        return Settled(key=hold.key, actuals=hold.on_all(plan.actual_of(hold)))
    if plan.kind == "release":
        return Released(key=hold.key)
    return Reserved(key=hold.key, amounts=hold.on_all(hold.amount))
