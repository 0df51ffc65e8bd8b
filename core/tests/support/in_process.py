"""The program ``steer`` inside of the process of a test, which costs no start of an interpreter."""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from programs import Finished, Program
from steer.cli.program import run

__all__ = ["InProcess"]

_OF_THE_INTERPRETER = {"PATH", "PYTHONPATH"}
_SETTINGS = ("STEER_", "OPENAI_", "ANTHROPIC_")


class _Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


class InProcess(Program):
    """Runs ``steer`` in ``folder``, with the same environment as a process of its own has.

    What shows a process needs a real one, which ``started`` gives: its signals, its pipes, its
    terminal, and that what an agent's own code prints is kept apart from the answer.
    """

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        capture: pytest.CaptureFixture[str],
        *,
        path: tuple[Path, ...] = (),
    ) -> None:
        super().__init__(folder, path=path)
        self._path = path
        self._capture = capture
        monkeypatch.chdir(folder)
        for name in [name for name in os.environ if name.startswith(_SETTINGS)]:
            monkeypatch.delenv(name)
        self._given = self.env.keys() - _OF_THE_INTERPRETER
        for name in self._given:
            monkeypatch.setenv(name, self.env[name])
        # The command line quiets what it does not say itself, in this process for good.
        monkeypatch.setattr(logging, "lastResort", logging.lastResort)

    def __call__(
        self, *arguments: str, text: str | bytes | None = None, typed: str | None = None
    ) -> Finished:
        """Run one command to its end; ``text`` is the standard input.

        With ``typed`` there is a terminal instead, at which somebody types that.
        """
        given = text.encode() if isinstance(text, str) else text or b""
        with (
            pytest.MonkeyPatch.context() as patch,
            self._own_modules(),
            tempfile.TemporaryFile() as piped,
            io.TextIOWrapper(piped) as plain,
        ):
            piped.write(given)
            piped.seek(0)
            for name in self._given - self.env.keys():
                patch.delenv(name)
            for name in self.env.keys() - _OF_THE_INTERPRETER:
                patch.setenv(name, self.env[name])
            for folder in self._path:
                patch.syspath_prepend(folder)
            patch.setattr(sys, "stdin", plain if typed is None else _Keyboard(typed))
            self._capture.readouterr()
            code = run(arguments)
        out, err = self._capture.readouterr()
        return Finished(code=code, out=out, err=err)

    @contextmanager
    def _own_modules(self) -> Iterator[None]:
        """Forget afterwards what was imported from the folders, as if a process had ended."""
        before = set(sys.modules)
        try:
            yield
        finally:
            for name in sys.modules.keys() - before:
                file = getattr(sys.modules[name], "__file__", None)
                if any(Path(file or "/").is_relative_to(f) for f in (self.folder, *self._path)):
                    del sys.modules[name]
