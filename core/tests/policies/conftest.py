from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from steer.context import ExecutionContext
from steer.ports.policy import ToolQuestion


@pytest.fixture(scope="session")
def tool_call() -> Callable[..., ToolQuestion]:
    """Build a question about a tool; what a test does not care about has a harmless value."""

    def build(
        tool: str = "refund",
        arguments: object = None,
        *,
        scope: str = "acme",
        principal: str = "ann",
        **rest: Any,
    ) -> ToolQuestion:
        context = ExecutionContext(scope_id=scope, principal_id=principal)
        return ToolQuestion(context=context, tool=tool, arguments=arguments, **rest)

    return build
