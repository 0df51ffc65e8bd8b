"""What is checked of how a plugin is packed, whatever its kind."""

from __future__ import annotations

from steer_conformance.checks import Suite, checks_in
from steer_conformance.suites.packaging import declaring, importing
from steer_conformance.suites.packaging.case import PackagingCase, open_case

__all__ = ["SUITE"]

SUITE: Suite[PackagingCase] = Suite(
    port="packaging", checks=checks_in(importing, declaring), case=open_case
)
