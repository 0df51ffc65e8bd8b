"""Declarations: what an author may write, and what is told to one who errs."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import steer.plugin
from hypothesis import given
from hypothesis import strategies as st
from steer.capabilities import Capabilities, StorageCapabilities
from steer.errors import PluginError
from steer.naming import closest, did_you_mean, fold
from steer.plugin import CommandPlugin, RuntimePlugin, StoragePlugin

COMMON: dict[str, Any] = {"name": "acme", "summary": "x", "contract": 1, "open": "acme.x:open"}


def runtime(**fields: Any) -> RuntimePlugin:
    return RuntimePlugin(**COMMON | fields)


def storage(**fields: Any) -> StoragePlugin:
    return StoragePlugin(**COMMON | {"schemes": ("acme",)} | fields)


def test_a_declaration_is_a_frozen_value_that_claims_nothing_unless_told() -> None:
    plugin = runtime()
    assert plugin == runtime()
    assert plugin.capabilities == Capabilities()
    with pytest.raises(dataclasses.FrozenInstanceError):
        plugin.name = "other"  # type: ignore[misc]  # the point of the test


def test_the_contract_has_no_default_that_would_fit_every_steer() -> None:
    with pytest.raises(TypeError, match="contract"):
        CommandPlugin(name="acme", summary="x", open="acme:open")  # type: ignore[call-arg]  # likewise


@pytest.mark.parametrize("name", ["", "a b", "a.b", "-a", "a--b", "ä", "a/b", "default", "Default"])
def test_a_name_that_could_not_be_selected_is_refused(name: str) -> None:
    with pytest.raises(PluginError):
        runtime(name=name)


@pytest.mark.parametrize("written", ["openai-agents", "openai_agents", "OpenAI_Agents"])
def test_a_name_is_kept_in_the_one_form_it_is_shown_in(written: str) -> None:
    assert runtime(name=written).name == "openai-agents"


@pytest.mark.parametrize("target", ["acme", "acme:", ":open", "acme.:x", "a-b:c", "acme:open()"])
@pytest.mark.parametrize("key", ["open", "testing", "config", "nesting"])
def test_a_target_that_could_not_be_imported_is_refused(key: str, target: str) -> None:
    with pytest.raises(PluginError, match=rf"{key} is .*not 'package.module:function'"):
        runtime(**{key: target})


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": 7},
        {"summary": None},
        {"contract": "1"},
        {"requires": "openai"},
        {"native_types": "agents.Agent"},
        {"capabilities": {"tools": True}},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_field_of_the_wrong_type_is_named(wrong: dict[str, object]) -> None:
    with pytest.raises(PluginError, match=f"{next(iter(wrong))} is "):
        runtime(**wrong)


def test_a_storage_claims_what_a_storage_can_and_nothing_unless_told() -> None:
    assert storage().capabilities == StorageCapabilities()
    with pytest.raises(PluginError, match=r"capabilities is .*not a StorageCapabilities"):
        storage(capabilities=Capabilities())
    with pytest.raises(PluginError, match=r"capabilities is .*not a Capabilities"):
        runtime(capabilities=StorageCapabilities())


@pytest.mark.parametrize("schemes", [(), "acme", ("Acme",), ("a://",), ("",)])
def test_schemes_that_no_url_has_are_refused(schemes: object) -> None:
    with pytest.raises(PluginError, match="scheme"):
        storage(schemes=schemes)


def test_what_authors_may_import_is_listed_in_order() -> None:
    public = {
        name
        for name, value in vars(steer.plugin).items()
        if getattr(value, "__module__", None) == "steer.plugin" and not name.startswith("_")
    }
    assert sorted(public | {"CONTRACT", "ENTRY_POINT_GROUP", "hookimpl"}) == sorted(
        steer.plugin.__all__
    )


@given(st.text())
def test_folding_twice_changes_no_more(name: str) -> None:
    once = fold(name)
    assert fold(once.replace("-", "_")) == fold(once)


def test_a_near_miss_is_guessed_and_a_far_one_is_not() -> None:
    assert closest("Opnai_Agents", ["claude-code", "openai-agents"]) == "openai-agents"
    assert did_you_mean("sqlit", ["sqlite"]) == "Did you mean 'sqlite'?"
    assert did_you_mean("zebra", ["sqlite"]) is None
