"""How stored agents are named, and what is kept of one."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steer.agents import Agent, ImportRef, InlineRef, StoredDefinition, StoredRef, load_agent
from steer.agents.stored import StoredSpec, check_stored_name, definition_in, stored_spec
from steer.errors import AgentError

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True)
settings = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text())
definitions = st.builds(
    StoredDefinition,
    agent=st.builds(ImportRef, target=st.text(), digest=st.text(), kind=st.just("import"))
    | st.builds(InlineRef, definition=settings, kind=st.just("inline")),
    runtime=st.none() | st.text(),
    model=st.none() | st.text(),
    runtime_config=settings,
    left_out=st.lists(st.text()).map(tuple),
)


@given(name=names, version=st.integers(min_value=1, max_value=999_999_999))
def test_a_stored_agent_is_named_as_its_reference_reads(name: str, version: int) -> None:
    assert stored_spec(str(StoredRef(name=name, version=version))) == StoredSpec(
        name=name, version=version
    )
    assert stored_spec(f"@{name}") == StoredSpec(name=name)
    check_stored_name(name)


@given(name=names, suffix=st.sampled_from([".py", ".toml", ".json"]))
def test_a_file_is_never_taken_for_a_stored_agent(name: str, suffix: str) -> None:
    for file in (f"@{name}{suffix}", f"{name}@2{suffix}", f"a@b/{name}{suffix}"):
        assert stored_spec(file) is None
        assert stored_spec(f"{file}:agent") is None


@pytest.mark.parametrize("spec", ["pkg.module", "pkg.module:agent", "module", "agent.py", ""])
def test_what_names_a_file_or_a_module_names_no_stored_agent(spec: str) -> None:
    assert stored_spec(spec) is None


@pytest.mark.parametrize(
    "spec", ["@", "a@", "@a@2", "a@0", "a@b", "@my agent", "a@2:x", "@.a", "a@1.5"]
)
def test_an_at_in_the_wrong_place_is_explained(spec: str) -> None:
    with pytest.raises(AgentError, match=r"does not name a stored agent\. Write @NAME for its"):
        stored_spec(spec)


@pytest.mark.parametrize(
    ("name", "suggested"),
    [("Weather agent", "weather-agent"), ("a.b", "a-b"), ("", "helper"), ("é" * 9, "helper"),
     ("-x", "x"), ("x" * 65, "x" * 64)],
)  # fmt: skip
def test_a_name_that_is_none_comes_with_one_that_is(name: str, suggested: str) -> None:
    with pytest.raises(AgentError, match=rf"for example --name {re.escape(suggested)}$"):
        check_stored_name(name)
    check_stored_name(suggested)


@given(definition=definitions)
def test_what_is_kept_survives_json(definition: StoredDefinition) -> None:
    assert StoredDefinition.decode(definition.encode()) == definition


@given(definition=definitions, secret=st.sets(st.text()))
def test_of_secret_settings_only_the_names_are_kept(
    definition: StoredDefinition, secret: set[str]
) -> None:
    kept = definition.without_settings(secret)
    assert not secret & kept.runtime_config.keys()
    gone = definition.runtime_config.keys() & secret
    assert set(kept.left_out) == {*definition.left_out, *gone}
    assert kept.without_settings(secret) == kept


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, {1, 2}, b"x", [None, math.inf]])
def test_a_value_that_json_does_not_have_is_refused(value: object) -> None:
    definition = StoredDefinition(
        agent=InlineRef(definition={"name": "a"}), runtime_config={"timeout": value}
    )
    with pytest.raises(
        AgentError, match=r"runtime_config\.timeout(\.1)? is a value that JSON does"
    ):
        definition.encode()


def test_a_date_in_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('name = "a"\n[runtime_config]\nsince = 2026-01-31\n')
    definition = StoredDefinition(agent=definition_in(load_agent(str(file))))
    with pytest.raises(AgentError, match=r"runtime_config\.since is a value that JSON does not"):
        definition.encode()


@pytest.mark.parametrize("text", ["", "{}", '{"agent": {"kind": "stored"}}'])
def test_what_is_no_definition_cannot_be_read(text: str) -> None:
    with pytest.raises(AgentError, match="a stored agent cannot be read: "):
        StoredDefinition.decode(text)


@pytest.mark.parametrize(
    ("own", "chosen", "config"),
    [
        (None, None, {"a": 1, "b": 2}),
        (None, "x", {"a": 1, "b": 2}),
        ("open_x", "Open-X", {"a": 1, "b": 2}),
        ("x", None, {"a": 1, "b": 2}),
        ("x", "y", {"b": 2}),
    ],
)
def test_settings_of_a_definition_are_for_its_own_runtime(
    own: str | None, chosen: str | None, config: dict[str, int]
) -> None:
    agent = Agent(name="a", runtime=own, runtime_config={"a": 1, "b": 1})
    stored = StoredDefinition(
        agent=InlineRef(definition={"name": "a"}), runtime=chosen, runtime_config={"b": 2}
    )
    assert stored.over(agent).runtime_config == config
    assert stored.over(agent).runtime == (chosen or own)
