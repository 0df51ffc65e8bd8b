"""An agent made ready to be run: options checked, copies made, nothing opened."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from agents import Agent as SdkAgent
from agents import Model, ModelSettings, MultiProvider
from agents.exceptions import UserError
from agents.models import get_default_model
from pydantic_core import to_jsonable_python
from steer.agents import Agent, output_spec
from steer.capabilities import Capabilities, HistoryForm
from steer.errors import AgentError, ConfigError
from steer.ports.runtime import PrepareOptions, ToolInfo
from steer.values import JsonValue, digest_of

from steer_openai_agents.clients import Clients, speaks_openai
from steer_openai_agents.clones import Clones, Entry, Overrides
from steer_openai_agents.compiled import SpecSchema, compile_agent
from steer_openai_agents.config import OpenAIAgentsConfig, overlaid
from steer_openai_agents.models import GatedProvider, provider_of
from steer_openai_agents.plugin import CAPABILITIES
from steer_openai_agents.survey import description, reachable, ungated_tools
from steer_openai_agents.workflow import Workflow, is_workflow, workflow_of

__all__ = ["OpenAIAgentsPrepared", "prepare"]


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenAIAgentsPrepared:
    """Implements ``steer.ports.runtime.Prepared``.

    ``start`` is the gated copy of the agent that is asked, or the function that asks agents;
    ``clones`` makes the other copies, and ``others`` are those of the agents that were in sight,
    kept so that each is made once. ``look`` returns what the author's agents are made of, and
    ``parts`` is what it returned then.
    """

    agent: str
    model: str | None
    provider: str | None
    fingerprint: str
    capabilities: Capabilities
    ungated: tuple[ToolInfo, ...]
    start: SdkAgent[Any] | Workflow
    clones: Clones
    others: tuple[SdkAgent[Any], ...]
    tracing: bool
    look: Callable[[], tuple[object, ...]]
    parts: tuple[object, ...]

    @property
    def current(self) -> bool:
        """Whether the author has changed nothing of the agents since."""
        parts = self.look()
        return len(parts) == len(self.parts) and all(map(operator.is_, parts, self.parts))


def prepare(
    agent: object, options: PrepareOptions, *, config: OpenAIAgentsConfig, clients: Clients
) -> OpenAIAgentsPrepared:
    """Compile and check an agent: see ``Runtime.prepare``."""
    try:
        return _prepare(agent, options, config, clients)
    except UserError as error:
        # The SDK's word for an agent that contradicts itself: a schema that cannot be strict.
        raise AgentError(str(error)) from error


def _prepare(
    agent: object, options: PrepareOptions, config: OpenAIAgentsConfig, clients: Clients
) -> OpenAIAgentsPrepared:
    native, runtime_config = _native(agent, options)
    config = overlaid(config, {**runtime_config, **options.config})
    config = config.model_copy(
        update={
            name: value
            for name, value in (("base_url", options.base_url), ("api_key", options.api_key))
            if value is not None
        }
    )
    if isinstance(native, Workflow):
        return _prepared_workflow(native, options, config, clients)
    agents = reachable(native)
    look = partial(_parts, agents)
    parts = look()
    _check_models(agents, options)
    _check_options(native, options)
    ungated = ungated_tools(agents)
    clones = _clones(options, config, clients, ungated)
    start = clones.entry(native, _entry(options))
    model = options.model or native.model
    return OpenAIAgentsPrepared(
        agent=native.name,
        model=_name_of(model),
        provider=_provider_of(model),
        fingerprint=_fingerprint(description(agents), options, config),
        capabilities=_capabilities(model),
        ungated=ungated,
        start=start,
        clones=clones,
        others=tuple(clones.clone(each) for each in agents),
        tracing=config.tracing,
        look=look,
        parts=parts,
    )


def _prepared_workflow(
    workflow: Workflow, options: PrepareOptions, config: OpenAIAgentsConfig, clients: Clients
) -> OpenAIAgentsPrepared:
    def look() -> tuple[object, ...]:
        # Those that only the function's own code makes are not seen.
        seen = reachable(*workflow.agents)
        return (*seen, *_parts(seen))

    agents, parts = reachable(*workflow.agents), look()
    _check_workflow(workflow, agents, options)
    ungated = ungated_tools(agents)
    clones = _clones(options, config, clients, ungated)
    whole = workflow.form.items
    return OpenAIAgentsPrepared(
        agent=workflow.name,
        model=None if options.model is None else _name_of(options.model),
        provider=None if options.model is None else _provider_of(options.model),
        fingerprint=_fingerprint([workflow.description, description(agents)], options, config),
        capabilities=replace(
            CAPABILITIES,
            history=HistoryForm.NATIVE if whole else HistoryForm.PROMPT,
            images=whole,
            files=whole,
            schema=False,
            tool_choice=False,
            seed=options.model is not None or all(_takes_seed(each.model) for each in agents),
        ),
        ungated=ungated,
        start=workflow,
        clones=clones,
        others=tuple(clones.clone(each) for each in agents),
        tracing=config.tracing,
        look=look,
        parts=parts,
    )


def _clones(
    options: PrepareOptions,
    config: OpenAIAgentsConfig,
    clients: Clients,
    ungated: Sequence[ToolInfo],
) -> Clones:
    return Clones(
        provider=GatedProvider(_provider(config), clients=clients, timeout=config.timeout),
        overrides=Overrides(model=options.model, settings=_settings(options)),
        ungated=frozenset(tool.name for tool in ungated),
    )


def _parts(agents: Sequence[SdkAgent[Any]]) -> tuple[object, ...]:
    """Return the very objects that make up what the author says of the agents."""
    parts: list[object] = []
    for agent in agents:
        for name, value in vars(agent).items():
            # The SDK keeps notes of its own on an author's agent.
            if name.startswith("_"):
                continue
            parts.append(value)
            if isinstance(value, list):
                parts.extend(value)
            elif isinstance(value, ModelSettings):
                parts.extend(vars(value).values())
    return tuple(parts)


def _native(
    agent: object, options: PrepareOptions
) -> tuple[SdkAgent[Any] | Workflow, dict[str, JsonValue]]:
    """Return the SDK's agent, or the workflow, and what the definition sets for this runtime."""
    if isinstance(agent, Agent):
        if agent.native is None:
            return compile_agent(agent, options.variables), dict(agent.runtime_config)
        native, runtime_config = agent.native, dict(agent.runtime_config)
    else:
        native, runtime_config = agent, {}
    if is_workflow(native):
        return workflow_of(native), runtime_config
    if not isinstance(native, SdkAgent):
        raise AgentError(
            f"the OpenAI Agents SDK cannot run a {type(native).__module__}."
            f"{type(native).__qualname__}",
            fix="Give it an agents.Agent or a steer.agents.Agent",
        )
    if options.variables:
        raise ConfigError(
            f"agent {native.name!r} is an agent of the SDK, which has no variables",
            fix="Drop the variables, or define the agent with steer.agents.Agent",
        )
    return native, runtime_config


