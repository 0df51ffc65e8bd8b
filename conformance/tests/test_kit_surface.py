"""What the kit offers by name, and what it costs to have it installed."""

from __future__ import annotations

import subprocess
import sys

import pytest
import steer_conformance

BLOCKED = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("hypothesis", "pytest", "junitparser"):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Hide())
"""


def test_the_names_of_the_kit_are_sorted_and_all_there() -> None:
    names = steer_conformance.__all__
    assert names == sorted(names)
    assert dir(steer_conformance) == names
    for name in names:
        assert getattr(steer_conformance, name).__module__.startswith("steer_conformance.")
    with pytest.raises(AttributeError, match="no attribute 'table_checks'"):
        _ = steer_conformance.table_checks


def test_the_provider_needs_neither_pytest_nor_hypothesis() -> None:
    program = f"{BLOCKED}import steer_conformance.provider, steer_conformance.plugin"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_a_pytest_run_that_uses_no_suite_loads_none() -> None:
    program = (
        "import sys, steer_conformance.pytest_fixtures\n"
        "assert not [name for name in sys.modules if name.startswith('steer_conformance.suites')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
