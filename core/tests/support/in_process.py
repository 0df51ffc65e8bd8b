"""Commands of ``steer`` in the process of a test, for those that run no agent: they cost less."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from programs import Finished
from steer.cli.program import run

__all__ = ["InProcess"]


class InProcess:
    """Runs commands in ``folder``; what they write goes through the test's captured output."""

    def __init__(
        self, folder: Path, captured: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self._captured = captured
        patch.chdir(folder)
        for name in [name for name in os.environ if name.startswith("STEER_")]:
            patch.delenv(name)
        patch.setenv("HOME", str(folder / "home"))
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("COLUMNS", "100")
        # The program takes it away from whoever prints no logs.
        patch.setattr(logging, "lastResort", logging.lastResort)

    def __call__(self, *arguments: str) -> Finished:
        """Run a command to its end."""
        self._captured.readouterr()
        code = run(arguments)
        out, err = self._captured.readouterr()
        return Finished(code=code, out=out, err=err)
