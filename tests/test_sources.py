"""What holds for every file and every distribution of the repository."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import steer

ROOT = Path(__file__).resolve().parents[1]
DISTRIBUTIONS = [ROOT / "core", ROOT / "conformance", *sorted(ROOT.glob("plugins/*"))]
SOURCES = [file for folder in DISTRIBUTIONS for file in sorted((folder / "src").rglob("*.py"))]
# What applications and plugins import; tests/test_imports.py keeps plugins to the same.
PUBLIC = [
    *(ROOT / f"core/src/steer/{name}.py" for name in (
        "__init__", "actions/__init__", "agents/__init__", "capabilities", "context",
        "errors/__init__", "events/__init__", "plugin", "values",
    )),
    *ROOT.glob("core/src/steer/ports/[!_]*.py"),
    ROOT / "conformance/src/steer_conformance/__init__.py",
    ROOT / "conformance/src/steer_conformance/provider/__init__.py",
]  # fmt: skip
LINES = 400
MACHINE = re.compile(r"/(?:root|Users/\w+)/\w")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")


def tracked() -> list[Path]:
    """Return the files of the repository that git knows or would take in."""
    listing = subprocess.run(
        ["/usr/bin/env", "git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [ROOT / line for line in listing.splitlines() if (ROOT / line).is_file()]


def project(distribution: Path) -> dict[str, Any]:
    """Return what a distribution says of itself."""
    document = tomllib.loads((distribution / "pyproject.toml").read_text())
    described: dict[str, Any] = document["project"]
    return described


class Names(NamedTuple):
    """The names that a module binds for others, and what it says about them."""

    exported: set[str]
    """Those in ``__all__``."""
    promised: set[str]
    """Functions, classes and constants without an underscore: they read as public."""
    bound: set[str]
    """All that it defines itself, and what a package takes from its own modules."""


def names_of(module: Path) -> Names:
    """Read the names at the top of a module, without importing it."""
    names = Names(set(), set(), set())
    own = module.parent.name if module.name == "__init__.py" else None
    for node in statements(ast.parse(module.read_text()).body):
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                names.exported.update(ast.literal_eval(value))
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                names.promised.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                # A type variable or an alias serves the module; a constant is for others.
                (names.promised if len(name) > 1 and name.isupper() else names.bound).add(name)
            case ast.ImportFrom(module=str(source), names=aliases) if own in source.split("."):
                names.promised.update(alias.name for alias in aliases)
            case _:
                pass
    promised = {name for name in names.promised if not name.startswith("_")}
    return Names(names.exported, promised, names.bound | names.promised)


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those under ``if TYPE_CHECKING`` included."""
    for node in body:
        yield node
        if isinstance(node, ast.If):
            yield from node.body


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


each_distribution = pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=name_of)


@pytest.mark.parametrize("module", PUBLIC, ids=name_of)
def test_all_of_a_public_module_names_exactly_what_is_public(module: Path) -> None:
    names = names_of(module)
    assert names.exported
    assert names.promised <= names.exported, "public by name, but not in __all__"


@pytest.mark.parametrize("module", SOURCES, ids=name_of)
def test_all_names_only_what_the_module_defines(module: Path) -> None:
    names = names_of(module)
    assert names.exported <= names.bound, "in __all__, but from elsewhere"


@each_distribution
def test_whatever_all_names_can_be_imported(distribution: Path) -> None:
    for file in (distribution / "src").rglob("*.py"):
        parts = file.relative_to(distribution / "src").with_suffix("").parts
        if parts[-1] == "__main__":
            continue
        module = import_module(".".join(parts).removesuffix(".__init__"))
        missing = [name for name in getattr(module, "__all__", ()) if not hasattr(module, name)]
        assert not missing, f"{module.__name__}: {missing}"


def test_no_file_is_too_long_to_read() -> None:
    files = [file for file in tracked() if file.suffix == ".py"]
    lengths = {name_of(file): len(file.read_text().splitlines()) for file in files}
    assert not {name: length for name, length in lengths.items() if length > LINES}


def test_no_file_names_a_machine_or_something_unfinished() -> None:
    found = []
    for file in tracked():
        if file.suffix != ".lock" and file != Path(__file__):
            text = file.read_bytes().decode(errors="ignore")
            for number, line in enumerate(text.splitlines(), 1):
                if MACHINE.search(line) or UNFINISHED.search(line):
                    found.append(f"{name_of(file)}:{number}: {line.strip()}")
    assert not found, "\n".join(found)


@each_distribution
def test_a_distribution_is_complete(distribution: Path) -> None:
    described = project(distribution)
    package = described["name"].replace("-", "_")
    assert (distribution / "src" / package / "py.typed").exists()
    assert (distribution / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (distribution / "changes").is_dir()
    assert (distribution / "CHANGELOG.md").exists()
    assert described["license"] == "Apache-2.0"
    assert described["requires-python"] == ">=3.11"
    assert "Typing :: Typed" in described["classifiers"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", described["version"]), "pip prefers a final release"


@each_distribution
def test_the_listed_pythons_are_the_tested_ones(distribution: Path) -> None:
    listed = re.findall(r"Python :: (3\.\d+)", "\n".join(project(distribution)["classifiers"]))
    tested = re.search(r"PYTHONS = \((.*)\)", (ROOT / "noxfile.py").read_text())
    assert tested
    assert listed == re.findall(r"\d\.\d+", tested[1])


def test_the_version_is_the_one_of_the_distribution() -> None:
    assert steer.__version__ == project(ROOT / "core")["version"]
