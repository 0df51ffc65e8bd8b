"""The contract of runtimes, clause by clause, through each of OpenAI's two interfaces."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from steer.values import JsonValue
from steer_conformance import RuntimeSetup, runtime_checks
from steer_openai_agents.plugin import RUNTIME
from steer_openai_agents.testing import connect


def connect_to_chat(provider_url: str) -> Mapping[str, JsonValue]:
    # What models take is as OpenAI documents it: nothing is said of them here.
    return {**connect(provider_url), "api": "chat_completions", "models": {}}


test_openai_agents = runtime_checks(RUNTIME, connect)
test_openai_agents_over_chat = pytest.mark.long(
    runtime_checks(
        RUNTIME,
        RuntimeSetup(connect=connect_to_chat, models={"reasoning_effort": "gpt-5"}),
        known_failures={
            "RT-36": "the SDK reads chunks of Chat Completions only, and drops all else"
        },
    )
)
