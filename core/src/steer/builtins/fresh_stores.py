"""New stores for the conformance suite: what the storages of core declare as ``testing``."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from steer.plugin import FreshStore

__all__ = ["fresh_memory", "fresh_sqlite"]


@contextmanager
def fresh_memory(_: Path) -> Iterator[FreshStore]:
    """Every ``memory://`` that is opened is a new one, and needs no folder."""
    yield FreshStore(url="memory://")


@contextmanager
def fresh_sqlite(folder: Path) -> Iterator[FreshStore]:
    """Name a file in the folder, and one beside it for each earlier schema."""
    earlier = {}
    for packed in resources.files("steer.builtins").joinpath("earlier_sqlite").iterdir():
        version = packed.name.removesuffix(".sqlite.gz")
        file = folder / f"{version}.db"
        with packed.open("rb") as opened, gzip.open(opened) as unpacked, file.open("wb") as target:
            shutil.copyfileobj(unpacked, target)
        earlier[version] = _url(file)
    yield FreshStore(url=_url(folder / "store.db"), earlier=earlier)


def _url(file: Path) -> str:
    return f"sqlite:///{quote(file.as_posix())}"
