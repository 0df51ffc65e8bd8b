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
from pydantic_core import to_jsonable_python
from steer.agents import Agent, output_spec
from steer.capabilities import Capabilities, HistoryForm
from steer.errors import AgentError, ConfigError
from steer.ports.options import PrepareOptions
from steer.ports.runtime import ToolInfo
from steer.values import JsonValue, Message, digest_of

from steer_openai_agents.asking import Asking, name_of_model, provider_of_name
from steer_openai_agents.clients import Clients, speaks_openai
from steer_openai_agents.clones import Clones, Entry, Overrides, authored_settings
from steer_openai_agents.compiled import SpecSchema, compile_agent
from steer_openai_agents.config import OpenAIAgentsConfig, overlaid
from steer_openai_agents.model_table import Interface
from steer_openai_agents.models import GatedProvider, provider_of
from steer_openai_agents.option_checks import check_models, check_options, check_workflow
from steer_openai_agents.plugin import CAPABILITIES
from steer_openai_agents.survey import answering, description, reachable, ungated_tools
from steer_openai_agents.workflow import Workflow, is_workflow, workflow_of

__all__ = ["OpenAIAgentsPrepared", "prepare"]


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenAIAgentsPrepared:
    """Implements ``steer.ports.runtime.Prepared``.

    ``start`` is the gated copy of the agent that is asked, or the function that asks agents;
    ``clones`` makes the other copies, and ``others`` are those of the agents that were in sight,
    kept so that each is made once. ``asking`` is how the options have models asked, and
    ``readers`` are the agents that may be given the conversation. ``look`` returns what the
    author's agents are made of, and ``parts`` is what it returned then.
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
    asking: Asking
    readers: tuple[SdkAgent[Any], ...]
    tracing: bool
    look: Callable[[], tuple[object, ...]]
    parts: tuple[object, ...]

    @property
    def current(self) -> bool:
        """Whether the author has changed nothing of the agents since."""
        parts = self.look()
        return len(parts) == len(self.parts) and all(map(operator.is_, parts, self.parts))

    def check_input(self, messages: Sequence[Message]) -> None:
        """Refuse documents that an agent cannot read which may be given the conversation.

        Raises ``ConfigError``.
        """
        for each in self.readers:
            model = self.asking.options.model or each.model
            self.asking.check_files(model, messages, agent=each.name)


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
    check_models(agents, options)
    check_options(native, agents, options)
    readers, ungated = answering(native), ungated_tools(agents)
    asking, clones = _clones(options, config, clients, ungated)
    asking.check_schema(options.model or native.model, agent=native.name)
    start = clones.entry(native, _entry(options))
    model = options.model or native.model
    return OpenAIAgentsPrepared(
        agent=native.name,
        model=name_of_model(model),
        provider=provider_of(model) if isinstance(model, Model) else provider_of_name(model),
        fingerprint=_fingerprint(description(agents), options, config),
        capabilities=_capabilities(agents, readers, asking),
        ungated=ungated,
        start=start,
        clones=clones,
        others=tuple(clones.clone(each) for each in agents),
        asking=asking,
        readers=tuple(readers),
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

    check_workflow(workflow, options)
    agents, parts = reachable(*workflow.agents), look()
    check_models(agents, options)
    ungated = ungated_tools(agents)
    asking, clones = _clones(options, config, clients, ungated)
    can, whole = _capabilities(agents, agents, asking), workflow.form.items
    return OpenAIAgentsPrepared(
        agent=workflow.name,
        model=None if options.model is None else name_of_model(options.model),
        provider=None if options.model is None else provider_of_name(options.model),
        fingerprint=_fingerprint([workflow.description, description(agents)], options, config),
        capabilities=replace(
            can,
            history=HistoryForm.NATIVE if whole else HistoryForm.PROMPT,
            images=whole and can.images,
            files=whole and can.files,
            schema=False,
            tool_choice=False,
            # What it makes of its items is the function's own affair.
            session_items=False,
        ),
        ungated=ungated,
        start=workflow,
        clones=clones,
        others=tuple(clones.clone(each) for each in agents),
        asking=asking,
        readers=tuple(agents),
        tracing=config.tracing,
        look=look,
        parts=parts,
    )


def _clones(
    options: PrepareOptions,
    config: OpenAIAgentsConfig,
    clients: Clients,
    ungated: Sequence[ToolInfo],
) -> tuple[Asking, Clones]:
    provider = _provider(config)
    asking = Asking(options=options, interface=_interface(provider), rows=config.models)
    return asking, Clones(
        provider=GatedProvider(provider, clients=clients, timeout=config.timeout),
        overrides=Overrides(model=options.model, asking=asking),
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


def _interface(provider: MultiProvider) -> Interface:
    # The SDK has no public way to it; a file may have called set_default_openai_api.
    responses = provider.openai_provider._use_responses  # noqa: SLF001
    return "responses" if responses else "chat_completions"


def _entry(options: PrepareOptions) -> Entry:
    output: SpecSchema | None = None
    if options.output_schema is not None:
        try:
            spec = output_spec(options.output_schema, strict=options.output_strict)
        except AgentError as error:
            raise ConfigError(f"output_schema: {error.message}", fix=error.fix) from error
        output = None if spec is None else SpecSchema(spec)
    return Entry(
        instructions=options.instructions, output_type=output, tool_choice=options.tool_choice
    )


def _capabilities(
    agents: Sequence[SdkAgent[Any]], readers: Sequence[SdkAgent[Any]], asking: Asking
) -> Capabilities:
    """Return what all agents of a run can do together.

    An option holds for each of them, and the conversation for those that it may be handed to, of
    which the first is the one that is asked.
    """
    model = asking.options.model
    every = [asking.takes(model or each.model) for each in agents]
    seeing = [asking.takes(model or each.model) for each in readers]
    efforts = [asking.effort(authored_settings(each, model)) for each in agents]

    def sampling(option: str) -> bool:
        return all(
            getattr(takes, option) is True or (getattr(takes, option) and effort in {None, "none"})
            for takes, effort in zip(every, efforts, strict=True)
        )

    return replace(
        CAPABILITIES,
        temperature=sampling("temperature"),
        top_p=sampling("top_p"),
        max_output_tokens=all(takes.max_output_tokens for takes in every),
        seed=all(takes.seed for takes in every),
        reasoning_effort=all(takes.reasoning_effort for takes in every),
        parallel_tool_calls=all(takes.parallel_tool_calls for takes in every),
        schema=bool(seeing) and seeing[0].output_schema,
        images=all(takes.images for takes in seeing),
        files=all(takes.files for takes in seeing),
        model_substitution=all(_by_name(model or each.model) for each in agents),
    )


def _by_name(model: object) -> bool:
    """Whether a request names its model, so that it can name another one."""
    return model is None or isinstance(model, str) or speaks_openai(model)


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
