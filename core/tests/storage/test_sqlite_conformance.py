"""What every storage has to do, of the storage in a SQLite file."""

from __future__ import annotations

from steer.builtins.fresh_stores import fresh_sqlite
from steer.plugins import PluginRegistry
from steer_conformance import storage_checks

test_sqlite = storage_checks(PluginRegistry.discover().storage_for_url("sqlite:///"), fresh_sqlite)
