"""The program ``steer``."""

from __future__ import annotations

import sys

from steer.cli.lazy import load

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> int:
    """Run the program with the process's arguments and return its exit code."""
    try:
        # Imported here, because Ctrl-C may come before the program is read.
        code: int = load("steer.cli.program:run")(sys.argv[1:])
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code
