"""The program ``steer`` inside of the process of a test, which costs no start of an interpreter."""

from __future__ import annotations

import io
import logging
import sys
from pathlib import Path

import pytest
from programs import Finished
from steer.cli.program import run

__all__ = ["InProcess"]


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
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        monkeypatch.setenv("HOME", str(folder / "home"))
        monkeypatch.setenv("COLUMNS", "100")
        # The command line quiets what it does not say itself, in this process for good.
        monkeypatch.setattr(logging, "lastResort", logging.lastResort)

    def __call__(self, *arguments: str) -> Finished:
        """Run one command to its end, without a terminal; its standard input is empty."""
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        self._capture.readouterr()
        code = run(arguments)
        out, err = self._capture.readouterr()
        return Finished(code=code, out=out, err=err)
