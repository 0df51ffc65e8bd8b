from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from kernels import open_kernel, request
from steer import BlockingKernel, RetrySpec, RuntimeKernel
from steer.errors import ProviderError
from stepwise import Stepwise, Turn, registry

pytestmark = pytest.mark.anyio

ORDER = '{"items": ["nut", "bolt"], "note": "two \\u00e9"}'


def growing(values: list[Any]) -> bool:
    """Whether each value says at least what the one before said."""
    texts = [json.dumps(value).rstrip(']}"') for value in values]
    return all(len(one) <= len(other) for one, other in itertools.pairwise(texts))


async def test_a_structured_answer_can_be_looked_at_while_it_is_written() -> None:
    agent = Stepwise(turns=(Turn(text="Let me look."), Turn(text=ORDER)), output=json.loads)
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent))
        values = [value async for value in handle.partial_outputs()]
        result = await handle.result()
    assert values[0] == {}
    assert {"items": ["nu"]} in values
    assert values[-1] == result.output == json.loads(ORDER)
    assert growing(values)
    assert all(one != other for one, other in itertools.pairwise(values))


async def test_an_answer_that_is_begun_anew_is_read_anew() -> None:
    failure = ProviderError("busy", retryable=True)
    agent = Stepwise(turns=(Turn(text=ORDER, failures=(failure,)),), output=json.loads)
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(agent, retries=RetrySpec(first_wait_seconds=0)))
        values = [value async for value in handle.partial_outputs()]
    assert values[-1] == json.loads(ORDER)


async def test_plain_text_is_no_structured_answer() -> None:
    async with open_kernel() as kernel:
        handle = await kernel.execute(request(Stepwise(turns=(Turn(text="12 nuts"),))))
        assert [value async for value in handle.partial_outputs()] == []


def test_a_program_without_an_event_loop_can_look_as_well() -> None:
    agent = Stepwise(turns=(Turn(text=ORDER),), output=json.loads)
    with BlockingKernel(lambda: RuntimeKernel(registry=registry())) as kernel:
        values = list(kernel.execute(request(agent)).partial_outputs())
    assert values[-1] == json.loads(ORDER)
