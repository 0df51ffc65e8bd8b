"""What one agent of a run says and is told, as far as this run has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steer_claude_code.calls import Proposed, Told
from steer_claude_code.models.conversation import Block, newest_said
from steer_claude_code.models.message import Message

__all__ = ["Talk"]


class Talk:
    """The part of a conversation that this run adds on one path.

    ``spoken`` is that part in the API's form: the model's messages, and what it was told after
    each of them, results in the order of their calls.
    """

    def __init__(self) -> None:
        self.spoken: list[dict[str, Any]] = []
        self._begun = False
        self._unreported: dict[str, Proposed] = {}
        self._unheard: dict[str, Proposed] = {}

    def begins(self) -> bool:
        """Whether this is the first turn; it is not from now on."""
        begun, self._begun = self._begun, True
        return not begun

    def says(self, message: Message, calls: Sequence[Proposed]) -> None:
        """Note a message of the model's, and the calls in it."""
        content = [_in_api_form(block) for block in message["content"]]
        self.spoken.append({"role": "assistant", "content": content})
        self._unreported = {call.cli_id: call for call in calls}
        self._unheard = {call.call_id: call for call in calls}

    def news(self, results: Mapping[str, Told]) -> dict[str, Told]:
        """Return those results of the last message's calls that were not there before.

        They are by the ids that the CLI knows.
        """
        new = {call_id: told for call_id, told in results.items() if call_id in self._unreported}
        for call_id in new:
            del self._unreported[call_id]
        return new

    def hears(self, body: Mapping[str, Any], *, turn: bool) -> None:
        """Note what a request tells the model for the first time.

        Words of the CLI's own count where it is the agent that reads them.
        """
        if not self.spoken:
            return
        results: dict[str, Block] = {}
        words: list[Block] = []
        for block in newest_said(body):
            if block.get("type") != "tool_result":
                words.append(block)
            elif block["tool_use_id"] in self._unheard:
                results[block["tool_use_id"]] = block
        heard = [results[call_id] for call_id in self._unheard if call_id in results]
        for call_id in results:
            del self._unheard[call_id]
        heard += words if turn else []
        if not heard:
            return
        if self.spoken[-1]["role"] == "user":
            self.spoken[-1]["content"] += heard
        else:
            self.spoken.append({"role": "user", "content": heard})


def _in_api_form(block: Block) -> Block:
    """Return a block as a later request may repeat it: arguments have to be an object there."""
    if "input" in block and not isinstance(block["input"], dict):
        return {**block, "input": {}}
    return block
