"""What a failure says where no pytest explains it: the assertion, its values, the example."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType

from rich.pretty import pretty_repr

__all__ = ["explained"]

_SUITES = Path(__file__).parent / "suites"


def explained(error: BaseException) -> str:
    """Return what was wrong: the error, where it was raised, and its notes.

    The notes are where Hypothesis puts the smallest example. An assertion without words of its
    own is shown as it is written, with the values of the names in it.
    """
    if isinstance(error, BaseExceptionGroup):
        parts = "\n".join(explained(each) for each in error.exceptions)
        return "\n".join((str(error), parts, *_notes(error)))
    steps = list(_steps(error.__traceback__))
    if isinstance(error, AssertionError):
        said = str(error) or _assertion(steps[-1:]) or "an assertion does not hold"
    elif isinstance(error, TimeoutError) and not str(error):
        said = "what is waited for did not happen in time"
    else:
        said = f"{type(error).__name__}: {error}".removesuffix(": ")
    return "\n".join((said, *_places(steps), *_notes(error)))


def _notes(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", ()))


def _steps(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _places(steps: list[TracebackType]) -> list[str]:
    """Where the check stood, and where it was raised if that is elsewhere."""
    places = [(step.tb_frame.f_code, step.tb_lineno) for step in steps]
    in_check = [place for place in places if _SUITES in Path(place[0].co_filename).parents]
    shown = dict.fromkeys((*in_check[-1:], *places[-1:]))
    return [f"at {code.co_filename}:{line} in {code.co_name}" for code, line in shown]


def _assertion(last: list[TracebackType]) -> str:
    if not last:
        return ""
    trace = last[0]
    source = "".join(linecache.getlines(trace.tb_frame.f_code.co_filename))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert) and node.lineno <= trace.tb_lineno <= (
            node.end_lineno or node.lineno
        ):
            values = "".join(
                f"\n  {name} = {pretty_repr(value, max_length=12, max_string=200)}"
                for name, value in _values(node.test, trace.tb_frame)
            )
            return f"assert {ast.unparse(node.test)}{values}"
    return ""


def _values(test: ast.expr, frame: FrameType) -> list[tuple[str, object]]:
    """The variables that the assertion names, in the order in which it does."""
    names = dict.fromkeys(node.id for node in ast.walk(test) if isinstance(node, ast.Name))
    return [(name, frame.f_locals[name]) for name in names if name in frame.f_locals]
