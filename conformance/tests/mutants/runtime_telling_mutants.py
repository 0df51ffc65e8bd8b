"""Runtimes that tell what did not happen, or not all that did."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx2
import runtime_reference_wire as wire
from runtime_mutant import mutant_of
from runtime_reference import ReferenceRuntime
from runtime_reference_conversation import Conversation
from runtime_reference_prepared import ReferencePrepared
from runtime_reference_wire import Answer
from steer.events import ModelReasoning, ModelStarted, ModelToken, Unknown
from steer.ports.gate import (
    ModelCall,
)
from steer.ports.runtime import Finished, Prepared, Run, Suspended

__all__ = ["MUTANTS"]


class TellsTheLatestRun(ReferenceRuntime):
    """Keeps the run on the runtime, where the next one overwrites it."""

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        self.latest = run
        assert isinstance(prepared, ReferencePrepared)
        talk = Conversation(client=self.client, prepared=prepared, run=run)
        talk.tell = self.tell_latest  # type: ignore[method-assign]
        return await talk.go()

    def tell_latest(self, data: Any) -> None:
        self.latest.emit(data)


class TellsAtTheEnd(Conversation):
    async def listen(self, call: ModelCall, response: httpx2.Response) -> Answer:
        held: list[Any] = []
        tell, self.tell = self.tell, held.append  # type: ignore[assignment]
        try:
            return await super().listen(call, response)
        finally:
            self.tell = tell  # type: ignore[method-assign]
            for data in held:
                tell(data)


class HidesItsAgent(Conversation):
    def tell(self, data: Any) -> None:
        if data.type != "agent.started":
            super().tell(data)


class LeavesPartsOpen(Conversation):
    def close_part(self, call: ModelCall, answer: Answer) -> None:
        pass


class TellsPartsTwice(Conversation):
    def close_part(self, call: ModelCall, answer: Answer) -> None:
        super().close_part(call, answer)
        super().close_part(call, answer)


class TellsAfterItsRequest(Conversation):
    async def turn(self) -> tuple[Answer, int]:
        answer, message = await super().turn()
        self.tell(ModelToken(call="c1", part=7, offset=0, text="P.S."))
        return answer, message


class PolishesItsContent(Conversation):
    def finished(self, answer: Answer) -> Finished:
        finished = super().finished(answer)
        return replace(finished, content=finished.content.rstrip("."))


class TellsOfItsRequests(Conversation):
    async def exchange(self, call: ModelCall) -> Answer:
        self.tell(ModelStarted(call=call.id))
        return await super().exchange(call)


class CountsBytes(Conversation):
    def tell(self, data: Any) -> None:
        if isinstance(data, ModelToken):
            said = self.said[: data.offset] if data.offset else ""
            self.said = said + data.text
            data = replace(data, offset=len(said.encode()))
        super().tell(data)

    said = ""


class DropsAPiece(Conversation):
    def tell(self, data: Any) -> None:
        if not isinstance(data, ModelToken) or data.offset == 0:
            super().tell(data)


class TrimsItsLines(Conversation):
    """Takes what Unicode calls the end of a line for the end of an event."""

    async def listen(self, call: ModelCall, response: httpx2.Response) -> Answer:
        answer = Answer()
        text = (await response.aread()).decode()
        for line in text.splitlines():
            if line.startswith("data:") and (event := wire.read(line[5:].strip().encode())):
                self.hear(call, answer, event)
        self.close_part(call, answer)
        return answer


class DropsReasoning(Conversation):
    def tell(self, data: Any) -> None:
        if not isinstance(data, ModelReasoning):
            super().tell(data)


class DropsTheUnknown(Conversation):
    def tell(self, data: Any) -> None:
        if not isinstance(data, Unknown):
            super().tell(data)


MUTANTS = (
    mutant_of("keeps the run on the runtime", TellsTheLatestRun, "RT-1"),
    mutant_of("tells all at the end", TellsAtTheEnd, "RT-2"),
    mutant_of("hides which agent began", HidesItsAgent, "RT-3"),
    mutant_of("leaves its parts open", LeavesPartsOpen, "RT-3"),
    mutant_of("tells the end of a part twice", TellsPartsTwice, "RT-3"),
    mutant_of("tells of a request that has ended", TellsAfterItsRequest, "RT-3"),
    mutant_of("polishes its content", PolishesItsContent, "RT-6"),
    mutant_of("emits what only the gate may", TellsOfItsRequests, "RT-7"),
    mutant_of("counts bytes", CountsBytes, "RT-8"),
    mutant_of("drops an event", DropsAPiece, "RT-8"),
    mutant_of("splits lines where Unicode would", TrimsItsLines, "RT-8"),
    mutant_of("drops reasoning", DropsReasoning, "RT-9"),
    mutant_of("drops the unknown", DropsTheUnknown, "RT-36"),
)
