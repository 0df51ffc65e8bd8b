"""Set up this checkout and run something in it; ``python3 dev.py help`` lists what.

It needs Python 3.11 or later with pip, and nothing else: no venv module, no rights to the
system's packages. All that it installs goes into the checkout: uv into .tools, everything
else, at the versions that uv.lock names, into .venv.

The file must parse on every Python 3, so that an old one can say what is wrong.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

if sys.version_info < (3, 11):
    sys.exit(f"dev.py: steer needs Python 3.11 or later; this is {sys.version.split()[0]}.")

UV_VERSION = "0.13.8"
ROOT = Path(__file__).resolve().parent
TOOLS = ROOT / ".tools"
VENV = ROOT / ".venv"

HELP = """\
usage: python3 dev.py COMMAND [ARGUMENTS]

  demo          set everything up, then run `steer demo`
  steer ...     any other command of steer: `steer run AGENT PROMPT`
  tests         all that must hold, on this Python: lint, types, imports, every test
  tests ...     only pytest, with these arguments: `tests core -k budget`
  nox ...       the full matrix: every Python, lowest versions, wheels; `nox --list`
  run ...       another program of the environment: `run python`
  help          this text
"""


class SetupError(Exception):
    """The environment cannot be made; the message is what the user reads."""


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    command, *rest = arguments or ["help"]
    if command in {"help", "-h", "--help"}:
        sys.stdout.write(HELP)
        return 0
    programs = {
        "demo": ["steer", "demo"],
        "steer": ["steer"],
        "tests": ["pytest"],
        "nox": ["nox", f"--noxfile={ROOT / 'noxfile.py'}"],
        "run": [],
    }
    if command not in programs or (command == "run" and not rest):
        sys.stderr.write(HELP)
        return 2
    try:
        environment = set_up()
    except SetupError as error:
        sys.stderr.write(f"dev.py: {error}\n")
        return 1
    if command in {"tests", "nox"}:
        # nox would remember the interpreters in the user's own cache.
        environment.setdefault("XDG_CACHE_HOME", str(TOOLS / "cache"))
        # They start many interpreters, each of which would compile all that it imports.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if command == "tests" and not rest:
        return run_all_tests(environment)
    return become([*programs[command], *rest], environment)


def run_all_tests(environment: dict[str, str]) -> int:
    """Run every check that one Python can decide; pytest's closing line comes last."""
    checks = ["nox", "--no-venv", "--sessions", "lint", "types", "imports"]
    tests = ["pytest", "-n3", "--dist=loadgroup"]
    failed = [
        program[0]
        for program in (checks, tests)
        if subprocess.run(program, cwd=ROOT, env=environment, check=False).returncode
    ]
    if failed:
        sys.stderr.write(f"dev.py: failed: {', '.join(failed)}\n")
    return 1 if failed else 0


def become(program: list[str], environment: dict[str, str]) -> NoReturn:
    """Replace this process, so that signals and the exit code are the program's own."""
    path = shutil.which(program[0], path=environment["PATH"])
    if path is None:
        sys.exit(f"dev.py: there is no program {program[0]} in {VENV}")
    os.execve(path, program, environment)


def set_up() -> dict[str, str]:
    """Make or refresh .venv and return the environment variables to run its programs with."""
    uv = find_uv() or install_uv()
    environment = {
        # Nothing is written outside the checkout, and a proxy's own certificate, known to
        # the system and so to pip, is known to uv as well. What the user has set stays.
        "UV_CACHE_DIR": str(TOOLS / "cache"),
        "UV_SYSTEM_CERTS": "1",
        **os.environ,
        "UV_PROJECT_ENVIRONMENT": str(VENV),
        "PATH": os.pathsep.join(
            [f"{VENV}/bin", f"{TOOLS}/bin", os.environ.get("PATH", os.defpath)]
        ),
    }
    environment.pop("VIRTUAL_ENV", None)
    if not VENV.exists():
        sys.stderr.write(f"dev.py: installing the locked packages into {VENV}\n")
    # In a virtual environment this is the interpreter that the environment was made from.
    python = getattr(sys, "_base_executable", sys.executable)
    sync = [uv, "sync", "--quiet", "--frozen", "--project", str(ROOT), "--python", python]
    if subprocess.run(sync, env=environment, check=False).returncode:
        raise SetupError(
            "uv could not install the locked packages, for the reason above; "
            "it needs the network, or a filled cache named by UV_CACHE_DIR"
        )
    return environment


def find_uv() -> str | None:
    """Return a uv that is new enough to read the lock: ours, else one on PATH."""
    for candidate in (str(TOOLS / "bin" / "uv"), shutil.which("uv")):
        if candidate is None or not Path(candidate).exists():
            continue
        answer = subprocess.run(
            [candidate, "--version"], capture_output=True, text=True, check=False
        )
        if numbers(answer.stdout) >= numbers(UV_VERSION):
            return candidate
    return None


def numbers(version: str) -> list[int]:
    """Return the numbers of a version, which compare as they should."""
    return [int(part) for part in re.findall(r"\d+", version)[:3]]


def install_uv() -> str:
    """Put uv into .tools by pip, whose ``--target`` an externally managed Python allows."""
    if find_spec("pip") is None:
        raise SetupError(
            f"{sys.executable} has no pip; install it (Debian, Ubuntu: apt install python3-pip) "
            f"or put uv {UV_VERSION} or later on PATH"
        )
    sys.stderr.write(f"dev.py: installing uv {UV_VERSION} into {TOOLS}\n")
    TOOLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLS) as fresh:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-cache-dir"]
        pip += ["--disable-pip-version-check", "--root-user-action=ignore"]
        pip += ["--target", fresh, f"uv=={UV_VERSION}"]
        # Both settings speak of installing into an interpreter, which this does not.
        environment = {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
        if subprocess.run(pip, env=environment, check=False).returncode:
            raise SetupError(
                f"pip could not install uv {UV_VERSION}, for the reason above; "
                "it needs the network, or an index of your own (PIP_INDEX_URL)"
            )
        # Moved in one step: a second dev.py started meanwhile sees all of uv or none of it.
        (TOOLS / "bin").mkdir(exist_ok=True)
        (Path(fresh) / "bin" / "uv").replace(TOOLS / "bin" / "uv")
    return str(TOOLS / "bin" / "uv")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
