"""Runtimes that prepare an agent wrongly, or drop what was asked of them."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import httpx2
from runtime_mutant import mutant_of
from runtime_reference import ReferenceRuntime
from runtime_reference_prepared import ReferencePrepared
from steer.agents import Agent
from steer.capabilities import Capabilities
from steer.errors import ConfigError
from steer.ports.options import PrepareOptions

__all__ = ["MUTANTS"]


class AsksWhileItPrepares(ReferenceRuntime):
    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        body = {"model": "probe", "messages": []}
        httpx2.post(f"{self.config.base_url}/chat/completions", json=body)
        return super().prepare(agent, options)


class WritesToTheAgent(ReferenceRuntime):
    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        prepared = super().prepare(agent, options)
        for tool in prepared.definition.tools:
            tool.input_schema["title"] = tool.name
        return prepared


class TakesAnything(ReferenceRuntime):
    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        return super().prepare(agent if isinstance(agent, Agent) else Agent(name="x"), options)


class IgnoresVariables(ReferenceRuntime):
    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        declared = agent.variables if isinstance(agent, Agent) else {}
        known = {name: options.variables[name] for name in declared if name in options.variables}
        return super().prepare(agent, replace(options, variables=known))


class _Prepares(ReferenceRuntime):
    """Changes what was prepared."""

    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        return replace(super().prepare(agent, options), **self.changes())

    def changes(self) -> dict[str, Any]:
        raise NotImplementedError


class HasOneFingerprint(_Prepares):
    def changes(self) -> dict[str, Any]:
        return {"fingerprint": "always the same"}


class HasAnyFingerprint(_Prepares):
    def changes(self) -> dict[str, Any]:
        return {"fingerprint": str(random.random())}


class ClaimsMore(_Prepares):
    def changes(self) -> dict[str, Any]:
        return {"capabilities": Capabilities(mcp=True)}


class _Drops(ReferenceRuntime):
    """Drops an option without a word."""

    option = ""

    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        dropped = getattr(PrepareOptions(), self.option)
        return super().prepare(agent, replace(options, **{self.option: dropped}))


class DropsZero(ReferenceRuntime):
    """Takes an option of 0 for none."""

    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        return super().prepare(
            agent,
            replace(options, temperature=options.temperature or None, seed=options.seed or None),
        )


def dropping(option: str) -> type[ReferenceRuntime]:
    return type("Drops", (_Drops,), {"option": option})


class TakesItWithNoModel(ReferenceRuntime):
    """Claims options for which no model will do."""

    def prepare(self, agent: object, options: PrepareOptions, /) -> ReferencePrepared:
        if options.seed is not None or options.reasoning_effort is not None:
            raise ConfigError("this model does not take it")
        prepared = super().prepare(agent, options)
        less = replace(prepared.capabilities, seed=False, reasoning_effort=False)
        return replace(prepared, capabilities=less)


MUTANTS = (
    mutant_of("asks while it prepares", AsksWhileItPrepares, "RT-38"),
    mutant_of("writes to the agent", WritesToTheAgent, "RT-38"),
    mutant_of("takes anything for an agent", TakesAnything, "RT-39"),
    mutant_of("takes tools that it does not claim", ReferenceRuntime, "RT-39", tools=False),
    mutant_of("ignores variables", IgnoresVariables, "RT-39"),
    mutant_of("has one fingerprint for all", HasOneFingerprint, "RT-45"),
    mutant_of("has another fingerprint each time", HasAnyFingerprint, "RT-45"),
    mutant_of("claims more than its plugin", ClaimsMore, "RT-45"),
    mutant_of("takes 0 for nothing", DropsZero, "RT-46", "RT-50"),
    mutant_of("drops the temperature", dropping("temperature"), "RT-46"),
    mutant_of("drops top_p", dropping("top_p"), "RT-47"),
    mutant_of("drops the bound on answers", dropping("max_output_tokens"), "RT-48"),
    mutant_of("drops the choice of a tool", dropping("tool_choice"), "RT-49"),
    mutant_of("claims what no model takes", TakesItWithNoModel, "RT-50", "RT-59"),
    mutant_of("drops the seed", dropping("seed"), "RT-50"),
    mutant_of("drops what it does not claim", dropping("seed"), "RT-51", seed=False),
    mutant_of("drops the model", dropping("model"), "RT-52"),
    mutant_of("drops the instructions", dropping("instructions"), "RT-52"),
    mutant_of("drops the schema", dropping("output_schema"), "RT-53"),
    mutant_of("drops the address", dropping("base_url"), "RT-60"),
    mutant_of("drops the key", dropping("api_key"), "RT-60"),
    mutant_of("leaves all to chance", dropping("deterministic"), "RT-61"),
    mutant_of("enforces a schema as it likes", dropping("output_strict"), "RT-62"),
    mutant_of("drops settings", dropping("config"), "RT-54"),
    mutant_of("drops the number of calls at a time", dropping("parallel_tool_calls"), "RT-58"),
    mutant_of("drops the effort", dropping("reasoning_effort"), "RT-59"),
)
