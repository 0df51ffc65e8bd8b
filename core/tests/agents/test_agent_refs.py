"""References to agents survive JSON and refuse what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer.agents import AgentRef, ImportRef, InlineRef, StoredRef, ref_from_json, ref_to_json
from steer.errors import AgentError

refs: st.SearchStrategy[AgentRef] = st.one_of(
    st.builds(
        ImportRef,
        target=st.text(),
        digest=st.text(),
        name=st.none() | st.text(),
        folder=st.none() | st.text(),
        kind=st.just("import"),
    ),
    st.builds(StoredRef, name=st.text(), version=st.integers(), kind=st.just("stored")),
    st.builds(
        InlineRef,
        definition=st.dictionaries(st.text(), st.text() | st.integers() | st.none()),
        folder=st.none() | st.text(),
        kind=st.just("inline"),
    ),
)


@given(ref=refs)
def test_a_reference_survives_json(ref: AgentRef) -> None:
    assert ref_from_json(ref_to_json(ref)) == ref


def test_the_json_form_is_fixed() -> None:
    ref = ImportRef(target="/srv/agent.py", digest="ab", name="agent")
    assert ref_to_json(ref) == (
        '{"target":"/srv/agent.py","digest":"ab","name":"agent","folder":null,"kind":"import"}'
    )


@pytest.mark.parametrize(
    "text", ["", "null", "{}", '{"kind": "live"}', '{"kind": "stored", "name": "a"}']
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(AgentError, match="no reference to an agent: "):
        ref_from_json(text)


@pytest.mark.parametrize(
    ("ref", "shown"),
    [
        (ImportRef(target="/a.py", digest="", name="x"), "/a.py:x"),
        (ImportRef(target="/a.toml", digest=""), "/a.toml"),
        (StoredRef(name="a", version=2), "a@2"),
        (InlineRef(definition={"name": "a"}), "inline definition of a"),
    ],
)
def test_a_reference_reads_well(ref: AgentRef, shown: str) -> None:
    assert str(ref) == shown
