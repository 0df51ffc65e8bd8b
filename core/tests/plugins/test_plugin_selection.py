"""Choosing a plugin: by name, by URL, by the agent, by default."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import steer.builtins
from little_distributions import Site
from steer.capabilities import Capabilities
from steer.errors import ConfigError, PluginError
from steer.plugin import (
    CachePlugin,
    CommandPlugin,
    Declaration,
    ExecutorPlugin,
    PluginKind,
    PolicyPlugin,
    RuntimePlugin,
    SignalsPlugin,
    SinkPlugin,
    hookimpl,
)
from steer.plugins import PluginRegistry, PluginState

COMMON: dict[str, Any] = {"summary": "For tests", "contract": 1, "open": "json:dumps"}


def runtime(name: str, *native_types: str) -> RuntimePlugin:
    return RuntimePlugin(
        name=name, summary="", contract=1, open="json:dumps", native_types=native_types
    )


def registry_of(*plugins: object) -> PluginRegistry:
    registry = PluginRegistry()
    for plugin in plugins:
        registry.register(plugin)
    return registry


@pytest.mark.parametrize(
    "written", ["openai-agents", "openai_agents", "OpenAI-Agents", " openai-agents"]
)
def test_names_fold(written: str) -> None:
    assert registry_of(runtime("openai-agents")).runtime(written).name == "openai-agents"


def test_an_unknown_name_lists_those_there_are_and_guesses() -> None:
    registry = registry_of(runtime("claude-code"), runtime("openai-agents"))
    with pytest.raises(PluginError) as raised:
        registry.runtime("claud_code")
    assert str(raised.value) == (
        "claud_code: there is no such runtime; there is claude-code, openai-agents. "
        "Did you mean 'claude-code'?"
    )


def test_an_unknown_name_that_steer_has_a_plugin_for_says_how_to_install_it() -> None:
    with pytest.raises(PluginError) as raised:
        registry_of().runtime("OpenAI_Agents")
    assert str(raised.value) == (
        "OpenAI_Agents: there is no such runtime, and no runtime is installed. "
        "In a checkout of steer: uv pip install -e plugins/steer-openai-agents"
    )


@pytest.mark.parametrize(
    ("plugin", "choose"),
    [
        (PolicyPlugin(name="x", **COMMON), PluginRegistry.policy),
        (SinkPlugin(name="x", **COMMON), PluginRegistry.sink),
        (ExecutorPlugin(name="x", **COMMON), PluginRegistry.executor),
        (CommandPlugin(name="x", **COMMON), PluginRegistry.command),
        (runtime("x"), PluginRegistry.runtime),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_every_kind_has_its_own_names(
    plugin: Declaration, choose: Callable[[PluginRegistry, str], Declaration]
) -> None:
    registry = registry_of(plugin)
    assert choose(registry, "X") is plugin
    assert {kind for kind in PluginKind if registry.names(kind)} == {plugin.kind}


def test_urls_choose_by_scheme_whatever_its_case() -> None:
    signals = SignalsPlugin(name="bus", schemes=("redis", "rediss"), **COMMON)
    cache = CachePlugin(name="cache", schemes=("redis",), **COMMON)
    registry = registry_of(signals, cache)
    assert registry.signals_for_url("REDISS://host") is signals
    assert registry.cache_for_url("redis://host") is cache
    with pytest.raises(PluginError, match=re.escape("there is redis://, rediss://")):
        registry.signals_for_url("kafka://host")


def test_what_is_no_url_is_not_repeated_since_it_may_hold_a_password() -> None:
    registry = registry_of(steer.builtins)
    with pytest.raises(
        ConfigError, match=r"storage must be a URL; .* memory://, sqlite://"
    ) as error:
        registry.storage_for_url("postgres:hunter2@host")
    assert "hunter2" not in str(error.value)


def test_the_default_runtime_is_the_configured_one_or_the_only_one() -> None:
    assert registry_of(runtime("a")).default_runtime(None) == "a"
    assert registry_of(runtime("a")).default_runtime("default") == "a"
    several = registry_of(runtime("b"), runtime("a"))
    assert several.default_runtime("B") == "b"
    with pytest.raises(ConfigError, match=r"several runtimes and none is chosen: a, b\. Choose"):
        several.default_runtime(None)
    with pytest.raises(PluginError, match="no runtime is installed"):
        registry_of().default_runtime(None)
    with pytest.raises(PluginError, match="no such runtime; there is a, b"):
        several.default_runtime("c")


class Vendored:
    """Stands in for a vendor's agent."""


class Derived(Vendored):
    """An author's own kind of it."""


def qualified(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def test_an_object_goes_to_the_runtime_of_its_most_derived_class() -> None:
    registry = registry_of(
        runtime("plain", qualified(Vendored)), runtime("own", qualified(Derived))
    )
    assert registry.runtime_for(Vendored()) == "plain"
    assert registry.runtime_for(Derived()) == "own"
    assert registry.runtime_for(SimpleNamespace()) is None


def test_a_class_that_two_runtimes_claim_is_left_to_the_user() -> None:
    registry = registry_of(runtime("b", qualified(Vendored)), runtime("a", qualified(Vendored)))
    with pytest.raises(PluginError, match=r"several runtimes: a, b\. Choose one by name"):
        registry.runtime_for(Derived())


def test_the_agents_of_a_broken_runtime_are_known_as_its_own(site: Site) -> None:
    site.add_runtime("old-steer", "old", contract=0, native_types=(qualified(Vendored),))
    registry = PluginRegistry.discover()
    assert registry.runtime_for(Vendored()) == "old"


def test_an_application_can_register_modules_objects_and_declarations() -> None:
    class Hooks:
        @hookimpl
        def steer_runtimes(self) -> list[RuntimePlugin]:
            return [runtime("from-object")]

    registry = registry_of(steer.builtins, Hooks(), runtime("from-declaration"))
    assert registry.names(PluginKind.RUNTIME) == ("from-declaration", "from-object")
    assert registry.names(PluginKind.STORAGE) == ("memory", "sqlite")
    own = next(each for each in registry.explain() if each.name == "from-object")
    assert (own.distribution, own.state, own.capabilities) == (None, PluginState.OK, Capabilities())


def test_registering_again_what_is_known_changes_nothing() -> None:
    registry = PluginRegistry.discover()
    before = registry.explain()
    registry.register(steer.builtins)
    assert registry.explain() == before


@pytest.mark.parametrize(
    "broken",
    [
        SimpleNamespace(),
        None,
        RuntimePlugin(name="old", summary="", contract=0, open="json:dumps"),
    ],
    ids=["no hooks", "none", "contract"],
)
def test_registering_something_broken_fails_at_once(broken: object) -> None:
    with pytest.raises(PluginError, match="registered by this application"):
        PluginRegistry().register(broken, name="mine")


def test_two_registries_know_nothing_of_each_other() -> None:
    one, other = registry_of(runtime("a")), registry_of(runtime("b"))
    assert (one.names(PluginKind.RUNTIME), other.names(PluginKind.RUNTIME)) == (("a",), ("b",))
