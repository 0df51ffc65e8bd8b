"""Runtimes that do not end as they should: cancelled, closed, or failed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import httpx2
import runtime_reference_wire as wire
from runtime_mutant import mutant_of
from runtime_reference import ReferenceRuntime
from runtime_reference_conversation import Conversation
from runtime_reference_prepared import ReferenceConfig
from runtime_reference_wire import Answer
from steer.errors import ProviderError, SteerError
from steer.ports.gate import (
    ModelCall,
    Sent,
)
from steer.ports.runtime import Finished, Prepared, Run, Suspended

__all__ = ["MUTANTS"]


class SwallowsACancel(ReferenceRuntime):
    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        try:
            return await super().run(prepared, run)
        except asyncio.CancelledError:
            return Finished(content="")


class LeavesATask(ReferenceRuntime):
    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__(config)
        self.tasks: list[asyncio.Task[None]] = []

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        self.tasks.append(asyncio.create_task(asyncio.sleep(60)))
        return await super().run(prepared, run)


class LeavesAThread(ReferenceRuntime):
    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__(config)
        self.closed = threading.Event()

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        threading.Thread(target=self.closed.wait, name="left behind", daemon=True).start()
        return await super().run(prepared, run)

    async def aclose(self) -> None:
        self.closed.set()
        await super().aclose()


class ReadsOnWhenCancelled(ReferenceRuntime):
    """Returns at once, and lets the stream go on in the background."""

    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__(config)
        self.tasks: list[asyncio.Future[Any]] = []

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        self.tasks.append(asyncio.ensure_future(super().run(prepared, run)))
        return await asyncio.shield(self.tasks[-1])

    async def aclose(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await super().aclose()


class NeverCloses(ReferenceRuntime):
    async def aclose(self) -> None:
        pass


class _Otherwise(Conversation):
    """Tells its failures in other words."""

    async def exchange(self, call: ModelCall) -> Answer:
        try:
            return await super().exchange(call)
        except ProviderError as error:
            self.change(error)
            raise

    def change(self, error: ProviderError) -> None:
        raise NotImplementedError


class KnowsNoCategories(_Otherwise):
    def change(self, error: ProviderError) -> None:
        error.category = SteerError.category


class RetriesNothing(_Otherwise):
    def change(self, error: ProviderError) -> None:
        error.retryable = False


class ForgetsTheStatus(_Otherwise):
    def change(self, error: ProviderError) -> None:
        error.status_code = None


class ForgetsToWait(_Otherwise):
    def change(self, error: ProviderError) -> None:
        error.retry_after = None


class LosesTheWords(_Otherwise):
    def change(self, error: ProviderError) -> None:
        error.message = "something went wrong"


class DoesNotKnowWhatWasSent(Conversation):
    async def may_ask_again(self, call: ModelCall, error: SteerError) -> bool:
        return await call.retry(error, sent=Sent.UNKNOWN)


class TakesWhatItGot(Conversation):
    """Takes whatever came before the connection was lost for the answer."""

    async def listen(self, call: ModelCall, response: httpx2.Response) -> Answer:
        answer = Answer(finish_reason="stop")
        try:
            async with aclosing(self.events(response)) as events:
                async for event in events:
                    self.hear(call, answer, event)
        except (httpx2.HTTPError, ProviderError):
            pass
        self.close_part(call, answer)
        return answer

    def events(self, response: httpx2.Response) -> AsyncGenerator[Mapping[str, Any], None]:
        return wire.events_in(response)


class SkipsGarbage(TakesWhatItGot):
    async def events(self, response: httpx2.Response) -> AsyncGenerator[Mapping[str, Any], None]:
        async for line in wire.lines_of(response):
            try:
                event = wire.read(line.removeprefix(b"data:").strip()) if line else None
            except ProviderError:
                continue
            if event is not None and "choices" in event:
                yield event


MUTANTS = (
    mutant_of("swallows a cancel", SwallowsACancel, "RT-4"),
    mutant_of("leaves a task", LeavesATask, "RT-4", "RT-55"),
    mutant_of("leaves a thread", LeavesAThread, "RT-4"),
    mutant_of("reads on when it is cancelled", ReadsOnWhenCancelled, "RT-4", "RT-44"),
    mutant_of("knows no categories", KnowsNoCategories, "RT-29", "RT-34", "RT-35"),
    mutant_of("calls nothing retryable", RetriesNothing, "RT-29", "RT-31", "RT-32"),
    mutant_of("forgets the status", ForgetsTheStatus, "RT-29"),
    mutant_of("loses what the provider said", LosesTheWords, "RT-29", "RT-34"),
    mutant_of("forgets how long to wait", ForgetsToWait, "RT-30"),
    mutant_of("takes what it got", TakesWhatItGot, "RT-31", "RT-32", "RT-33", "RT-34"),
    mutant_of("skips garbage", SkipsGarbage, "RT-33"),
    mutant_of("does not know what was sent", DoesNotKnowWhatWasSent, "RT-35"),
    mutant_of("never closes", NeverCloses, "RT-55"),
)
