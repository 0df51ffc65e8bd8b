"""How the plugins that the kit and the core bring are packed."""

from __future__ import annotations

from steer.plugin import PluginKind
from steer.plugins import PluginRegistry
from steer_conformance import packaging_checks

REGISTRY = PluginRegistry.discover()

test_check = packaging_checks(REGISTRY.command("check"))
test_demo = packaging_checks(REGISTRY.command("demo"))
test_provider = packaging_checks(REGISTRY.command("provider"))
test_memory = packaging_checks(REGISTRY.declaration(PluginKind.STORAGE, "memory"))
test_sqlite = packaging_checks(REGISTRY.declaration(PluginKind.STORAGE, "sqlite"))
test_author_declared = packaging_checks(REGISTRY.policy("author-declared"))
test_openai_agents = packaging_checks(REGISTRY.runtime("openai-agents"))
test_policy_file = packaging_checks(REGISTRY.policy("policy-file"))
