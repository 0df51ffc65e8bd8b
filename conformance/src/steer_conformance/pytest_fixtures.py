"""The kit's part of pytest: its fixture and its options. pytest loads this module by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

import pytest

if TYPE_CHECKING:
    from steer_conformance.provider import Provider

__all__ = ["ScriptedProvider", "pytest_addoption", "scripted_provider"]

ScriptedProvider: TypeAlias = "Callable[..., Provider]"

# What is asserted in a check is explained as in a test.
pytest.register_assert_rewrite("steer_conformance.suites")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what the tests of the ``*_checks`` functions are run with."""
    group = parser.getgroup("steer-conformance")
    group.addoption(
        "--steer-profile",
        choices=["brief", "pr", "nightly"],
        help="how many examples the laws of a contract are tried on: hardly any (brief), few and "
        "always the same ones (pr, unless a test says otherwise), or many at random (nightly)",
    )
    group.addoption(
        "--steer-seed",
        type=int,
        default=None,
        help="the examples of this seed, as a failure names it",
    )


@pytest.fixture
def scripted_provider() -> Iterator[ScriptedProvider]:
    """Starts a ``Provider`` with the arguments given, and closes it when the test ends::

        def test_the_agent_greets(scripted_provider):
            provider = scripted_provider(Script([Turn("Hello")]))
            ...
            provider.assert_used_up()

    A test may start several. Nothing is asserted unless it asks.
    """
    # Every pytest run loads this module; only those that use the fixture pay for a server.
    provider = import_module("steer_conformance.provider").Provider
    with ExitStack() as running:
        yield lambda *args, **kwargs: running.enter_context(provider(*args, **kwargs))
