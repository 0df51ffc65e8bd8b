"""What is checked of stores for files of jobs."""

from __future__ import annotations

from contextlib import AbstractContextManager

from steer.ports.artifact import ArtifactStore

from steer_conformance.addressed_case import AddressedCase, addressed_case
from steer_conformance.checks import Subject, Suite, checks_in
from steer_conformance.suites.artifact import finding, keeping

__all__ = ["SUITE"]


def _case(subject: Subject) -> AbstractContextManager[AddressedCase[ArtifactStore]]:
    return addressed_case(subject, lambda registry, url, clock: registry.open_artifacts(url, clock))


SUITE: Suite[AddressedCase[ArtifactStore]] = Suite(
    port="artifact", checks=checks_in(keeping, finding), case=_case
)
