"""Look at one installed distribution: ``python check_installed.py core [--wheel]``.

Run by nox with the interpreter of a fresh environment that holds this distribution and what it
declares, nothing else; so only the standard library can be used here.
"""

from __future__ import annotations

import pkgutil
import subprocess
import sys
import tomllib
from importlib import import_module, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(folder: str, *options: str) -> None:
    """Raise AssertionError or ImportError at the first thing that is not as it should be."""
    source = ROOT / folder
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    distribution = metadata.distribution(project["name"])
    package = project["name"].replace("-", "_")

    assert distribution.version == project["version"]
    check_origins()
    check_imports(distribution, package)
    if "--wheel" in options:
        check_files(distribution, source, package)
        check_metadata(distribution, project)
    if project["name"] == "steer":
        check_command(project["version"])
    sys.stdout.write(f"{project['name']} {distribution.version}: as it should be\n")


def check_origins() -> None:
    """No distribution of ours may come from an index, where `steer` is another project's name."""
    for distribution in metadata.distributions():
        if distribution.name.split("-")[0] == "steer":
            origin = distribution.read_text("direct_url.json") or ""
            assert '"file://' in origin, f"{distribution.name} came from an index"


def check_imports(distribution: metadata.Distribution, package: str) -> None:
    """Import every module and every entry point. Those for pytest are pytest's to load."""
    for_pytest = {point.module for point in distribution.entry_points.select(group="pytest11")}
    top = import_module(package)
    for module in pkgutil.walk_packages(top.__path__, f"{package}."):
        if module.name not in for_pytest and not module.name.endswith(".__main__"):
            import_module(module.name)
    for point in distribution.entry_points:
        if point.group != "pytest11":
            point.load()


def check_files(distribution: metadata.Distribution, source: Path, package: str) -> None:
    """Compare the installed files with the sources: code, py.typed, migrations, licence."""
    installed = {Path(file) for file in distribution.files or ()}
    expected = {
        file.relative_to(source / "src")
        for file in (source / "src" / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert Path(package, "py.typed") in expected
    assert expected <= installed, f"not in the wheel: {sorted(map(str, expected - installed))}"
    assert any(file.match("*.dist-info/licenses/LICENSE") for file in installed)
    strangers = {file.parts[0] for file in installed} - {package, "..", *dist_infos(installed)}
    assert not strangers, f"the wheel brings more than its package: {strangers}"


def dist_infos(files: set[Path]) -> set[str]:
    """Return the names of the dist-info folders among the files."""
    return {file.parts[0] for file in files if file.parts[0].endswith(".dist-info")}


def check_metadata(distribution: metadata.Distribution, project: dict[str, object]) -> None:
    """Compare what an index would show with what the distribution says of itself."""
    shown = distribution.metadata
    assert shown["Summary"] == project["description"]
    assert shown["License-Expression"] == "Apache-2.0"
    assert shown["Requires-Python"] == ">=3.11"
    assert "Typing :: Typed" in (shown.get_all("Classifier") or ())
    assert shown.json.get("description"), "the readme is missing"


def check_command(version: str) -> None:
    """Run the command with the core alone, as after ``pip install steer``."""
    steer = Path(sys.executable).with_name("steer")
    for arguments, expected in ((["--version"], version), (["plugins"], "memory")):
        answer = subprocess.run(
            [steer, *arguments], capture_output=True, text=True, check=True, timeout=60
        )
        assert expected in answer.stdout, answer.stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
