"""Models under the gate: every request is admitted, recorded, told, and replayed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import Any, cast

from agents import Model, ModelProvider, ModelResponse
from agents.exceptions import ModelBehaviorError
from agents.items import TResponseStreamEvent
from agents.models.openai_chatcompletions import OpenAIChatCompletionsModel
from agents.models.openai_responses import OpenAIResponsesModel
from agents.retry import ModelRetryAdvice, ModelRetryAdviceRequest
from openai import DEFAULT_MAX_RETRIES, AsyncAzureOpenAI, AsyncOpenAI
from openai.types.responses import Response, ResponseCompletedEvent
from steer.errors import ErrorCategory, ProviderError, SteerError
from steer.ports.gate import Sent

from steer_openai_agents.audience import Audience
from steer_openai_agents.call_ids import unlike_earlier
from steer_openai_agents.clients import Clients, OpenAIModel, speaks_openai
from steer_openai_agents.failures import (
    broken_off,
    model_failure,
    no_room,
    reported_failure,
    sent_by,
)
from steer_openai_agents.frame import current_frame
from steer_openai_agents.messages import take_message
from steer_openai_agents.narration import Narrator
from steer_openai_agents.question import (
    Question,
    asked,
    described,
    is_bounded,
    is_whole,
    output_limit,
    with_seed_in_body,
    with_usage,
)
from steer_openai_agents.recording import (
    decode_response,
    encode_response,
    finish_reason,
    metadata_in,
    sdk_response,
    usage_in,
)
from steer_openai_agents.wire import Exchange, Recorded, Refused

__all__ = ["GatedModel", "GatedProvider", "provider_of"]


class GatedModel(Model):
    """Stands before a model, on behalf of one agent.

    ``find`` returns the model itself, when it is first asked; ``timeout`` is in seconds.
    """

    def __init__(
        self,
        find: Callable[[], Model],
        *,
        clients: Clients,
        agent: str | None = None,
        timeout: float | None = None,
    ) -> None:
        self._find = find
        self._clients = clients
        self._agent = agent
        self._timeout = timeout
        self._found: Model | None = None

    async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:
        """Ask, streaming all the same: a plain answer would hide that it was cut off."""
        question = asked(*args, **kwargs)
        response = await self._exchange(question, Audience())
        return sdk_response(
            response, raw_usage=question["model_settings"].preserve_raw_usage is True
        )

    async def stream_response(
        self, *args: Any, **kwargs: Any
    ) -> AsyncIterator[TResponseStreamEvent]:
        """Ask, and pass on the stream: for runs that an author's own code streams."""
        question = asked(*args, **kwargs)
        # A task of its own, because whoever iterates may do so from several tasks, and the
        # gate's context must be left in the one that entered it.
        events: asyncio.Queue[TResponseStreamEvent | None] = asyncio.Queue()
        task = asyncio.create_task(self._exchange(question, Audience(events.put_nowait)))
        task.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            await task
        finally:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()  # raised above, unless nobody follows the stream any more

    def get_retry_advice(self, request: ModelRetryAdviceRequest) -> ModelRetryAdvice | None:
        """Pass on what the model advises to the author's own retry policy."""
        return self._model().get_retry_advice(request)

    async def close(self) -> None:
        """Leave the author's model open: whoever made it closes it."""

    async def _cleanup_on_run_end(self, owner: object) -> None:
        """Pass on the SDK's message to models with something to clean up after a run."""
        if self._found is not None:
            await self._found._cleanup_on_run_end(owner)  # noqa: SLF001 - passing it on

    def _supports_default_prompt_cache_key(self) -> bool:
        """Answer as the model would: the SDK looks for this method by its name."""
        supports = getattr(self._model(), "_supports_default_prompt_cache_key", None)
        return bool(supports()) if callable(supports) else False

    def _model(self) -> Model:
        if self._found is None:
            try:
                self._found = self._find()
            except Exception as error:
                failure = model_failure(error, provider="openai", answering=False)
                current_frame().active.means(error, failure)
                raise
        return self._found

    async def _exchange(self, question: Question, audience: Audience) -> Response:
        """Make a request, again where it failed and may be, and return its whole answer."""
        model = self._model()
        tries = _retries_allowed_by_author(model, question)
        while True:
            tries -= 1
            response = await self._try(model, question, audience, last=tries < 0)
            if response is not None:
                return response

    async def _try(
        self, model: Model, question: Question, audience: Audience, *, last: bool
    ) -> Response | None:
        """Make one request; return its whole answer, ``None`` where it is to be made again."""
        frame = current_frame()
        async with AsyncExitStack() as stack:
            exchange = Exchange(
                frame=frame,
                stack=stack,
                agent=self._agent,
                model=str(getattr(model, "model", type(model).__name__)),
                provider=provider_of(model),
                max_output_tokens=output_limit(question),
                bounded=is_bounded(question),
            )
            # Whatever this request has cost is to be on record before the run is parked.
            with frame.active.suspension.running(exchange.place):
                response = await self._answer(exchange, model, question, audience, last=last)
                await stack.aclose()
                if response is not None:
                    await take_message(frame, exchange.admitted.message, response.output)
        if response is not None and not frame.path:
            frame.active.finish_reason = exchange.finish_reason
        await frame.may_go_on()
        return response

    async def _answer(
        self,
        exchange: Exchange,
        model: Model,
        question: Question,
        audience: Audience,
        *,
        last: bool,
    ) -> Response | None:
        """Return the answer of one request, ``None`` where it failed and is to be made again."""
        try:
            with exchange.current():
                return await self._ask(exchange, model, question, audience)
        except Refused as refused:
            raise refused.error from None
        except Recorded as recorded:
            response = decode_response(recorded.record.response)
            exchange.finish_reason = recorded.record.finish_reason
            audience.hear(_completed(response))
            return response
        except Exception as error:
            await exchange.closed()
            if await _failed(exchange, error, last=last or audience.heard):
                return None
            raise
        finally:
            await exchange.closed()

    async def _ask(
        self, exchange: Exchange, model: Model, question: Question, audience: Audience
    ) -> Response:
        if speaks_openai(model):
            inner: Model = self._clients.private(cast(OpenAIModel, model), timeout=self._timeout)
            exchange.chat = isinstance(inner, OpenAIChatCompletionsModel)
            # A subclass of the author's may look at the events in any way.
            exchange.unheard = audience.empty and type(inner) is OpenAIResponsesModel
            question = with_usage(question) if exchange.chat else with_seed_in_body(question)
        else:
            inner = model
            granted = await exchange.admit(described(question))
            exchange.check_model()
            if granted is not None:
                settings = replace(question["model_settings"], max_tokens=granted)
                question = {**question, "model_settings": settings}
        if is_whole(question):
            exchange.earlier = exchange.frame.active.earlier
        # What the SDK declares as an iterator is a generator: closing it closes the connection.
        stream = cast(Any, inner.stream_response(**question))
        async with aclosing(stream) as events:
            return await _listen(exchange, events, audience)


