"""How the cases of a policy file came out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import indent

from steer.cli.policies.policy_text import Sources, asked_text, explanation_json, explanation_text
from steer.cli.terminal.paint import Paint
from steer.cli.terminal.printable import one_line
from steer.policies.trying import TriedCase
from steer.values import JsonValue

__all__ = ["tried_json", "tried_text"]


def tried_text(file: Path, tried: Sequence[TriedCase], sources: Sources, paint: Paint) -> str:
    """Return each failure with its explanation, and a line that counts."""
    failed = [each for each in tried if each.failures]
    text = "".join(_failure_text(each, sources, paint) for each in failed)
    passed = f"{len(tried) - len(failed)} passed"
    summary = f"{passed}, {len(failed)} failed" if failed else passed
    return f"{text}{file}: {paint('failed' if failed else 'succeeded', summary)}\n"


def _failure_text(tried: TriedCase, sources: Sources, paint: Paint) -> str:
    case = tried.case
    name = case.table.name or asked_text(tried.explanation.question)
    head = f"{paint('strong', f'{case.source}:{case.line}')}: {one_line(name)}"
    failures = "".join(f"\n  {paint('error', one_line(each))}" for each in tried.failures)
    why = indent(explanation_text(tried.explanation, sources, paint), "  ")
    return f"{head}{failures}\n\n{why}\n"


def tried_json(tried: TriedCase, sources: Sources) -> dict[str, JsonValue]:
    """Return the same for programs: one case."""
    case = tried.case
    return {
        "file": case.source,
        "line": case.line,
        "name": case.table.name or None,
        "passed": not tried.failures,
        "failures": list(tried.failures),
        "explanation": explanation_json(tried.explanation, sources),
    }
