"""What is checked of signal channels."""

from __future__ import annotations

from contextlib import AbstractContextManager

from steer.ports.signals import SignalChannel

from steer_conformance.addressed_case import AddressedCase, addressed_case
from steer_conformance.checks import Subject, Suite, checks_in
from steer_conformance.suites.signals import apart, waking

__all__ = ["SUITE"]


def _case(subject: Subject) -> AbstractContextManager[AddressedCase[SignalChannel]]:
    return addressed_case(subject, lambda registry, url, clock: registry.open_signals(url, clock))


SUITE: Suite[AddressedCase[SignalChannel]] = Suite(
    port="signals", checks=checks_in(waking, apart), case=_case
)
