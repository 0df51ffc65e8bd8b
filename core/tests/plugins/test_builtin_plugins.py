"""What core brings itself, found by its own entry point."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from steer.capabilities import PolicyCapabilities, StorageCapabilities
from steer.clock import SystemClock
from steer.errors import ConfigError
from steer.plugin import PluginKind
from steer.plugins import PluginRegistry, PluginState
from steer.plugins._install import FIRST_PARTY, brought_by, install_hint
from steer.policies import AuthorDeclared, PolicySet
from steer.ports.policy import Outcome

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[3]
CLOCK = SystemClock()


@pytest.fixture(scope="module")
def registry() -> PluginRegistry:
    return PluginRegistry.discover()


def test_the_built_ins_are_found_like_any_other_plugin(registry: PluginRegistry) -> None:
    own = [report for report in registry.explain() if report.distribution == "steer"]
    assert {report.state for report in own} == {PluginState.OK}
    assert {report.printed for report in own} == {""}
    assert set(registry.names(PluginKind.STORAGE)) >= {"memory", "sqlite"}
    assert set(registry.names(PluginKind.POLICY)) >= {"author-declared", "policy-file"}


def test_what_the_built_ins_can_do_is_reported(registry: PluginRegistry) -> None:
    can = {report.name: report.capabilities for report in registry.explain()}
    assert can["sqlite"] == StorageCapabilities(durable=True, shared=True, upgrades=True)
    assert can["policy-file"] == PolicyCapabilities(rules=True)
    assert can["author-declared"] == PolicyCapabilities()


async def test_a_store_in_memory_is_opened_by_url(registry: PluginRegistry) -> None:
    for url in ("memory://", "MEMORY://"):
        await registry.open_storage(url, CLOCK).aclose()
    with pytest.raises(ConfigError, match="Write memory://"):
        registry.open_storage("memory://shared", CLOCK)


async def test_a_sqlite_file_is_made_where_its_url_says(
    registry: PluginRegistry, tmp_path: Path
) -> None:
    file = tmp_path / "state" / "steer.db"
    storage = registry.open_storage(f"sqlite:///{file}", CLOCK)
    await storage.aclose()
    assert file.is_file()
    with pytest.raises(ConfigError, match="names no file"):
        registry.open_storage("sqlite:///", CLOCK)


def test_the_policy_of_the_author_takes_names_of_tools(registry: PluginRegistry) -> None:
    opened = registry.open_policies(
        ["author_declared"], {"author-declared": {"named": ["web_search"]}}
    )
    assert opened.immediate == (AuthorDeclared(named=("web_search",)),)
    with pytest.raises(ConfigError, match=r"policy author-declared: .*Did you mean 'named'"):
        registry.open_policies(["author-declared"], {"author-declared": {"name": []}})


def test_a_policy_that_ends_in_toml_is_a_file_of_rules(
    registry: PluginRegistry, tmp_path: Path
) -> None:
    file = tmp_path / "strict.toml"
    file.write_text('default = "ask"\n')
    (policy,) = registry.open_policies([str(file)]).immediate
    assert isinstance(policy, PolicySet)
    assert (policy.name, policy.default) == ("strict", Outcome.ASK)
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        registry.open_policies([str(tmp_path / "absent.toml")])


def test_every_distribution_of_steers_own_is_where_the_hint_says() -> None:
    for distribution, folder in FIRST_PARTY.items():
        project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
        assert project["name"] == distribution
        assert install_hint(distribution).endswith(f"uv pip install -e {folder}")


def test_every_extra_but_two_names_distributions_of_steers_own_with_a_lower_bound() -> None:
    project = tomllib.loads((ROOT / "core/pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = {each.split(">=")[0] for requirements in extras.values() for each in requirements}
    libraries = {each.split(">=")[0] for each in (*extras["redaction"], *extras["prices"])}
    assert named - libraries == set(FIRST_PARTY)
    assert set(extras["all"]) == {each for requirements in extras.values() for each in requirements}


def test_a_known_name_leads_to_the_distribution_that_brings_it() -> None:
    assert brought_by(PluginKind.RUNTIME, "OpenAI_Agents") == "steer-openai-agents"
    assert brought_by(PluginKind.COMMAND, "demo") == "steer-conformance"
    assert brought_by(PluginKind.SINK, "openai-agents") is None
    assert install_hint("acme[x]>=2") == "Install it: python -m pip install 'acme[x]>=2'"
