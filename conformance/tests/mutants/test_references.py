"""What the mutants are made of keeps every clause: else they could be killed for another reason."""

from __future__ import annotations

from collections.abc import Iterator

import artifact_mutants
import cache_mutants
import executor_mutants
import packaging_mutants
import policy_mutants
import pytest
import signals_mutants
import sink_mutants
from steer_conformance import (
    artifact_checks,
    cache_checks,
    executor_checks,
    packaging_checks,
    policy_checks,
    signals_checks,
    sink_checks,
)

test_the_policy = policy_checks(policy_mutants.REFERENCE.plugin, policy_mutants.REFERENCE.factory)
test_the_policy_about_a_tool_of_its_own = policy_checks(
    policy_mutants.REFUNDS.plugin, policy_mutants.REFUNDS.factory
)
test_the_channel = signals_checks(
    signals_mutants.REFERENCE.plugin, signals_mutants.REFERENCE.factory
)
test_the_store_of_files = artifact_checks(
    artifact_mutants.REFERENCE.plugin, artifact_mutants.REFERENCE.factory
)
test_the_cache = cache_checks(cache_mutants.REFERENCE.plugin, cache_mutants.REFERENCE.factory)
test_the_executor = executor_checks(
    executor_mutants.REFERENCE.plugin, executor_mutants.REFERENCE.factory
)
test_the_sink = sink_checks(sink_mutants.REFERENCE.plugin, sink_mutants.REFERENCE.factory)


@pytest.fixture(autouse=True)
def _packed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have the well packed distribution installed while it is checked."""
    if request.function is not test_the_packing:
        yield
        return
    with packaging_mutants.installed():
        yield


test_the_packing = packaging_checks(packaging_mutants.PLUGIN)
