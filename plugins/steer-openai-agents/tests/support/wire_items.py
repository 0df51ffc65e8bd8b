"""Replies of the scripted provider that hold items which it has no words for."""

from __future__ import annotations

import json
from typing import Any

from steer_conformance.provider import Raw


def said(*items: dict[str, Any], number: int = 0) -> Raw:
    """A whole response of the Responses dialect, streamed, with these output items."""
    events: list[dict[str, Any]] = [
        {"type": "response.output_item.done", "output_index": index, "item": item}
        for index, item in enumerate(items)
    ]
    response = {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 0,
        "model": "gpt-4.1",
        "output": list(items),
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
    }
    events.append({"type": "response.completed", "response": response})
    lines = (json.dumps(event | {"sequence_number": place}) for place, event in enumerate(events))
    return Raw("".join(f"data: {line}\n\n" for line in lines).encode())


def shell_call(call_id: str, *commands: str, **action: Any) -> dict[str, Any]:
    return {
        "type": "shell_call",
        "id": f"sh_{call_id}",
        "call_id": call_id,
        "status": "completed",
        "action": {"commands": list(commands), **action},
    }


def local_shell_call(call_id: str, *command: str) -> dict[str, Any]:
    return {
        "type": "local_shell_call",
        "id": f"ls_{call_id}",
        "call_id": call_id,
        "status": "completed",
        "action": {"type": "exec", "command": list(command), "env": {}},
    }


def patch_call(call_id: str, **operation: Any) -> dict[str, Any]:
    return {
        "type": "apply_patch_call",
        "id": f"ap_{call_id}",
        "call_id": call_id,
        "status": "completed",
        "operation": operation,
    }


def custom_call(call_id: str, name: str, text: str) -> dict[str, Any]:
    return {
        "type": "custom_tool_call",
        "id": f"ct_{call_id}",
        "call_id": call_id,
        "name": name,
        "input": text,
    }


def computer_call(call_id: str, *actions: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "type": "computer_call",
        "id": f"cu_{call_id}",
        "call_id": call_id,
        "status": "completed",
        "pending_safety_checks": [],
        "actions": list(actions),
        **fields,
    }


def approval_request(request_id: str, name: str, arguments: str = "{}") -> dict[str, Any]:
    return {
        "type": "mcp_approval_request",
        "id": request_id,
        "name": name,
        "arguments": arguments,
        "server_label": "books",
    }


def mcp_call(request_id: str, name: str, **outcome: Any) -> dict[str, Any]:
    return {
        "type": "mcp_call",
        "id": f"mcp_{request_id}",
        "name": name,
        "arguments": "{}",
        "server_label": "books",
        "approval_request_id": request_id,
        **outcome,
    }


def message(text: str) -> dict[str, Any]:
    return {
        "type": "message",
        "id": "m",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }
