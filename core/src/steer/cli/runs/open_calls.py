"""Which tool calls run, so that what came of one is not taken for what came of another."""

from __future__ import annotations

from dataclasses import dataclass

from steer.cli.terminal.printable import call_text, shortened
from steer.events import Event, ToolDenied, ToolEnded, ToolFailed, ToolStarted, ToolUnknown

__all__ = ["OpenCalls"]

_LENGTH = 40


@dataclass(slots=True)
class _Call:
    tool: str
    text: str
    beside_another: bool = False


class OpenCalls:
    """Follows the events of one run."""

    def __init__(self) -> None:
        self._open: dict[tuple[tuple[str, ...], str], _Call] = {}

    def name_of(self, event: Event) -> str | None:
        """Return how to call the call that an event ends, if its tool's name is not enough."""
        match event.data:
            case ToolStarted(call_id=call_id, tool=tool, effective=arguments):
                started = _Call(tool, shortened(call_text(tool, arguments), _LENGTH))
                others = [call for call in self._open.values() if call.tool == tool]
                for call in (started, *others) if others else ():
                    call.beside_another = True
                self._open[event.path, call_id] = started
            case (
                ToolEnded(call_id=call_id)
                | ToolFailed(call_id=call_id)
                | ToolUnknown(call_id=call_id)
                | ToolDenied(call_id=call_id)
            ):
                ended = self._open.pop((event.path, call_id), None)
                if ended is not None and ended.beside_another:
                    return ended.text
            case _:
                pass
        return None
