"""The program ``steer``."""

from __future__ import annotations

import gc
import sys

from steer.cli.lazy import load

__all__ = ["main"]

_INTERRUPTED = 130
_NEW_OBJECTS = 50_000


def main() -> int:
    """Run the program with the process's arguments and return its exit code."""
    # Nearly all that a command makes are modules, which stay: to search these for garbage every 700
    # objects, as Python would, takes longer than to read some of them.
    gc.set_threshold(_NEW_OBJECTS)
    try:
        # Imported here, because Ctrl-C may come before the program is read.
        code: int = load("steer.cli.program:run")(sys.argv[1:])
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code
