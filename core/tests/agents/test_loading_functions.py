"""Which function of a file is the agent, where functions run a vendor's agents themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from steer.agents import Loaded, load_agent, resolve
from steer.errors import AgentError

Write = Callable[[Mapping[str, str]], Path]

VENDOR = """
class VendorAgent:
    name = "made by vendor"
async def run_workflow(asked):
    return asked
async def main():
    pass
def plain(asked):
    pass
"""


def native_runtime(value: object) -> str | None:
    vendors = type(value).__name__ == "VendorAgent" or inspect.iscoroutinefunction(value)
    return "vendor-sdk" if vendors else None


def load(spec: str, folder: Path, *functions: str) -> Loaded:
    return load_agent(spec, cwd=folder, native_runtime=native_runtime, native_functions=functions)


def complaint(spec: str, folder: Path, *functions: str) -> str:
    with pytest.raises(AgentError) as caught:
        load(spec, folder, *functions)
    return str(caught.value)


def test_a_function_of_a_usual_name_comes_before_the_variable_agent(write: Write) -> None:
    folder = write({"a.py": VENDOR + "agent = VendorAgent()\n"})
    loaded = load("a.py", folder, "run_workflow")
    assert loaded.agent.name == "run_workflow"
    assert loaded.agent.runtime == "vendor-sdk"
    assert inspect.iscoroutinefunction(loaded.agent.native)


def test_a_function_is_found_again_from_its_reference(write: Write) -> None:
    folder = write({"a.py": VENDOR + "agent = VendorAgent()\n"})
    loaded = load("a.py", folder, "run_workflow")
    again = resolve(loaded.ref, native_runtime=native_runtime)
    assert again.agent.native is loaded.agent.native


def test_a_function_of_another_name_has_to_be_named(write: Write) -> None:
    folder = write({"a.py": VENDOR + "agent = VendorAgent()\n"})
    assert load("a.py", folder).agent.name == "made by vendor"
    assert load("a.py:main", folder).agent.name == "main"


def test_a_function_of_a_usual_name_that_runs_no_vendors_agents_is_none(write: Write) -> None:
    folder = write({"a.py": VENDOR + "agent = VendorAgent()\n"})
    loaded = load_agent(
        "a.py",
        cwd=folder,
        native_runtime=lambda value: native_runtime(value) if not callable(value) else None,
        native_functions=["run_workflow"],
    )
    assert loaded.agent.name == "made by vendor"


@pytest.mark.parametrize(
    ("spec", "functions", "message"),
    [
        (
            "a.py",
            (),
            (
                "a.py defines no agent, but functions that run some: main, run_workflow. "
                "Say which one, for example a.py:main"
            ),
        ),
        (
            "a.py",
            ("main", "run_workflow"),
            "a.py defines 2 agents: main, run_workflow. Say which one, for example a.py:main",
        ),
        (
            "a.py:plain",
            ("run_workflow",),
            ("'plain' in a.py is no agent but of type function. Agents there: main, run_workflow"),
        ),
        (
            "a.py:workflow",
            ("run_workflow",),
            "a.py has no variable 'workflow'. Agents there: main, run_workflow",
        ),
    ],
)
def test_each_mistake_lists_the_functions_there_are(
    write: Write, spec: str, functions: tuple[str, ...], message: str
) -> None:
    assert complaint(spec, write({"a.py": VENDOR}), *functions) == message
