"""Policies that say what a test wants, and a question to put to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anyio
from steer.context import ExecutionContext
from steer.policies import PolicySet, ToolRule
from steer.ports.policy import (
    Outcome,
    Question,
    ToolQuestion,
)

ALLOW, ASK, DENY = Outcome.ALLOW, Outcome.ASK, Outcome.DENY
CONTEXT = ExecutionContext()


CALL = ToolQuestion(context=CONTEXT, tool="refund", arguments={"amount": 5})


@dataclass
class Says:
    """A policy of somebody else's that answers with what it was given, or with a function."""

    answer: Any
    name: str = "theirs"
    version: str = "7"

    def evaluate(self, question: Question, /) -> Any:
        return self.answer(question) if callable(self.answer) else self.answer


@dataclass
class Awaits:
    """The same, asynchronous."""

    answer: Callable[[Question], Awaitable[Any]]
    name: str = "remote"
    version: str = "1"

    async def evaluate(self, question: Question, /) -> Any:
        return await self.answer(question)


def raising(error: BaseException) -> Callable[[Question], Any]:
    def evaluate(question: Question) -> Any:
        raise error

    return evaluate


def later(answer: Any) -> Callable[[Question], Awaitable[Any]]:
    async def evaluate(question: Question) -> Any:
        await anyio.lowlevel.checkpoint()
        return answer

    return evaluate


async def never(question: Question) -> Any:
    await anyio.sleep_forever()


def allowing(*tools: str, name: str = "open") -> PolicySet:
    return PolicySet(name=name, version="1", rules=[ToolRule(tools=tools or "*", outcome=ALLOW)])
