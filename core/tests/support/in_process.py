"""The program ``steer`` inside of the process of a test, which costs no start of an interpreter."""

from __future__ import annotations

import io
import logging
import os
import sys
from pathlib import Path

import pytest
from programs import Finished
from steer.cli.program import run

__all__ = ["InProcess"]


class _Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


class InProcess:
    """Runs ``steer`` in ``folder``, for commands that run no code of an agent's own."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        capture: pytest.CaptureFixture[str],
    ) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capture = capture
        monkeypatch.chdir(folder)
        for name in [name for name in os.environ if name.startswith("STEER_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        monkeypatch.setenv("HOME", str(folder / "home"))
        monkeypatch.setenv("COLUMNS", "100")
        # The command line quiets what it does not say itself, in this process for good.
        monkeypatch.setattr(logging, "lastResort", logging.lastResort)

    def __call__(self, *arguments: str, typed: str | None = None) -> Finished:
        """Run one command to its end, with an empty standard input.

        With ``typed`` there is a terminal, at which somebody types that.
        """
        stdin = io.TextIOWrapper(io.BytesIO()) if typed is None else _Keyboard(typed)
        self._monkeypatch.setattr(sys, "stdin", stdin)
        self._capture.readouterr()
        code = run(arguments)
        out, err = self._capture.readouterr()
        return Finished(code=code, out=out, err=err)
