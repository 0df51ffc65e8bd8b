"""Names as people type them: which two are the same, and which one was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["closest", "did_you_mean", "fold"]


def fold(name: str) -> str:
    """Return the form in which names are compared: ``OpenAI_Agents`` is ``openai-agents``."""
    return name.strip().replace("_", "-").casefold()


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` is most like, ``None`` where none is close."""
    by_fold = {fold(candidate): candidate for candidate in known}
    found = difflib.get_close_matches(fold(name), by_fold, n=1)
    return by_fold[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return the question to end an error with, ``None`` where no known name is close."""
    guess = closest(name, known)
    return f"Did you mean {guess!r}?" if guess else None
