"""The program ``steer`` as a real process, in a folder and an environment of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steer.events import Event, decode

__all__ = ["PATIENCE", "Finished", "Program", "ended", "interrupt"]

PATIENCE = 60.0
"""Seconds after which a process that was waited for has failed its test."""
SUPPORT = Path(__file__).parent


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """A process that has ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[Event]:
        """Its output, each line being an event."""
        return [decode(line.encode()) for line in self.out.splitlines()]

    @property
    def rows(self) -> list[Any]:
        """Its output, each line being JSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> str:
        """The only line that is an error."""
        (line,) = [line for line in self.err.splitlines() if line.startswith("steer: ")]
        return line


class Program:
    """Starts ``steer`` in ``folder`` with a plain environment, to which ``env`` is added."""

    def __init__(self, folder: Path, *, path: tuple[Path, ...] = ()) -> None:
        self.folder = folder
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "XDG_STATE_HOME": str(folder / "state"),
            "PYTHONPATH": os.pathsep.join(map(str, (*path, SUPPORT))),
            "COLUMNS": "100",
            "OPENAI_API_KEY": "scripted",
        }

    def __call__(self, *arguments: str, text: str | bytes | None = None) -> Finished:
        """Run to the end; ``text`` is the standard input."""
        given = text.encode() if isinstance(text, str) else text
        finished = subprocess.run(
            self._command(*arguments),
            cwd=self.folder,
            env=self.env,
            input=b"" if given is None else given,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return Finished(
            code=finished.returncode,
            out=finished.stdout.decode(),
            err=finished.stderr.decode(),
        )

    @contextmanager
    def started(
        self, *arguments: str, stderr: int = subprocess.PIPE
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A process that runs meanwhile, in a group of its own; killed if it is left running."""
        with subprocess.Popen(
            self._command(*arguments),
            cwd=self.folder,
            env=self.env,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            # What was not read yet is then left for ``ended``.
            bufsize=0,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "steer", *arguments]


def ended(process: subprocess.Popen[bytes]) -> Finished:
    """Wait for the end of a process that was started."""
    out, err = process.communicate(timeout=PATIENCE)
    return Finished(code=process.returncode, out=(out or b"").decode(), err=(err or b"").decode())


def interrupt(process: subprocess.Popen[bytes], number: int = signal.SIGINT) -> None:
    """Send a signal to the group of a process, as a terminal does."""
    os.killpg(process.pid, number)
