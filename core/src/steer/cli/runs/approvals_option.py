"""How a run that is started here waits for people."""

from __future__ import annotations

from enum import StrEnum

from steer.cli.runs.run_form import RunForm
from steer.cli.terminal.person import terminal_input
from steer.cli.terminal.streams import Streams
from steer.context import ApprovalSpec
from steer.errors import ConfigError

__all__ = ["Approvals", "approval_spec", "chosen_approvals"]


class Approvals(StrEnum):
    """Who is asked what policy wants a person to approve, and what tools ask.

    ``ask``: the person at this terminal. ``park``: whoever answers from elsewhere, while the job
    waits in the store. ``deny``: nobody.
    """

    ASK = "ask"
    PARK = "park"
    DENY = "deny"


def chosen_approvals(given: Approvals | None, form: RunForm) -> Approvals:
    """Return what holds: where nothing is said, whether there is somebody to ask decides.

    A program that reads events asks nobody unless it says so. Raises ``ConfigError`` where
    somebody is to be asked on a terminal that is not there.
    """
    with terminal_input(Streams.standard()) as descriptor:
        there = descriptor is not None
    if given is Approvals.ASK and not there:
        raise ConfigError(
            "--approvals ask needs a terminal, and there is none to ask on",
            fix="Use park, so that the job waits for an answer from elsewhere, or deny",
        )
    if given is not None:
        return given
    return Approvals.ASK if there and form is not RunForm.JSON else Approvals.PARK


def approval_spec(
    approvals: Approvals, *, park_after: float | None, answer_within: float | None
) -> ApprovalSpec:
    """Return how the job waits. Raises ``ConfigError`` for an option without effect."""
    if approvals is Approvals.DENY:
        for option, value in (("--park-after", park_after), ("--answer-within", answer_within)):
            if value is not None:
                raise ConfigError(
                    f"{option} has no effect where nobody is asked", fix="Leave it out"
                )
        return ApprovalSpec(unattended=True)
    inline = park_after
    if inline is None and approvals is Approvals.PARK:
        inline = 0.0
    spec = ApprovalSpec(inline_seconds=inline)
    if answer_within is None:
        return spec
    return ApprovalSpec(inline_seconds=inline, expires_in_seconds=answer_within)
