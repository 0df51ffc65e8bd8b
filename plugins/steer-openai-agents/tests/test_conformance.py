"""The contract of runtimes, clause by clause."""

from steer_conformance import runtime_checks
from steer_openai_agents.plugin import RUNTIME
from steer_openai_agents.testing import connect

test_openai_agents = runtime_checks(RUNTIME, connect)
