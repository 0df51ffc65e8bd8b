"""One process of the CLI, from its start to its end, with all that belongs to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

from claude_agent_sdk import ClaudeSDKClient
from steer.errors import ConfigError, ErrorCategory, RuntimeFailure
from steer.values import JsonValue

from steer_claude_code.agent.prepared import ClaudeCodePrepared
from steer_claude_code.history.transcript import cli_version, folded, write_transcript
from steer_claude_code.models.endpoint import Endpoint
from steer_claude_code.process.failures_of_result import lost
from steer_claude_code.process.options import cli_options
from steer_claude_code.process.quarters import Quarters, quarters
from steer_claude_code.tools.desk import Desk, tool_server
from steer_claude_code.uninterrupted import uninterrupted

__all__ = ["Client"]

_SWEEP_SECONDS = 0.2
"""How long an ending process is given between two sweeps; a start that is under way may follow."""
_CLOSE_SECONDS = 15.0
"""How long the SDK may take to let go of a process that is no more."""


class Client:
    """A process of the CLI. Its own task starts and ends it, since the SDK wants one for both.

    ``history`` is what the CLI is to know of the conversation, in the API's form with the CLI's
    names for tools. Where it can only be told as a text, that is ``folded``.
    """

    def __init__(
        self, prepared: ClaudeCodePrepared, *, history: Sequence[Mapping[str, JsonValue]] = ()
    ) -> None:
        self.prepared = prepared
        self.desk = Desk()
        self.endpoint: Endpoint | None = None
        self.left: tuple[str, ...] = ()
        self.folded: str | None = None
        self._history = history
        self._sdk: ClaudeSDKClient | None = None
        self._quarters: Quarters | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._life: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether the process can take a question, now or once it has been started."""
        return self._life is None or not self._life.done()

    async def start(self) -> None:
        """Start the process, unless it has been; returns once it takes questions.

        Raises ``RuntimeFailure`` where it does not within ``start_seconds``.
        """
        if self._life is None:
            self._life = asyncio.create_task(self._live(), name="claude")
        config = self.prepared.config
        seconds = config.start_seconds
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(self._ready)
        except TimeoutError as error:
            cli = config.cli_path
            what_else = (
                "what this machine is busy with" if cli is None else f"whether {cli} is the CLI"
            )
            raise RuntimeFailure(
                f"the CLI took longer than {seconds:g} s to start",
                category=ErrorCategory.TIMEOUT,
                fix=f"Set start_seconds of the runtime claude-code higher, or see {what_else}",
            ) from error

    async def ended(self) -> None:
        """Wait until the process has ended, whatever has ended it."""
        if self._life is not None:
            await asyncio.wait({self._life})

    async def ask(self, content: Sequence[Mapping[str, Any]]) -> None:
        """Send the CLI a message of the user, in blocks of the API's form.

        Raises ``SteerError`` where it has ended meanwhile.
        """
        if self._sdk is None or not self.alive:
            raise lost(None)
        before = [] if self.folded is None else [{"type": "text", "text": self.folded}]
        try:
            await self._sdk.query(_one([*before, *content]))
        except Exception as error:
            failure = lost(error)
            raise failure from failure.__cause__

    async def close(self) -> None:
        """End the process and whatever it has started; nothing is left on return but ``left``."""
        if self._life is not None:
            await uninterrupted(self._close(self._life))

    async def _close(self, life: asyncio.Task[None]) -> None:
        life.cancel()
        loop = asyncio.get_running_loop()
        until = loop.time() + _CLOSE_SECONDS
        while not life.done() and loop.time() < until:
            if self._quarters is not None:
                self.left = await self._quarters.sweep()
            await asyncio.wait({life}, timeout=_SWEEP_SECONDS)
        if not life.done():
            self.left = (*self.left, f"task {life.get_name()}")

    async def _live(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                await self._lived(stack)
        except Exception as error:
            self._say_lost(error)
        else:
            self._say_lost(None)

    async def _lived(self, stack: AsyncExitStack) -> None:
        prepared = self.prepared
        _check_folders(prepared)
        if prepared.asks_endpoint:
            self.endpoint = await stack.enter_async_context(Endpoint())
        there = self._quarters = await stack.enter_async_context(
            quarters(
                config=prepared.config,
                endpoint=None if self.endpoint is None else self.endpoint.url,
                token=None if self.endpoint is None else self.endpoint.token,
            )
        )
        session_id = str(uuid4())
        resumes = self._write_history(there, session_id)
        sdk = ClaudeSDKClient(
            cli_options(
                prepared,
                quarters=there,
                server=tool_server(prepared.tools, self.desk) if prepared.tools else None,
                hooks=self.desk.hooks(),
                resume=session_id if resumes else None,
            )
        )
        try:
            await sdk.connect()
            self._sdk = sdk
            self._ready.set_result(None)
            async for message in sdk.receive_messages():
                if self.desk.clerk is not None:
                    await self.desk.clerk.hear(message)
        finally:
            # The processes go first: the SDK would wait for theirs to end by itself.
            self.left = await there.sweep()
            await sdk.disconnect()

    def _write_history(self, there: Quarters, session_id: str) -> bool:
        """Have the CLI know the history; where it cannot, it is told with the question."""
        if not self._history:
            return False
        path = write_transcript(
            self._history,
            config_dir=there.config,
            cwd=self.prepared.cwd,
            session_id=session_id,
            version=cli_version(self.prepared.config),
        )
        if path is None:
            self.folded = folded(self._history)
        return path is not None

    def _say_lost(self, error: Exception | None) -> None:
        if not self._ready.done():
            self._ready.set_exception(lost(error))
        elif self.desk.clerk is not None:
            self.desk.clerk.lost(error)


def _check_folders(prepared: ClaudeCodePrepared) -> None:
    for name, folders in (("cwd", (prepared.cwd,)), ("add_dirs", prepared.config.add_dirs)):
        for folder in folders:
            if not folder.expanduser().is_dir():
                raise ConfigError(
                    f"claude-code: {name} is {folder}, which is no folder",
                    fix=f"Create it, or set {name} to one that is there",
                )


async def _one(content: Sequence[Mapping[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    message = {"role": "user", "content": [dict(block) for block in content]}
    yield {"type": "user", "message": message, "parent_tool_use_id": None}
