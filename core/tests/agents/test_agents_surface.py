"""What `steer.agents` offers, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest
import steer.agents


def test_the_public_names_are_sorted_and_all_there() -> None:
    assert steer.agents.__all__ == sorted(steer.agents.__all__)
    assert dir(steer.agents) == steer.agents.__all__
    for name in steer.agents.__all__:
        assert getattr(steer.agents, name) is not None


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match=r"module 'steer.agents' has no attribute 'nothing'"):
        _ = steer.agents.nothing


def test_importing_the_package_imports_no_library() -> None:
    program = (
        "import sys, steer.agents\n"
        "heavy = {'pydantic', 'anyio', 'jsonschema', 'docstring_parser'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
