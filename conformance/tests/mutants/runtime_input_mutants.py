"""Runtimes that lose something of what a run is given, or of what it gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runtime_mutant import mutant_of
from runtime_reference import ReferenceRuntime
from runtime_reference_conversation import Conversation
from runtime_reference_wire import Answer
from steer.agents import Agent, OutputSpec
from steer.errors import RuntimeFailure
from steer.ports.options import PrepareOptions
from steer.ports.runtime import Finished

__all__ = ["MUTANTS"]


class GivesText(Conversation):
    def finished(self, answer: Answer) -> Finished:
        return replace(super().finished(answer), output=answer.text)


class AsksForNoForm(ReferenceRuntime):
    def body(
        self, agent: Agent, options: PrepareOptions, output: OutputSpec | None
    ) -> dict[str, Any]:
        return super().body(agent, options, None)


class TakesAnyForm(Conversation):
    def finished(self, answer: Answer) -> Finished:
        try:
            return super().finished(answer)
        except RuntimeFailure:
            return Finished(content=answer.text)


class CutsHistory(Conversation):
    def opening(self) -> list[dict[str, Any]]:
        return super().opening()[-1:]


class TurnsHistoryRound(Conversation):
    def opening(self) -> list[dict[str, Any]]:
        return super().opening()[::-1]


class SaysAllAsTheUser(Conversation):
    def opening(self) -> list[dict[str, Any]]:
        return [{**each, "role": "user"} for each in super().opening()]


class TellsCallsAsText(Conversation):
    def opening(self) -> list[dict[str, Any]]:
        return [
            {"role": "user", "content": str(each)}
            if each["role"] == "tool" or "tool_calls" in each
            else each
            for each in super().opening()
        ]


class _Without(Conversation):
    """Leaves the parts of one kind out of what it was given."""

    kind = "image_url"

    def opening(self) -> list[dict[str, Any]]:
        return [
            {**each, "content": [p for p in each["content"] if p["type"] != self.kind]}
            if isinstance(each["content"], list)
            else each
            for each in super().opening()
        ]


class DropsImages(_Without):
    pass


class DropsFiles(_Without):
    kind = "file"


MUTANTS = (
    mutant_of("gives its structure as text", GivesText, "RT-23"),
    mutant_of("asks for no form", AsksForNoForm, "RT-23", "RT-53"),
    mutant_of("takes any form", TakesAnyForm, "RT-24", "RT-53"),
    mutant_of("cuts history to the last message", CutsHistory, "RT-25", "RT-26"),
    mutant_of("turns history round", TurnsHistoryRound, "RT-25"),
    mutant_of("says all as the user", SaysAllAsTheUser, "RT-26"),
    mutant_of("tells earlier calls as text", TellsCallsAsText, "RT-26"),
    mutant_of("drops images", DropsImages, "RT-27"),
    mutant_of("drops files", DropsFiles, "RT-28"),
)
