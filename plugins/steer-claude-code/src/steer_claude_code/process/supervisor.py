"""The guard of one CLI process on Linux: a program of its own, and the parent of the CLI.

Its ``main`` is run in a Python of its own, with the arguments ``ROOT HOST ARGUMENT...``. It imports
little of the standard library and nothing else, since every run waits for it. ``ROOT`` is the
private folder with the order, which says what to start; ``HOST`` is the process that has started
it; the arguments are the CLI's.

There are two guards, one the parent of the other. Whatever the CLI starts becomes a child of the
inner one when its own parent ends, and of the outer one when the inner one ends. So whatever is
killed, a guard is left that finds every process, detached ones included, and ends them all as soon
as the CLI, the host or the other guard has ended.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

__all__ = ["FROM_SDK", "MARKER", "ORDER", "descendants", "main", "order", "remove", "supervise"]

MARKER = "STEER_QUARTERS"
"""The variable that every process of the private folder carries; its value is the folder."""
ORDER = "order"
"""The file that says what to start. The guard reads and deletes it."""

FROM_SDK = (
    "CLAUDE_AGENT_SDK_VERSION",
    "CLAUDE_CODE_ENABLE_SDK_FILE_CHECKPOINTING",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SDK_READS_SESSION_STATE",
)
"""What the SDK itself tells the CLI by its environment."""
_SECRET = b"<"
_SET_PDEATHSIG = 1
_SET_CHILD_SUBREAPER = 36
_CANNOT_START = 127
_KILLED = 128
"""A shell's way to tell of a signal: this, and its number."""
_FAREWELL_SECONDS = 0.25
"""How long the CLI may go on once the host has closed its input."""
_END_SECONDS = 10.0
"""How long a guard tries to end what it may not end, such as a process of another user."""
_DYING_MS = 50
"""How long a host that dies may take from closing its pipes, by which the CLI ends, to its end."""
_LOOK_AGAIN_MS = 10
"""How soon it looks whether something was started while it was looking."""
_HANDLED = (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def order(cli: str, environment: Mapping[str, str], secrets: Mapping[str, str]) -> bytes:
    """Return what stands in the file ``ORDER``.

    Secrets are handed to the CLI by file descriptor; the variable says by which.
    """
    fields = [os.fsencode(cli)]
    fields += [os.fsencode(f"{name}={value}") for name, value in environment.items()]
    fields += [_SECRET + os.fsencode(f"{name}={value}") for name, value in secrets.items()]
    return b"\0".join(fields)


def supervise(root: str, host: int, arguments: Sequence[str]) -> int:
    """Start what ``root`` orders; return its exit code once nothing of it is left.

    Where the host is gone by then, ``root`` is deleted too.
    """
    with suppress(PermissionError):
        # What a terminal signals is for the host, which decides what becomes of a run.
        os.setsid()
    _prctl(_SET_CHILD_SUBREAPER, 1)
    arrivals = _Arrivals()
    try:
        watched = os.pidfd_open(host)
    except ProcessLookupError:
        watched = -1
    if watched < 0 or os.getppid() != host:
        remove(root)
        return _KILLED + signal.SIGKILL
    fields = _taken(root)
    outer = os.pidfd_open(os.getpid())
    inner = os.fork()
    if inner:
        code = _guard(inner, arrivals, others=(watched,))
    else:
        _prctl(_SET_CHILD_SUBREAPER, 1)
        arrivals = _Arrivals()
        cli = _start(fields, arguments)
        code = _guard(cli, arrivals, others=(watched, outer), stdin=0)
    if _readable(watched) or (_hung_up(0) and _readable(watched, _DYING_MS)):
        remove(root)
    return code


def _taken(root: str) -> list[bytes]:
    path = f"{root}/{ORDER}"
    with open(path, "rb") as file:
        fields = file.read().split(b"\0")
    os.unlink(path)
    return fields


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl was refused")


def _start(fields: Sequence[bytes], arguments: Sequence[str]) -> int:
    """Start the CLI with the guard's own input and output, and return its process id."""
    cli, *variables = fields
    told = {name: os.environ[name] for name in FROM_SDK if name in os.environ}
    told["PWD"] = os.getcwd()
    environment = {os.fsencode(name): os.fsencode(value) for name, value in told.items()}
    handed: list[int] = []
    for variable in variables:
        name, _, value = variable.removeprefix(_SECRET).partition(b"=")
        if variable.startswith(_SECRET):
            handed.append(_pipe_with(value))
            value = str(handed[-1]).encode()
        environment[name] = value
    guard = os.getpid()
    pid = os.fork()
    if not pid:
        _become(cli, arguments, environment, handed, guard)
    for reading in handed:
        os.close(reading)
    return pid


def _pipe_with(secret: bytes) -> int:
    reading, writing = os.pipe()
    os.write(writing, secret)
    os.close(writing)
    return reading


def _become(
    cli: bytes,
    arguments: Sequence[str],
    environment: Mapping[bytes, bytes],
    handed: Sequence[int],
    guard: int,
) -> None:
    """Turn this child of the guard into the CLI."""
    try:
        os.setsid()
        _prctl(_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(_KILLED + signal.SIGKILL)
        for reading in handed:
            os.set_inheritable(reading, True)  # noqa: FBT003 - it takes no keywords
        # Python ignores some, and so may the host or its shell; what is ignored would stay so in
        # the CLI and its tools.
        for number in signal.valid_signals():
            if signal.getsignal(number) == signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        os.execve(cli, [cli, *map(os.fsencode, arguments)], environment)
    except OSError as error:
        os.write(2, b"steer: %s cannot be started: %s\n" % (cli, str(error.strerror).encode()))
    os._exit(_CANNOT_START)


class _Arrivals:
    """The signals that arrived, behind a file descriptor that is readable once there are some."""

    def __init__(self) -> None:
        self._reading, writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(writing, False)
        for number in _HANDLED:
            signal.signal(number, _note)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def fileno(self) -> int:
        """Return what to wait for."""
        return self._reading

    def take(self) -> set[int]:
        """Return those that arrived since the last time."""
        with suppress(BlockingIOError):
            return set(os.read(self._reading, 1024))
        return set()


def _note(*_: object) -> None:
    """Have a signal noted by the pipe alone."""


def _guard(child: int, arrivals: _Arrivals, *, others: Sequence[int], stdin: int = -1) -> int:
    """Wait for the first ending, end whatever is left, and return the exit code of ``child``.

    That is 0 where the guard was told to end it: whoever did so has not seen it fail. ``others``
    are the processes whose end ends this one. ``stdin`` is where the host closes the CLI's input.
    """
    poller = select.poll()
    for ending in (arrivals.fileno(), *others):
        poller.register(ending, select.POLLIN)
    if stdin >= 0:
        # Only its end is looked for: what is written there is the CLI's to read.
        poller.register(stdin, select.POLLRDHUP)
    endings: dict[int, int] = {}
    over = told = False
    until: float | None = None
    while not over and _reap(endings) and child not in endings:
        left = None if until is None else max(0.0, until - time.monotonic()) * 1000
        ready = {number for number, _ in poller.poll(left)}
        signals = arrivals.take()
        if signal.SIGINT in signals:
            _send(signal.SIGINT, {child})
        if stdin in ready:
            poller.unregister(stdin)
            until = time.monotonic() + _FAREWELL_SECONDS
        told = signal.SIGTERM in signals
        over = (
            (until is not None and time.monotonic() >= until)
            or not ready.isdisjoint(others)
            or told
            or signal.SIGHUP in signals
        )
    _end_all(arrivals, endings)
    if told:
        return 0
    ending = os.waitstatus_to_exitcode(endings[child]) if child in endings else -signal.SIGKILL
    return ending if ending >= 0 else _KILLED - ending


def _reap(endings: dict[int, int]) -> bool:
    """Note the children that have ended; return whether there are others."""
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return True
            endings[pid] = status
    return False


def _end_all(arrivals: _Arrivals, endings: dict[int, int]) -> None:
    """End every descendant.

    Each becomes a child of this process before it is gone, so that no child means none at all.
    """
    until = time.monotonic() + _END_SECONDS
    while _reap(endings) and time.monotonic() < until:
        stopped: set[int] = set()
        # Those that are stopped start nothing any more, so that this comes to an end.
        while fresh := set(descendants(os.getpid())) - stopped:
            _send(signal.SIGSTOP, fresh)
            stopped |= fresh
        _send(signal.SIGKILL, stopped)
        while _readable(arrivals.fileno(), _LOOK_AGAIN_MS) and _reap(endings):
            arrivals.take()


def _send(number: signal.Signals, pids: set[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _readable(number: int, milliseconds: int = 0) -> bool:
    poller = select.poll()
    poller.register(number, select.POLLIN)
    return bool(poller.poll(milliseconds))


def descendants(ancestor: int) -> Iterator[int]:
    """The living processes that ``ancestor`` has started, at any remove."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            # The name of the program stands in parentheses, and may contain some itself.
            state, parent, _ = file.read().rpartition(b") ")[2].split(maxsplit=2)
            if state not in b"ZX":
                children.setdefault(int(parent), []).append(int(name))
    found = children.get(ancestor, [])
    while found:
        yield from found
        found = [child for pid in found for child in children.get(pid, ())]


def _hung_up(stdin: int) -> bool:
    """Whether the other end of a pipe has been closed."""
    poller = select.poll()
    poller.register(stdin, select.POLLRDHUP)
    return bool(poller.poll(0))


def remove(root: str) -> None:
    """Delete a folder and all that is in it, as far as that is allowed.

    Folders that forbid it are opened up first: a tool may have left some, as Go's cache does.
    """
    for folder, folders, _ in os.walk(root):
        for name in folders:
            with suppress(OSError):
                if not os.path.islink(f"{folder}/{name}"):
                    os.chmod(f"{folder}/{name}", 0o700)
    for folder, folders, files in os.walk(root, topdown=False):
        for name in (*files, *folders):
            path = f"{folder}/{name}"
            with suppress(OSError):
                (os.rmdir if name in folders and not os.path.islink(path) else os.unlink)(path)
    with suppress(OSError):
        os.rmdir(root)


def main() -> None:
    """Be a guard: of what the first argument orders, for the process that the second one names."""
    _, root, host, *arguments = sys.argv
    # Whoever waits for this end need not wait for a Python that tidies up.
    os._exit(supervise(root, int(host), arguments))
