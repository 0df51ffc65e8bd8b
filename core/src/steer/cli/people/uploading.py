"""Files of this machine as the answer to an upload."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import anyio

from steer.actions import Upload, Uploaded
from steer.cli.terminal.printable import shortened
from steer.errors import ConfigError
from steer.kernel import RuntimeKernel
from steer.ports.records import ActionRecord

__all__ = ["store_files"]

_UNKNOWN = "application/octet-stream"
_PIECE = 1 << 20


async def store_files(
    kernel: RuntimeKernel,
    action: ActionRecord,
    question: Upload,
    paths: Sequence[Path],
    *,
    scope_id: str,
    by: str,
) -> Uploaded:
    """Store the files with the action's job, and return what answers it.

    What a file's name ends with says what it is. Raises ``ConfigError`` for one that cannot be
    read or is too large, and what ``RuntimeKernel.put_artifact`` raises.
    """
    stored: list[str] = []
    for path in paths:
        _check(path, question.max_bytes)
        artifact = await kernel.put_artifact(
            action.job_id,
            _pieces(path),
            name=path.name.encode(errors="surrogateescape").decode(errors="replace"),
            media_type=mimetypes.guess_type(path.name)[0] or _UNKNOWN,
            scope_id=scope_id,
            principal_id=by,
            action_id=action.action_id,
        )
        stored.append(artifact.artifact_id)
    return Uploaded(artifacts=tuple(stored))


def _check(path: Path, most: int | None) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error
    if most is not None and size > most:
        raise ConfigError(
            f"the file {_shown(path)} is too large: at most {most:,} bytes are asked for"
        )


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    try:
        async with await anyio.open_file(path, "rb") as file:
            while piece := await file.read(_PIECE):
                yield piece
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"the file {_shown(path)} cannot be read: {error.strerror}")


def _shown(path: Path) -> str:
    return shortened(str(path), 200)
