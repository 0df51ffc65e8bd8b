"""A run whose model requests pass the endpoint, and whoever stands for the CLI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from steer.events import AgentStarted
from steer_claude_code.active import ActiveRun
from steer_claude_code.agent.asking import Asking
from steer_claude_code.calls import Place, Told
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.models.endpoint import Endpoint
from steer_claude_code.models.exchange import Exchanges
from steer_claude_code.models.upstream import Upstream
from steer_claude_code.names import Names
from steer_conformance.provider import Provider, Reply, Script
from steer_conformance.suites.runtime import BareGate, BareRun

__all__ = ["MODEL", "NAMES", "Setting", "asking_of", "body", "setting", "user"]

MODEL = "claude-sonnet-5"
NAMES = Names(own=("look",))


def user(*content: Any) -> dict[str, Any]:
    blocks = [{"type": "text", "text": x} if isinstance(x, str) else x for x in content]
    return {"role": "user", "content": blocks}


def body(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A request as the CLI writes it."""
    asked = {"model": MODEL, "max_tokens": 32_000, "stream": True}
    return asked | {"messages": list(messages or (user("Hello?"),))} | fields


def asking_of(**fields: Any) -> Asking:
    """How models are asked where the CLI decides when the run is over."""
    given: dict[str, Any] = {"agent": "main", "names": NAMES, "goes_on": True}
    return Asking(**(given | fields))


@dataclass
class Setting:
    """One run: its gate, its endpoint, the provider behind it, and what was told of calls."""

    run: BareRun
    active: ActiveRun
    exchanges: Exchanges
    endpoint: Endpoint
    provider: Provider
    client: httpx2.AsyncClient
    told: list[tuple[Place, Mapping[str, Told]]] = field(default_factory=list)

    async def ask(self, asked: dict[str, Any] | None = None, **headers: str) -> httpx2.Response:
        """Ask as the CLI does."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(
            "/v1/messages?beta=true",
            json=asked or body(),
            headers={"x-api-key": self.endpoint.token, **given},
        )


@asynccontextmanager
async def setting(
    *replies: Reply,
    gate: BareGate | None = None,
    asking: Asking | None = None,
    script: Script | None = None,
    **config: Any,
) -> AsyncIterator[Setting]:
    """A run in which a provider gives these replies."""
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(Provider(script or Script(replies)))
        given = {"base_url": provider.anthropic_base_url, "api_key": "any", **config}
        upstream = Upstream()
        stack.push_async_callback(upstream.aclose)
        run = BareRun(gate or BareGate())
        active = ActiveRun(run, agent="main")
        run.emit(AgentStarted(name="main"), agent="main")
        told: list[tuple[Place, Mapping[str, Told]]] = []

        async def results(place: Place, results: Mapping[str, Told]) -> None:
            if results:
                told.append((place, results))

        exchanges = Exchanges(
            active=active,
            asking=asking or asking_of(),
            upstream=upstream.to(ClaudeCodeConfig(**given)),
            results=results,
        )
        endpoint = await stack.enter_async_context(Endpoint(exchanges.answer))
        client = await stack.enter_async_context(
            httpx2.AsyncClient(base_url=endpoint.url, timeout=30, verify=False)
        )
        yield Setting(run, active, exchanges, endpoint, provider, client, told)