async def _listen(
    exchange: Exchange, events: AsyncIterator[TResponseStreamEvent], audience: Audience
) -> Response:
    """Follow a stream to its end; return the response it completed."""
    narrator: Narrator | None = None
    items: list[Any] = []
    completed: Response | None = None
    try:
        async for arrived in events:
            event = unlike_earlier(arrived, exchange.earlier)
            if narrator is None:
                narrator = Narrator(exchange.frame, exchange.admitted.id, exchange.agent)
            match event.type:
                case "response.completed":
                    response = event.response
                    # Some servers leave out of the end what they said on the way.
                    response.output = response.output or items
                    narrator.finish(response.output)
                    _complete(exchange, response)
                    completed = response
                case "response.output_item.done":
                    items.append(event.item)
                case "response.incomplete" | "response.failed":
                    raise _ended(exchange, event.response)
                case "error":
                    raise _reported(exchange, event)
            narrator.tell(event)
            audience.hear(event)
    except Exception:
        # What fails after the end, the closing of the connection for example, changes nothing.
        if completed is None:
            raise
    if completed is None:
        raise broken_off(exchange.provider)
    return completed


def _complete(exchange: Exchange, response: Response) -> None:
    if exchange.chat and exchange.finish_reason is None:
        # The SDK calls a Chat stream complete wherever it ends.
        raise broken_off(exchange.provider)
    exchange.finish_reason = exchange.finish_reason or finish_reason(response)
    exchange.admitted.complete(
        encode_response(response),
        usage_in(response),
        model=response.model or None,
        response_id=exchange.response_id if exchange.chat else response.id,
        finish_reason=exchange.finish_reason,
        metadata=metadata_in(response, exchange.served_by),
    )


