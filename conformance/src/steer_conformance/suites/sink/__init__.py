"""What is checked of sinks."""

from __future__ import annotations

from steer_conformance.checks import Suite, checks_in
from steer_conformance.suites.sink import arriving, failing
from steer_conformance.suites.sink.case import SinkCase, open_case

__all__ = ["SUITE"]

SUITE: Suite[SinkCase] = Suite(port="sink", checks=checks_in(arriving, failing), case=open_case)
