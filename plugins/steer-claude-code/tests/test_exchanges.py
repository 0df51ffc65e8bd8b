"""Model requests of a run: admitted, recorded, told, and played back."""

from __future__ import annotations

import pytest
from asking_models import setting
from steer_claude_code.message import Draft, Message
from steer_claude_code.recording import text_of
from steer_claude_code.wire_json import read_json
from steer_conformance.provider import Reasoning, ToolCall, Turn
from steer_conformance.suites.runtime import BareGate, Records

pytestmark = pytest.mark.anyio


def read(stream: str) -> Message:
    draft = Draft()
    for line in stream.splitlines():
        if line.startswith("data: "):
            assert draft.take(read_json(line.removeprefix("data: "))), line
    assert draft.complete
    return draft.message()


async def test_a_recorded_message_is_played_back_as_it_was_without_a_request() -> None:
    turn = Turn(Reasoning("Hm."), "I look.", ToolCall("look", {"at": "it"}, id="c1"), chunk_size=3)
    records = Records()
    async with setting(turn, gate=BareGate(records)) as live:
        first = await live.ask()
        assert live.provider.script_used_up
    async with setting(gate=BareGate(records)) as replay:
        second = await replay.ask()
        assert replay.provider.requests == ()
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert text_of(read(first.text)) == "I look."
    live.run.gate.check()
    replay.run.gate.check()
