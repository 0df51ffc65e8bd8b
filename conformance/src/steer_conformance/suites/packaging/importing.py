"""What is imported, and when."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from steer_conformance.checks import check
from steer_conformance.suites.packaging.case import PackagingCase

__all__: list[str] = []

_SECONDS = 60.0
_PUBLIC = {
    "steer",
    "steer.agents",
    "steer.capabilities",
    "steer.context",
    "steer.errors",
    "steer.events",
    "steer.plugin",
    "steer.ports",
    "steer.values",
}
_OUR_OWN = ("steer", "steer-conformance")
_LISTING = """
import importlib, json, sys
import steer.plugin
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@check("PK-1")
def importing_the_plugin_module_imports_no_vendor(case: PackagingCase) -> None:
    modules = case.modules
    listed = subprocess.run(
        [sys.executable, "-c", _LISTING, *modules],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert listed.returncode == 0, f"importing it fails:\n{listed.stderr[-2000:]}"
    imported = set(json.loads(listed.stdout.splitlines()[-1]))
    # Also what nobody thought of listing in `requires`.
    vendors = _top_modules({*case.plugin.requires, *(each.name for each in case.requirements)})
    targets = {
        target.partition(":")[0]
        for key in ("open", "config", "testing", "nesting")
        if isinstance(target := getattr(case.plugin, key, None), str)
    }
    too_much = {name for name in imported if name.partition(".")[0] in vendors}
    too_much |= (targets - set(modules)) & imported
    assert not too_much, f"importing {', '.join(modules)} imports {', '.join(sorted(too_much))}"


def _top_modules(distributions: set[str]) -> set[str]:
    """The names that these distributions are imported by, but for those of steer itself."""
    wanted = {_normal(name) for name in distributions} - set(_OUR_OWN)
    return {
        module
        for module, owners in metadata.packages_distributions().items()
        if wanted & {_normal(owner) for owner in owners}
    }


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@check("PK-7")
def of_steer_only_the_public_modules_are_imported(case: PackagingCase) -> None:
    if _normal(case.distribution.name) in _OUR_OWN:
        # What is private is private to these.
        return
    strays = [
        f"{file.name}:{line} imports {module}"
        for file in case.sources
        for module, line in _imports(file)
        if module.partition(".")[0] == "steer" and not _is_public(module)
    ]
    assert not strays, "\n".join(strays)


def _is_public(module: str) -> bool:
    return module in _PUBLIC or bool(re.fullmatch(r"steer\.ports\.[a-z]\w*", module))


def _imports(file: Path) -> Iterator[tuple[str, int]]:
    """The modules that a file imports; of `from steer import x`, `steer.x` where that is one."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from ((name.name, node.lineno) for name in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield module, node.lineno
                if module == "steer":
                    parts = [name.name for name in names if _is_part(name.name)]
                    yield from ((f"steer.{name}", node.lineno) for name in parts)
            case _:
                pass


def _is_part(name: str) -> bool:
    """Whether `from steer import name` gives a module of it, or what it keeps to itself."""
    return name.startswith("_") or importlib.util.find_spec(f"steer.{name}") is not None
