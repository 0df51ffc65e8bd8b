"""Runtimes that say who they are and what they were given, to run stored definitions by."""

from __future__ import annotations

from dataclasses import replace

from pydantic import BaseModel, SecretStr
from steer import PrepareOptions
from steer.agents import Agent
from steer.errors import AgentError
from steer.plugin import RuntimePlugin, hookimpl
from steer.plugins import PluginRegistry
from stepwise import CAPABILITIES, Call, PreparedStepwise, Stepwise, StepwiseRuntime, ToolSpec, Turn


class Settings(BaseModel):
    """The settings of these runtimes; ``pause`` and ``key`` do nothing but be there."""

    pause: float = 0
    key: SecretStr | None = None


class NamedRuntime(StepwiseRuntime):
    """Answers with its own name, the model and ``pause``; takes no agent with handoffs.

    ``shape`` is what runs, without its turns' texts.
    """

    def __init__(self, name: str, settings: Settings | None, shape: Stepwise) -> None:
        self._name = name
        self._settings = settings or Settings()
        self._shape = shape

    def prepare(self, agent: object, options: PrepareOptions, /) -> PreparedStepwise:
        assert isinstance(agent, Agent)
        agent.instructions_with(options.variables)
        if agent.handoffs:
            raise AgentError(f"{self._name} takes no handoffs", fix="Name another runtime")
        model = options.model or agent.model or "its own"
        said = f"{self._name}, {model}, {self._settings.pause:g}"
        *before, last = self._shape.turns
        turns = (*before, replace(last, text=said))
        source = replace(self._shape, name=agent.name, model=model, turns=turns)
        return PreparedStepwise(source=source, fingerprint=said)


HELLO = Stepwise(turns=(Turn(),))


def noting_agent(tool: ToolSpec) -> Stepwise:
    """The shape of an agent that calls its tool before it says who it is."""
    return Stepwise(turns=(Turn(calls=(Call(tool="note"),)), Turn()), tools={"note": tool})


def two_runtimes(shape: Stepwise = HELLO) -> PluginRegistry:
    """The installed plugins, and the runtimes ``first`` and ``second``."""
    made = PluginRegistry.discover()
    made.register(Two(shape), name="two-runtimes")
    return made


class Two:
    def __init__(self, shape: Stepwise) -> None:
        self._shape = shape

    @hookimpl
    def steer_runtimes(self) -> list[RuntimePlugin]:
        return [self._declared("first"), self._declared("second")]

    def _declared(self, name: str) -> RuntimePlugin:
        def opened(settings: Settings | None) -> NamedRuntime:
            return NamedRuntime(name, settings, self._shape)

        return RuntimePlugin(
            name=name,
            summary="Says who it is",
            contract=1,
            open=opened,
            config=Settings,
            capabilities=CAPABILITIES,
        )
