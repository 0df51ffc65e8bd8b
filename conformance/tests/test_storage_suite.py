"""The suite of storages itself: that it leaves out no change and no method of the port."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pytest
from steer.builtins.fresh_stores import fresh_memory, fresh_sqlite
from steer.builtins.storages import open_memory_url, open_sqlite_url
from steer.capabilities import StorageCapabilities
from steer.clock import SystemClock
from steer.errors import ConfigError, StorageError
from steer.plugin import FreshStore, StoragePlugin
from steer.ports import storage as port
from steer.ports.changes import Change
from steer.ports.records import JobQuery
from steer_conformance.checks import Check, Subject
from steer_conformance.running import perform
from steer_conformance.storing.filling import FITTING
from steer_conformance.storing.samples import admit
from steer_conformance.suites.storage import SUITE, scopes
from steer_conformance.suites.storage.case import StorageCase, storage_case
from steer_conformance.suites.storage.drawing import DRAWN
from steer_conformance.suites.storage.listing import LISTINGS

KINDS = set(get_args(Change))


def plugin(opener: str | Callable[..., Any], **claims: bool) -> StoragePlugin:
    return StoragePlugin(
        name="acme",
        summary="x",
        contract=1,
        open=opener,
        schemes=("acme",),
        capabilities=StorageCapabilities(**claims),
    )


def the_check(name: str) -> Check[StorageCase]:
    (found,) = (check for check in SUITE.checks if check.name == name)
    return found


def methods() -> set[str]:
    """Every method that the stores of the port have, as ``store.method``."""
    stores = {
        name: get_type_hints(value.fget)["return"]
        for name, value in vars(port.Storage).items()
        if isinstance(value, property) and name != "signals"
    }
    return {
        f"{store}.{name}"
        for store, kind in stores.items()
        for name, value in vars(kind).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }


def test_every_kind_of_change_is_tried_by_itself_and_at_random() -> None:
    assert set(FITTING) == KINDS
    assert set(DRAWN) == KINDS


def test_every_method_that_reads_is_asked_for_what_another_scope_has() -> None:
    asked = [*scopes.NOT_FOUND, *scopes.EMPTY, *scopes.NOTHING]
    assert sorted(asked) == sorted(methods())


def test_every_listing_with_pages_is_paged_through() -> None:
    paged = {
        name
        for name in methods()
        if "Page[" in str(inspect.signature(method(name)).return_annotation)
    }
    # The versions of one agent have numbers instead of names, and a check of their own.
    assert len(paged - {"agents.versions"}) == len(LISTINGS)


def method(name: str) -> Callable[..., object]:
    store, _, called = name.partition(".")
    hints = get_type_hints(vars(port.Storage)[store].fget)
    found: Callable[..., object] = getattr(hints["return"], called)
    return found


def test_a_case_closes_what_it_opened_and_leaves_no_folder() -> None:
    folders: list[Path] = []

    def make(folder: Path) -> Any:
        folders.append(folder)
        return fresh_sqlite(folder)

    with storage_case(Subject(plugin=plugin(open_sqlite_url), factory=make)) as case:
        opened = [case.storage, case.open()]
        asyncio.run(admit(case.storage))
        assert case.storage is opened[0]
        assert folders[0].is_dir()
    assert not folders[0].exists()
    for storage in opened:
        with pytest.raises(StorageError, match="closed"):
            asyncio.run(storage.jobs.list("acme", JobQuery()))


def test_a_function_that_can_be_imported_is_named_to_other_processes() -> None:
    subject = Subject(plugin=plugin(open_memory_url), factory=fresh_memory)
    with storage_case(subject) as case:
        assert case.target == "steer.builtins.storages:open_memory_url"
    subject = Subject(plugin=plugin("acme.storage:open_acme"), factory=fresh_memory)
    with storage_case(subject) as case:
        assert case.target == "acme.storage:open_acme"


def test_a_function_that_no_process_can_import_is_refused_with_the_fix() -> None:
    def open_here(url: str, clock: Any) -> object:
        return open_sqlite_url(url, clock)

    claims_much = plugin(open_here, durable=True, shared=True)
    subject = Subject(plugin=claims_much, factory=fresh_sqlite)
    check = the_check("each_job_is_claimed_by_one_of_the_processes")
    with pytest.raises(ConfigError, match="no other process can import") as raised:
        perform(SUITE, check, subject)
    assert raised.value.fix == "Declare open as 'package.module:function'"


def test_a_process_that_ends_before_it_is_killed_proves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    only_here = ModuleType("only_here")
    only_here.open_here = open_sqlite_url  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "only_here", only_here)
    durable = plugin("only_here:open_here", durable=True)
    check = the_check("nothing_is_half_when_a_process_is_killed_at_any_moment")
    with pytest.raises(AssertionError, match=r"ended before it was killed:[^$]*No module named"):
        perform(SUITE, check, Subject(plugin=durable, factory=fresh_sqlite))


def test_a_storage_may_use_the_threads_of_the_event_loop_and_leave_none_of_its_own() -> None:
    class InThreads:
        def __init__(self, url: str, clock: Any) -> None:
            self.kept = open_memory_url(url, clock)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.kept, name)

        async def commit(self, *arguments: Any) -> object:
            done = await self.kept.commit(*arguments)
            await self.somewhere()
            return done

        async def somewhere(self) -> None:
            await asyncio.to_thread(int)

    class InItsOwn(InThreads):
        def __init__(self, url: str, clock: Any) -> None:
            super().__init__(url, clock)
            self.pool = ThreadPoolExecutor(1)

        async def somewhere(self) -> None:
            await asyncio.wrap_future(self.pool.submit(int))

    check = the_check("closing_ends_what_is_under_way_and_then_refuses")
    perform(SUITE, check, Subject(plugin=plugin(InThreads), factory=fresh_memory))
    with pytest.raises(AssertionError, match="threads that outlive the store"):
        perform(SUITE, check, Subject(plugin=plugin(InItsOwn), factory=fresh_memory))


def test_who_claims_upgrades_gives_a_store_to_upgrade() -> None:
    class OnlyNew:
        def __enter__(self) -> FreshStore:
            return FreshStore(url="memory://")

        def __exit__(self, *_: object) -> None:
            pass

    check = the_check("a_store_that_an_earlier_version_filled_opens_and_goes_on")
    claims_it = plugin(open_memory_url, upgrades=True)
    with pytest.raises(AssertionError, match="no store of an earlier version"):
        perform(SUITE, check, Subject(plugin=claims_it, factory=lambda _: OnlyNew()))


def test_the_worker_fills_a_store_for_later_versions(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'filled.db'}"
    target = "steer.builtins.storages:open_sqlite_url"
    worker = "steer_conformance.storing.worker"
    subprocess.run([sys.executable, "-m", worker, target, url, "samples"], check=True, timeout=60)
    storage = open_sqlite_url(url, SystemClock())
    try:
        page = asyncio.run(storage.jobs.list("acme", JobQuery()))
    finally:
        asyncio.run(storage.aclose())
    assert [job.job_id for job in page.items] == ["job-2", "job-1"]
