"""The reference runtime with one thing broken in how it goes on with sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from runtime_mutant import mutant_of
from runtime_reference_conversation import Conversation
from runtime_reference_wire import Answer, encoded_messages
from steer.ports.runtime import Finished
from steer.values import Role

__all__ = ["MUTANTS"]


class SaysTheLastOnly(Conversation):
    """Forgets its tool calls, although it says something of itself."""

    def finished(self, answer: Answer) -> Finished:
        finished = super().finished(answer)
        return replace(finished, said=finished.said[-1:])


class SaysNoResults(Conversation):
    def finished(self, answer: Answer) -> Finished:
        finished = super().finished(answer)
        said = tuple(each for each in finished.said if each.role is not Role.TOOL)
        return replace(finished, said=said)


class SaysTheQuestionToo(Conversation):
    def finished(self, answer: Answer) -> Finished:
        finished = super().finished(answer)
        return replace(finished, said=(*self.run.asked, *finished.said))


class KeepsNothing(Conversation):
    def finished(self, answer: Answer) -> Finished:
        return replace(super().finished(answer), items=None)


class KeepsNoQuestion(Conversation):
    def finished(self, answer: Answer) -> Finished:
        finished = super().finished(answer)
        kept: Any = finished.items
        return replace(finished, items={"messages": kept["messages"][1:]})


class IgnoresWhatItKept(Conversation):
    def opening(self) -> list[dict[str, Any]]:
        return list(encoded_messages(self.run.input))


class TellsThePastTwice(Conversation):
    def opening(self) -> list[dict[str, Any]]:
        past = [message for each in self.run.past for message in each.messages]
        return [*encoded_messages(past), *super().opening()]


class ForgetsOlderRuns(Conversation):
    """Shows a run only what the last one kept."""

    def opening(self) -> list[dict[str, Any]]:
        kept: Any = [past.items for past in self.run.past if past.items is not None]
        if not kept:
            return super().opening()
        return [*kept[-1]["messages"], *encoded_messages(self.run.asked)]


class TellsEachIdOnce(Conversation):
    """Takes calls with one id for one call, and tells the last."""

    def opening(self) -> list[dict[str, Any]]:
        messages = super().opening()
        last = {_call_in(message): place for place, message in enumerate(messages)}
        return [
            message
            for place, message in enumerate(messages)
            if _call_in(message) is None or last[_call_in(message)] == place
        ]


def _call_in(message: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return which call a message makes or answers."""
    calls = message.get("tool_calls")
    call_id = calls[0]["id"] if calls else message.get("tool_call_id")
    return None if call_id is None else (message["role"], call_id)


MUTANTS = (
    mutant_of("says no more than its last words", SaysTheLastOnly, "RT-68"),
    mutant_of("says its calls and no results", SaysNoResults, "RT-68"),
    mutant_of("says the question as well", SaysTheQuestionToo, "RT-68"),
    mutant_of("keeps nothing of its own", KeepsNothing, "RT-69"),
    mutant_of("keeps no question", KeepsNoQuestion, "RT-69"),
    mutant_of("ignores what it kept", IgnoresWhatItKept, "RT-69"),
    mutant_of("tells the past twice", TellsThePastTwice, "RT-69"),
    mutant_of("forgets the older runs", ForgetsOlderRuns, "RT-69"),
    mutant_of("tells one call of each id", TellsEachIdOnce, "RT-70"),
)
