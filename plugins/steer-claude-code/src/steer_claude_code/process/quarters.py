"""The private place that one process of the CLI lives in."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from steer.errors import ConfigError, RuntimeFailure

from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.process.environment import given_to_cli
from steer_claude_code.process.launcher import write_launcher
from steer_claude_code.process.processes import end_processes
from steer_claude_code.process.supervisor import MARKER, remove
from steer_claude_code.uninterrupted import uninterrupted

__all__ = ["Quarters", "quarters"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Quarters:
    """A private folder, and how the SDK has the CLI live in it.

    ``cli_path`` and ``environment`` are for the SDK's options of these names; the CLI's own
    variables are with the launcher, and ``environment`` only says whose process it is. ``root``
    holds all the others, and is deleted in the end. ``home`` and ``config`` are the user's own with
    the login ``subscription``, and private otherwise.
    """

    cli_path: Path
    environment: Mapping[str, str] = field(repr=False)
    root: Path
    home: Path
    config: Path
    temp: Path

    async def sweep(self) -> tuple[str, ...]:
        """End every process that lives here, within seconds; name those that could not be ended."""
        return await end_processes(self.root)


@asynccontextmanager
async def quarters(
    *, config: ClaudeCodeConfig, endpoint: str | None = None, token: str | None = None
) -> AsyncIterator[Quarters]:
    """Furnish a private place for one process of the CLI; on leaving, all in it is ended.

    ``endpoint`` is where the CLI asks models, and ``token`` what it shows there; ``None`` where it
    asks the vendor by itself.

    Raises ``ConfigError`` where the CLI of the configuration is none, and ``RuntimeFailure`` where
    no program can be run from a temporary folder or some process could not be ended.
    """
    # A millisecond's work, which no cancellation can part from what it has made.
    there = _furnish(config, endpoint, token)
    try:
        yield there
    except BaseException as error:
        left = await uninterrupted(_clear(there))
        if left:
            error.add_note(f"What the CLI had started could not be ended: {left}")
        raise
    left = await uninterrupted(_clear(there))
    if left:
        raise RuntimeFailure(f"claude-code could not end what the CLI had started: {left}")


async def _clear(there: Quarters) -> str:
    """End and delete all there is; return what could not be ended."""
    left = await there.sweep()
    await to_thread.run_sync(remove, str(there.root), limiter=CapacityLimiter(1))
    return ", ".join(left)


def _furnish(config: ClaudeCodeConfig, endpoint: str | None, token: str | None) -> Quarters:
    cli = _cli(config)
    root = Path(tempfile.mkdtemp(prefix="steer-")).resolve()
    try:
        home, claude, temp = (root / name for name in ("home", "config", "temp"))
        for folder in (home, claude, temp):
            folder.mkdir(mode=0o700)
        given = given_to_cli(
            config,
            ours=os.environ,
            home=home,
            temp=temp,
            claude=claude,
            endpoint=endpoint,
            token=token,
        )
        home = Path(given.environment["HOME"])
        return Quarters(
            cli_path=write_launcher(root, cli, given),
            environment={MARKER: str(root)},
            root=root,
            home=home,
            config=Path(given.environment.get("CLAUDE_CONFIG_DIR", home / ".claude")),
            temp=temp,
        )
    except BaseException:
        remove(str(root))
        raise


def _cli(config: ClaudeCodeConfig) -> Path:
    """Return the CLI: the configured one, the one in the SDK, or the one on the path."""
    if config.cli_path is not None:
        cli = config.cli_path.expanduser().absolute()
        if not (cli.is_file() and os.access(cli, os.X_OK)):
            raise ConfigError(
                f"claude-code: cli_path is {cli}, which is no program",
                fix="Name the CLI's program, or leave cli_path out to use the one in the SDK",
            )
        return cli
    sdk = find_spec("claude_agent_sdk")
    for folder in () if sdk is None else sdk.submodule_search_locations or ():
        bundled = Path(folder, "_bundled", "claude")
        if bundled.is_file():
            return bundled
    found = shutil.which("claude")
    if found is None:
        raise ConfigError(
            "claude-code: there is no CLI in the SDK and none on the path",
            fix="Install claude-agent-sdk from a wheel, or set cli_path",
        )
    return Path(found).absolute()
