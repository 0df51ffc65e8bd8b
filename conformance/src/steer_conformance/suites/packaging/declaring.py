"""What a plugin declares, and what its distribution says of itself."""

from __future__ import annotations

import ast
import inspect
import re
from functools import reduce
from importlib import import_module, metadata
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from pydantic import BaseModel
from steer.plugin import CONTRACT
from steer.plugins import PluginRegistry

from steer_conformance.checks import check
from steer_conformance.suites.packaging.case import PackagingCase

__all__: list[str] = []

_ARGUMENTS = {
    "runtime": 1,
    "storage": 2,
    "policy": 1,
    "sink": 2,
    "signals": 2,
    "executor": 1,
    "cache": 2,
    "artifact": 2,
    "command": 0,
}
"""How many arguments the hook of each kind says that ``open`` is called with."""


@check("PK-2")
def the_entry_point_declares_the_plugin(case: PackagingCase) -> None:
    _ = case.distribution
    declared = PluginRegistry.discover().declaration(case.plugin.kind, case.plugin.name)
    assert declared == case.plugin, "what is installed declares it otherwise"
    assert declared.contract == CONTRACT, f"it is for contract {declared.contract}"


@check("PK-3")
def what_the_targets_name_is_there(case: PackagingCase) -> None:
    opening = _loaded(case.plugin.open)
    wanted = _ARGUMENTS[case.plugin.kind]
    assert callable(opening), f"open names {opening!r}, which cannot be called"
    assert not inspect.iscoroutinefunction(opening), "open is async"
    try:
        inspect.signature(opening).bind(*range(wanted))
    except TypeError as error:
        raise AssertionError(f"open cannot be called with {wanted} arguments: {error}") from error
    config = _config(case)
    assert config is None or issubclass(config, BaseModel), f"config names {config!r}, no model"
    for key in ("testing", "nesting"):
        target = getattr(case.plugin, key, None)
        assert target is None or callable(_loaded(target)), f"{key} cannot be called"


def _loaded(target: Any) -> Any:
    if not isinstance(target, str):
        return target
    module, _, names = target.partition(":")
    try:
        return reduce(getattr, names.split("."), import_module(module))
    except (ImportError, AttributeError) as error:
        raise AssertionError(f"{target!r} names what cannot be imported: {error}") from error


def _config(case: PackagingCase) -> Any:
    return _loaded(getattr(case.plugin, "config", None))


@check("PK-4")
def the_distribution_states_its_version_and_those_of_steer(case: PackagingCase) -> None:
    distribution = case.distribution
    assert re.match(r"\d+(\.\d+)*", distribution.version), (
        f"its version is {distribution.version!r}"
    )
    if distribution.name == "steer":
        return
    needs = [each for each in case.requirements if canonicalize_name(each.name) == "steer"]
    assert needs, "it does not depend on steer"
    loose = [str(each) for each in needs if not each.specifier]
    assert not loose, f"{loose[0]!r} takes any version of steer"


@check("PK-5")
def the_contract_is_written_as_a_number(case: PackagingCase) -> None:
    for name in case.modules:
        source = inspect.getsource(import_module(name))
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.keyword) and node.arg == "contract":
                assert isinstance(node.value, ast.Constant), (
                    f"{name}:{node.value.lineno} takes it from {ast.unparse(node.value)}"
                )


@check("PK-6")
def every_key_of_the_configuration_is_documented(case: PackagingCase) -> None:
    config = _config(case)
    if config is None:
        return
    text = inspect.getdoc(config) or ""
    silent = [
        name
        for name, field in config.model_fields.items()
        if not field.description and not re.search(rf"\b{re.escape(name)}\b", text)
    ]
    assert not silent, f"nothing is said of {', '.join(silent)}"


@check("PK-8")
def what_is_required_is_what_the_distribution_depends_on(case: PackagingCase) -> None:
    own = case.distribution
    names = {canonicalize_name(each.name) for each in case.requirements}
    names.add(canonicalize_name(own.name))
    if case.plugin.install is not None:
        # It is another distribution that brings what is required.
        names |= {canonicalize_name(case.plugin.install), *_needs_of(case.plugin.install)}
    stray = [name for name in case.plugin.requires if canonicalize_name(name) not in names]
    assert not stray, f"it requires {', '.join(stray)}, and installing it does not bring that"


def _needs_of(distribution: str) -> set[NormalizedName]:
    try:
        needs = metadata.requires(distribution) or ()
    except metadata.PackageNotFoundError:
        return set()
    return {canonicalize_name(Requirement(line).name) for line in needs}
