"""What agents in checks are made of: tools that note what they were given, and what comes back."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any

from steer.agents import Tool, tool
from steer.ports.gate import Decision, GateOutcome, ToolCall
from steer.values import Effect

from steer_conformance.provider import Reasoning, Request, Turn
from steer_conformance.provider import ToolCall as Call

__all__ = [
    "RED",
    "Props",
    "allow_with",
    "answering",
    "calling",
    "deny",
    "leaves",
    "results_in",
    "suspend",
    "verdicts",
]

RED = "it is red"
# Seconds after which somebody who waits for others goes home: they all come at once, if they come.
_MEETING = 8.0


@dataclass
class Props:
    """The tools of one check, and what was done with them.

    ``looked`` are the arguments of the calls of ``look`` in the order in which they ran.
    """

    looked: list[str] = field(default_factory=list)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: threading.Event = field(default_factory=threading.Event)

    def look(self, effect: Effect = Effect.ONCE) -> Tool[..., Any]:
        """A tool that answers at once."""

        async def look(at: str) -> str:
            """Look at a thing."""
            self.looked.append(at)
            return f"{at}: {RED}"

        return tool(look, effect=effect)

    def meet(self, parties: int) -> Tool[..., Any]:
        """A tool whose call returns only once so many calls are there at a time."""
        barrier = asyncio.Barrier(parties)

        async def meet(at: str) -> str:
            """Wait for the others."""
            async with asyncio.timeout(_MEETING):
                await barrier.wait()
            return f"{at}: met"

        return tool(meet)

    def fail(self) -> Tool[..., Any]:
        """A tool that raises."""

        async def fail(at: str) -> str:
            """Try."""
            self.looked.append(at)
            raise ValueError("out of order")

        return tool(fail)

    def dawdle(self, seconds: float | None = None) -> Tool[..., Any]:
        """A tool that never ends by itself; it says when it began and when it was stopped."""

        async def dawdle(at: str) -> str:
            """Take your time."""
            self.looked.append(at)
            self.began.set()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)  # some cleaning up
                self.stopped.set()
            return "never"

        return tool(dawdle, timeout=seconds)

    def linger(self) -> Tool[..., Any]:
        """A tool that says when it began, and ends once it may go on."""

        async def linger(at: str) -> str:
            """Stay a while."""
            self.began.set()
            await self.go_on.wait()
            self.looked.append(at)
            return f"{at}: {RED}"

        return tool(linger)

    def toil(self) -> Tool[..., Any]:
        """A tool in a thread, which nobody can stop; it ends once it is let go."""
        loop = asyncio.get_running_loop()

        def toil(at: str) -> str:
            """Work on."""
            loop.call_soon_threadsafe(self.began.set)
            self.let_go.wait(60)
            return f"{at}: done"

        return tool(toil)


def calling(name: str, *places: str, said: str = "", first: str = "c") -> Turn:
    """A turn in which the model calls a tool at each of these places, with ids of its own."""
    calls = [
        Call(name, {"at": place}, id=f"{first}{number}") for number, place in enumerate(places, 1)
    ]
    return Turn(*([said] if said else []), *calls, chunk_size=4)


def answering(text: str, *, thought: str = "") -> Turn:
    """A turn in which the model answers, a few characters at a time."""
    return Turn(*([Reasoning(thought)] if thought else []), text, chunk_size=4)


def deny(reason: str) -> Decision:
    """The gate says no."""
    return Decision(outcome=GateOutcome.DENY, reason=reason)


def suspend() -> Decision:
    """The gate says: not now."""
    return Decision(outcome=GateOutcome.SUSPEND)


def allow_with(arguments: Any) -> Decision:
    """The gate says yes, but with other arguments."""
    return Decision(outcome=GateOutcome.ALLOW, arguments=arguments)


def verdicts(**by_call_id: Decision) -> Any:
    """A verdict for each of these calls; the others are allowed."""

    def verdict(call: ToolCall) -> Decision | None:
        return by_call_id.get(call.call_id)

    return verdict


def results_in(request: Request) -> dict[str, str]:
    """What a request says of tool calls that were made, by their ids."""
    return {result.call_id: result.text for result in request.tool_results}


def leaves(body: Any, path: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    """Every value in a JSON body, by where it stands."""
    if isinstance(body, dict):
        pairs: Any = body.items()
    elif isinstance(body, list):
        pairs = enumerate(body)
    else:
        return {path: body}
    return {
        place: leaf for key, value in pairs for place, leaf in leaves(value, (*path, key)).items()
    }
