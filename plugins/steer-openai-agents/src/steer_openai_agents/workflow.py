"""An author's async function that runs agents itself, as Agent Builder exports them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import CodeType
from typing import Any, TypeGuard

from agents import Agent
from steer.values import JsonValue

from steer_openai_agents.public import original_of
from steer_openai_agents.workflow_input import InputForm, form_of

__all__ = ["Workflow", "is_workflow", "workflow_of"]

_Function = Callable[..., Coroutine[Any, Any, Any]]


def is_workflow(agent: object) -> TypeGuard[_Function]:
    """Whether an agent is a function that runs agents itself."""
    return inspect.iscoroutinefunction(agent)


@dataclass(frozen=True, kw_only=True, slots=True)
class Workflow:
    """A function that runs agents, and how it is given its input."""

    name: str
    function: _Function
    form: InputForm

    @property
    def agents(self) -> list[Agent[Any]]:
        """The agents among the globals of the function's module."""
        variables = getattr(inspect.unwrap(self.function), "__globals__", {})
        found = [value for value in list(variables.values()) if isinstance(value, Agent)]
        return list({id(each): original_of(each) for each in found}.values())

    @property
    def description(self) -> JsonValue:
        """The function's code in JSON form, the same in every process."""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        return [self.name, None if code is None else _described(code)]


def workflow_of(function: _Function) -> Workflow:
    """Return the workflow of a function. Raises ``AgentError`` for one that takes no text."""
    return Workflow(name=function.__name__, function=function, form=form_of(function))


def _described(code: CodeType) -> JsonValue:
    constants = [_described(each) if isinstance(each, CodeType) else _plain(each)
                 for each in code.co_consts]  # fmt: skip
    return [code.co_name, code.co_code.hex(), constants, *code.co_names]


def _plain(constant: object) -> str:
    # The order of a set differs between processes.
    return repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)