def _ended(exchange: Exchange, response: Response) -> SteerError:
    """Return why a response ended that the server itself calls incomplete or failed."""
    reason = response.incomplete_details and response.incomplete_details.reason
    error: SteerError
    if reason == "max_output_tokens":
        error = no_room(exchange.model)
    elif reason is not None:
        error = ProviderError(
            f"{exchange.provider} cut the answer off: {reason}",
            category=ErrorCategory.CONTENT_FILTER
            if reason == "content_filter"
            else ErrorCategory.UNKNOWN,
            provider=exchange.provider,
        )
    else:
        error = _reported(exchange, response.error)
    exchange.usage = usage_in(response)
    return error


def _reported(exchange: Exchange, said: Any) -> ProviderError:
    return reported_failure(
        code=getattr(said, "code", None),
        message=getattr(said, "message", None),
        provider=exchange.provider,
    )


async def _failed(exchange: Exchange, error: Exception, *, last: bool) -> bool:
    """Tell the gate how a request failed, and the run what the exception means.

    Returns whether the request may be made again; that has been waited for. ``last``: it will
    not be, whatever the gate would say.
    """
    failure: SteerError
    if isinstance(error, ModelBehaviorError) and exchange.finish_reason == "length":
        # Chat without a word said; Responses calls the same an incomplete response.
        failure = no_room(exchange.model)
        failure.__cause__ = error
    else:
        failure = model_failure(
            error, provider=exchange.provider, answering=exchange.call is not None
        )
    exchange.frame.active.means(error, failure)
    if exchange.call is None:
        return False
    frame, sent = exchange.frame, sent_by(error)
    # The calls that this request lets the provider make, it may have made: not twice.
    last = last or frame.parked or (bool(frame.begun) and sent is Sent.UNKNOWN)
    if last:
        exchange.call.fail(failure, sent=sent, usage=exchange.usage)
    else:
        try:
            with frame.active.suspension.waiting(exchange.place):
                last = not await exchange.call.retry(failure, sent=sent, usage=exchange.usage)
        except SteerError as stop:
            await frame.refused(stop, exchange.place)
            raise
    # The next attempt makes this request anew.
    await frame.may_go_on(exchange.place)
    return not last


def _completed(response: Response) -> ResponseCompletedEvent:
    return ResponseCompletedEvent.construct(
        type="response.completed", response=response, sequence_number=0
    )


def _retries_allowed_by_author(model: Model, question: Question) -> int:
    """Return how often steer may make a request again at the most, as far as its author decides.

    An author who sets ``ModelSettings.retry`` has the SDK make requests again, each of which
    passes the gate. One who gives a client a number of retries means no more than these.
    """
    if question["model_settings"].retry is not None:
        return 0
    client = getattr(model, "_client", None)
    chosen = client.max_retries if isinstance(client, AsyncOpenAI) else DEFAULT_MAX_RETRIES
    return sys.maxsize if chosen == DEFAULT_MAX_RETRIES else chosen


def provider_of(model: Model) -> str:
    """Return whose interface the model speaks: ``openai``, ``azure``, or the name of its class."""
    if not speaks_openai(model):
        return type(model).__name__.removesuffix("Model").lower()
    client = cast(OpenAIModel, model)._client  # noqa: SLF001 - no public way to it
    return "azure" if isinstance(client, AsyncAzureOpenAI) else "openai"


class GatedProvider(ModelProvider):
    """Stands before a provider of models: what it finds passes the gate."""

    def __init__(self, provider: ModelProvider, *, clients: Clients, timeout: float | None) -> None:
        self._provider = provider
        self._clients = clients
        self._timeout = timeout

    def get_model(self, model_name: str | None) -> Model:
        """Return the model, under the gate."""
        return self.model_for(model_name, agent=None)

    def model_for(self, model_name: str | None, *, agent: str | None) -> GatedModel:
        """Return the model, under the gate on behalf of an agent."""
        return GatedModel(
            lambda: self._provider.get_model(model_name),
            clients=self._clients,
            agent=agent,
            timeout=self._timeout,
        )

    def instead(self, provider: ModelProvider) -> GatedProvider:
        """Return the same gate before another provider, one that the author chose."""
        return GatedProvider(provider, clients=self._clients, timeout=self._timeout)

    def around(self, model: Model, *, agent: str | None) -> Model:
        """Return an author's model under the gate; one that is there already, as it is."""
        if isinstance(model, GatedModel):
            return model
        return GatedModel(lambda: model, clients=self._clients, agent=agent, timeout=self._timeout)
