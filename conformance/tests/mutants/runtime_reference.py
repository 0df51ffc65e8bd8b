"""A minimal honest runtime: agents of steer's own, run over plain HTTP in Chat Completions.

It keeps every clause of the contract in as little code as that takes. The mutants are made of it,
each by changing one method.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx2
from runtime_reference_conversation import Conversation
from runtime_reference_prepared import (
    CAPABILITIES,
    Preparing,
    ReferenceConfig,
    ReferencePrepared,
    Team,
)
from steer.plugin import RuntimePlugin
from steer.ports.runtime import Finished, Prepared, Run, Suspended
from steer.values import JsonValue


class ReferenceRuntime(Preparing):
    """Implements ``steer.ports.runtime.Runtime``. ``talk`` is what a run of it is made of."""

    talk = Conversation

    def __init__(self, config: ReferenceConfig) -> None:
        self.config = config
        self.client = httpx2.AsyncClient(timeout=30.0, verify=False)

    async def run(self, prepared: Prepared, run: Run, /) -> Finished | Suspended:
        assert isinstance(prepared, ReferencePrepared)
        return await self.talk(client=self.client, prepared=prepared, run=run).go()

    async def aclose(self) -> None:
        await self.client.aclose()


def connect(url: str) -> Mapping[str, JsonValue]:
    """Return the configuration with which the reference asks the provider at this address."""
    return {"base_url": f"{url}/v1"}


def reference(
    make: type[ReferenceRuntime] = ReferenceRuntime, **capabilities: Any
) -> RuntimePlugin:
    """Declare the reference, or what ``make`` makes of it."""
    return RuntimePlugin(
        name="reference",
        summary="A minimal honest runtime",
        contract=1,
        open=make,
        config=ReferenceConfig,
        nesting=Team.around,
        capabilities=replace(CAPABILITIES, **capabilities),
    )