def _check_models(agents: list[SdkAgent[Any]], options: PrepareOptions) -> None:
    """Refuse to say with a request how models given by name are reached where there are none.

    What a configuration says for all agents may well not concern this one.
    """
    if options.model is not None or not all(isinstance(each.model, Model) for each in agents):
        return
    for name in ("base_url", "api_key"):
        if getattr(options, name) is not None:
            raise ConfigError(
                f"{name} cannot take effect: the author of agent {agents[0].name!r} gave it a "
                "model object, which knows its own server",
                fix=f"Drop {name}, or name a model to be used in place of the object",
            )


def _check_options(agent: SdkAgent[Any], options: PrepareOptions) -> None:
    if options.output_schema is not None and agent.handoffs:
        raise ConfigError(
            f"output_schema cannot take effect: agent {agent.name!r} hands off to others, "
            "and whichever comes last answers",
            fix="Set the output type of each of them in the agent's own code",
        )
    if options.seed is not None and not _takes_seed(options.model or agent.model):
        raise _no_seed(agent)


def _no_seed(agent: SdkAgent[Any]) -> ConfigError:
    return ConfigError(
        f"seed cannot take effect: nobody knows whether the model of agent {agent.name!r} "
        "takes one",
        fix="Drop the seed, or name a model to be used in place of the object",
    )


_OF_ONE_AGENT = ("instructions", "output_schema", "tool_choice", "variables")


def _check_workflow(
    workflow: Workflow, agents: Sequence[SdkAgent[Any]], options: PrepareOptions
) -> None:
    """Refuse what is said of the agent that is asked: a function asks whom it likes."""
    for name in _OF_ONE_AGENT:
        if getattr(options, name):
            raise ConfigError(
                f"{name} cannot take effect: {workflow.name} is a function, which tells each of"
                " its agents what to do",
                fix=f"Drop {name}, or name one of the agents in place of the function",
            )
    if options.seed is not None and options.model is None:
        for agent in agents:
            if not _takes_seed(agent.model):
                raise _no_seed(agent)


def _provider(config: OpenAIAgentsConfig) -> MultiProvider:
    return MultiProvider(
        openai_api_key=None if config.api_key is None else config.api_key.get_secret_value(),
        openai_base_url=config.base_url,
        openai_organization=config.organization,
        openai_project=config.project,
        openai_use_responses=None if config.api is None else config.api == "responses",
        # Its requests would not pass through the client that the gate stands in.
        openai_use_responses_websocket=False,
        # A server of one's own may well call its models "org/name".
        unknown_prefix_mode="error" if config.base_url is None else "model_id",
    )


def _settings(options: PrepareOptions) -> ModelSettings:
    return ModelSettings(
        temperature=options.temperature,
        top_p=options.top_p,
        max_tokens=options.max_output_tokens,
        extra_args=None if options.seed is None else {"seed": options.seed},
    )


def _entry(options: PrepareOptions) -> Entry:
    output: SpecSchema | None = None
    if options.output_schema is not None:
        try:
            spec = output_spec(options.output_schema)
        except AgentError as error:
            raise ConfigError(f"output_schema: {error.message}", fix=error.fix) from error
        output = None if spec is None else SpecSchema(spec)
    return Entry(
        instructions=options.instructions, output_type=output, tool_choice=options.tool_choice
    )


def _name_of(model: str | Model | None) -> str:
    if isinstance(model, Model):
        return str(getattr(model, "model", type(model).__name__))
    return get_default_model() if model is None else model.removeprefix("openai/")


def _provider_of(model: str | Model | None) -> str:
    if isinstance(model, Model):
        return provider_of(model)
    prefix, slash, _ = (model or "").partition("/")
    return prefix if slash and prefix in {"litellm", "any-llm"} else "openai"


def _takes_seed(model: str | Model | None) -> bool:
    return not isinstance(model, Model) or speaks_openai(model)


def _capabilities(model: str | Model | None) -> Capabilities:
    return replace(CAPABILITIES, seed=_takes_seed(model))


def _fingerprint(author: JsonValue, options: PrepareOptions, config: OpenAIAgentsConfig) -> str:
    # Where a request goes and who pays does not change what it says.
    quiet = {"base_url", "api_key", "config", "organization", "project", "timeout", "tracing"}
    chosen = {**to_jsonable_python(options), **config.model_dump(mode="json")}
    return digest_of(
        [
            author,
            {name: value for name, value in chosen.items() if name not in quiet},
        ]
    )
