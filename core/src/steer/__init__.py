"""One governed way to run any agent.

The names an application needs are here; each is imported when it is first used, so that
``import steer`` stays quick. What plugins are made of is in ``steer.plugin``, ``steer.ports``,
``steer.events`` and ``steer.errors``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steer.agents import Agent, Tool, ToolContext, load_agent, tool
    from steer.blocking import BlockingHandle, BlockingKernel, run_sync
    from steer.context import (
        ApprovalSpec,
        BudgetSpec,
        ChildSpec,
        ExecutionContext,
        JobRetrySpec,
        PolicyRef,
        RetrySpec,
    )
    from steer.errors import SteerError
    from steer.events import Event
    from steer.fold import Position
    from steer.handle import ExecutionHandle, RequiredAction
    from steer.kernel import RuntimeKernel
    from steer.ports.options import PrepareOptions
    from steer.pricing import PriceList
    from steer.redaction import RedactingFilter, Redaction, RedactionRule
    from steer.request import ExecutionRequest
    from steer.values import JobStatus, Message, RunResult, Usage, user_message

__all__ = [
    "Agent",
    "ApprovalSpec",
    "BlockingHandle",
    "BlockingKernel",
    "BudgetSpec",
    "ChildSpec",
    "Event",
    "ExecutionContext",
    "ExecutionHandle",
    "ExecutionRequest",
    "JobRetrySpec",
    "JobStatus",
    "Message",
    "PolicyRef",
    "Position",
    "PrepareOptions",
    "PriceList",
    "RedactingFilter",
    "Redaction",
    "RedactionRule",
    "RequiredAction",
    "RetrySpec",
    "RunResult",
    "RuntimeKernel",
    "SteerError",
    "Tool",
    "ToolContext",
    "Usage",
    "__version__",
    "load_agent",
    "run_sync",
    "tool",
    "user_message",
]

__version__ = "2.0.0"

_MODULES = {
    "Agent": "agents",
    "ApprovalSpec": "context",
    "BlockingHandle": "blocking",
    "BlockingKernel": "blocking",
    "BudgetSpec": "context",
    "ChildSpec": "context",
    "Event": "events",
    "ExecutionContext": "context",
    "ExecutionHandle": "handle",
    "ExecutionRequest": "request",
    "JobRetrySpec": "context",
    "JobStatus": "values",
    "Message": "values",
    "PolicyRef": "context",
    "Position": "fold",
    "PrepareOptions": "ports.options",
    "PriceList": "pricing",
    "RedactingFilter": "redaction",
    "Redaction": "redaction",
    "RedactionRule": "redaction",
    "RequiredAction": "handle",
    "RetrySpec": "context",
    "RunResult": "values",
    "RuntimeKernel": "kernel",
    "SteerError": "errors",
    "Tool": "agents",
    "ToolContext": "agents",
    "Usage": "values",
    "load_agent": "agents",
    "run_sync": "blocking",
    "tool": "agents",
    "user_message": "values",
}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'steer' has no attribute {name!r}")
    value = getattr(import_module(f"steer.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
