"""What every policy has to do, of the policies that steer brings."""

from __future__ import annotations

from steer.builtins.sample_policies import sample_author_declared, sample_policy_file
from steer.plugins import PluginRegistry
from steer_conformance import policy_checks

REGISTRY = PluginRegistry.discover()

test_author_declared = policy_checks(REGISTRY.policy("author-declared"), sample_author_declared)
test_policy_file = policy_checks(REGISTRY.policy("policy-file"), sample_policy_file)
