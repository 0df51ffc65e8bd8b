"""What is checked of policies."""

from __future__ import annotations

from steer_conformance.checks import Suite, checks_in
from steer_conformance.suites.policy import answering, combining
from steer_conformance.suites.policy.case import PolicyCase, open_case
from steer_conformance.suites.policy.setup import PolicySetup

__all__ = ["SUITE", "PolicySetup"]

SUITE: Suite[PolicyCase] = Suite(
    port="policy", checks=checks_in(answering, combining), case=open_case
)
