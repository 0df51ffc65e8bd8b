"""Against OpenAI itself: whether what the scripted provider teaches us still holds there.

`nox -s live` runs these; they need OPENAI_API_KEY and cost a few cents.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from agents import Agent, function_tool
from pydantic import BaseModel
from sdk_runs import durable_types, events_of, open_kernel
from steer import ExecutionRequest, PrepareOptions
from steer.errors import ErrorCategory
from steer.events import Event, ModelToken
from steer.values import JobStatus, RunResult

pytestmark = [pytest.mark.anyio, pytest.mark.live]

MODEL = os.environ.get("STEER_LIVE_MODEL", "gpt-4.1-mini")
APIS = ("responses", "chat_completions")


class City(BaseModel):
    name: str
    country: str


@function_tool
def secret_number() -> int:
    """Return the secret number."""
    return 4711


@pytest.fixture(autouse=True)
def no_vendor_settings() -> None:
    """Leave the key where it is, in place of the fixture that takes it away."""


async def run(
    agent: Agent[Any], prompt: str, *, api: str, **options: Any
) -> tuple[RunResult, list[Event]]:
    chosen = PrepareOptions(config={"api": api}, **options)
    async with open_kernel() as kernel:
        handle = await kernel.execute(ExecutionRequest(agent=agent, prompt=prompt, options=chosen))
        # Followed while it runs: afterwards the journal holds the text in few pieces.
        events = await events_of(handle)
        return await handle.result(), events


@pytest.mark.parametrize("api", APIS)
async def test_an_answer_is_streamed_and_counted(api: str) -> None:
    agent = Agent(name="plain", instructions="Answer in one sentence.", model=MODEL)
    result, events = await run(agent, "What is the capital of Norway?", api=api)
    assert result.status is JobStatus.SUCCEEDED
    assert "Oslo" in result.content
    assert sum(isinstance(event.data, ModelToken) for event in events) > 1
    assert result.usage.input_tokens > 0
    assert result.usage.output_tokens > 0
    assert not result.usage.estimated


@pytest.mark.parametrize("api", APIS)
async def test_a_tool_is_called_and_its_result_is_used(api: str) -> None:
    agent = Agent(name="teller", instructions="Use your tool.", model=MODEL, tools=[secret_number])
    result, events = await run(agent, "What is the secret number?", api=api)
    assert "4711" in result.content
    assert durable_types(events).count("tool.end") == 1


@pytest.mark.parametrize("api", APIS)
async def test_an_answer_has_the_form_that_was_asked_for(api: str) -> None:
    agent = Agent(name="mapper", model=MODEL, output_type=City)
    result, _ = await run(agent, "Where is Bergen?", api=api)
    assert result.output_as(City).country.startswith("Norw")


@pytest.mark.parametrize("api", APIS)
async def test_a_model_that_does_not_exist_is_not_found(api: str) -> None:
    agent = Agent(name="nobody", model="gpt-no-such-model")
    result, _ = await run(agent, "Hello?", api=api)
    assert result.error is not None
    assert result.error.category is ErrorCategory.NOT_FOUND
