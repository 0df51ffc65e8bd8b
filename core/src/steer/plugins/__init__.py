"""Plugins as an application meets them: found, chosen by name, explained and opened.

Plugin authors want ``steer.plugin``.
"""

from __future__ import annotations

from steer.plugins._door import load_target
from steer.plugins._install import INSTALL_HINT
from steer.plugins._registry import POLICY_FILE_SUFFIX, OpenedPolicies, PluginRegistry
from steer.plugins._report import PluginReport, PluginState, Requirement

__all__ = [
    "INSTALL_HINT",
    "POLICY_FILE_SUFFIX",
    "OpenedPolicies",
    "PluginRegistry",
    "PluginReport",
    "PluginState",
    "Requirement",
    "load_target",
]
