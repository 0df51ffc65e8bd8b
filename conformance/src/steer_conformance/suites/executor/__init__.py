"""What is checked of executors."""

from __future__ import annotations

from steer_conformance.checks import Suite, checks_in
from steer_conformance.suites.executor import bodies
from steer_conformance.suites.executor.case import ExecutorCase, open_case

__all__ = ["SUITE"]

SUITE: Suite[ExecutorCase] = Suite(port="executor", checks=checks_in(bodies), case=open_case)
