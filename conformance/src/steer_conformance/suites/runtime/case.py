"""What a check of a runtime is given: the plugin, and stages on which it plays scripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from steer import RuntimeKernel
from steer.agents import Tool
from steer.capabilities import Capabilities
from steer.plugin import Nesting, RuntimePlugin
from steer.plugins import load_target
from steer.ports.runtime import Runtime

from steer_conformance.checks import Subject
from steer_conformance.profiles import PULL_REQUEST, Profile
from steer_conformance.provider import Provider, Reply, Script
from steer_conformance.suites.runtime.setup import RuntimeSetup
from steer_conformance.suites.runtime.stage import PATIENCE, Stage

__all__ = ["RuntimeCase", "runtime_case"]

T = TypeVar("T")
_SUFFIX = "under-test"


@dataclass(frozen=True, kw_only=True)
class RuntimeCase:
    """One check's access to the runtime under test. Whatever it opens it closes."""

    plugin: RuntimePlugin
    setup: RuntimeSetup
    profile: Profile = PULL_REQUEST

    @property
    def capabilities(self) -> Capabilities:
        """What the plugin claims."""
        return self.plugin.capabilities

    @property
    def name(self) -> str:
        """What the plugin is called here, beside one of its name that is installed."""
        return f"{self.plugin.name}-{_SUFFIX}"

    @cached_property
    def kernel(self) -> RuntimeKernel:
        """A kernel that is never opened: whose registry opens the plugin as any kernel does."""
        made = RuntimeKernel()
        made.registry.register(replace(self.plugin, name=self.name, native_types=()))
        return made

    def open(self, url: str) -> Runtime:
        """Open the runtime so that it asks the provider at this address."""
        return self.kernel.registry.open_runtime(self.name, self.setup.connect(url))

    def nesting(self, model: str, tool: Tool[..., Any]) -> Nesting:
        """Make an agent that has another one as its tool, which in turn has this tool."""
        target = self.plugin.nesting
        assert target is not None, (
            f"{self.plugin.name} claims suspend_in_subagents: its declaration needs nesting=..."
        )
        make: Any = load_target(self.plugin.name, target, None)
        made = make(model, tool)
        assert isinstance(made, Nesting), f"nesting returned {made!r}, which is no Nesting"
        return made

    def kernel_for(self, url: str, **fields: Any) -> RuntimeKernel:
        """Make a kernel that has the plugin, and asks the provider at this address."""
        config = {self.name: self.setup.connect(url)}
        return RuntimeKernel(registry=self.kernel.registry, runtime_config=config, **fields)

    @asynccontextmanager
    async def stage(
        self, *turns: Reply, script: Script | None = None, used_up: bool = True
    ) -> AsyncIterator[Stage]:
        """Open a provider that says these turns, and the runtime that asks it.

        On the way out the script has to be used up, unless ``used_up`` is unset, and no run may
        have broken the rules of its gate.
        """
        provider = Provider(script or Script(turns), dialects=self.setup.dialects)
        async with provider:
            runtime = self.open(provider.url)
            bound = asyncio.timeout(PATIENCE)
            stage = Stage(
                name=self.name,
                model=self.setup.model,
                kernels=self.kernel_for,
                provider=provider,
                runtime=runtime,
                bound=bound,
            )
            try:
                async with bound:
                    yield stage
            finally:
                await _closed(runtime)
            assert not bound.expired(), f"it did not go on within {PATIENCE:g} seconds"
            stage.check()
            if used_up:
                provider.assert_used_up()

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in an event loop of its own: for one example of a law."""
        with asyncio.Runner() as runner:
            return runner.run(main)


async def _closed(runtime: Runtime) -> None:
    bound = asyncio.timeout(PATIENCE)
    try:
        async with bound:
            await runtime.aclose()
    except TimeoutError:
        if not bound.expired():
            raise
    assert not bound.expired(), f"aclose() did not return within {PATIENCE:g} seconds"


@contextmanager
def runtime_case(subject: Subject) -> Iterator[RuntimeCase]:
    """Make the case of one check."""
    plugin = subject.plugin
    assert isinstance(plugin, RuntimePlugin), f"{plugin.name} is a {plugin.kind}, not a runtime"
    yield RuntimeCase(
        plugin=plugin, setup=RuntimeSetup.of(subject.factory), profile=subject.profile
    )
