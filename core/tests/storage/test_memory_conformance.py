"""What every storage has to do, of the storage in memory."""

from __future__ import annotations

from steer.builtins.fresh_stores import fresh_memory
from steer.plugins import PluginRegistry
from steer_conformance import storage_checks

test_memory = storage_checks(PluginRegistry.discover().storage_for_url("memory://"), fresh_memory)
