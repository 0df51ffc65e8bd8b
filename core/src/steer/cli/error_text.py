"""An error as one line for people, or as one JSON object for programs."""

from __future__ import annotations

from pydantic_core import to_json

from steer.cli.exit_codes import ExitCode
from steer.cli.terminal.printable import shortened
from steer.errors import ErrorInfo

__all__ = ["error_json", "error_text"]

_MESSAGE_LENGTH = 600


def error_text(info: ErrorInfo) -> str:
    """Return ``who: what. fix`` in one line."""
    message = info.message.strip().rstrip(".")
    if info.provider and info.provider.casefold() not in message.casefold():
        message = f"{info.provider}: {message}"
    facts = []
    if info.status_code is not None and str(info.status_code) not in message:
        facts.append(f"HTTP {info.status_code}")
    if info.retry_after is not None:
        facts.append(f"retry after {info.retry_after:g} s")
    if facts:
        message += f" ({', '.join(facts)})"
    if info.fix:
        message += f" {info.fix}" if message.endswith(("?", "!")) else f". {info.fix}"
    return shortened(message, _MESSAGE_LENGTH)


def error_json(info: ErrorInfo, code: ExitCode) -> bytes:
    """Return the error with all its fields, and the exit code, as one line of JSON."""
    return to_json({"error": info, "exit_code": code.value})
