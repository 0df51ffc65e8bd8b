"""Which runtime an async function belongs to that runs a vendor's agents itself."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import pytest
from steer.errors import PluginError
from steer.plugin import RuntimePlugin
from steer.plugins import PluginRegistry


def runtime(name: str, **fields: Any) -> RuntimePlugin:
    usual: dict[str, Any] = {"summary": "", "contract": 1, "open": "json:dumps"}
    return RuntimePlugin(name=name, **(usual | fields))


def registry_of(*plugins: RuntimePlugin) -> PluginRegistry:
    registry = PluginRegistry()
    for plugin in plugins:
        registry.register(plugin)
    return registry


VENDOR = types.ModuleType("vendor")
exec("class Runner: pass", VENDOR.__dict__)  # noqa: S102 - a module of a vendor's

FUNCTION = """
import functools
async def answer(asked): ...
def plain(asked): ...
"""


def module_of(source: str, **variables: object) -> dict[str, Any]:
    made: dict[str, Any] = {"__name__": "author", **variables}
    exec(source, made)  # noqa: S102 - a module of an author's
    return made


@pytest.mark.parametrize(
    "variables",
    [{"Runner": VENDOR.Runner}, {"R": VENDOR.Runner}, {"vendor": VENDOR}],
    ids=["the class", "the class by another name", "its module"],
)
def test_a_function_belongs_to_the_runtime_whose_class_its_module_has(
    variables: dict[str, object],
) -> None:
    registry = registry_of(
        runtime("ours", native_callers=("vendor.Runner",)),
        runtime("other", native_callers=("other.Runner",)),
    )
    module = module_of(FUNCTION, **variables)
    assert registry.runtime_for(module["answer"]) == "ours"
    assert registry.runtime_for(module["plain"]) is None


def test_a_function_whose_module_has_no_such_class_belongs_to_nobody() -> None:
    registry = registry_of(runtime("ours", native_callers=("vendor.Runner",)))
    assert registry.runtime_for(module_of(FUNCTION)["answer"]) is None
    assert registry.runtime_for(module_of(FUNCTION, Runner=dict)["answer"]) is None


def test_the_module_of_a_decorator_does_not_count() -> None:
    module = module_of(FUNCTION, Runner=VENDOR.Runner)

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def wrapper(asked: object) -> object:
            return await function(asked)

        return wrapper

    registry = registry_of(runtime("ours", native_callers=("vendor.Runner",)))
    assert registry.runtime_for(decorated(module["answer"])) == "ours"


def test_a_function_that_two_runtimes_claim_is_left_to_the_user() -> None:
    registry = registry_of(
        runtime("b", native_callers=("vendor.Runner",)),
        runtime("a", native_callers=("vendor.Runner",)),
    )
    function = module_of(FUNCTION, Runner=VENDOR.Runner)["answer"]
    with pytest.raises(PluginError, match=r"answer: .* several runtimes: a, b\. Choose one"):
        registry.runtime_for(function)


def test_the_usual_names_are_those_of_all_runtimes() -> None:
    registry = registry_of(
        runtime("a", native_callers=("a.Run",), native_functions=("run_workflow", "go")),
        runtime("b", native_callers=("b.Run",), native_functions=("run_workflow",)),
        runtime("c"),
    )
    assert registry.native_functions() == ("go", "run_workflow")


def test_names_of_functions_without_a_class_that_tells_them_are_refused() -> None:
    with pytest.raises(PluginError, match="native_functions are told by native_callers"):
        runtime("a", native_functions=("run_workflow",))
    with pytest.raises(PluginError, match="native_callers is 'x', not a tuple"):
        runtime("a", native_callers="x")
