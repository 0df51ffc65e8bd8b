"""The fences between the distributions; the floors within the core are import-linter's."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
OUTSIDERS = sorted(file.parent for file in ROOT.glob("examples/third_party/*/pyproject.toml"))
DISTRIBUTIONS = [
    ROOT / "core",
    ROOT / "conformance",
    *sorted(ROOT.glob("plugins/*")),
    *OUTSIDERS,
]
# What those who write plugins import of the kit.
KIT = {"steer_conformance", "steer_conformance.provider"}
PUBLIC = {
    "steer",
    "steer.actions",
    "steer.agents",
    "steer.capabilities",
    "steer.context",
    "steer.errors",
    "steer.events",
    "steer.plugin",
    "steer.ports",
    "steer.values",
}
TERMINAL = {"rich", "typer"}
# pydantic pins pydantic-core to one version and documents what to import from it.
PARTS = {"pydantic": {"pydantic-core"}}


class Import(NamedTuple):
    """One imported module and where it is imported."""

    module: str
    file: Path
    line: int

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.module}"


def imports_of(distribution: Path, part: str = "src") -> Iterator[Import]:
    """Yield what the sources import, `from package import module` as the module."""
    for file in sorted((distribution / part).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Import(names=names):
                    yield from (Import(name.name, file, node.lineno) for name in names)
                case ast.ImportFrom(module=str(module), names=names, level=0):
                    for name in names:
                        full = f"{module}.{name.name}"
                        yield Import(full if is_ours(full) else module, file, node.lineno)


def is_ours(module: str) -> bool:
    """Whether a module of that name is in the sources."""
    path = module.replace(".", "/")
    return any(
        (distribution / "src" / name).exists()
        for distribution in DISTRIBUTIONS
        for name in (f"{path}.py", f"{path}/__init__.py")
    )


def is_public(module: str) -> bool:
    """Whether a plugin may import it: a public module, or one of those that make up ``ports``."""
    return module in PUBLIC or bool(re.fullmatch(r"steer\.ports\.[a-z]\w*", module))


def project(distribution: Path) -> dict[str, Any]:
    """Return what the distribution says of itself."""
    document = tomllib.loads((distribution / "pyproject.toml").read_text())
    described: dict[str, Any] = document["project"]
    return described


def package(distribution: Path) -> str:
    """Return the name under which a distribution is imported."""
    name: str = project(distribution)["name"]
    return name.replace("-", "_")


def declared(distribution: Path) -> set[str]:
    """Return the names that the declared dependencies, extras included, are imported by."""
    described = project(distribution)
    extras = described.get("optional-dependencies", {}).values()
    lines = [*described["dependencies"], *(line for extra in extras for line in extra)]
    wanted = {normal(re.split(r"[^\w.-]", line)[0]) for line in lines}
    wanted |= {part for name in wanted for part in PARTS.get(name, ())}
    providers = metadata.packages_distributions().items()
    names = {name for name, owners in providers if wanted & {normal(owner) for owner in owners}}
    return names | {name.replace("-", "_") for name in wanted if name.startswith("steer")}


def normal(name: str) -> str:
    """Return a distribution's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def listed(imports: list[Import]) -> str:
    return "\n".join(map(str, imports))


each_distribution = pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda d: d.name)
each_plugin = pytest.mark.parametrize(
    "plugin", [d for d in DISTRIBUTIONS if d.name != "core"], ids=lambda d: d.name
)


@each_distribution
def test_a_distribution_imports_only_what_it_declares(distribution: Path) -> None:
    allowed = sys.stdlib_module_names | declared(distribution) | {package(distribution)}
    # pytest loads these modules by itself, where it is installed.
    for_pytest = project(distribution).get("entry-points", {}).get("pytest11", {}).values()
    undeclared = [
        imported
        for imported in imports_of(distribution)
        if imported.top not in allowed
        and not (
            imported.top == "pytest"
            and f"{package(distribution)}.{imported.file.stem}" in for_pytest
        )
    ]
    assert not undeclared, listed(undeclared)


@each_plugin
def test_a_plugin_enters_the_core_by_its_public_doors(plugin: Path) -> None:
    # The kit finds and opens plugins as an application does.
    doors = {"steer.plugins"} if plugin.name == "conformance" else set()
    strays = [
        i
        for i in imports_of(plugin)
        if i.top == "steer" and not is_public(i.module) and i.module not in doors
    ]
    assert not strays, listed(strays)


@pytest.mark.parametrize("outsider", OUTSIDERS, ids=lambda d: d.name)
def test_an_outsider_needs_only_the_public_doors_of_the_kit(outsider: Path) -> None:
    strays = [
        i
        for i in (*imports_of(outsider), *imports_of(outsider, "tests"))
        if i.top == "steer_conformance" and i.module not in KIT
    ]
    assert not strays, listed(strays)


def test_plugins_do_not_import_each_other() -> None:
    plugins = {
        package(plugin): plugin for plugin in DISTRIBUTIONS if plugin.parent.name == "plugins"
    }
    strays = [
        imported
        for name, plugin in plugins.items()
        for imported in imports_of(plugin)
        if imported.top in plugins.keys() - {name}
    ]
    assert not strays, listed(strays)


def test_only_the_command_line_draws_on_the_terminal() -> None:
    cli = ROOT / "core/src/steer/cli"
    strays = [
        imported
        for imported in imports_of(ROOT / "core")
        if imported.top in TERMINAL and cli not in imported.file.parents
    ]
    assert not strays, listed(strays)


def test_nothing_is_imported_relatively() -> None:
    relative = [
        f"{file}:{node.lineno}"
        for distribution in DISTRIBUTIONS
        for file in (distribution / "src").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not relative, relative
