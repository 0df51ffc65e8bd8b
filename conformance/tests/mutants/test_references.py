"""What the mutants are made of keeps every clause: else they could be killed for another reason."""

from __future__ import annotations

import policy_mutants
from steer_conformance import policy_checks

test_the_policy = policy_checks(policy_mutants.REFERENCE.plugin, policy_mutants.REFERENCE.factory)
