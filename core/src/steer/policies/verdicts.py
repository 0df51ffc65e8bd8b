"""One verdict out of many: pure functions, nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from steer.policies.json_values import same_json
from steer.ports.policy import Outcome, Verdict

__all__ = ["AUTHOR_ASKS", "NOBODY_ANSWERED", "STRICTNESS", "shortened", "strictest", "unattended"]

STRICTNESS = {Outcome.DENY: 0, Outcome.ASK: 1, Outcome.ALLOW: 2}
NOBODY_ANSWERED = Verdict.deny("no policy answered")
AUTHOR_ASKS = Verdict.ask(
    "the author of the agent wants a person to approve this call", rule="needs approval"
)

_SHOWN_NAME = 100
_CONFLICT = Verdict.deny("policies rewrote the arguments in different ways")


def strictest(verdicts: Iterable[Verdict], *, default: Verdict = NOBODY_ANSWERED) -> Verdict:
    """Return the verdict that holds where several were given; ``default`` where none was.

    Deny beats ask beats allow. Rewritten arguments beat the proposed ones and stay with an
    ``ask``, so that a person approves what will run; two different rewrites are a denial.
    The order of ``verdicts`` never matters: among equally strict ones the one with a reason
    is reported, then the first by policy, rule and reason.
    """
    given = sorted(verdicts, key=_report_order)
    if not given:
        return default
    winner = given[0]
    rewrites = [verdict for verdict in given if verdict.rewritten]
    if winner.outcome is Outcome.DENY or not rewrites:
        return winner
    first = rewrites[0]
    if any(not same_json(first.arguments, other.arguments) for other in rewrites[1:]):
        return _CONFLICT
    if winner.outcome is Outcome.ALLOW:
        return first
    return replace(winner, arguments=first.arguments, rewritten=True)


def unattended(verdict: Verdict) -> Verdict:
    """Turn ``ask`` into a denial that says so, for where no person can be asked."""
    if verdict.outcome is not Outcome.ASK:
        return verdict
    told = "a person has to approve this, and nobody can be asked here"
    reason = f"{verdict.reason} ({told})" if verdict.reason else told
    return replace(verdict, outcome=Outcome.DENY, reason=reason, arguments=None, rewritten=False)


def shortened(name: str) -> str:
    """Quote a name for a reason; a model can invent names of any length."""
    return repr(name if len(name) <= _SHOWN_NAME else f"{name[:_SHOWN_NAME]}…")


def _report_order(verdict: Verdict) -> tuple[int, bool, str, str, str]:
    return (
        STRICTNESS[verdict.outcome],
        not verdict.reason,
        verdict.policy or "",
        verdict.rule or "",
        verdict.reason,
    )
