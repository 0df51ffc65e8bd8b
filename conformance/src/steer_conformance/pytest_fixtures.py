"""The kit's pytest fixtures. The only module that imports pytest, and pytest loads it by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

import pytest

if TYPE_CHECKING:
    from steer_conformance.provider import Provider

__all__ = ["ScriptedProvider", "scripted_provider"]

ScriptedProvider: TypeAlias = "Callable[..., Provider]"


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
