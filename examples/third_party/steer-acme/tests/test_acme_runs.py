"""What is particular to Acme: personas, its own agents, and its own ways to fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from steer import ExecutionRequest, RetrySpec, RuntimeKernel
from steer.agents import Agent, ModelSettings
from steer.errors import AgentError, ConfigError, ErrorCategory
from steer.ports.options import PrepareOptions
from steer.values import ImagePart, JobStatus, Message, Role, RunResult, TextPart
from steer_acme.agent import AcmeAgent
from steer_acme.config import AcmeConfig
from steer_acme.prepared import AcmePrepared, prepare
from steer_acme.testing import ACME
from steer_conformance.provider import (
    Failure,
    Provider,
    Raw,
    Refusal,
    Script,
    StreamError,
    Turn,
    load_script,
)

HOME = Path(__file__).resolve().parents[1]
DESK = AcmeAgent(name="Desk", persona="support-desk")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def acme(*turns: Any) -> Provider:
    return Provider(Script(turns), dialects=[ACME])


def prepared(agent: object, **options: Any) -> AcmePrepared:
    return prepare(agent, PrepareOptions(**options), AcmeConfig())


async def ran(provider: Provider, agent: object = DESK, **fields: Any) -> RunResult:
    config = {"acme": {"base_url": provider.url}}
    asked = {"prompt": "Hello?", "runtime": "acme"} | fields
    async with RuntimeKernel(runtime_config=config) as kernel:
        once = RetrySpec(max_retries=0)
        handle = await kernel.execute(ExecutionRequest(agent=agent, retries=once, **asked))
        return await handle.result()


def test_a_deterministic_run_asks_at_temperature_0() -> None:
    agent = Agent(name="Desk", settings=ModelSettings(temperature=0.7))
    assert prepared(agent).body["temperature"] == 0.7
    assert prepared(agent, deterministic=True).body["temperature"] == 0


@pytest.mark.anyio
async def test_a_persona_speaks_for_its_agent() -> None:
    async with acme(Turn("Hello.")) as provider:
        result = await ran(provider)
        (request,) = provider.requests
    assert (result.content, result.agent, result.runtime) == ("Hello.", "Desk", "acme")
    assert request.body["persona"] == "support-desk"
    assert "prompt" not in request.body


def test_instructions_do_not_silently_lose_to_a_persona() -> None:
    with pytest.raises(ConfigError, match="kept at Acme, with the persona 'support-desk'"):
        prepared(DESK, instructions="Be brief.")


@pytest.mark.anyio
async def test_a_key_reaches_acme_and_is_no_part_of_the_fingerprint() -> None:
    async with acme(Turn("Hello.")) as provider:
        await ran(provider, options=PrepareOptions(api_key=SecretStr("acme-key")))
        (request,) = provider.requests
    assert request.headers["authorization"] == "Bearer acme-key"
    with_key = prepared(DESK, api_key=SecretStr("acme-key"))
    assert with_key.fingerprint == prepared(DESK).fingerprint
    assert "acme-key" not in repr(with_key)


def test_an_address_that_is_none_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError, match="the setting 'base_url' is wrong"):
        prepared(DESK, base_url="nowhere")


def test_a_setting_that_acme_lacks_is_refused_by_its_name() -> None:
    with pytest.raises(ConfigError, match="does not know the option seed"):
        prepared(DESK, seed=0)
    with pytest.raises(AgentError, match="has handoffs, which acme does not know"):
        prepared(Agent(name="Desk", handoffs=[Agent(name="Other")]))


@pytest.mark.anyio
async def test_a_picture_is_refused_in_one_sentence_and_nothing_is_sent() -> None:
    picture = ImagePart(url="data:image/png;base64,AAAA")
    message = Message(role=Role.USER, content=(TextPart(text="What is this?"), picture))
    async with acme() as provider:
        with pytest.raises(ConfigError, match="image"):
            await ran(provider, prompt=None, messages=(message,))
        assert provider.requests == ()


@pytest.mark.anyio
async def test_a_limit_in_mid_answer_says_when_to_come_back() -> None:
    trouble = StreamError(Failure(429, message="Slow down.", retry_after=3), after=1)
    async with acme(Turn("Some words.", trouble)) as provider:
        result = await ran(provider)
    assert result.error is not None
    assert (result.error.category, result.error.retry_after) == (ErrorCategory.RATE_LIMIT, 3)


@pytest.mark.anyio
async def test_a_refusal_is_an_error_where_a_form_was_asked_for() -> None:
    async with acme(Turn(Refusal("No."))) as provider:
        result = await ran(provider, Agent(name="Desk", output_type=dict[str, int]))
    assert result.error is not None
    assert result.error.category is ErrorCategory.CONTENT_FILTER


@pytest.mark.anyio
@pytest.mark.parametrize(
    "lines",
    [
        b'{"event": "tool_arguments", "id": "c1", "text": "{}"}\n',
        b'{"event": "end", "reason": "done"}\n{"event": "text", "text": "One more thing."}\n',
        b'{"event": "text"}\n',
        b'{"text": "Hello."}\n',
        b"[" * 100_000 + b"\n",
    ],
    ids=["arguments of no call", "after the end", "no text", "no event", "too deep"],
)
async def test_what_the_format_does_not_have_is_an_error(lines: bytes) -> None:
    async with acme(Raw(lines, content_type=ACME.stream_type)) as provider:
        result = await ran(provider)
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.message.startswith("acme sent what is no event there: ")


def test_the_command_line_runs_an_agent_of_acmes(tmp_path: Path) -> None:
    steer = Path(sys.executable).with_name("steer")
    with Provider(load_script(HOME / "desk.toml"), dialects=[ACME]) as provider:
        finished = subprocess.run(
            [steer, "run", HOME / "desk.py", "Where is A-17?", "--base-url", provider.url],
            cwd=tmp_path,
            env={"HOME": str(tmp_path), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        provider.assert_used_up()
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.endswith("Your parcel is on its way.\n")
    assert "succeeded · 230 tokens · 1 tool call" in finished.stderr
