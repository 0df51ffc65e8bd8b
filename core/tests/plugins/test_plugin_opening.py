"""The one door: what happens when a selected plugin is opened."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from little_distributions import Site
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from steer.clock import SystemClock
from steer.errors import ConfigError, PluginError, StorageError
from steer.plugin import (
    ArtifactPlugin,
    CachePlugin,
    CommandPlugin,
    ExecutorPlugin,
    PolicyPlugin,
    RuntimePlugin,
    SignalsPlugin,
    SinkPlugin,
    StoragePlugin,
)
from steer.plugins import PluginRegistry, load_target
from steer.ports.policy import Question, Verdict

VENDOR_MISSING = """
    import steer_no_such_vendor.agents

    def open_runtime(config):
        return object()
"""


class Options(BaseModel):
    url: str = "http://localhost"
    retries: int = Field(default=1, ge=0)
    api_key: SecretStr | None = None


class Rule:
    name = "rule"
    version = "1"

    def evaluate(self, _question: Question, /) -> Verdict | None:
        return None


def runtime(open_: Any, **fields: Any) -> PluginRegistry:
    registry = PluginRegistry()
    registry.register(RuntimePlugin(name="acme", summary="", contract=1, open=open_, **fields))
    return registry


def opened(registry: PluginRegistry, name: str, config: Mapping[str, Any] | None = None) -> Any:
    """Open a runtime; what these tests have for runtimes are values to look at."""
    return registry.open_runtime(name, config)


def policies(open_: Callable[..., Any], **fields: Any) -> PluginRegistry:
    registry = PluginRegistry()
    registry.register(PolicyPlugin(name="acme", summary="", contract=1, open=open_, **fields))
    return registry


def test_the_target_is_imported_when_it_is_opened_and_not_before(site: Site) -> None:
    site.add_runtime(
        "lazy-steer",
        "lazy",
        target="lazy_runtime:open_runtime",
        more={"lazy_runtime": "def open_runtime(config): return ['a runtime', config]"},
    )
    registry = PluginRegistry.discover()
    assert registry.runtime("lazy").name == "lazy"
    assert "lazy_runtime" not in sys.modules

    assert opened(registry, "lazy") == ["a runtime", None]


def test_a_missing_vendor_is_told_with_the_command_that_installs_it(site: Site) -> None:
    site.add_runtime(
        "lonely-steer",
        "lonely",
        target="lonely_runtime:open_runtime",
        install="lonely-steer[all]",
        more={"lonely_runtime": VENDOR_MISSING},
    )
    with pytest.raises(PluginError) as raised:
        PluginRegistry.discover().open_runtime("lonely")
    assert str(raised.value) == (
        "lonely: it needs the module 'steer_no_such_vendor', which is not installed. "
        "Install it: python -m pip install 'lonely-steer[all]'"
    )
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)


def test_a_missing_vendor_of_steers_own_plugin_is_installed_from_the_checkout() -> None:
    def open_runtime(_config: None) -> object:
        raise ModuleNotFoundError("No module named 'agents'", name="agents")

    registry = runtime(open_runtime, install="steer-openai-agents")
    with pytest.raises(PluginError, match=r"uv pip install -e plugins/steer-openai-agents$"):
        registry.open_runtime("acme")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("from json import nothing", "cannot import name 'nothing' from 'json'"),
        ("raise RuntimeError('no display')", "failed while it was imported: RuntimeError: no disp"),
        ("import sys; sys.exit()", "failed while it was imported: SystemExit"),
        ("", r"its target 'broken_runtime:open_runtime' does not exist"),
    ],
)
def test_a_target_that_cannot_be_had_is_an_error_with_its_cause(
    site: Site, source: str, said: str
) -> None:
    site.add_runtime(
        "broken-steer",
        "broken",
        target="broken_runtime:open_runtime",
        more={"broken_runtime": source},
    )
    with pytest.raises(PluginError, match=said) as raised:
        PluginRegistry.discover().open_runtime("broken")
    assert raised.value.__cause__ is not None


def test_a_target_module_that_is_not_there_is_the_plugins_own_fault(site: Site) -> None:
    site.add_runtime("wrong-steer", "wrong", target="wrong_steer_runtime.main:open_runtime")
    with pytest.raises(PluginError, match=r"its target .* does not exist"):
        PluginRegistry.discover().open_runtime("wrong")


def test_an_error_of_steers_raised_by_a_vendors_module_passes(site: Site) -> None:
    source = "from steer.errors import StorageError\nraise StorageError('the disk is full')"
    site.add_runtime(
        "full-steer", "full", target="full_runtime:open", more={"full_runtime": source}
    )
    with pytest.raises(StorageError, match=r"^the disk is full$"):
        PluginRegistry.discover().open_runtime("full")


def test_what_open_raises_is_an_error_of_the_plugin_unless_it_is_one_of_steers() -> None:
    def failing(error: BaseException) -> PluginRegistry:
        def open_runtime(_config: None) -> object:
            raise error

        return runtime(open_runtime)

    with pytest.raises(PluginError, match="acme: opening it failed: KeyError: 'x'") as raised:
        failing(KeyError("x")).open_runtime("acme")
    assert isinstance(raised.value.__cause__, KeyError)
    with pytest.raises(PluginError, match="SystemExit"):
        failing(SystemExit(1)).open_runtime("acme")
    with pytest.raises(ConfigError, match=r"^mine$"):
        failing(ConfigError("mine")).open_runtime("acme")
    with pytest.raises(KeyboardInterrupt):
        failing(KeyboardInterrupt()).open_runtime("acme")


def test_an_open_that_is_async_or_returns_nothing_is_refused() -> None:
    async def open_runtime(_config: None) -> object:
        return object()

    with pytest.raises(PluginError, match="is async"):
        runtime(open_runtime).open_runtime("acme")
    with pytest.raises(PluginError, match="returned nothing"):
        runtime(lambda _config: None).open_runtime("acme")


@pytest.mark.parametrize("config", [Options, f"{__name__}:Options"], ids=["class", "target"])
def test_the_configuration_is_checked_by_the_plugins_model(
    config: type[BaseModel] | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Under pytest's importlib mode a test module need not be where its name says.
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Options.__module__])
    registry = runtime(lambda config: config, config=config)
    assert opened(registry, "acme") == Options()
    assert opened(registry, "ACME", {"retries": "3"}) == Options(retries=3)


def test_a_wrong_configuration_names_plugin_and_key_and_never_the_value() -> None:
    registry = runtime(lambda config: config, config=Options)
    with pytest.raises(ConfigError, match=r"runtime acme: retries: .* valid integer") as raised:
        registry.open_runtime("acme", {"retries": "hunter2"})
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_an_unknown_key_is_refused_with_a_guess_or_with_the_keys_there_are() -> None:
    registry = runtime(lambda config: config, config=Options)
    with pytest.raises(ConfigError, match=r"unknown key 'retry'\. Did you mean 'retries'\?"):
        registry.open_runtime("acme", {"retry": 1})
    with pytest.raises(ConfigError, match=r"unknown key 'zzz'. It knows url, retries, api_key"):
        registry.open_runtime("acme", {"zzz": 1})


def test_a_model_may_settle_for_itself_what_extra_keys_mean() -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")

    registry = runtime(lambda config: config.model_extra, config=Open)
    assert opened(registry, "acme", {"anything": 1}) == {"anything": 1}


def test_a_plugin_without_a_model_takes_no_configuration() -> None:
    with pytest.raises(ConfigError, match="runtime acme takes no configuration, and is given a, b"):
        runtime(lambda _config: object()).open_runtime("acme", {"b": 1, "a": 2})


def test_a_config_that_is_no_model_is_the_plugins_fault() -> None:
    with pytest.raises(PluginError, match="is not a pydantic model"):
        runtime(lambda config: config, config="json:dumps").open_runtime("acme")


def test_urls_and_the_clock_reach_what_they_open() -> None:
    clock = SystemClock()
    registry = PluginRegistry()
    fields: dict[str, Any] = {"summary": "", "contract": 1, "schemes": ("acme",)}
    fields["open"] = lambda *given: given
    for kind in (StoragePlugin, SignalsPlugin, CachePlugin, ArtifactPlugin):
        registry.register(kind(name="acme", **fields))
    doors: list[Any] = [
        registry.open_storage,
        registry.open_signals,
        registry.open_cache,
        registry.open_artifacts,
    ]
    for open_ in doors:
        assert open_("acme://there", clock) == ("acme://there", clock)


def test_an_executor_and_a_command_are_opened() -> None:
    registry = PluginRegistry()
    executor: Any = object()
    registry.register(
        ExecutorPlugin(name="acme", summary="", contract=1, open=lambda _config: executor)
    )
    registry.register(CommandPlugin(name="acme", summary="", contract=1, open=lambda: "an app"))
    assert registry.open_executor("acme") is executor
    assert registry.open_command("acme") == "an app"


def test_a_sink_is_told_whether_it_gets_contents_by_a_key_of_steers_own() -> None:
    registry = PluginRegistry()
    given: list[tuple[Options, bool]] = []
    sink: Any = object()

    def open_sink(config: Options, contents: bool) -> Any:
        given.append((config, contents))
        return sink

    registry.register(
        SinkPlugin(name="acme", summary="", contract=1, config=Options, open=open_sink)
    )
    assert registry.open_sink("acme") == (sink, False)
    assert registry.open_sink("acme", {"contents": True, "retries": 2}) == (sink, True)
    assert given == [(Options(), False), (Options(retries=2), True)]
    with pytest.raises(ConfigError, match="contents is true or false"):
        registry.open_sink("acme", {"contents": "yes"})


def test_selected_policies_are_opened_apart_by_how_they_answer() -> None:
    first, second = Rule(), Rule()
    slow: Any = Rule()
    registry = policies(lambda _config: [first, second])
    registry.register(
        PolicyPlugin(
            name="slow", summary="", contract=1, asynchronous=True, open=lambda _config: slow
        )
    )
    selected = registry.open_policies(["acme", "SLOW"])
    assert selected.immediate == (first, second)
    assert selected.asynchronous == (slow,)
    assert registry.open_policies([]).immediate == ()


def test_policies_are_configured_by_folded_name() -> None:
    seen: list[object] = []

    def open_policy(config: Options) -> Rule:
        seen.append(config)
        return Rule()

    registry = PluginRegistry()
    registry.register(
        PolicyPlugin(name="my-rules", summary="", contract=1, config=Options, open=open_policy)
    )
    registry.open_policies(["My_Rules"], {"my-rules": {"retries": 5}})
    assert seen == [Options(retries=5)]


def test_a_selected_policy_that_cannot_load_stops_the_start(site: Site) -> None:
    site.add("strict-steer", {"strict_steer": "raise ImportError('half installed')"})
    registry = PluginRegistry.discover()
    with pytest.raises(PluginError, match=r"strict-steer 1\.0 cannot be used.*half installed"):
        registry.open_policies(["author-declared", "strict"])
    with pytest.raises(PluginError, match="no such policy"):
        registry.open_policies(["author-declared", "absent"])


@pytest.mark.parametrize("junk", [[], object(), [Rule(), object()], "rules"])
def test_what_is_no_policy_is_refused_at_the_start(junk: object) -> None:
    with pytest.raises(PluginError, match="is no policy"):
        policies(lambda _config: junk).open_policies(["acme"])


def test_a_target_may_name_something_inside_a_class() -> None:
    assert load_target("acme", "json:JSONDecoder.decode", None).__name__ == "decode"
    assert load_target("acme", len, None) is len


class Nested(BaseModel):
    inner: Options = Options()
    tokens: list[SecretStr] = []
    renamed: SecretStr | None = Field(default=None, alias="pass")
    plain: dict[str, int] = {}


def test_the_settings_that_hold_secrets_are_known_by_their_types() -> None:
    def open_(config: object) -> object:
        return config

    assert runtime(open_, config=Options).secret_options("acme") == {"api_key"}
    assert runtime(open_, config=Nested).secret_options("acme") == {
        "inner",
        "tokens",
        "renamed",
        "pass",
    }
    assert runtime(open_).secret_options("acme") == frozenset()
