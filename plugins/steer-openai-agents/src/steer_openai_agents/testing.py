"""How ``steer check openai-agents`` leads the SDK to the scripted provider."""

from __future__ import annotations

from collections.abc import Mapping

from steer.values import JsonValue

__all__ = ["connect"]


def connect(provider_url: str) -> Mapping[str, JsonValue]:
    """Return the configuration with which models are asked for at this address."""
    return {
        "base_url": f"{provider_url}/v1",
        "api_key": "sk-scripted",
        "api": "responses",
        # The scripted model takes whatever the runtime claims, so that all of it is tried.
        "models": {"gpt-4.1": {"reasoning_effort": True, "responses": {"seed": True}}},
    }
