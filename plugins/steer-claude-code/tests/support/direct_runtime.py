"""A runtime for a real kernel whose CLI asks a scripted provider by itself."""

from __future__ import annotations

from dataclasses import dataclass

from direct_runs import AGENT, MODEL, Clerk, asking, follow
from steer import PrepareOptions
from steer.capabilities import Capabilities, UsageSource
from steer.plugin import RuntimePlugin, hookimpl
from steer.plugins import PluginRegistry
from steer.ports.runtime import Finished, Prepared, Run, ToolInfo
from steer_claude_code.active import ActiveRun
from steer_claude_code.process.failures_of_result import result_failure
from steer_claude_code.run.direct import Direct
from steer_conformance.provider import Provider

__all__ = ["direct_registry"]

CAPABILITIES = Capabilities(usage=UsageSource.VENDOR, tools=True, parallel_tools=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Prepared:
    agent: str = AGENT
    model: str | None = MODEL
    provider: str | None = "anthropic"
    fingerprint: str = "direct"
    capabilities: Capabilities = CAPABILITIES
    ungated: tuple[ToolInfo, ...] = ()
    current: bool = True


class _DirectRuntime:
    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def prepare(self, _agent: object, _options: PrepareOptions, /) -> Prepared:
        return _Prepared()

    async def run(self, _prepared: Prepared, run: Run, /) -> Finished:
        active = ActiveRun(run, agent=AGENT)
        direct = Direct(active=active, asking=asking())
        try:
            clerk = Clerk(run, direct)
            result = await follow(active, direct, self._provider, clerk=clerk)
        finally:
            await direct.close()
        if active.stopped is not None or result is None:
            raise active.stopped or AssertionError("it was stopped without a reason")
        failure = result_failure(result, word=direct.word)
        if failure is not None:
            raise failure
        return Finished(content=direct.text)

    async def aclose(self) -> None:
        pass


class _DirectPlugin:
    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    @hookimpl
    def steer_runtimes(self) -> list[RuntimePlugin]:
        return [
            RuntimePlugin(
                name="direct",
                summary="A CLI that asks models by itself",
                contract=1,
                open=lambda _config: _DirectRuntime(self._provider),
                capabilities=CAPABILITIES,
            )
        ]


def direct_registry(provider: Provider) -> PluginRegistry:
    """The installed plugins, and the runtime ``direct``."""
    made = PluginRegistry.discover()
    made.register(_DirectPlugin(provider), name="direct-tests")
    return made
