"""The sessions: `nox --list` names them, `nox` runs them all, `nox -s tests-3.12` runs one.

`dev.py tests` runs lint, types and imports with `--no-venv`, in the environment it has made.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
PYTHONS = ("3.11", "3.12", "3.13")
DISTRIBUTIONS = (
    "core",
    "conformance",
    *sorted(f"plugins/{p.name}" for p in ROOT.glob("plugins/*")),
)
OUTSIDERS = tuple(sorted(p.parent for p in ROOT.glob("examples/third_party/*/pyproject.toml")))

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
# Each listed Python is promised in the classifiers: one that is not there is an error.
nox.options.error_on_missing_interpreters = True


def pyenv_directories() -> list[str]:
    """Return the bin folders of pyenv's newest interpreter for each listed Python.

    pyenv's own shims on PATH answer only for versions that the user has switched on.
    """
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found: dict[str, tuple[int, Path]] = {}
    for folder in root.glob("versions/*/bin"):
        version = re.fullmatch(r"(\d+\.\d+)\.(\d+)", folder.parent.name)
        if version and version[1] in PYTHONS:
            found[version[1]] = max(found.get(version[1], (-1, folder)), (int(version[2]), folder))
    return [str(folder) for _, folder in found.values()]


os.environ["PATH"] = os.pathsep.join(
    [str(Path(sys.executable).parent), *pyenv_directories(), os.environ["PATH"]]
)


def sync(session: nox.Session, *options: str) -> None:
    """Install the versions that uv.lock names into the session's environment."""
    if session.venv_backend == "none":
        return
    location = session.virtualenv.location
    session.run_install(
        "uv", "sync", "--quiet", "--frozen", f"--python={location}", *options,
        env={"UV_PROJECT_ENVIRONMENT": location}, external=True,
    )  # fmt: skip


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run every test on each listed Python, with the locked versions."""
    sync(session)
    session.run("pytest", *(session.posargs or ["-n3", "--dist=loadgroup", "-m", "not live"]))


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Show which lines and branches no test reaches; the tests take twice as long so."""
    sync(session)
    session.run("pytest", "-n3", "--dist=loadgroup", "--cov", "--cov-report=term:skip-covered")


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """Import and test every distribution with the lowest versions that it declares."""
    for distribution in DISTRIBUTIONS:
        alone = fresh_environment(session, distribution)
        floors = ("--resolution=lowest-direct", f"./{distribution}")
        session.run_install("uv", "pip", "install", f"--python={alone}", *floors, external=True)
        session.run(alone, "tests/check_installed.py", distribution, external=True)
    together = [f"--editable=./{distribution}" for distribution in DISTRIBUTIONS]
    session.install("--resolution=lowest-direct", *together, "--group=test")
    session.run("pytest", "-n3", "--dist=loadgroup", *(f"{d}/tests" for d in DISTRIBUTIONS))


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the sources and of their tests, strictly."""
    sync(session)
    for distribution in DISTRIBUTIONS:
        session.run("mypy", *(f"{distribution}/{part}" for part in ("src", "tests")))
    for outsider in OUTSIDERS:
        own = {"MYPYPATH": str(outsider / "src")}
        session.run("mypy", *(str(outsider / part) for part in ("src", "tests")), env=own)
    session.run("mypy", "noxfile.py", "dev.py", "docs", "tests", "benchmarks")


@nox.session
def lint(session: nox.Session) -> None:
    """Check the code's form, and that the names of the change fragments are valid."""
    sync(session, "--only-group=lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    for distribution in DISTRIBUTIONS:
        draft = ("--draft", "--version=next", f"--dir={distribution}")
        session.run("towncrier", "build", *draft, silent=True)


@nox.session
def imports(session: nox.Session) -> None:
    """Check the floors and the fences: who may import whom."""
    sync(session)
    session.run("lint-imports", "--no-logo")
    session.run("pytest", "tests/test_imports.py")


@nox.session(python=PYTHONS)
def wheels(session: nox.Session) -> None:
    """Install each wheel alone, with what it declares, and look at what is there."""
    folder = Path(session.create_tmp()).resolve() / "wheels"
    wheel = build_wheels(session, DISTRIBUTIONS, folder)
    for distribution, file in wheel.items():
        alone = fresh_environment(session, distribution)
        pinned = (f"--overrides={folder / 'pins.txt'}", str(file))
        session.run_install("uv", "pip", "install", f"--python={alone}", *pinned, external=True)
        session.run(alone, "-I", "tests/check_installed.py", distribution, "--wheel", external=True)


@nox.session(python=PYTHONS[0])
def third_party(session: nox.Session) -> None:
    """Let the plugins of outsiders prove themselves: from wheels, outside of this checkout."""
    with tempfile.TemporaryDirectory(prefix="steer-third-party-") as away:
        folder = Path(away).resolve()
        build_wheels(session, ("core", "conformance"), folder)
        for outsider in OUTSIDERS:
            project = tomllib.loads((outsider / "pyproject.toml").read_text())["project"]
            (file,) = build_wheels(session, (str(outsider),), folder / "own").values()
            alone = fresh_environment(session, outsider.name, at=folder)
            wanted = (f"--overrides={folder / 'pins.txt'}", f"{file}[test]")
            session.run_install("uv", "pip", "install", f"--python={alone}", *wanted, external=True)
            # The sources stay behind: what is tested is what was installed.
            copy = folder / "tried" / outsider.name
            shutil.copytree(outsider, copy, ignore=shutil.ignore_patterns("src", "__pycache__"))
            steer = str(Path(alone).with_name("steer"))
            with session.chdir(copy):
                session.run(steer, "plugins", external=True)
                for name in project["entry-points"]["steer"]:
                    session.run(steer, "check", name, external=True)
                session.run(alone, "-m", "pytest", "tests", *session.posargs, external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Run every example of every page, and follow the links between the pages."""
    sync(session)
    session.run("pytest", "docs", "-m", "not live", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks, each of which fails where its promise does not hold."""
    sync(session)
    # What steer is measured beside, and nothing else needs.
    session.install("cedarpy>=4.12,<5")
    for benchmark in sorted(ROOT.glob("benchmarks/*.py")):
        session.run("python", str(benchmark.relative_to(ROOT)), *session.posargs)


@nox.session(default=False)
def live(session: nox.Session) -> None:
    """Ask the vendors' real services: needs OPENAI_API_KEY, and costs a few cents."""
    if not os.environ.get("OPENAI_API_KEY"):
        session.error("OPENAI_API_KEY is not set: this session asks OpenAI itself")
    sync(session)
    session.run("pytest", "-m", "live", *session.posargs)


@nox.session
def clone(session: nox.Session) -> None:
    """Run what the README tells a newcomer to run, in a fresh clone of the last commit."""
    home = Path(session.create_tmp()).resolve() / "home"
    shutil.rmtree(home, ignore_errors=True)
    session.run("git", "clone", "--quiet", str(ROOT), str(home / "steer"), external=True)
    python = Path(sys.base_prefix) / "bin"
    kept = ("SSL_CERT_FILE", "PIP_CERT", "PIP_INDEX_URL", "HTTPS_PROXY", "NO_PROXY")
    bare = {"HOME": str(home), "PATH": f"{python}:/usr/bin:/bin"}
    bare |= {name: os.environ[name] for name in kept if name in os.environ}
    with session.chdir(home / "steer"):
        for command in (("python3", "dev.py", "demo"), (".ci/run",)):
            session.run(*command, env=bare, include_outer_env=False, external=True)


def build_wheels(
    session: nox.Session, distributions: Sequence[str], folder: Path
) -> dict[str, Path]:
    """Build a wheel of each into ``folder``, and write ``pins.txt`` there; return the wheels."""
    wheels, pins = {}, ""
    for distribution in distributions:
        project = tomllib.loads((ROOT / distribution / "pyproject.toml").read_text())["project"]
        build = ("--wheel", "--no-sources", f"--out-dir={folder}", str(ROOT / distribution))
        session.run_install("uv", "build", "--quiet", *build, external=True)
        file = next(folder.glob(f"{project['name'].replace('-', '_')}-*.whl"))
        wheels[distribution] = file
        # On the public index the name `steer` is another project's: ours come from these files.
        pins += f"{project['name']} @ {file.as_uri()}\n"
    (folder / "pins.txt").write_text(pins)
    return wheels


def fresh_environment(session: nox.Session, distribution: str, *, at: Path | None = None) -> str:
    """Make an empty environment of the session's Python; return its interpreter."""
    location = (at or Path(session.create_tmp())).resolve() / Path(distribution).name
    base = f"--python={session.virtualenv.location}"
    session.run_install("uv", "venv", "--quiet", "--clear", base, str(location), external=True)
    return str(location / "bin" / "python")
