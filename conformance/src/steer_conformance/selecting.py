"""Choosing checks with an expression, as ``-k`` of pytest does."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from steer.errors import ConfigError

from steer_conformance.checks import Check

__all__ = ["Selector", "selector"]

Selector = Callable[[Check[object]], bool]

_TOKEN = re.compile(r"\s*(\(|\)|[^\s()]+)")
_CLAUSE = re.compile(r"[A-Z]{2}-\d+")


def selector(expression: str) -> Selector:
    """Return what decides whether a check is chosen.

    ``ST-3 or (lease and not unicode)``: a clause stands for its checks, any other word for the
    checks whose id or capability holds it. Raises ``ConfigError`` for what is no expression.
    """
    words = _TOKEN.findall(expression)
    terms = [word for word in words if word not in ("(", ")", "and", "or", "not")]
    numbers = iter(range(len(terms)))
    text = " ".join(f"t{next(numbers)}" if word in terms else word for word in words)
    tree = _parsed(text)
    if tree is None:
        raise ConfigError(
            f"-k {expression!r} cannot be read",
            fix="Join words by and, or, not and parentheses: -k 'ST-3 or lease'",
        )
    return lambda check: _holds(tree, terms, check)


def _parsed(text: str) -> ast.expr | None:
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        return None
    # A word before a parenthesis reads as a call.
    return None if any(isinstance(node, ast.Call) for node in ast.walk(tree)) else tree


def _holds(node: ast.expr, terms: list[str], check: Check[object]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_holds(value, terms, check) for value in values)
        case ast.BoolOp(values=values):
            return any(_holds(value, terms, check) for value in values)
        case ast.UnaryOp(operand=operand):
            return not _holds(operand, terms, check)
        case _:
            assert isinstance(node, ast.Name)  # noqa: S101 - nothing else is written, for mypy
            return _names(terms[int(node.id[1:])], check)


def _names(word: str, check: Check[object]) -> bool:
    if _CLAUSE.fullmatch(word):
        return check.clause == word
    return any(word.lower() in text.lower() for text in (check.id, *check.requires))
