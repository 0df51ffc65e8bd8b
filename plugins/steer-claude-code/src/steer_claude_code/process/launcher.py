"""The program that the SDK runs as the CLI: it lets go of the host's environment first."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from steer.errors import RuntimeFailure

from steer_claude_code.process import supervisor
from steer_claude_code.process.environment import Given

__all__ = ["guard_command", "guarded", "write_launcher"]

_ENV = "/usr/bin/env"
_FIRST_DESCRIPTOR = 3


def guarded() -> bool:
    """Return whether a guard can watch over the CLI here: with Linux 5.3 or later, and a Python.

    A program that was frozen into one file has none.

    Elsewhere the CLI is given the same environment, and what it has started is ended as far as it
    can be found: not after a kill of the host, and on other systems than Linux not at all.
    """
    if sys.platform != "linux" or not sys.executable or getattr(sys, "frozen", False):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


def guard_command(root: Path) -> list[str]:
    """Return what the guards of a private folder are run as, without what follows.

    The program is imported, since it is compiled only once then, and each run waits for it. Its
    folder comes last, behind the standard library.
    """
    program = Path(supervisor.__file__)
    code = f"import sys; sys.path.append({str(program.parent)!r}); import {program.stem} as guard"
    return [sys.executable, "-I", "-S", "-c", f"{code}; guard.main()", str(root)]


def write_launcher(root: Path, cli: Path, given: Given) -> Path:
    """Write a program into a private folder that becomes the CLI, and return its path.

    The SDK starts it with the whole environment of this process. It replaces that by running
    another program in its place, before anything of the CLI runs. Values stand in no argument,
    which everybody on the machine can read, but in a file of the user's own that is deleted when
    it is read.

    Raises ``RuntimeFailure`` where programs in that folder cannot be run.
    """
    launcher = root / "claude"
    marker = f"{supervisor.MARKER}={root}"
    environment = {supervisor.MARKER: str(root), **given.environment}
    if guarded():
        _write(root / supervisor.ORDER, supervisor.order(str(cli), environment, given.secrets))
        program = [*guard_command(root), str(os.getpid())]
    else:
        program = ["/bin/sh", str(_write_plain(root, cli, environment, given.secrets))]
    kept = " ".join(f'${{{name}+{name}="${name}"}}' for name in supervisor.FROM_SDK)
    command = f'exec {_ENV} -i {shlex.quote(marker)} {kept} {shlex.join(program)} "$@"'
    _write(launcher, f"#!/bin/sh\n{command}\n".encode(), mode=0o700)
    if not os.access(launcher, os.X_OK):
        raise RuntimeFailure(
            f"claude-code cannot run a program in {root.parent}, where temporary files go",
            fix="Set TMPDIR to a folder that is not mounted with noexec",
        )
    return launcher


def _write_plain(
    root: Path, cli: Path, environment: Mapping[str, str], secrets: Mapping[str, str]
) -> Path:
    """Write a script that becomes the CLI without a guard; it deletes what it has read."""
    script = root / supervisor.ORDER
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    for number, (name, value) in enumerate(secrets.items(), start=_FIRST_DESCRIPTOR):
        file = script.with_suffix(f".{number}")
        _write(file, value.encode())
        path = shlex.quote(str(file))
        lines += [f"exec {number}<{path}", f"rm -f {path}", f"export {name}={number}"]
    lines += ['rm -f "$0"', f'exec {shlex.quote(str(cli))} "$@"', ""]
    _write(script, os.fsencode("\n".join(lines)))
    return script


def _write(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    number = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    with os.fdopen(number, "wb") as file:
        file.write(data)
