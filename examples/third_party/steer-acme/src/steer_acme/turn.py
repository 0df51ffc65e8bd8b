"""One request on its way through the gate, to Acme and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
from steer.errors import ProviderError
from steer.ports.gate import ModelRequest
from steer.ports.runtime import Run
from steer.values import digest_of, encode_json

from steer_acme.conversation import Answer
from steer_acme.failures import broken_off, refused, sent_by, unreachable
from steer_acme.hearing import Hearing
from steer_acme.prepared import AcmePrepared

__all__ = ["Turns"]


@dataclass(frozen=True, kw_only=True)
class Turns:
    """Asks Acme for the turns of one run."""

    client: httpx2.AsyncClient
    prepared: AcmePrepared
    run: Run

    async def ask(self, messages: Sequence[Mapping[str, Any]]) -> tuple[Answer, int]:
        """Return the next answer, and the index that the gate knows it by.

        Nothing is sent where an earlier attempt of the run has recorded the answer. Raises
        ``ProviderError``, and what the gate raises.
        """
        question = {**self.prepared.body, "messages": messages}
        while True:
            async with self.run.gate.model_call(self._request(question)) as call:
                if call.recorded is not None:
                    return Answer.decode(call.recorded.response), call.message
                hearing = Hearing(run=self.run, call=call.id, agent=self.prepared.agent)
                try:
                    await self._exchange(question, call.max_output_tokens, hearing)
                except ProviderError as error:
                    # Says yes once it has waited, where the run has patience for another try.
                    if await call.retry(error, sent=sent_by(error)):
                        continue
                    raise
                call.complete(
                    hearing.answer.encode(),
                    hearing.usage,
                    model=hearing.model,
                    response_id=hearing.turn,
                    finish_reason=hearing.answer.reason,
                )
                return hearing.answer, call.message

    def _request(self, question: Mapping[str, Any]) -> ModelRequest:
        return ModelRequest(
            digest=digest_of(question),
            model=self.prepared.model,
            agent=self.prepared.agent,
            provider=self.prepared.provider,
            # A token is at least a byte. How long the prompt of a persona is, only Acme knows.
            input_bound=None if "persona" in question else len(encode_json(question)),
            max_output_tokens=question.get("max_tokens"),
        )

    async def _exchange(
        self, question: Mapping[str, Any], granted: int | None, hearing: Hearing
    ) -> None:
        """Send the question, and listen to the end of the answer.

        ``granted`` is how much may be answered: the budget may leave less than the agent asks for.
        """
        if granted is not None:
            question = {**question, "max_tokens": granted}
        config = self.prepared.config
        headers = {"content-type": "application/json"}
        if config.api_key is not None:
            headers["authorization"] = f"Bearer {config.api_key.get_secret_value()}"
        rest = b""
        try:
            # Leaving the block closes the connection, after an error and a cancellation too.
            async with self.client.stream(
                "POST",
                f"{str(config.base_url).rstrip('/')}/v1/turns",
                content=encode_json(question),
                headers=headers,
                timeout=config.timeout,
            ) as response:
                if not response.is_success:
                    await response.aread()
                    raise refused(response)
                async for piece in response.aiter_bytes():
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in lines:
                        hearing.take(line)
        except httpx2.HTTPError as error:
            raise unreachable(error) from error
        if rest or not hearing.whole:
            raise broken_off()
