"""One verdict out of many: pure functions, nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from steer.policies.globs import Globs
from steer.policies.json_values import same_json
from steer.ports.policy import Outcome, Verdict

__all__ = [
    "AUTHOR_ASKS",
    "NOBODY_ANSWERED",
    "STRICTNESS",
    "approvers_text",
    "is_approver",
    "on_terms_of",
    "shortened",
    "strictest",
    "unattended",
]

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
    Where several ask, it is on the terms of all: see ``on_terms_of``. The order of ``verdicts``
    never matters: among equally strict ones the one with a reason is reported, then the first by
    policy, rule and reason.
    """
    given = sorted(verdicts, key=_report_order)
    if not given:
        return default
    winner = given[0]
    if winner.outcome is Outcome.ASK:
        winner = on_terms_of(winner, given)
    rewrites = [verdict for verdict in given if verdict.rewritten]
    if winner.outcome is Outcome.DENY or not rewrites:
        return winner
    first = rewrites[0]
    if any(not same_json(first.arguments, other.arguments) for other in rewrites[1:]):
        return _CONFLICT
    if winner.outcome is Outcome.ALLOW:
        return first
    return replace(winner, arguments=first.arguments, rewritten=True)


def on_terms_of(asked: Verdict, verdicts: Iterable[Verdict]) -> Verdict:
    """Return what ``asked`` says, on the strictest terms of all ``verdicts`` that ask.

    Who answers has to be an approver of each, the shortest expiry holds, and ``fail`` beats
    ``deny``: it stops everything that the run would still do.
    """
    asks = [verdict for verdict in verdicts if verdict.outcome is Outcome.ASK]
    if asks == [asked]:
        return asked
    expiries = [each.expires_in_seconds for each in asks if each.expires_in_seconds is not None]
    return replace(
        asked,
        approvers=tuple(sorted({entry for each in asks for entry in each.approvers})),
        expires_in_seconds=min(expiries, default=None),
        on_expiry="fail" if any(each.on_expiry == "fail" for each in asks) else "deny",
    )


def is_approver(principal_id: str, approvers: Sequence[str]) -> bool:
    """Whether a principal is one of those that ``Verdict.approvers`` names."""
    return all(principal_id in Globs(entry.split("|")) for entry in approvers)


def approvers_text(approvers: Sequence[str]) -> str:
    """Return in words who ``Verdict.approvers`` names."""
    return ", and ".join(entry.replace("|", " or ") for entry in approvers)


def unattended(verdict: Verdict) -> Verdict:
    """Turn ``ask`` into a denial that says so, for where no person can be asked."""
    if verdict.outcome is not Outcome.ASK:
        return verdict
    told = "a person has to approve this, and nobody can be asked here"
    reason = f"{verdict.reason} ({told})" if verdict.reason else told
    return replace(Verdict.deny(reason, rule=verdict.rule), policy=verdict.policy)


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
