"""StorageCase: a new, empty store for one check."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from pkgutil import resolve_name
from typing import cast

from steer.errors import ConfigError
from steer.plugin import FreshStore, StoragePlugin
from steer.ports.storage import Storage

from steer_conformance.checks import Subject
from steer_conformance.profiles import Profile
from steer_conformance.storing.samples import TurnedClock

__all__ = ["PATIENCE", "StorageCase", "storage_case"]

PATIENCE = 30.0
"""How many seconds anything that has to happen may take on a busy machine."""


class StorageCase:
    """What a check of a storage is given.

    ``storage`` is a new store, opened when it is first asked for, with ``clock``. ``open`` opens
    the same store once more, or another one by its URL. All of them are closed when the check has
    ended. ``earlier`` are the URLs of stores that earlier versions filled, by version.
    """

    def __init__(self, subject: Subject, store: FreshStore) -> None:
        self._subject = subject
        self._storage: Storage | None = None
        self._opened: list[Storage] = []
        self.url = store.url
        self.earlier: Mapping[str, str] = store.earlier
        self.profile: Profile = subject.profile
        self.clock = TurnedClock()

    @property
    def storage(self) -> Storage:
        """The store of this check."""
        if self._storage is None:
            self._storage = self.open()
        return self._storage

    @property
    def target(self) -> str:
        """What another process imports to open the store. Raises ``ConfigError``."""
        opener = self._plugin.open
        if isinstance(opener, str):
            return opener
        name = f"{opener.__module__}:{opener.__qualname__}"
        if "<" in name or opener.__module__ == "__main__":
            raise ConfigError(
                f"{self._plugin.name} is opened by {name}, which no other process can import",
                fix="Declare open as 'package.module:function'",
            )
        return name

    def open(self, url: str | None = None, clock: TurnedClock | None = None) -> Storage:
        """Open a store, by default this one; it is closed when the check has ended."""
        opener = self._plugin.open
        function = resolve_name(opener) if isinstance(opener, str) else opener
        storage = cast("Storage", function(url or self.url, clock or self.clock))
        self._opened.append(storage)
        return storage

    def another(self) -> AbstractContextManager[StorageCase]:
        """Return a case with a new store of its own, for a check that needs many."""
        return storage_case(self._subject)

    async def aclose(self) -> None:
        """Close all that was opened."""
        for storage in self._opened:
            await asyncio.wait_for(storage.aclose(), PATIENCE)

    @property
    def _plugin(self) -> StoragePlugin:
        return cast("StoragePlugin", self._subject.plugin)


@contextmanager
def storage_case(subject: Subject) -> Iterator[StorageCase]:
    """Make a new store with the subject's factory, and close and remove it in the end.

    The factory is given an empty folder and returns a context manager of a ``FreshStore``.
    """
    make = cast("Callable[[Path], AbstractContextManager[FreshStore]]", subject.factory)
    with tempfile.TemporaryDirectory(prefix="steer-check-") as folder, make(Path(folder)) as store:
        case = StorageCase(subject, store)
        try:
            yield case
        finally:
            asyncio.run(case.aclose())
