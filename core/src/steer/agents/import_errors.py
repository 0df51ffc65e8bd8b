"""What kept an agent's file from being imported, in one sentence with file and line."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from steer.agents.source import AgentSource
from steer.errors import AgentError

__all__ = ["explained"]

_MAX_REASON = 200


@contextmanager
def explained(source: AgentSource) -> Iterator[None]:
    """Turn whatever an author's code raises while it is imported into an ``AgentError``.

    ``SystemExit`` too, since loading an agent must not end the process; ``KeyboardInterrupt`` is
    the user's and passes through.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        place = _place(error, source)
        if isinstance(error, AgentError) and place is None:
            raise
        raise _explanation(error, place or source.shown, source) from error


def _explanation(error: Exception | SystemExit, place: str, source: AgentSource) -> AgentError:
    match error:
        case AgentError():
            return AgentError(f"{place}: {error.message}", fix=error.fix)
        case SyntaxError() if _is_in_a_file(error):
            return AgentError(f"{place}: syntax error: {error.msg}")
        case SystemExit():
            return AgentError(
                f"{place}: the file ends the program when it is imported: sys.exit({error.code!r})",
                fix="Put what only a script should do under: if __name__ == '__main__':",
            )
        case ModuleNotFoundError(name=str(missing)):
            return AgentError(
                f"{place}: there is no module {missing}",
                fix="Install the package that brings it into the environment steer runs in",
            )
        case _:
            reason = " ".join(str(error).split())[:_MAX_REASON]
            return AgentError(
                f"{place}: importing it raised {type(error).__name__}{reason and f': {reason}'}",
                fix=f"To see the whole traceback: python {source.path}",
            )


def _place(error: BaseException, source: AgentSource) -> str | None:
    """Return file and line of the author's own code that is nearest to the error."""
    if isinstance(error, SyntaxError) and _is_in_a_file(error):
        line = "" if error.lineno is None else f":{error.lineno}"
        return f"{_shown(Path(str(error.filename)), source)}{line}"
    folder = source.path.parent
    place = None
    for frame, line_number in traceback.walk_tb(error.__traceback__):
        file = Path(frame.f_code.co_filename)
        # An environment may lie inside the author's folder.
        if file.is_relative_to(folder) and "site-packages" not in file.parts:
            place = f"{_shown(file, source)}:{line_number}"
    return place


def _is_in_a_file(error: SyntaxError) -> bool:
    """Tell a file's mistake from one in a text that the author's code evaluates."""
    return error.filename is not None and Path(error.filename).is_file()


def _shown(file: Path, source: AgentSource) -> str:
    """Return a file as the user would write it, beside the one that was asked for."""
    folder = source.path.parent
    if source.module is not None or not file.is_relative_to(folder):
        return str(file)
    return str(Path(source.shown).parent / file.relative_to(folder))
