"""What can be set for this runtime, in ``[runtimes.claude-code]`` or with one agent or request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from steer.errors import ConfigError
from steer.values import JsonValue

from steer_claude_code.variables import refused

__all__ = ["ClaudeCodeConfig", "Subagent", "overlaid"]

_STRICT = ConfigDict(extra="forbid", frozen=True)
_SubagentName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]

_Names = TypeVar("_Names", bound=Collection[str])


class Subagent(BaseModel):
    """An agent that the main one may give a task to.

    ``description`` says when to use it, ``instructions`` what it is told. ``tools`` are the names
    of its tools, native ones and the agent's own function tools; ``None`` gives it all that the
    main agent has. ``model`` is the main agent's where it is unset.
    """

    model_config = _STRICT

    description: str = Field(min_length=1)
    instructions: str = Field(min_length=1)
    tools: tuple[str, ...] | None = None
    model: str | None = None
    max_turns: Annotated[int, Field(ge=1)] | None = None


class ClaudeCodeConfig(BaseModel):
    """Settings of the runtime ``claude-code``; ``None`` leaves a thing to the CLI.

    ``login``: how the vendor is paid. With ``api_key`` the CLI asks models through an endpoint of
    steer's on loopback, which holds the key; ``base_url`` is where that sends the requests, in
    Anthropic's own form, without ``/v1``, and ``timeout`` is how many seconds nothing may come
    back. With ``subscription``, ``bedrock`` and ``vertex`` the CLI asks by itself, and steer sees
    of it what it tells.

    ``tools`` are the CLI's native tools that the agent has, by name; none where it is empty.
    ``subagents`` are by name, and ``delegated`` names those of the agent's tools, native ones and
    its own, that only they have. ``cwd`` is the folder the agent works in, the current one where it
    is unset, and ``add_dirs`` are others that it may reach. ``permission_mode`` is the CLI's; the
    gate is asked before it. ``setting_sources`` are the CLI's own settings that are read: their
    hooks and commands run shells that nobody is asked about.
    ``max_turns`` bounds the turns of one prompt. ``thinking`` is ``adaptive``, ``off``, or a number
    of tokens. ``output`` says how a schema is asked for: ``native`` by the API, ``tool`` by the
    CLI's own StructuredOutput tool.

    The CLI is given the variables of ``environment``, and those of this process that ``pass_on``
    names, where they are set; nothing else of this process's environment. What would undo the
    governance of a run may be in neither. ``cli_path`` is the CLI, the one in the SDK
    where it is unset.

    ``max_processes`` bounds the CLI's processes; who comes later waits. Each serves one run.
    ``spares`` is how many are started ahead for runs of an agent that has been run before in the
    same scope; they wait for five minutes, and make room for others. ``start_seconds`` bounds the
    start of one.
    """

    model_config = _STRICT

    login: Literal["api_key", "subscription", "bedrock", "vertex"] = "api_key"
    base_url: str | None = Field(default=None, min_length=1)
    api_key: SecretStr | None = None
    timeout: float = Field(default=600.0, gt=0)

    tools: tuple[str, ...] = ()
    subagents: Mapping[_SubagentName, Subagent] = Field(default_factory=dict)
    delegated: tuple[str, ...] = ()
    cwd: Path | None = None
    add_dirs: tuple[Path, ...] = ()
    permission_mode: Literal["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"] = (
        "default"
    )
    setting_sources: tuple[Literal["user", "project", "local"], ...] = ()
    max_turns: Annotated[int, Field(ge=1)] | None = None
    thinking: Literal["adaptive", "off"] | Annotated[int, Field(ge=1024)] | None = None
    output: Literal["native", "tool"] = "native"

    environment: Mapping[str, str] = Field(default_factory=dict, repr=False)
    pass_on: tuple[str, ...] = ()
    cli_path: Path | None = None

    max_processes: Annotated[int, Field(ge=1)] = 8
    spares: Annotated[int, Field(ge=0)] = 1
    start_seconds: float = Field(default=60.0, gt=0)

    @field_validator("environment", "pass_on")
    @classmethod
    def _may_be_given(cls, variables: _Names) -> _Names:
        for name in variables:
            why = refused(name)
            if why is not None:
                raise ValueError(f"{name!r} may not be given to the CLI: {why}")
        return variables


def overlaid(config: ClaudeCodeConfig, changes: Mapping[str, JsonValue]) -> ClaudeCodeConfig:
    """Return ``config`` with the keys of one request over it; ``ConfigError`` for a wrong one."""
    if not changes:
        return config
    given = {name: getattr(config, name) for name in config.model_fields_set}
    try:
        return ClaudeCodeConfig.model_validate({**given, **changes})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(
            f"claude-code: the setting {place!r} is wrong: {first['msg']}",
            fix=f"Known settings: {', '.join(ClaudeCodeConfig.model_fields)}",
        ) from error
