"""The contract of runtimes, clause by clause, through the real CLI."""

from __future__ import annotations

import pytest
from steer_claude_code.plugin import RUNTIME
from steer_claude_code.testing import connect
from steer_conformance import RuntimeSetup, runtime_checks

SETUP = RuntimeSetup(connect=connect, model="claude-sonnet-5")

# Each run is a process of its own. On as many examples as elsewhere the laws take five minutes.
test_claude_code = runtime_checks(RUNTIME, SETUP, profile="brief")
test_claude_code_thoroughly = pytest.mark.long(runtime_checks(RUNTIME, SETUP))
