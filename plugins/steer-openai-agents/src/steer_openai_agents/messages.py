"""What a model's message asks for, noted on the frame that it belongs to."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from openai.types.responses import ResponseOutputItem

from steer_openai_agents.frame import Frame
from steer_openai_agents.hosted_mcp import observe_call
from steer_openai_agents.recording import calls_in

__all__ = ["take_message"]


async def take_message(frame: Frame, index: int, output: Sequence[ResponseOutputItem]) -> None:
    """Make a message the newest one of its path, and hear what came of the provider's own calls."""
    frame.message = index
    frame.asked = calls_in(output)
    frame.computer_calls = deque(item for item in output if item.type == "computer_call")
    frame.performance = None
    frame.patches.clear()
    for item in output:
        if item.type == "mcp_call":
            await observe_call(frame, item)
