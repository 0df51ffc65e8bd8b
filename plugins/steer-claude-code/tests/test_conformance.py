"""The contract of runtimes, clause by clause, through the real CLI."""

from __future__ import annotations

from steer_claude_code.plugin import RUNTIME
from steer_claude_code.testing import connect
from steer_conformance import RuntimeSetup, runtime_checks

test_claude_code = runtime_checks(RUNTIME, RuntimeSetup(connect=connect, model="claude-sonnet-5"))
