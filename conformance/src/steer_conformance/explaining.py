"""What a failure says where no pytest explains it: the assertion, its values, the example."""

from __future__ import annotations

import ast
import linecache
import traceback
from types import FrameType, TracebackType

from rich.pretty import pretty_repr

__all__ = ["explained"]


def explained(error: BaseException) -> str:
    """Return what was wrong: the error, where it was raised, and its notes.

    The notes are where Hypothesis puts the smallest example. An assertion without words of its
    own is shown as it is written, with the values of the names in it.
    """
    if isinstance(error, BaseExceptionGroup):
        parts = "\n".join(explained(each) for each in error.exceptions)
        return "\n".join((str(error), parts, *_notes(error)))
    last = _last(error.__traceback__)
    said = str(error)
    if isinstance(error, AssertionError):
        said = said or _assertion(last) or "an assertion does not hold"
    else:
        said = "".join(traceback.format_exception_only(type(error), error)).strip()
        return f"{said}\n{_place(last)}" if last else said
    return "\n".join(filter(None, (said, _place(last), *_notes(error))))


def _notes(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", ()))


def _last(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def _place(trace: TracebackType | None) -> str:
    if trace is None:
        return ""
    code = trace.tb_frame.f_code
    return f"at {code.co_filename}:{trace.tb_lineno} in {code.co_name}"


def _assertion(trace: TracebackType | None) -> str:
    if trace is None:
        return ""
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
