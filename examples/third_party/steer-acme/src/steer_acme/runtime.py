"""The runtime: the loop from the first question to the last answer."""

from __future__ import annotations

import httpx2
from pydantic_core import to_jsonable_python
from steer.errors import PluginError
from steer.events import AgentDone, AgentStarted
from steer.ports.options import PrepareOptions
from steer.ports.runtime import Finished, Prepared, Run, Suspended
from steer.values import FinishReason

from steer_acme.config import AcmeConfig
from steer_acme.conversation import Answer, encoded_messages
from steer_acme.failures import declined
from steer_acme.prepared import AcmePrepared, prepare
from steer_acme.tools import ToolCalls
from steer_acme.turn import Turns

__all__ = ["AcmeRuntime"]

_REASONS = {
    "length": FinishReason.MAX_OUTPUT_TOKENS,
    "blocked": FinishReason.CONTENT_FILTER,
    "refused": FinishReason.REFUSAL,
}


class AcmeRuntime:
    """Implements ``steer.ports.runtime.Runtime``. Runs share its connections, and nothing else."""

    def __init__(self, config: AcmeConfig) -> None:
        self._config = config
        self._client = httpx2.AsyncClient()

    def prepare(self, agent: object, options: PrepareOptions, /) -> AcmePrepared:
        """Check once: see ``Runtime.prepare``."""
        return prepare(agent, options, self._config)

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        """Ask, make the tool calls of the answer, and ask again: see ``Runtime.run``."""
        if not isinstance(prepared, AcmePrepared):
            raise PluginError("acme", "was given an agent that another runtime prepared")
        turns = Turns(client=self._client, prepared=prepared, run=run)
        tools = ToolCalls(prepared=prepared, run=run)
        run.emit(AgentStarted(name=prepared.agent), agent=prepared.agent)
        messages = list(encoded_messages(run.input))
        while True:
            answer, message = await turns.ask(messages)
            if not answer.calls:
                break
            results = await tools.make(answer.calls, message)
            if results is None:
                return Suspended()
            messages = [*messages, answer.message(), *results]
        finished = _finished(prepared, answer)
        run.emit(AgentDone(name=prepared.agent), agent=prepared.agent)
        return finished

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _finished(prepared: AcmePrepared, answer: Answer) -> Finished:
    reason = _REASONS.get(answer.reason, FinishReason.STOP)
    output = None
    if prepared.output is not None:
        if reason is FinishReason.REFUSAL:
            raise declined(answer.text)
        output = to_jsonable_python(prepared.output.validate(answer.text))
    return Finished(content=answer.text, output=output, finish_reason=reason)
