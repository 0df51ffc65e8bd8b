"""What every storage shares: the rules of a commit, listings, and signals inside one process.

A storage that can be read and written synchronously fills ``Tables`` and gets the rules of
``steer.ports.changes`` by ``apply_changes``; another one follows the same rules its own way.
"""

from __future__ import annotations

from steer.storage.apply import Applied, apply_changes
from steer.storage.artifacts import StoredArtifacts
from steer.storage.job_state import JobState
from steer.storage.listing import check_part, decode_cursor, encode_cursor, page_size
from steer.storage.local_signals import LocalSignals
from steer.storage.tables import Tables

__all__ = [
    "Applied",
    "JobState",
    "LocalSignals",
    "StoredArtifacts",
    "Tables",
    "apply_changes",
    "check_part",
    "decode_cursor",
    "encode_cursor",
    "page_size",
]
