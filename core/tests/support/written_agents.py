"""Agents that a test writes into files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from steer.agents import load_agent
from steer.errors import AgentError

Write = Callable[[Mapping[str, str]], Path]


AGENT = "from steer.agents import Agent\nagent = Agent(name='helper')\n"


def native_runtime(value: object) -> str | None:
    return "vendor-sdk" if type(value).__name__ == "VendorAgent" else None


VENDOR = """
class VendorAgent:
    def __init__(self, name):
        self.name = name
"""


def complaint(spec: str, folder: Path) -> str:
    with pytest.raises(AgentError) as caught:
        load_agent(spec, cwd=folder, native_runtime=native_runtime)
    return str(caught.value)
