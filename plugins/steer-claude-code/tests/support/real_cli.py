"""The real CLI, asking models through the endpoint of a run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from asking_models import MODEL, Setting
from claude_agent_sdk import (
    ClaudeAgentOptions,
    ClaudeSDKClient,
    Message,
    ResultMessage,
    TaskStartedMessage,
)
from steer_claude_code.config import ClaudeCodeConfig
from steer_claude_code.process.environment import given_to_cli

__all__ = ["listen_to_cli"]


async def listen_to_cli(
    s: Setting, prompt: str = "Hello?", *, environment: dict[str, str] | None = None, **options: Any
) -> list[Message]:
    """Ask the CLI one thing, and return what it says of it."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        given = given_to_cli(
            ClaudeCodeConfig(),
            ours={},
            home=home,
            temp=home,
            claude=home / ".claude",
            endpoint=s.endpoint.url,
            token=None,
        )
        env = {**given.environment, "ANTHROPIC_API_KEY": s.endpoint.token, "IS_SANDBOX": "1"}
        usual: dict[str, Any] = {
            "tools": [],
            "setting_sources": [],
            "strict_mcp_config": True,
            "verbatim_prompts": True,
            "model": MODEL,
            "cwd": folder,
            "permission_mode": "bypassPermissions",
            "env": env | (environment or {}),
        }
        said: list[Message] = []
        async with ClaudeSDKClient(ClaudeAgentOptions(**(usual | options))) as client:
            await client.query(prompt)
            async for message in client.receive_response():
                said.append(message)
                match message:
                    case TaskStartedMessage(task_id=task, tool_use_id=str(call_id)):
                        s.active.introduce(task, call_id, message.data.get("subagent_type"))
                    case ResultMessage(is_error=True):
                        raise AssertionError(message.result)
                    case _:
                        pass
        return said
