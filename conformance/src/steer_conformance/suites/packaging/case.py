"""The case of a check of packaging: a plugin, and the distribution that brings it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from steer.plugin import ENTRY_POINT_GROUP, Declaration
from steer.plugins import PluginRegistry

from steer_conformance.checks import Subject

__all__ = ["PackagingCase", "open_case"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PackagingCase:
    """A plugin's declaration; what brings it is looked up among what is installed."""

    plugin: Declaration

    @property
    def distribution(self) -> metadata.Distribution:
        """The installed distribution that declares the plugin."""
        rows = PluginRegistry.discover().explain()
        mine = [row for row in rows if (row.kind, row.name) == (self.plugin.kind, self.plugin.name)]
        problems = [row.error for row in rows if row.error and (row in mine or row.kind is None)]
        found = [row.distribution for row in mine if row.distribution is not None]
        assert found, f"no installed distribution declares it{'; '.join(['', *problems])}"
        assert len(found) == 1, f"declared by {', '.join(found)}"
        return metadata.distribution(found[0])

    @property
    def requirements(self) -> list[Requirement]:
        """What the distribution says that it depends on, with its extras."""
        return [Requirement(line) for line in self.distribution.requires or ()]

    @property
    def modules(self) -> list[str]:
        """The modules that the distribution's entry points for steer name."""
        points = self.distribution.entry_points.select(group=ENTRY_POINT_GROUP)
        return sorted({point.module for point in points})

    @property
    def sources(self) -> list[Path]:
        """Every Python file of the packages that those modules are in."""
        files: set[Path] = set()
        for name in {module.partition(".")[0] for module in self.modules}:
            spec = importlib.util.find_spec(name)
            assert spec is not None, f"the package {name} cannot be found"
            for folder in spec.submodule_search_locations or ():
                files |= set(Path(folder).rglob("*.py"))
            if not spec.submodule_search_locations and spec.origin is not None:
                files.add(Path(spec.origin))
        return sorted(files)


@contextmanager
def open_case(subject: Subject) -> Iterator[PackagingCase]:
    """Give a check its case."""
    yield PackagingCase(plugin=subject.plugin)
