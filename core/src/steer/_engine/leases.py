"""The hold of this process on its jobs: who the owner is, and for how long a lease lasts."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from steer.clock import Clock
from steer.ids import new_id
from steer.ports.records import JobRecord, Owner

__all__ = ["LEASE_SECONDS", "Lease", "dead_owner", "gone", "place_of", "this_process", "unheld"]

LEASE_SECONDS = 30.0
"""How long a lease lasts without a heartbeat."""

SAFETY_SECONDS = 1.0
"""An effect is not begun with less than this left: another process may be about to take over."""


@dataclass(slots=True)
class Lease:
    """A lease as its holder sees it, by the monotonic clock and from before it was asked for."""

    clock: Clock
    until: float

    @classmethod
    def starting(cls, clock: Clock) -> Lease:
        """Return a lease that is being asked for now."""
        return cls(clock=clock, until=clock.monotonic() + LEASE_SECONDS)

    @property
    def safe(self) -> bool:
        """Whether there is time left to begin something that must not happen twice."""
        return self.until - self.clock.monotonic() > SAFETY_SECONDS


def this_process() -> Owner:
    """Return the identity of this process, with a new token."""
    pid = os.getpid()
    return Owner(
        token=new_id(),
        host=socket.gethostname(),
        boot_id=_boot_id(),
        pid=pid,
        started=_start_time(pid) or 0,
    )


def place_of(owner: Owner | None) -> str:
    """Return in words where a job runs."""
    return "another process" if owner is None else f"process {owner.pid} on {owner.host}"


def gone(owner: Owner, *, seen_from: Owner) -> bool:
    """Whether the owner's process has certainly ended.

    Only a process of the same machine can be judged: it ended if the machine was booted since,
    if its pid is free, or if the pid belongs to a process that started at another time.
    """
    if owner.host != seen_from.host or not owner.boot_id:
        return False
    if owner.boot_id != seen_from.boot_id:
        return True
    return _start_time(owner.pid) != owner.started


def dead_owner(job: JobRecord, *, seen_from: Owner) -> Owner | None:
    """Return who holds a job, if that process has certainly ended."""
    owner = job.owner
    return owner if owner is not None and gone(owner, seen_from=seen_from) else None


def unheld(job: JobRecord, now: datetime, *, seen_from: Owner) -> bool:
    """Whether nobody holds a job: no process, or a dead one, or one whose lease has run out."""
    if job.owner is None or dead_owner(job, seen_from=seen_from) is not None:
        return True
    expires = job.lease_expires_at
    return expires is not None and expires < now


def _boot_id() -> str:
    # proc(5): a random id that the kernel makes at boot.
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def _start_time(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot, or ``None`` if there is none.

    proc(5), /proc/pid/stat: field 22. The second field is the name in parentheses and may hold
    anything, so counting starts after the last closing one. A zombie has ended.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])
