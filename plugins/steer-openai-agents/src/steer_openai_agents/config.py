"""What can be set for this runtime, in ``[runtimes.openai-agents]`` or with one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from steer.errors import ConfigError
from steer.values import JsonValue

from steer_openai_agents.model_table import ModelRow

__all__ = ["OpenAIAgentsConfig", "overlaid"]


class OpenAIAgentsConfig(BaseModel):
    """Settings of the runtime ``openai-agents``; ``None`` leaves a thing to the SDK.

    ``api``: which of OpenAI's two interfaces models given by name are asked through. The SDK's
    own choice is Responses, unless the author's file calls ``set_default_openai_api``.
    ``base_url`` is in OpenAI's own form, ``/v1`` included. ``api_key``, ``organization`` and
    ``project`` are what OpenAI's client is given to say who asks. ``timeout`` is in seconds and
    bounds connecting and each wait for bytes of one request. ``tracing`` lets the SDK send its
    traces to OpenAI; they hold what people and models said. ``models`` says by glob of the name
    what models take, over what is known of OpenAI's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    api: Literal["responses", "chat_completions"] | None = None
    base_url: str | None = Field(default=None, min_length=1)
    api_key: SecretStr | None = None
    organization: str | None = None
    project: str | None = None
    timeout: float | None = Field(default=None, gt=0)
    tracing: bool = False
    models: Mapping[str, ModelRow] = Field(default_factory=dict)


def overlaid(config: OpenAIAgentsConfig, changes: Mapping[str, JsonValue]) -> OpenAIAgentsConfig:
    """Return ``config`` with the keys of one request over it; ``ConfigError`` for a wrong one."""
    if not changes:
        return config
    given = {name: getattr(config, name) for name in config.model_fields_set}
    try:
        return OpenAIAgentsConfig.model_validate({**given, **changes})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(
            f"openai-agents: the setting {place!r} is wrong: {first['msg']}",
            fix=f"Known settings: {', '.join(OpenAIAgentsConfig.model_fields)}",
        ) from error
