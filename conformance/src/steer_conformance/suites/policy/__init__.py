"""What is checked of policies."""

from __future__ import annotations

from steer_conformance.checks import Suite, checks_in
from steer_conformance.suites.policy import answering, combining
from steer_conformance.suites.policy.case import PolicyCase, open_case

__all__ = ["SUITE"]

SUITE: Suite[PolicyCase] = Suite(
    port="policy", checks=checks_in(answering, combining), case=open_case
)
