from __future__ import annotations

import subprocess
import sys

import pytest
import steer.policies


def test_the_public_names_are_sorted_and_all_there() -> None:
    assert steer.policies.__all__ == sorted(steer.policies.__all__)
    assert all(getattr(steer.policies, name) is not None for name in steer.policies.__all__)


def test_a_name_that_is_not_there_is_an_ordinary_mistake() -> None:
    with pytest.raises(AttributeError, match="no attribute 'load_policies'"):
        steer.policies.load_policies  # noqa: B018 - looking it up is the test


def test_policies_are_there_without_the_reading_of_files() -> None:
    program = "import sys, steer.policies; print('steer.policies.files' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout == "False\n"
