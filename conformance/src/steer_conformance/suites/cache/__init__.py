"""What is checked of caches."""

from __future__ import annotations

from contextlib import AbstractContextManager

from steer.ports.cache import Cache

from steer_conformance.addressed_case import AddressedCase, addressed_case
from steer_conformance.checks import Subject, Suite, checks_in
from steer_conformance.suites.cache import keeping

__all__ = ["SUITE"]


def _case(subject: Subject) -> AbstractContextManager[AddressedCase[Cache]]:
    return addressed_case(subject, lambda registry, url, clock: registry.open_cache(url, clock))


SUITE: Suite[AddressedCase[Cache]] = Suite(port="cache", checks=checks_in(keeping), case=_case)
