"""Runs that ask people: a policy that asks, agents with something to approve, and who answers."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
from kernels import PATIENCE, FixedPolicy, noting
from steer import ExecutionHandle, RuntimeKernel
from steer.ports.policy import ActionQuestion, Question, ToolQuestion, Verdict
from steer.ports.records import ActionRecord
from steer.values import Effect
from stepwise import Call, Stepwise, ToolSpec, Turn

APPROVE = {"decision": "approve"}
DENY = {"decision": "deny"}


def asking(verdict: Verdict | None = None, *, answers: Verdict | None = None) -> FixedPolicy:
    """A policy that asks about every tool call, and lets anybody answer unless told otherwise."""

    def answer(question: Question) -> Verdict:
        match question:
            case ToolQuestion():
                return verdict or Verdict.ask("money moves", rule="pay")
            case ActionQuestion():
                return answers or Verdict.allow()
            case _:
                return Verdict.allow()

    return FixedPolicy(answer)


def paying(paid: list[Any], *calls: Any, effect: Effect = Effect.ONCE) -> Stepwise:
    """An agent that pays by its tool, once in each turn, and then says that it has."""
    turns = [
        Turn(calls=(Call(tool="pay", arguments=arguments, call_id=f"c{number}"),))
        for number, arguments in enumerate(calls or ({"amount": 3},))
    ]
    return Stepwise(
        turns=(*turns, Turn(text="Paid.")),
        tools={"pay": ToolSpec(run=noting(paid), effect=effect)},
    )


async def asked(
    kernel: RuntimeKernel, handle: ExecutionHandle, number: int = 1
) -> list[ActionRecord]:
    """Wait until a job has asked ``number`` questions; return them."""
    with anyio.fail_after(PATIENCE):
        seen = 0
        async for event in handle.events():
            seen += event.type == "action.required"
            if seen == number:
                break
        while True:
            # A live event may come before its commit.
            found = (await kernel.actions(job_id=handle.job_id, scope_id=handle.scope_id)).items
            if len(found) >= number:
                return list(found)
            await anyio.lowlevel.checkpoint()
