"""Questions as they come: of every kind, and with arguments as a model may make them up."""

from __future__ import annotations

from hypothesis import strategies as st
from steer.context import ExecutionContext
from steer.ports.policy import (
    Counters,
    DataQuestion,
    ModelQuestion,
    Outcome,
    Question,
    RunQuestion,
    ToolKind,
    ToolQuestion,
)
from steer.values import Effect, Usage

__all__ = ["TOOLS", "about", "questions", "sample_rules", "tool_questions"]

TOOLS = ("read_file", "write_file", "delete")
"""The tools that sample rules name."""

_CONTEXTS = [
    ExecutionContext(scope_id="acme", principal_id="ann", job_id="job-1", run_id="run-1"),
    ExecutionContext(scope_id="other", principal_id="bob", session_id="s-1"),
    ExecutionContext(),
]
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
    st.dictionaries(st.sampled_from(["path", "amount", "to"]), json_values, max_size=3),
    json_values,
    st.just('{"path": "/etc'),
)
counters = st.builds(
    Counters,
    turns=st.integers(0, 50),
    tool_calls=st.integers(0, 50),
    usage=st.builds(Usage, input_tokens=st.integers(0, 10**9)),
)
contexts = st.sampled_from(_CONTEXTS)
maybe_name = st.none() | names


def tool_questions() -> st.SearchStrategy[ToolQuestion]:
    """Questions about tools of every kind."""
    return st.builds(
        ToolQuestion,
        context=contexts,
        tool=names,
        arguments=arguments,
        kind=st.sampled_from(ToolKind),
        effect=st.sampled_from(Effect),
        declared=st.booleans(),
        server=maybe_name,
        agent=maybe_name,
        path=st.lists(st.sampled_from(["call-1", "call-2"]), max_size=2).map(tuple),
        counters=counters,
    )


def questions() -> st.SearchStrategy[Question]:
    """Questions of every kind."""
    return st.one_of(
        tool_questions(),
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
    )


def about(tool: str) -> ToolQuestion:
    """A plain call of a tool that the agent's author declared."""
    return ToolQuestion(context=_CONTEXTS[0], tool=tool, arguments={})


def sample_rules() -> st.SearchStrategy[list[tuple[str, Outcome]]]:
    """A few rules, which can contradict one another."""
    rule = st.tuples(st.sampled_from(TOOLS), st.sampled_from(Outcome))
    return st.lists(rule, max_size=4)
