"""A distribution that is packed well, and others that are not, each in a folder of its own."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from little_distributions import Site
from mutant import Mutant
from steer.plugin import SinkPlugin

__all__ = ["MODULE", "MUTANTS", "PLUGIN", "installed"]

PLUGIN = SinkPlugin(
    name="packed",
    summary="A sink to look at from outside",
    contract=1,
    open="steer_packed.sink:open_sink",
    config="steer_packed.sink:Where",
    requires=("packed-vendor",),
)
MODULE = """
    from steer.plugin import SinkPlugin, hookimpl

    @hookimpl
    def steer_sinks():
        yield SinkPlugin(
            name="packed",
            summary="A sink to look at from outside",
            contract=1,
            open="steer_packed.sink:open_sink",
            config="steer_packed.sink:Where",
            requires=("packed-vendor",),
        )
"""
SINK = '''
    import packed_vendor
    from pydantic import BaseModel
    from steer.ports.sink import EventSink

    class Where(BaseModel):
        """``place``: where events go."""

        place: str = "here"

    def open_sink(config, contents):
        return packed_vendor.Client(config.place)
'''
METADATA = (
    "Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"
    "Requires-Dist: steer>=2,<3\nRequires-Dist: packed-vendor\n"
)


@contextmanager
def installed(
    *,
    module: str = MODULE,
    sink: str = SINK,
    metadata: str = METADATA,
    version: str = "1.0",
    entry_points: str | None = None,
) -> Iterator[None]:
    """Install the distribution and its vendor for as long as this is entered."""
    before = set(sys.modules)
    with TemporaryDirectory() as place, patch.object(sys, "path", [place, *sys.path]):
        path = os.pathsep.join(filter(None, (place, os.environ.get("PYTHONPATH"))))
        site = Site(Path(place))
        # Without entry points of its own: it is no plugin.
        site.add("packed-vendor", {"packed_vendor": "class Client: ..."}, entry_points="\n")
        (site.folder / "packed_vendor-1.0.dist-info/top_level.txt").write_text("packed_vendor\n")
        modules = {"steer_packed.plugin": module, "steer_packed.sink": sink}
        modules["steer_packed.__init__"] = ""
        site.add(
            "steer-packed", modules, metadata=metadata, version=version, entry_points=entry_points
        )
        with patch.dict(os.environ, {"PYTHONPATH": path}):
            try:
                yield
            finally:
                for name in set(sys.modules) - before:
                    if name.startswith(("steer_packed", "packed_vendor")):
                        del sys.modules[name]
                importlib.invalidate_caches()


def _nothing() -> None:
    """The factory of what needs none."""


def _mutant(name: str, clause: str, plugin: SinkPlugin = PLUGIN, **changed: Any) -> Mutant:
    surroundings: Callable[[], Any] = partial(installed, **changed)
    return Mutant(
        name=name, clauses=(clause,), plugin=plugin, factory=_nothing, surroundings=surroundings
    )


MUTANTS = (
    _mutant("imports its vendor at once", "PK-1", module="    import packed_vendor\n" + MODULE),
    _mutant(
        "imports a vendor that it does not list",
        "PK-1",
        replace(PLUGIN, requires=()),
        module="    import packed_vendor\n" + MODULE.replace('("packed-vendor",)', "()"),
    ),
    _mutant(
        "imports what opens it at once", "PK-1", module="    import steer_packed.sink\n" + MODULE
    ),
    _mutant("names no module", "PK-2", entry_points="[steer]\npacked = steer_packed.nothing\n"),
    _mutant("declares another name", "PK-2", module=MODULE.replace('name="packed"', 'name="p"')),
    _mutant("declares another contract", "PK-2", module=MODULE.replace("contract=1", "contract=2")),
    _mutant("names no function", "PK-3", sink=SINK.replace("def open_sink", "def open_it")),
    _mutant("opens with other arguments", "PK-3", sink=SINK.replace("(config, contents)", "()")),
    _mutant("takes any steer", "PK-4", metadata=METADATA.replace(">=2,<3", "")),
    _mutant(
        "takes any steer on a certain Python",
        "PK-4",
        metadata=METADATA.replace("steer>=2,<3", 'steer; python_version >= "3.11"'),
    ),
    _mutant("does not name steer", "PK-4", metadata=METADATA.replace("steer>=2,<3", "pluggy")),
    _mutant(
        "takes the contract as it comes",
        "PK-5",
        module=MODULE.replace("contract=1", "contract=CONTRACT").replace(
            "import Sink", "import CONTRACT, Sink"
        ),
    ),
    _mutant("documents no key", "PK-6", sink=SINK.replace("``place``: where", "Where")),
    _mutant("imports what is private", "PK-7", sink=SINK + "    import steer.storage.money\n"),
    _mutant(
        "takes what is private from steer", "PK-7", sink=SINK + "    from steer import sqlite\n"
    ),
    _mutant(
        "does not depend on what it requires",
        "PK-8",
        metadata=METADATA.replace("Requires-Dist: packed-vendor\n", ""),
    ),
)
