"""How a terminal stands, so that it can be left as it was found."""

from __future__ import annotations

import contextlib
import termios
from collections.abc import Callable

__all__ = ["restorer"]


def restorer(descriptor: int) -> Callable[[], None]:
    """Return what brings a terminal back to how it stands now, whatever became of it since."""
    attributes = termios.tcgetattr(descriptor)

    def restore() -> None:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, attributes)

    return restore
