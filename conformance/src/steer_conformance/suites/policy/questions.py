"""Questions as they come: of every kind, and with arguments as a model may make them up."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st
from steer.context import ExecutionContext
from steer.ports.policy import (
    ActionQuestion,
    Counters,
    DataQuestion,
    ModelQuestion,
    Outcome,
    Question,
    RunQuestion,
    ToolKind,
    ToolQuestion,
)
from steer.values import ActionType, Effect, JsonValue, Usage

from steer_conformance.suites.policy.setup import PolicySetup

__all__ = ["TOOLS", "about", "questions", "questions_about", "sample_rules", "tool_questions"]

T = TypeVar("T")

TOOLS = ("read_file", "write_file", "delete")
"""The tools that sample rules name."""

_CONTEXTS = [
    ExecutionContext(scope_id="acme", principal_id="ann", job_id="job-1", run_id="run-1"),
    ExecutionContext(scope_id="other", principal_id="bob", session_id="s-1"),
    ExecutionContext(),
]
_KEYS = ["path", "amount", "to"]
_ODD_NAMES = ["", "*", "read_file ", "READ_FILE", "r\u00e9ad\U0001f4c4", "x" * 500, "a.b/c:d@e"]

# The plain cases come first and often: those that rules are about.
names = st.sampled_from(TOOLS) | st.sampled_from([*TOOLS, "other", *_ODD_NAMES])
# All of Unicode would take seconds to tabulate, at the first check of every fresh folder.
texts = st.text("aZ 0/.-_*\\\"'{\n\u00e9\u4e2d\U0001f4c4\x00", max_size=8)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
arguments = st.one_of(
    st.fixed_dictionaries({"path": texts, "amount": st.integers(-(10**6), 10**6)}),
    st.none(),
    st.dictionaries(st.sampled_from(_KEYS), json_values, max_size=3),
    json_values,
    st.just('{"path": "/etc'),
)
counters = st.builds(
    Counters,
    turns=st.integers(0, 50),
    tool_calls=st.integers(0, 50),
    turn_tool_calls=st.integers(0, 50),
    usage=st.builds(Usage, input_tokens=st.integers(0, 10**9)),
)
contexts = st.sampled_from(_CONTEXTS)
maybe_name = st.none() | names


def tool_questions(setup: PolicySetup) -> st.SearchStrategy[ToolQuestion]:
    """Questions about tools of every kind, often those that the author named."""
    own = [questions_about(tool, setup) for tool in setup.tools]
    given = [each for each in setup.questions if isinstance(each, ToolQuestion)]
    return st.one_of(*own, *_each_of(given), _asking(names, _arguments(setup)))


def questions_about(tool: str, setup: PolicySetup) -> st.SearchStrategy[ToolQuestion]:
    """Questions of every kind about one tool, with the author's arguments and with any others."""
    return _asking(st.just(tool), _arguments(setup))


def _asking(
    tools: st.SearchStrategy[str], given: st.SearchStrategy[JsonValue]
) -> st.SearchStrategy[ToolQuestion]:
    return st.builds(
        ToolQuestion,
        context=contexts,
        tool=tools,
        arguments=given,
        kind=st.sampled_from(ToolKind),
        effect=st.sampled_from(Effect),
        declared=st.booleans(),
        server=maybe_name,
        agent=maybe_name,
        path=st.lists(st.sampled_from(["call-1", "call-2"]), max_size=2).map(tuple),
        counters=counters,
    )


def _arguments(setup: PolicySetup) -> st.SearchStrategy[JsonValue]:
    keys = sorted({key for each in setup.arguments if isinstance(each, dict) for key in each})
    # The author's keys with values that the author did not think of.
    odd = [st.dictionaries(st.sampled_from(keys), json_values, max_size=len(keys))] if keys else []
    return st.one_of(*_each_of(setup.arguments), *odd, arguments)


def _each_of(values: Sequence[T]) -> list[st.SearchStrategy[T]]:
    """These values, each time as a copy, since a policy may change what it is given."""
    return [st.sampled_from(values).map(copy.deepcopy)] if values else []


def questions(setup: PolicySetup) -> st.SearchStrategy[Question]:
    """Questions of every kind."""
    return st.one_of(
        tool_questions(setup),
        *_each_of(setup.questions),
        st.builds(RunQuestion, context=contexts, agent=names, runtime=names, model=maybe_name),
        st.builds(
            ModelQuestion,
            context=contexts,
            model=names,
            provider=maybe_name,
            agent=maybe_name,
            counters=counters,
        ),
        st.builds(
            DataQuestion,
            context=contexts,
            action=st.sampled_from(["read", "write"]),
            kind=st.sampled_from(["session", "file"]),
            name=names,
        ),
        st.builds(
            ActionQuestion,
            context=contexts,
            action_type=st.sampled_from(ActionType),
            tool=maybe_name,
            agent=maybe_name,
            asked_by=st.sampled_from(["ann", "bob"]),
            approvers=st.sampled_from([(), ("ann",), ("a*|b*", "*n")]),
        ),
    )


def about(tool: str) -> ToolQuestion:
    """A plain call of a tool that the agent's author declared."""
    return ToolQuestion(context=_CONTEXTS[0], tool=tool, arguments={})


def sample_rules() -> st.SearchStrategy[list[tuple[str, Outcome]]]:
    """A few rules, which can contradict one another."""
    rule = st.tuples(st.sampled_from(TOOLS), st.sampled_from(Outcome))
    return st.lists(rule, max_size=4)
