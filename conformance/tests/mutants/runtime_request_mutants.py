"""Runtimes that are not honest about their requests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runtime_mutant import Unasked, mutant_of
from runtime_reference_conversation import Conversation
from runtime_reference_wire import Answer
from steer.errors import BudgetExceeded, ProviderError, SteerError
from steer.ports.gate import (
    ModelCall,
)
from steer.ports.runtime import Finished
from steer.values import FinishReason, Usage

__all__ = ["MUTANTS"]


class RetriesByItself(Conversation):
    async def exchange(self, call: ModelCall) -> Answer:
        try:
            return await super().exchange(call)
        except ProviderError:
            return await super().exchange(call)


class NeverAsksAgain(Conversation):
    async def may_ask_again(self, call: ModelCall, error: SteerError) -> bool:
        await super().may_ask_again(call, error)
        return False


class AsksAgainUnasked(Conversation):
    """Takes the gate's no for a yes, as often as it likes."""

    async def may_ask_again(self, call: ModelCall, error: SteerError) -> bool:
        await super().may_ask_again(call, error)
        return True


class AsksAgainInItsPlace(Conversation):
    """Makes a request again that was ended, in place of a new one."""

    async def turn(self) -> tuple[Answer, int]:
        async with self.run.gate.model_call(self.request()) as call:
            if call.recorded is not None:
                return Answer.decode(call.recorded.response), call.message
            while True:
                try:
                    return await self.exchange(call), call.message
                except SteerError as error:
                    if not await self.may_ask_again(call, error):
                        raise


class AsksPastTheGate(Conversation):
    """Sends its second request without asking for leave."""

    async def turn(self) -> tuple[Answer, int]:
        try:
            return await super().turn()
        except BudgetExceeded:
            unasked: Any = Unasked()
            return await self.exchange(unasked), 1


class SendsBeforeItAsks(Conversation):
    async def turn(self) -> tuple[Answer, int]:
        unasked: Any = Unasked()
        answer = await self.exchange(unasked)
        async with self.run.gate.model_call(self.request()) as call:
            self.complete(call, answer)
            return answer, call.message


class EstimatesUsage(Conversation):
    def complete(self, call: ModelCall, answer: Answer) -> None:
        answer.usage = Usage(requests=1, input_tokens=10, output_tokens=5, estimated=True)
        super().complete(call, answer)


class ForgetsTheCache(Conversation):
    def complete(self, call: ModelCall, answer: Answer) -> None:
        if answer.usage is not None:
            answer.usage = replace(answer.usage, cached_tokens=0)
        super().complete(call, answer)


class CompletesTwice(Conversation):
    def complete(self, call: ModelCall, answer: Answer) -> None:
        super().complete(call, answer)
        super().complete(call, answer)


class IgnoresTheGrant(Conversation):
    async def exchange(self, call: ModelCall) -> Answer:
        asked = self.prepared.max_output_tokens
        unbound: Any = _Beside(call, max_output_tokens=asked)
        return await super().exchange(unbound)


class IgnoresTheModel(Conversation):
    async def exchange(self, call: ModelCall) -> Answer:
        unmoved: Any = _Beside(call, model=self.prepared.model)
        return await super().exchange(unmoved)


class _Beside:
    """Another object, but for some of its attributes."""

    def __init__(self, other: object, **changed: Any) -> None:
        self._other = other
        vars(self).update(changed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._other, name)


class StopsForNoReason(Conversation):
    def finished(self, answer: Answer) -> Finished:
        return replace(super().finished(answer), finish_reason=FinishReason.STOP)


MUTANTS = (
    mutant_of("retries by itself", RetriesByItself, "RT-5"),
    mutant_of("completes a request twice", CompletesTwice, "RT-5"),
    mutant_of("asks past the gate", AsksPastTheGate, "RT-15"),
    mutant_of("sends before it asks", SendsBeforeItAsks, "RT-5", "RT-44"),
    mutant_of("estimates usage", EstimatesUsage, "RT-21"),
    mutant_of("forgets what was cached", ForgetsTheCache, "RT-21"),
    mutant_of("ignores what was granted", IgnoresTheGrant, "RT-22"),
    mutant_of("ignores the model of the gate", IgnoresTheModel, "RT-67"),
    mutant_of("stops for no reason", StopsForNoReason, "RT-37"),
    mutant_of("never asks again", NeverAsksAgain, "RT-57"),
    mutant_of("asks again unasked", AsksAgainUnasked, "RT-57"),
    mutant_of("asks again in place of a request that ended", AsksAgainInItsPlace, "RT-57"),
)
