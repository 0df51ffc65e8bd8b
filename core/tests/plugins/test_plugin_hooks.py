"""Every hook: its example works, and its documentation is its docstring."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, fields
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

import pytest
from steer.hookspecs import RETURNS, HookSpecs
from steer.plugin import CONTRACT, Declaration, PluginKind
from steer.plugins import PluginRegistry, PluginState

PAGE = Path(__file__).parents[3] / "docs/reference/hooks.md"
HOOKS = sorted(RETURNS)


def docstring(hook: str) -> str:
    return inspect.cleandoc(getattr(HookSpecs, hook).__doc__)


def example(hook: str) -> ModuleType:
    """Return the example of a hook's docstring as the module that it is."""
    (source,) = re.findall(r"```python\n(.*?)```", docstring(hook), flags=re.DOTALL)
    module = ModuleType("acme_steer")
    exec(source, module.__dict__)  # noqa: S102 - running the example is the point
    return module


def section(hook: str) -> str:
    """Return what the page says of a hook."""
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    (found,) = [each for each in sections if each.startswith(f"{hook}(")]
    return found


def documented_fields(text: str) -> list[tuple[str, str, bool]]:
    """Return name, type and whether there is a default, of each row of a table of fields."""
    rows = re.findall(r"^\| `(\w+)` \| `(.*?)` \| (.*?) ?\| ", text, flags=re.MULTILINE)
    return [(name, kind.replace("\\|", "|"), bool(default)) for name, kind, default in rows]


def declared_fields(kind: type[Declaration]) -> list[tuple[str, str, bool]]:
    return [
        (
            each.name,
            "str | Callable" if each.name == "open" else str(each.type),
            not (each.default is MISSING and each.default_factory is MISSING),
        )
        for each in fields(kind)
    ]


def test_there_is_one_hook_for_each_kind_of_plugin() -> None:
    hooks = {name for name in vars(HookSpecs) if name.startswith("steer_")}
    assert hooks == set(RETURNS)
    assert {kind.kind for kind in RETURNS.values()} == set(PluginKind)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_takes_no_arguments_and_returns_its_kind(hook: str) -> None:
    signature = inspect.signature(getattr(HookSpecs, hook))
    assert list(signature.parameters) == ["self"]
    (returned,) = get_type_hints(getattr(HookSpecs, hook))["return"].__args__
    assert returned is RETURNS[hook]


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_of_a_hook_is_a_whole_plugin(hook: str) -> None:
    registry = PluginRegistry()
    registry.register(example(hook))
    (report,) = registry.explain()
    assert (report.kind, report.contract) == (RETURNS[hook].kind, CONTRACT)
    assert report.name.startswith("acme")
    assert report.state in {PluginState.OK, PluginState.MISSING_VENDOR}


@pytest.mark.parametrize("hook", HOOKS)
def test_the_page_says_what_the_docstring_says(hook: str) -> None:
    heading = f"{hook}()\n\nReturns `Iterable[{RETURNS[hook].__name__}]`.\n\n"
    assert section(hook).startswith(heading + docstring(hook))


@pytest.mark.parametrize("hook", HOOKS)
def test_the_page_lists_the_fields_of_the_declaration(hook: str) -> None:
    common = [field.name for field in fields(Declaration)]
    own = [field for field in declared_fields(RETURNS[hook]) if field[0] not in common]
    assert documented_fields(section(hook)) == own


def test_the_page_lists_the_fields_of_every_declaration() -> None:
    (text,) = re.findall(
        r"^## Declarations\n(.*?)^## ", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL
    )
    assert documented_fields(text) == declared_fields(Declaration)


def test_the_page_says_how_each_target_is_called_as_the_declaration_does() -> None:
    for hook, kind in RETURNS.items():
        (call,) = re.findall(r"``(open\(.*?\)) ->", kind.__doc__ or "")
        assert f"`{call}`" in docstring(hook)
