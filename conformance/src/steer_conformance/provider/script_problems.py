"""What is wrong with a script file, in one sentence for its author."""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

__all__ = ["first_problem"]

_NO_SUCH_FIELD: Final = {"extra_forbidden", "unexpected_keyword_argument"}
_NO_OBJECT: Final = {"union_tag_not_found", "model_attributes_type", "model_type"}


def first_problem(error: ValidationError, tree: Any) -> str:
    """The problem that explains most, where it stands in ``tree``, and how many more there are."""
    problems = error.errors(include_url=False)
    # A name that does not exist explains why another one is missing.
    problems.sort(key=lambda problem: problem["type"] not in _NO_SUCH_FIELD)
    said = _in_words(problems[0], _place(problems[0]["loc"], tree))
    more = len(problems) - 1
    return f"{said} (and {more} more)" if more else said


def _in_words(problem: ErrorDetails, place: str) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "missing":
        return f"{place} is missing"
    if kind == "union_tag_not_found" and isinstance(problem["input"], dict):
        return f"{place}.type is missing"
    if kind in _NO_SUCH_FIELD:
        said = "there is no such field"
    elif kind == "union_tag_invalid":
        said = f"type {context['tag']!r} is none of {context['expected_tags']}"
    elif kind in _NO_OBJECT:
        said = "an object belongs here"
    else:
        said = problem["msg"].removeprefix("Value error, ")
    return f"{place or 'the whole of it'}: {said}"


def _place(location: tuple[int | str, ...], tree: Any) -> str:
    """The location without the names of types that pydantic weaves into it."""
    place, here = "", tree
    before: int | str = ""
    for step in location:
        # They stand where one of several types may: in a list, and after "then".
        may_be_type = isinstance(before, int) or before == "then"
        before = step
        if may_be_type and isinstance(here, dict) and here.get("type", "turn") == step:
            continue
        place += f"[{step}]" if isinstance(step, int) else f".{step}"
        try:
            here = here[step]
        except (LookupError, TypeError):
            here = None
    return place.removeprefix(".")
